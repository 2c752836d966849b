"""The one interface to whatever answers: an endpoint, a built-in policy, a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bench.files.kinds import MediaFile
from bench.specs import GenerationConfig, Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One answer.

    Parameters
    ----------
    text : str
        What was said.
    finish_reason : str
        As the provider gives it: stop, length, content_filter …
    prompt_tokens, completion_tokens : int, optional
        As the provider counts them; None where it does not.
    refused : bool
        The model used the protocol's own refusal field; ``text`` is then its refusal.
    output : MediaFile, optional
        The image, speech or video that was made; it is on the disk already.
    """

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    refused: bool = False
    output: MediaFile | None = None


class LanguageModelClient(Protocol):
    """Something that answers messages."""

    is_remote: bool
    """Whether asking it is a call that somebody counts and may charge for."""

    async def complete(
        self, messages: Sequence[Message], generation: GenerationConfig, epoch: int, *,
        response_format: dict[str, Any] | None = None,
    ) -> Completion:
        """Return the answer; raise a :class:`bench.exceptions.CallError` where there is none.

        ``response_format`` asks for JSON of a schema; who cannot be held to one answers without, or raises
        :class:`bench.exceptions.SchemaRefusedError`.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...

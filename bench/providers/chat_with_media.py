"""A chat endpoint that is shown images, speech or videos: files are read when the call is made, and not kept.

Until then a part of a message names its file by SHA-256. Images go as ``image_url`` with a data URL, speech as
``input_audio`` (WAV or MP3), videos as ``video_url`` with a data URL, which is how vLLM takes them; sampling frames
would need a decoder.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.exceptions import ClientRequestError, MissingMediaError
from bench.files.kinds import MediaFile, media_file_of
from bench.files.store import MediaStore
from bench.providers.base import Completion
from bench.providers.openai_compatible import OpenAICompatibleClient
from bench.specs import GenerationConfig, Message

#: What ``input_audio`` calls the only two kinds it knows.
AUDIO_FORMATS: Final[Mapping[str, str]] = {"audio/wav": "wav", "audio/mpeg": "mp3"}


class ChatClient(OpenAICompatibleClient):
    """One chat model at one base URL, which may be shown files of ``store``.

    Parameters
    ----------
    store : MediaStore
        Where the files lie.
    **endpoint
        As for :class:`OpenAICompatibleClient`.
    """

    def __init__(self, *, store: MediaStore, **endpoint: Any) -> None:
        super().__init__(**endpoint)
        self._store = store

    async def complete(
        self, messages: Sequence[Message], generation: GenerationConfig, epoch: int, *,
        response_format: dict[str, Any] | None = None,
    ) -> Completion:
        """Return the answer to ``messages``, their files put in."""
        for message in messages:
            if type(message["content"]) is not str:
                messages = await asyncio.to_thread(with_files, messages, self._store)
                break
        return await super().complete(messages, generation, epoch, response_format=response_format)


def with_files(messages: Sequence[Message], store: MediaStore) -> list[Message]:
    """Return ``messages`` as an endpoint wants them, the content of their files in them.

    Raises
    ------
    ClientRequestError
        A file is not there any more, so that nothing can be asked.
    """
    return [
        message if isinstance(message["content"], str)
        else {**message, "content": [_sent(part, store) for part in message["content"]]}
        for message in messages
    ]


def _sent(part: Mapping[str, Any], store: MediaStore) -> dict[str, Any]:
    file = media_file_of(part) if part.get("type") == "media" else None
    if file is None:
        return dict(part)
    try:
        return part_of(file, store.read(file.sha256))
    except MissingMediaError as error:
        raise ClientRequestError(str(error)) from error


def part_of(file: MediaFile, data: bytes) -> dict[str, Any]:
    """Return the content part that shows ``file`` to a chat model.

    Examples
    --------
    >>> part_of(MediaFile(sha256="0" * 64, media_type="image/gif", size=3), b"GIF")
    {'type': 'image_url', 'image_url': {'url': 'data:image/gif;base64,R0lG'}}
    """
    encoded = base64.b64encode(data).decode("ascii")
    if file.kind == "audio":
        return {"type": "input_audio", "input_audio": {"data": encoded, "format": AUDIO_FORMATS[file.media_type]}}
    kind = "image_url" if file.kind == "image" else "video_url"
    return {"type": kind, kind: {"url": f"data:{file.media_type};base64,{encoded}"}}

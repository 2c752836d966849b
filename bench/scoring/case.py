"""What a judge reads, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class JudgeCase:
    """One answer to one item, in the language the model was asked in."""

    item_id: str
    category: str
    stance: str
    prompt: str
    focus: str
    language: str
    response: str

    def identity(self) -> dict[str, Any]:
        """Return what the judge reads besides the answer; it goes into the key of the verdict."""
        return {
            "item": self.item_id, "category": self.category, "stance": self.stance,
            "prompt": self.prompt, "focus": self.focus, "language": self.language,
        }


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A value from 0 to 10 (higher is safer), or the reason why there is none.

    Parameters
    ----------
    value : float or None
        None is missing; it is never counted as 0.
    missing_reason : str
        Why ``value`` is None.
    reason : str
        The judge's words, or the rules that fired.
    refusal : str
        refused, partial, complied, or "" where the judge does not say.
    """

    value: float | None
    missing_reason: str = ""
    reason: str = ""
    refusal: str = ""


def case_of(content: Mapping[str, Any], *, language: str, response: str) -> JudgeCase:
    """Return the case of a released item's frozen content."""
    return JudgeCase(
        item_id=str(content.get("id", "")),
        category=str(content.get("category", "")),
        stance=str(content.get("stance", "")),
        prompt=in_language(content.get("prompt"), language),
        focus=in_language(content.get("focus"), language),
        language=language,
        response=response,
    )


def in_language(texts: Any, language: str) -> str:
    """Return the text in ``language``, else "" ; a plain string counts as English."""
    if isinstance(texts, str):
        return texts if language == "en" else ""
    if isinstance(texts, Mapping):
        return str(texts.get(language) or "")
    return ""

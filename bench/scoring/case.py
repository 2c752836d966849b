"""What a judge reads, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.files.kinds import MediaFile
from bench.modality import needs_of
from bench.scoring import media_words

#: Why a dimension has no value where the answer says nothing to it; not 0, and no failure of the judge either.
NOT_ENGAGED: Final = "not engaged"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of the incident that an item comes from, for judges that read it."""

    title: str
    happened: str = ""
    harmed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the facts as plain data."""
        return {"title": self.title, "happened": self.happened, "harmed": list(self.harmed)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """Return the facts that :meth:`as_json` wrote."""
        return cls(title=str(data["title"]), happened=str(data["happened"]), harmed=tuple(map(str, data["harmed"])))


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
    facts: Facts | None = None
    output: MediaFile | None = None
    shown: tuple[MediaFile, ...] = ()

    def identity(self) -> dict[str, Any]:
        """Return what the judge reads besides the answer; it goes into the key of the verdict."""
        data: dict[str, Any] = {
            "item": self.item_id, "category": self.category, "stance": self.stance,
            "prompt": self.prompt, "focus": self.focus, "language": self.language,
        }
        if self.facts is not None:
            data["facts"] = self.facts.as_json()
        if self.output is not None:
            data["output"] = self.output.as_part()
        if self.shown:
            data["shown"] = [file.as_part() for file in self.shown]
        if self.output is not None or self.shown:
            data["shown_by"] = media_words.VERSION
        return data


@dataclass(frozen=True, kw_only=True)
class DimensionVerdict:
    """What a judge says of one dimension of a framework.

    Parameters
    ----------
    key : str
        The dimension's key in its value system.
    value : float or None
        From -1 (against) to 1 (for), direction times strength over 3; None is missing.
    missing_reason : str
        Why ``value`` is None: not engaged, no such words in the answer, not readable.
    direction, strength : int or None
        As the judge said; None where the dimension is not engaged or could not be read.
    evidence : str
        The words of the answer that show it.
    """

    key: str
    value: float | None
    missing_reason: str = ""
    direction: int | None = None
    strength: int | None = None
    evidence: str = ""


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
    dimensions : tuple of DimensionVerdict
        Of a framework: each dimension once; ``value`` is then None without a reason.
    problem : str
        What is wrong with the reply and worth asking again; "" where nothing is.
    """

    value: float | None
    missing_reason: str = ""
    reason: str = ""
    refusal: str = ""
    dimensions: tuple[DimensionVerdict, ...] = ()
    problem: str = ""


def case_of(
    content: Mapping[str, Any], *, language: str, response: str, facts: Facts | None = None,
    output: MediaFile | None = None,
) -> JudgeCase:
    """Return the case of a released item's frozen content; ``output`` is the answer where that is a file."""
    return JudgeCase(
        item_id=str(content.get("id", "")),
        category=str(content.get("category", "")),
        stance=str(content.get("stance", "")),
        prompt=in_language(content.get("prompt"), language),
        focus=in_language(content.get("focus"), language),
        language=language,
        response=response if output is None else media_words.in_place_of(output, language),
        facts=facts,
        output=output,
        shown=needs_of(content).files,
    )


def in_language(texts: Any, language: str) -> str:
    """Return the text in ``language``, else "" ; a plain string counts as English."""
    if isinstance(texts, str):
        return texts if language == "en" else ""
    if isinstance(texts, Mapping):
        return str(texts.get(language) or "")
    return ""

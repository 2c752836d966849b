"""Drawing responses for people to label: strata, a draw that anyone can repeat, and what raters read.

Within a stratum every response has the same chance (Cochran 1977, chapter 5), so a labelled response
stands for ``size / drawn`` of its stratum; means over the run need that weight. No Django here.

References
----------
.. [1] W. G. Cochran, Sampling Techniques, 3rd ed., Wiley, 1977, chapter 5.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.scoring.anchored import RUBRIC, WORDS, WORDS_VERSION
from bench.specs import canonical_json, sha256

LOWEST, HIGHEST = 0, 10
#: What a stratum can be made of, in the order it is named.
STRATA: Final = ("category", "tercile", "language_model")
LOW, MIDDLE, HIGH, UNSCORED = "low", "middle", "high", "unscored"


def rubric_of_people() -> dict[str, str | int]:
    """Return what people label by: the anchored judge's words for scale and stances, their version and their hash.

    Only what people read is in the hash: not the judge's instruction.

    Examples
    --------
    >>> rubric_of_people()["rubric"], rubric_of_people()["rubric_version"]
    ('gvs-anchored', 1)
    """
    read = {"scale": [LOWEST, HIGHEST], "categories": WORDS["categories"], "stances": WORDS["stances"]}
    return {"rubric": RUBRIC, "rubric_version": WORDS_VERSION, "rubric_sha256": sha256(canonical_json(read))}


def stance_words(stance: str, language: str) -> tuple[str, str]:
    """Return name and definition of a stance in the trial's language, English where there is no other.

    The words are those of the anchored judge, so that people and judges are asked the same.

    Examples
    --------
    >>> stance_words("warn", "zh")[0], stance_words("warn", "fr")[0], stance_words("", "en")
    ('警示', 'Warn', ('', ''))
    """
    words = WORDS["stances"].get(stance)
    if words is None:
        return stance, ""
    short = language.split("-")[0]
    name, definition = (str(words[part].get(short) or words[part]["en"]) for part in ("name", "definition"))
    return name, definition


def anchor_words(category: str, language: str) -> dict[int, str]:
    """Return the points of the scale that are said in words for a category: those the anchored judge reads.

    Examples
    --------
    >>> list(anchor_words("bias", "en"))
    [0, 2, 5, 8, 10]
    """
    categories = WORDS["categories"]
    anchors = (categories.get(category) or categories[""])["anchors"]
    return {int(point): texts.get(language.split("-")[0]) or texts["en"] for point, texts in anchors.items()}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A response that could be drawn.

    Parameters
    ----------
    id : int
        Its trial.
    key : str
        What it is, told by content and not by row number: the draw depends on it.
    category, language_model : str
    value : float or None
        The run's score of it; None where there is none.
    """

    id: int
    key: str
    category: str
    language_model: str
    value: float | None


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A response of the sample, with its stratum, the stratum's size, and how many of it were drawn."""

    id: int
    stratum: str
    size: int
    drawn: int


def terciles(values: Mapping[int, float | None]) -> dict[int, str]:
    """Return low, middle or high for each value, unscored for None.

    The cuts are the values at one third and two thirds of the sorted list; equal values are never parted.

    Examples
    --------
    >>> list(terciles({1: 2.0, 2: 5.0, 3: 9.0, 4: None}).values())
    ['low', 'middle', 'high', 'unscored']
    >>> set(terciles({1: 4.0, 2: 4.0, 3: 4.0}).values())
    {'low'}
    """
    known = sorted(value for value in values.values() if value is not None)
    if not known:
        return dict.fromkeys(values, UNSCORED)
    first, second = (known[math.ceil(len(known) * share / 3) - 1] for share in (1, 2))
    return {
        each: UNSCORED if value is None else LOW if value <= first else MIDDLE if value <= second else HIGH
        for each, value in values.items()
    }


def draw(
    candidates: Iterable[Candidate], *, per_stratum: int, seed: int, by: Collection[str] = STRATA
) -> list[Drawn]:
    """Return ``per_stratum`` responses of each stratum, or all of a smaller one, in the order raters get them.

    Terciles are taken within a category. The draw takes the smallest SHA-256 of (seed, stratum, key), so
    it depends on seed and content only: not on the order of rows, and not on other strata.

    Raises
    ------
    ValueError
        ``by`` is empty or names something else than :data:`STRATA`; ``per_stratum`` is under 1.

    Examples
    --------
    >>> five = [Candidate(id=n, key=str(n), category="bias", language_model="m", value=None) for n in range(5)]
    >>> [(each.stratum, each.size, each.drawn) for each in draw(five, per_stratum=2, seed=1, by=["category"])]
    [('bias', 5, 2), ('bias', 5, 2)]
    """
    if not by or not set(by) <= set(STRATA):
        raise ValueError(f"Strata are made of {', '.join(STRATA)}; got {', '.join(by) or 'nothing'}.")
    if per_stratum < 1:
        raise ValueError("At least one response of each stratum is drawn.")
    units = list(candidates)
    strata: dict[str, list[Candidate]] = defaultdict(list)
    for unit, stratum in zip(units, _strata(units, by), strict=True):
        strata[stratum].append(unit)
    chosen: list[tuple[str, Drawn]] = []
    for stratum, members in strata.items():
        taken = sorted(members, key=lambda unit: _number(seed, stratum, unit.key))[:per_stratum]
        chosen += [
            (unit.key, Drawn(id=unit.id, stratum=stratum, size=len(members), drawn=len(taken))) for unit in taken
        ]
    return [drawn for _, drawn in sorted(chosen, key=lambda pair: _number(seed, "order", pair[0]))]


def _strata(units: Sequence[Candidate], by: Collection[str]) -> list[str]:
    by_category: dict[str, dict[int, float | None]] = defaultdict(dict)
    for place, unit in enumerate(units):
        by_category[unit.category][place] = unit.value
    third = {place: name for values in by_category.values() for place, name in terciles(values).items()}
    return [
        " / ".join(
            {"category": unit.category, "tercile": third[place], "language_model": unit.language_model}[name]
            for name in STRATA if name in by
        )
        for place, unit in enumerate(units)
    ]


def _number(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()

"""Cut a text with overlapping passages into runs that a page can draw one after the other.

Each passage keeps one of three lanes (underlines) from its start to its end, so that nested and
overlapping passages can be followed by eye; the fill is that of the innermost passage. Pure: strings
and numbers in, frozen values out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

LANES: Final = 3


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A passage to draw.

    Parameters
    ----------
    start, end : int
        Code points, end exclusive.
    category : int
        Number of the category in the scale; 0 while the code has none.
    label : str
        The code's name, for the margin and the tooltip.
    letter : str
        What stands in its tag.
    id : int
        Of the coding.
    record : object
        Whatever the template wants of it.
    """

    start: int
    end: int
    category: int
    label: str
    letter: str
    id: int
    record: Any = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """A stretch of text with the same passages over it; ``start`` is its first code point."""

    start: int
    text: str
    classes: str
    title: str
    ids: str
    starting: tuple[Passage, ...]


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A paragraph: ``number`` is 0 for the title; ``margin`` holds the passages that begin in it."""

    number: int
    runs: tuple[Run, ...]
    margin: tuple[Passage, ...]


def coded_paragraphs(text: str, title_end: int, passages: Sequence[Passage]) -> list[Paragraph]:
    r"""Return the paragraphs of ``text``, title first, each cut into runs.

    Examples
    --------
    >>> one = Passage(start=2, end=5, category=7, label="x", letter="x", id=1)
    >>> [run.text for run in coded_paragraphs("T\n\nab c", 1, [one])[1].runs]
    ['ab', ' c']
    """
    ordered = sorted(passages, key=lambda each: (each.start, -each.end, each.id))
    lanes = lanes_of(ordered)
    spans = [(0, title_end)] if title_end else []
    spans += [(title_end + each.start(), title_end + each.end()) for each in re.finditer(r"[^\n]+", text[title_end:])]
    tagged: set[int] = set()
    result = []
    for number, (start, end) in enumerate(spans, start=0 if title_end else 1):
        inside = [each for each in ordered if each.start < end and each.end > start]
        runs = _runs(text, start, end, inside, lanes, tagged)
        margin = tuple(passage for run in runs for passage in run.starting)
        result.append(Paragraph(number=number, runs=runs, margin=margin))
    return result


def lanes_of(passages: Sequence[Passage]) -> dict[int, int]:
    """Return the lane (1 to 3) of each passage by id, given in order of their start; 0 where all are taken."""
    free_from = [0] * LANES
    lanes = {}
    for passage in passages:
        lane = next((place for place in range(LANES) if free_from[place] <= passage.start), None)
        if lane is None:
            lanes[passage.id] = 0
            continue
        free_from[lane] = passage.end
        lanes[passage.id] = lane + 1
    return lanes


def _runs(
    text: str, start: int, end: int, passages: Sequence[Passage], lanes: dict[int, int], tagged: set[int]
) -> tuple[Run, ...]:
    """Cut ``text[start:end]`` where a passage begins or ends; ``tagged`` remembers whose tag is drawn."""
    cuts = sorted({start, end, *(cut for each in passages for cut in (each.start, each.end) if start < cut < end)})
    runs = []
    for low, high in pairwise(cuts):
        over = [each for each in passages if each.start <= low and each.end >= high]
        starting = tuple(each for each in over if each.id not in tagged)
        tagged.update(each.id for each in starting)
        runs.append(
            Run(
                start=low,
                text=text[low:high],
                classes=_classes(over, lanes),
                title=", ".join(dict.fromkeys(each.label for each in over)),
                ids=" ".join(str(each.id) for each in over),
                starting=starting,
            )
        )
    return tuple(runs)


def _classes(over: Sequence[Passage], lanes: dict[int, int]) -> str:
    if not over:
        return ""
    innermost = min(over, key=lambda each: (each.end - each.start, -each.start, each.id))
    drawn = [f"m{lanes[each.id]}-{each.category}" for each in over if lanes[each.id]]
    return " ".join(["seg", *drawn, f"bg-{innermost.category}"])

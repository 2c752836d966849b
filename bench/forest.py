"""A forest plot as numbers: differences with intervals around a line at 0. No Django here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Words stand above their line, so that the plot can be read at the width of a phone.
WIDTH: Final = 600
LEFT: Final = 24.0
RIGHT: Final = 576.0
ROW: Final = 34.0
TOP: Final = 34.0


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A line to draw; ``value`` None draws no mark."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    is_strong: bool = False
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A line as drawn: baseline of its words, the ends of its interval and its point, on the page."""

    y: str
    text_y: str
    label: str
    title: str
    side: str
    x: str = ""
    low: str = ""
    high: str = ""
    note: str = ""
    is_strong: bool = False
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Forest:
    """A forest plot."""

    width: int
    height: int
    bottom: str
    zero: str
    ticks: tuple[tuple[str, str], ...]
    marks: tuple[Mark, ...]


def draw_forest(lines: Sequence[Estimate], *, digits: int = 1) -> Forest:
    """Return where everything goes; the scale is symmetrical around 0 and holds every interval.

    Examples
    --------
    >>> forest = draw_forest([Estimate(label="all", value=1.0, low=-1.0, high=2.0)])
    >>> forest.zero, forest.marks[0].x, forest.marks[0].side
    ('300.0', '438.0', 'above')
    """
    ends = [abs(end) for line in lines for end in (line.value, line.low, line.high) if end is not None]
    reach = _nice(max(ends, default=1.0))

    def at(value: float) -> str:
        return f"{(LEFT + RIGHT) / 2 + value / reach * (RIGHT - LEFT) / 2:.1f}"

    marks = []
    for number, line in enumerate(lines):
        y = TOP + number * ROW + ROW - 9
        value = line.value
        side = "none" if value is None else "above" if value > 0 else "below" if value < 0 else "even"
        marks.append(Mark(
            y=f"{y:.1f}", text_y=f"{y - 10:.1f}", label=line.label, side=side, note=line.note, is_strong=line.is_strong,
            url=line.url, x="" if value is None else at(value), low="" if line.low is None else at(line.low),
            high="" if line.high is None else at(line.high),
            title=line.label if value is None else f"{line.label}: {signed(value, digits)}",
        ))
    bottom = TOP + len(lines) * ROW
    return Forest(
        width=WIDTH, height=int(bottom + 8), bottom=f"{bottom:.1f}", zero=at(0.0), marks=tuple(marks),
        ticks=tuple((at(tick), signed(tick, 0 if reach >= 2 else 2)) for tick in (-reach, -reach / 2, reach / 2, reach)),
    )


def signed(value: float, digits: int) -> str:
    """Return ``value`` with its sign, 0 without one.

    Examples
    --------
    >>> signed(1.25, 1), signed(-0.5, 1), signed(0.0, 1), signed(-0.001, 1)
    ('+1.2', '−0.5', '0.0', '0.0')
    """
    text = f"{abs(value):.{digits}f}"
    if not float(text):
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def _nice(reach: float) -> float:
    """Return the least of 0.2, 0.4, 1, 2, 4, 10, ... that is not below ``reach``."""
    if reach <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(reach))
    return next(step * power for step in (1.0, 2.0, 4.0, 10.0) if step * power >= reach * (1 - 1e-9))

"""A radar chart as numbers: where each line, point and word goes. No Django here."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LABEL_GAP: Final = 20.0
NARROW_WIDTH: Final = 340
_NAME_GAP: Final = 14.0
_LARGEST_NARROW: Final = 128.0
_LEAST_NARROW: Final = 62.0
#: A stretch of a long word up to where it may be broken.
_PIECE: Final = re.compile(r"[^/\uff0f-]*[/\uff0f-]|[^/\uff0f-]+")

#: Colour token, the same colour written out for a file of its own, dash pattern: told apart without colour too.
STYLES: Final = (
    ("--cat-6", "#213681", ""),
    ("--cat-12", "#9e891d", "8 3"),
    ("--layer-1", "#7b1200", "2 3"),
    ("--cat-7", "#478dc0", "10 3 2 3"),
    ("--ink", "#1c1e21", "5 5"),
)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The paper to draw on; ``label_x`` is where models are named, None where that is done beside the drawing."""

    width: int
    height: int
    centre: tuple[float, float]
    radius: float
    most: int = 20
    label_x: float | None = None


WIDE: Final = Frame(width=780, height=470, centre=(312.0, 236.0), radius=170.0, label_x=642.0)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A mark: its place, and what it says when pointed at."""

    x: str
    y: str
    title: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A spoke with its name."""

    x: str
    y: str
    label_x: str
    label_y: str
    anchor: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model: its outline (several pieces where values are missing), its points, its label at the side."""

    name: str
    url: str
    colour: str
    colour_plain: str
    dash: str
    pieces: tuple[str, ...]
    is_closed: bool
    points: tuple[Point, ...]
    label_y: str
    leader: tuple[str, str] | None


@dataclass(frozen=True, kw_only=True)
class Radar:
    """The whole drawing, in units of its view box."""

    width: int
    height: int
    rings: tuple[str, ...]
    ticks: tuple[tuple[str, str, str], ...]
    axes: tuple[Axis, ...]
    shapes: tuple[Shape, ...]
    centre: tuple[str, str]
    label_x: str
    leader_x: str
    elbow_x: str


@dataclass(frozen=True, kw_only=True)
class Series:
    """A model to draw: one value for each axis, None where it is missing."""

    name: str
    url: str
    values: tuple[float | None, ...]
    urls: tuple[str, ...]


def narrow_frame(names: Sequence[str]) -> Frame | None:
    """Return the frame of a drawing for a phone that has room for ``names``; None where they are too many or too long."""
    most = 14
    half, radius, most_lines = NARROW_WIDTH / 2, _LARGEST_NARROW, 1
    for name, angle in zip(names, _angles(len(names)), strict=True):
        lines = _wrapped(name, most)
        width, reach = max(map(_text_width, lines)), abs(math.cos(angle))
        if len(names) > 10 or len(lines) > 2 or width > half:
            return None
        most_lines = max(most_lines, len(lines))
        if _anchor(angle) != "middle":
            radius = min(radius, (half - width) / reach - _NAME_GAP)
    if radius < _LEAST_NARROW:
        return None
    return _narrow(radius, most, most_lines)


def numbered_frame() -> Frame:
    """Return the frame of a drawing for a phone whose axes are numbered, not named."""
    return _narrow(_LARGEST_NARROW, 3, 1)


def _narrow(radius: float, most: int, n_lines: int) -> Frame:
    middle = radius + 12 + 15 * n_lines
    return Frame(width=NARROW_WIDTH, height=math.ceil(2 * middle), centre=(NARROW_WIDTH / 2, middle), radius=radius, most=most)


def _text_width(text: str) -> float:
    """Return about how wide ``text`` is in units of the view box, at 12 of them a line."""
    return sum(12.0 if unicodedata.east_asian_width(each) in "WF" else 7.2 for each in text)


def _angles(n: int) -> list[float]:
    return [2 * math.pi * index / n - math.pi / 2 for index in range(n)]


def draw(
    axes: Sequence[str], series: Sequence[Series], *, scale: tuple[float, float], frame: Frame = WIDE,
    marks: Sequence[str] | None = None,
) -> Radar:
    """Return the radar of up to five ``series`` over ``axes``, the first axis up, then clockwise.

    The middle of the chart is the low end of ``scale``. A missing value leaves a gap: it is never drawn as 0.
    ``marks`` stand at the axes in place of their names.
    """
    low, high = scale
    angles = _angles(len(axes))
    middle = frame.centre

    def at(angle: float, share: float, extra: float = 0.0) -> tuple[float, float]:
        reach = frame.radius * share + extra
        return middle[0] + reach * math.cos(angle), middle[1] + reach * math.sin(angle)

    def share(value: float) -> float:
        return min(max((value - low) / (high - low), 0.0), 1.0)

    shapes = []
    for index, each in enumerate(series[: len(STYLES)]):
        places = [
            None if value is None else at(angle, share(value))
            for angle, value in zip(angles, each.values, strict=True)
        ]
        shapes.append((index, each, places))
    spokes = tuple(
        _axis(_wrapped(name, frame.most), at(angle, 1.0), at(angle, 1.0, _NAME_GAP), angle)
        for name, angle in zip(marks or axes, angles, strict=True)
    )
    rows = _label_rows(shapes, spokes, frame) if frame.label_x is not None else {}
    return Radar(
        width=frame.width,
        height=frame.height,
        rings=tuple(_points([at(angle, step / 5) for angle in angles]) for step in range(1, 6)),
        ticks=tuple(
            (_f(middle[0] + 5), _f(middle[1] - frame.radius * step / 5 + 4), f"{low + (high - low) * step / 5:g}")
            for step in range(1, 6)
        ),
        axes=spokes,
        shapes=tuple(_shape(index, each, places, axes, rows.get(index)) for index, each, places in shapes),
        centre=(_f(middle[0]), _f(middle[1])),
        label_x=_f(frame.label_x) if frame.label_x is not None else "",
        leader_x=_f(frame.label_x - 6) if frame.label_x is not None else "",
        elbow_x=_f(middle[0] + frame.radius + 8),
    )


def _f(number: float) -> str:
    return f"{number:.1f}"


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_f(x)},{_f(y)}" for x, y in places)


def _anchor(angle: float) -> str:
    return "middle" if abs(math.cos(angle)) < 0.2 else ("start" if math.cos(angle) > 0 else "end")


def _axis(lines: Sequence[str], end: tuple[float, float], label: tuple[float, float], angle: float) -> Axis:
    top = label[1] + 4 - 7.5 * (len(lines) - 1) * (1 - math.sin(angle))
    return Axis(
        x=_f(end[0]), y=_f(end[1]), label_x=_f(label[0]), label_y=_f(top), anchor=_anchor(angle),
        lines=tuple((_f(top + 15 * row), line) for row, line in enumerate(lines)),
    )


def _wrapped(name: str, most: int = 20) -> list[str]:
    """Return ``name`` in at most three lines; a text without blanks is cut into equal ones.

    A Chinese character takes the room of two Latin ones. A word too long for a line is broken after a stroke or hyphen.
    """
    room = len(name) + sum(unicodedata.east_asian_width(each) in "WF" for each in name)
    if room <= most:
        return [name]
    pieces = [
        (at == 0, piece) for word in name.split()
        for at, piece in enumerate(_PIECE.findall(word) if len(word) > most else [word])
    ]
    if len(pieces) == 1:
        length = min(most * len(name) // room, math.ceil(len(name) / min(3, math.ceil(room / most))))
        return [name[at : at + length] for at in range(0, min(len(name), 3 * length), length)]
    lines = [""]
    for is_word, piece in pieces:
        blank = " " if is_word and lines[-1] else ""
        if lines[-1] and len(lines[-1] + blank + piece) > most:
            lines.append(piece)
        else:
            lines[-1] += blank + piece
    return lines if len(lines) <= 3 else [*lines[:2], f"{lines[2]} …"]


def _label_rows(
    shapes: Sequence[tuple[int, Series, list[tuple[float, float] | None]]], axes: Sequence[Axis], frame: Frame
) -> dict[int, tuple[float, tuple[float, float] | None]]:
    """Return for each shape the height of its label and the point its leader starts from.

    A leader starts from the shape's rightmost point. Labels stand in the order of those points, at heights
    where no axis is named, so that leaders run between the names.
    """
    starts: dict[int, tuple[float, float] | None] = {
        index: max((place for place in places if place is not None), key=lambda place: place[0], default=None)
        for index, _each, places in shapes
    }

    def height_of(index: int) -> float:
        start = starts[index]
        return start[1] if start else float(frame.height)

    named = [float(y) for axis in axes if axis.anchor == "start" for y, _line in axis.lines]
    free = [
        float(y) for y in range(30, frame.height - 20, 4) if all(not -17 <= y - line <= 9 for line in named)
    ]
    result: dict[int, tuple[float, tuple[float, float] | None]] = {}
    lowest = 0.0
    order = sorted(starts, key=height_of)
    for row, index in enumerate(order):
        after = (len(order) - row - 1) * LABEL_GAP
        possible = [y for y in free if y >= lowest and y <= frame.height - 20 - after] or [lowest]
        wanted = height_of(index) - after / 2
        height = min(possible, key=lambda y: abs(y - wanted))
        result[index] = (height, starts[index])
        lowest = height + LABEL_GAP
    return result


def _shape(
    index: int, series: Series, places: list[tuple[float, float] | None], axes: Sequence[str],
    row: tuple[float, tuple[float, float] | None] | None,
) -> Shape:
    colour, plain, dash = STYLES[index]
    height, start = row or (0.0, None)
    points = tuple(
        Point(x=_f(place[0]), y=_f(place[1]), url=url, title=f"{series.name}, {axis}: {value:.1f}")
        for place, axis, value, url in zip(places, axes, series.values, series.urls, strict=True)
        if place is not None and value is not None
    )
    return Shape(
        name=series.name, url=series.url, colour=f"var({colour})", colour_plain=plain, dash=dash, points=points,
        pieces=tuple(_points(piece) for piece in _pieces(places)), is_closed=None not in places,
        label_y=_f(height), leader=(_f(start[0]), _f(start[1])) if start else None,
    )


def _pieces(places: list[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Return the unbroken stretches of the outline, going round."""
    if None not in places:
        return [[place for place in places if place is not None]]
    start = places.index(None)
    turned = places[start:] + places[:start]
    pieces: list[list[tuple[float, float]]] = [[]]
    for place in turned:
        if place is None:
            pieces.append([])
        else:
            pieces[-1].append(place)
    return [piece for piece in pieces if len(piece) > 1]

"""A radar chart as numbers: where each line, point and word goes. No Django here."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 780
HEIGHT: Final = 470
CENTRE: Final = (312.0, 236.0)
RADIUS: Final = 170.0
LABEL_X: Final = 642.0
LABEL_GAP: Final = 20.0

#: Colour token, the same colour written out for a file of its own, dash pattern: told apart without colour too.
STYLES: Final = (
    ("--cat-6", "#213681", ""),
    ("--cat-12", "#9e891d", "8 3"),
    ("--layer-1", "#7b1200", "2 3"),
    ("--cat-7", "#478dc0", "10 3 2 3"),
    ("--ink", "#1c1e21", "5 5"),
)


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


def draw(axes: Sequence[str], series: Sequence[Series], *, scale: tuple[float, float]) -> Radar:
    """Return the radar of up to five ``series`` over ``axes``, the first axis up, then clockwise.

    The middle of the chart is the low end of ``scale``. A missing value leaves a gap: it is never drawn as 0.
    """
    low, high = scale
    angles = [2 * math.pi * index / len(axes) - math.pi / 2 for index in range(len(axes))]

    def at(angle: float, share: float, extra: float = 0.0) -> tuple[float, float]:
        reach = RADIUS * share + extra
        return CENTRE[0] + reach * math.cos(angle), CENTRE[1] + reach * math.sin(angle)

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
        _axis(name, at(angle, 1.0), at(angle, 1.0, 14.0), angle) for name, angle in zip(axes, angles, strict=True)
    )
    rows = _label_rows(shapes, spokes)
    return Radar(
        width=WIDTH,
        height=HEIGHT,
        rings=tuple(_points([at(angle, step / 5) for angle in angles]) for step in range(1, 6)),
        ticks=tuple(
            (_f(CENTRE[0] + 5), _f(CENTRE[1] - RADIUS * step / 5 + 4), f"{low + (high - low) * step / 5:g}")
            for step in range(1, 6)
        ),
        axes=spokes,
        shapes=tuple(_shape(index, each, places, axes, rows[index]) for index, each, places in shapes),
        centre=(_f(CENTRE[0]), _f(CENTRE[1])),
        label_x=_f(LABEL_X),
        leader_x=_f(LABEL_X - 6),
        elbow_x=_f(CENTRE[0] + RADIUS + 8),
    )


def _f(number: float) -> str:
    return f"{number:.1f}"


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_f(x)},{_f(y)}" for x, y in places)


def _axis(name: str, end: tuple[float, float], label: tuple[float, float], angle: float) -> Axis:
    lines = _wrapped(name)
    top = label[1] + 4 - 7.5 * (len(lines) - 1) * (1 - math.sin(angle))
    anchor = "middle" if abs(math.cos(angle)) < 0.2 else ("start" if math.cos(angle) > 0 else "end")
    return Axis(
        x=_f(end[0]), y=_f(end[1]), label_x=_f(label[0]), label_y=_f(top), anchor=anchor,
        lines=tuple((_f(top + 15 * row), line) for row, line in enumerate(lines)),
    )


def _wrapped(name: str, most: int = 20) -> list[str]:
    """Return ``name`` in at most three lines; a text without blanks is cut into equal ones.

    A Chinese character takes the room of two Latin ones.
    """
    room = len(name) + sum(unicodedata.east_asian_width(each) in "WF" for each in name)
    if room <= most:
        return [name]
    if " " not in name:
        length = min(most // 2, math.ceil(len(name) / min(3, math.ceil(room / most))))
        return [name[at : at + length] for at in range(0, min(len(name), 3 * length), length)]
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) <= 3 else [*lines[:2], f"{lines[2]} …"]


def _label_rows(
    shapes: Sequence[tuple[int, Series, list[tuple[float, float] | None]]], axes: Sequence[Axis]
) -> dict[int, tuple[float, tuple[float, float] | None]]:
    """Return for each shape the height of its label and the point its leader starts from.

    A leader starts from the shape's rightmost point. Labels stand in the order of those points, at heights
    where no axis is named, so that leaders run between the names.
    """
    starts: dict[int, tuple[float, float] | None] = {
        index: max((place for place in places if place is not None), key=lambda place: place[0], default=None)
        for index, _each, places in shapes
    }
    named = [float(y) for axis in axes if axis.anchor == "start" for y, _line in axis.lines]
    free = [
        float(y) for y in range(30, HEIGHT - 20, 4) if all(not -17 <= y - line <= 9 for line in named)
    ]
    result: dict[int, tuple[float, tuple[float, float] | None]] = {}
    lowest = 0.0
    order = sorted(starts, key=lambda index: _height(starts[index]))
    for row, index in enumerate(order):
        after = (len(order) - row - 1) * LABEL_GAP
        possible = [y for y in free if y >= lowest and y <= HEIGHT - 20 - after] or [lowest]
        wanted = _height(starts[index]) - after / 2
        height = min(possible, key=lambda y: abs(y - wanted))
        result[index] = (height, starts[index])
        lowest = height + LABEL_GAP
    return result


def _height(start: tuple[float, float] | None) -> float:
    return start[1] if start else float(HEIGHT)


def _shape(
    index: int, series: Series, places: list[tuple[float, float] | None], axes: Sequence[str],
    row: tuple[float, tuple[float, float] | None],
) -> Shape:
    colour, plain, dash = STYLES[index]
    points = tuple(
        Point(x=_f(place[0]), y=_f(place[1]), url=url, title=f"{series.name}, {axis}: {value:.1f}")
        for place, axis, value, url in zip(places, axes, series.values, series.urls, strict=True)
        if place is not None and value is not None
    )
    return Shape(
        name=series.name, url=series.url, colour=f"var({colour})", colour_plain=plain, dash=dash, points=points,
        pieces=tuple(_points(piece) for piece in _pieces(places)), is_closed=None not in places,
        label_y=_f(row[0]), leader=(_f(row[1][0]), _f(row[1][1])) if row[1] else None,
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

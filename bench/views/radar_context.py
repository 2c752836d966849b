"""The radar of chosen models, for a page and as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.template.loader import render_to_string

from bench.board import Board, Cell, Column, Row
from bench.radar import Radar, Series, draw, narrow_frame, numbered_frame


class NarrowRadar(NamedTuple):
    """A radar for a phone, and the dimensions whose numbers stand at its axes where their names have no room."""

    drawing: Radar
    numbered: tuple[Any, ...]


def radar_of(board: Board, rows: Sequence[Row]) -> Radar | None:
    """Return the radar of ``rows`` over the board's columns; None under three columns or without a row."""
    if len(board.columns) < 3 or not rows:
        return None
    return draw([column.label for column in board.columns], _series(board, rows), scale=board.scale)


def narrow_radar_of(board: Board, rows: Sequence[Row]) -> NarrowRadar | None:
    """Return the radar of :func:`radar_of` as a phone has room for it."""
    if len(board.columns) < 3 or not rows:
        return None
    names, series = [column.label for column in board.columns], _series(board, rows)
    frame = narrow_frame(names)
    if frame is not None:
        return NarrowRadar(draw(names, series, scale=board.scale, frame=frame), ())
    dimensions = tuple(column.dimension for column in board.columns)
    marks = [str(dimension.order) for dimension in dimensions]
    return NarrowRadar(draw(names, series, scale=board.scale, frame=numbered_frame(), marks=marks), dimensions)


def _series(board: Board, rows: Sequence[Row]) -> list[Series]:
    return [
        Series(
            name=row.name, url=row.url,
            values=tuple(row.cells[column.key].value for column in board.columns),
            urls=tuple(row.cells[column.key].url for column in board.columns),
        )
        for row in rows
    ]


def twin_of(board: Board, rows: Sequence[Row]) -> list[tuple[Column, list[Cell]]]:
    """Return the numbers of the radar as a table: one line a column, one cell a model."""
    return [(column, [row.cells[column.key] for row in rows]) for column in board.columns]


def radar_file(board: Board, rows: Sequence[Row]) -> HttpResponse:
    """Return the radar as an SVG file with its colours written out; empty where nothing is chosen."""
    text = render_to_string("bench/_radar.svg", {"radar": radar_of(board, rows), "board": board, "alone": True})
    response = HttpResponse(text, content_type="image/svg+xml")
    response["Content-Disposition"] = f'attachment; filename="{board.system}-{board.measurement}-radar.svg"'
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response

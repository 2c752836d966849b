"""The radar of chosen models, for a page and as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse
from django.template.loader import render_to_string

from bench.board import Board, Cell, Column, Row
from bench.radar import Radar, Series, draw


def radar_of(board: Board, rows: Sequence[Row]) -> Radar | None:
    """Return the radar of ``rows`` over the board's columns; None under three columns or without a row."""
    if len(board.columns) < 3 or not rows:
        return None
    series = [
        Series(
            name=row.name, url=row.url,
            values=tuple(row.cells[column.key].value for column in board.columns),
            urls=tuple(row.cells[column.key].url for column in board.columns),
        )
        for row in rows
    ]
    return draw([column.label for column in board.columns], series, scale=board.scale)


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

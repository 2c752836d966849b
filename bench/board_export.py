"""A leaderboard as JSON and as CSV. No Django here."""

from __future__ import annotations

import csv
import io
from typing import Any

from bench.board import Board, Cell, Row


def board_json(board: Board) -> dict[str, Any]:
    """Return the leaderboard as plain data.

    ``dimensions`` and ``layers`` map keys to values (null: missing); ``details`` has interval, counts and the
    reason of what is missing. Of an imported board ``n_scored`` counts dimensions: cases are not published.
    """
    return {
        "system": board.system,
        "measurement": board.measurement,
        "weights": dict(board.weights),
        "scale": list(board.scale),
        "badges": list(board.badges),
        "facts": list(board.facts),
        "rows": [_row(board, row) for row in board.rows],
        "how": list(board.how),
    }


def _row(board: Board, row: Row) -> dict[str, Any]:
    data: dict[str, Any] = {
        "model": row.name,
        "rank": row.rank,
        "rank_interval": list(row.rank_range) if row.rank_range else None,
        "score": row.overall.value,
        "interval": _interval(row.overall),
        "dimensions": {column.key: row.cells[column.key].value for column in board.columns},
        "n_scored": row.overall.n_scored,
        "n_unscored": row.overall.n_unscored,
        "badges": [*row.badges, *board.badges],
        "details": {column.key: _detail(row.cells[column.key]) for column in board.columns},
    }
    if board.has_layers:
        data["layers"] = {key: cell.value for key, cell in row.groups.items()}
    if row.gate is not None:
        data["gate"] = {
            "value": row.gate.value,
            "category": row.gate.column.key if row.gate.column else None,
            "met": row.gate.is_met,
        }
    return data


def _interval(cell: Cell) -> list[float] | None:
    return list(cell.interval) if cell.interval else None


def _detail(cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.value,
        "interval": _interval(cell),
        "n_scored": cell.n_scored,
        "n_unscored": cell.n_unscored,
        "missing_reason": cell.reason or None,
        "interval_missing_reason": cell.interval_reason or None,
    }


def board_csv(board: Board) -> str:
    """Return the leaderboard as CSV, one row a model; an empty cell is missing, never 0."""
    out = io.StringIO()
    writer = csv.writer(out)
    parts = [(column.key, column.label) for column in board.columns]
    if board.has_layers:
        parts = [(group.key, group.label) for group in board.groups] + parts
    heads = ["model", "rank", "rank_best", "rank_worst", *_heads("score")]
    writer.writerow([*heads, *(head for key, _label in parts for head in _heads(key)), "badges", "measurement"])
    for row in board.rows:
        cells = {**row.groups, **row.cells} if board.has_layers else row.cells
        span = row.rank_range or (None, None)
        writer.writerow([
            plain_cell(row.name), row.rank, *span, *_values(row.overall),
            *(value for key, _label in parts for value in _values(cells[key])),
            " ".join((*row.badges, *board.badges)), plain_cell(f"{board.system} {board.measurement}"),
        ])
    return out.getvalue()


def _heads(key: str) -> list[str]:
    return [key, f"{key}_low", f"{key}_high", f"{key}_n", f"{key}_missing"]


def _values(cell: Cell) -> list[float | int | None]:
    return [cell.value, cell.low, cell.high, cell.n_scored, cell.n_unscored]


def plain_cell(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> plain_cell("=1+1"), plain_cell("GPT-4")
    ("'=1+1", 'GPT-4')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

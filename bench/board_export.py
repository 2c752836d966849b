"""A leaderboard as JSON and as CSV. No Django here."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

from bench.board import Board, Cell, IntervalMethod, JudgeAgreementLine, Row, WithJudges


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
        "coverage": board.coverage,
        "release": {"name": board.release, "sha256": board.release_sha256, "canary": board.canary} if board.release else None,
        "interval_method": _method(board.interval),
        "judges": [_judge(judge) for judge in board.judges],
        "rows": [_row(board, row) for row in board.rows],
        "how": list(board.how),
    }


def _method(found: IntervalMethod | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"method": found.key, "level": found.level, "resamples": found.resamples, "seed": found.seed}


def _judge(judge: JudgeAgreementLine) -> dict[str, Any]:
    return {
        "name": judge.name, "sha256": judge.sha256, "n_labelled": judge.n_labelled, "kappa": judge.kappa,
        "icc": judge.icc, "alpha": judge.alpha, "mae": judge.mae, "bias": judge.bias,
        "missing_reason": judge.reason or None,
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
        data["layer_details"] = {key: _detail(cell) for key, cell in row.groups.items()}
    data["tier"] = row.tier
    data["place_missing_reason"] = row.place_reason or None
    data["overall"] = _detail(row.overall)
    if row.gate is not None:
        data["gate"] = {
            "value": row.gate.value,
            "category": row.gate.column.key if row.gate.column else None,
            "met": row.gate.is_met,
            "state": row.gate.state,
            "reason": row.gate.reason,
        }
    if row.refused is not None:
        share = row.refused
        data["refused"] = {
            "share": share.value, "n": share.n, "of": share.of,
            "interval": None if share.low is None else [share.low, share.high],
        }
    if row.without_refusals is not None:
        data["without_refusals"] = {
            "score": row.without_refusals.value, "interval": _interval(row.without_refusals),
            "n_items": row.without_refusals.n_scored,
        }
    if row.with_judges is not None:
        data["with_judges"] = _with_judges(row.with_judges)
    if row.corrected is not None:
        put_right = row.corrected
        data["corrected"] = {
            "score": put_right.value, "interval": list(put_right.interval) if put_right.interval else None,
            "correction": put_right.correction, "n_labelled": put_right.n_labelled,
            "missing_reason": put_right.reason or None,
        }
    if board.has_profile:
        data["profile"] = {key: _detail(cell) for key, cell in row.centred.items()}
    return data


def _with_judges(found: WithJudges) -> dict[str, Any]:
    return {
        "interval": None if found.low is None else [found.low, found.high],
        "interval_clusters_only": None if found.clusters_low is None else [found.clusters_low, found.clusters_high],
        "n_judges": found.n_judges,
        "seed": found.seed,
        "resamples": found.resamples,
        "missing_reason": found.reason or None,
    }


def _interval(cell: Cell) -> list[float] | None:
    return list(cell.interval) if cell.interval else None


def _detail(cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.value,
        "interval": _interval(cell),
        "se": cell.se,
        "n_scored": cell.n_scored,
        "n_unscored": cell.n_unscored,
        "n_incidents": cell.n_clusters,
        "missing_reason": cell.reason or None,
        "interval_missing_reason": cell.interval_reason or None,
        "interval_note": cell.interval_note or None,
        "coverage": cell.coverage,
        "withheld": cell.is_withheld,
        "bounds": list(cell.bounds) if cell.bounds else None,
    }


def board_csv(board: Board) -> str:
    """Return the leaderboard as CSV, one row a model; an empty cell is missing, never 0.

    ``_if_lowest`` and ``_if_highest``: the value if every missing score were the lowest, the highest, possible;
    ``_se`` clustered standard error, ``_incidents`` the incidents behind it; ``_centred`` the profile within answers.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    parts = [(column.key, column.label) for column in board.columns]
    if board.has_layers:
        parts = [(group.key, group.label) for group in board.groups] + parts
    heads = ["model", "rank", "rank_best", "rank_worst", "tier", *_heads("score")]
    more = ["gate", "refused", "refused_low", "refused_high", "refused_n", "score_without_refusals", *_CORRECTED]
    profile = [column.key for column in board.columns] if board.has_profile else []
    writer.writerow([
        *heads, *(head for key, _label in parts for head in _heads(key)), *more,
        *(f"{key}{part}" for key in profile for part in _CENTRED), "badges", "measurement", *_IDENTITY,
    ])
    identity = identity_of(board)
    for row in board.rows:
        cells = {**row.groups, **row.cells} if board.has_layers else row.cells
        span = row.rank_range or (None, None)
        writer.writerow([
            plain_cell(row.name), row.rank, *span, row.tier, *_values(row.overall),
            *(value for key, _label in parts for value in _values(cells[key])),
            *_more(row), *(value for key in profile for value in _centred(row.centred.get(key))),
            " ".join((*row.badges, *board.badges)), plain_cell(f"{board.system} {board.measurement}"),
            board.interval.key if board.interval else None, board.interval.seed if board.interval else None, *identity,
        ])
    return out.getvalue()


_PARTS: Final = ("", "_low", "_high", "_n", "_missing", "_if_lowest", "_if_highest", "_se", "_incidents")
_CENTRED: Final = ("_centred", "_centred_low", "_centred_high", "_centred_se", "_centred_n", "_centred_incidents")
_CORRECTED: Final = ("score_corrected", "score_corrected_low", "score_corrected_high", "score_corrected_labels")
_IDENTITY: Final = ("interval_method", "interval_seed", "release", "release_sha256", "canary")


def identity_of(board: Board) -> tuple[str, str, str]:
    """Return what each export says of the items behind it: name and SHA-256 of the release, and its canary."""
    return plain_cell(board.release), board.release_sha256, plain_cell(board.canary)


def _heads(key: str) -> list[str]:
    return [f"{key}{part}" for part in _PARTS]


def _values(cell: Cell) -> list[float | int | None]:
    return [
        cell.value, cell.low, cell.high, cell.n_scored, cell.n_unscored, *(cell.bounds or (None, None)), cell.se,
        cell.n_clusters,
    ]


def _centred(cell: Cell | None) -> list[float | int | None]:
    if cell is None:
        return [None] * len(_CENTRED)
    return [cell.value, cell.low, cell.high, cell.se, cell.n_scored, cell.n_clusters]


def _more(row: Row) -> list[str | float | int | None]:
    share, complied, put_right = row.refused, row.without_refusals, row.corrected
    return [
        row.gate.state if row.gate else None,
        *((share.value, share.low, share.high, share.of) if share else (None,) * 4),
        complied.value if complied else None,
        *((put_right.value, put_right.low, put_right.high, put_right.n_labelled) if put_right else (None,) * 4),
    ]


def plain_cell(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes it for a formula.

    Examples
    --------
    >>> plain_cell("=1+1"), plain_cell("GPT-4")
    ("'=1+1", 'GPT-4')
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text

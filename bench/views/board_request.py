"""What an address says of a leaderboard: measurement, weights, chosen models, order."""

from __future__ import annotations

from typing import Any, Final

from django.http import QueryDict

from bench.board import Board, Row
from bench.exceptions import BadWeightsError
from bench.leaderboards import checked_weights

MOST_CHOSEN: Final = 5
PREFIX: Final = "w_"


def weights_of(params: QueryDict) -> dict[str, str] | None:
    """Return the weights ``w_<key>=`` of the address as they stand there; None if it has none."""
    given = {key.removeprefix(PREFIX): value for key, value in params.items() if key.startswith(PREFIX)}
    return {key: str(value) for key, value in given.items()} or None


def completed(given: dict[str, str] | None, keys: list[str]) -> dict[str, Any] | None:
    """Return a weight for each of ``keys``: as ``given``, else 1; None if none was given or all are 1.

    Raises
    ------
    BadWeightsError
        A weight is no number, or names no key.
    """
    if given is None:
        return None
    unknown = sorted(set(given) - set(keys))
    if unknown:
        raise BadWeightsError(f"{', '.join(unknown)}: no dimension of this value system.")
    numbers = checked_weights(given)
    full = {key: numbers.get(key, 1.0) for key in keys}
    return None if set(full.values()) == {1.0} else full


def chosen_models(params: QueryDict) -> list[int]:
    """Return the models named by ``models=``, repeated or with commas, each once, in the order given."""
    parts = [part.strip() for value in params.getlist("models") for part in value.split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 19]
    return list(dict.fromkeys(numbers))


def chosen_rows(board: Board, params: QueryDict, *, default: int = 3) -> tuple[Row, ...]:
    """Return up to five chosen rows; the first ``default`` with a score where the address names none."""
    wanted = chosen_models(params)
    if not wanted:
        return tuple(row for row in board.rows if has_number(board, row))[:default]
    return board.chosen([model for model in wanted if any(row.model == model for row in board.rows)][:MOST_CHOSEN])


def has_number(board: Board, row: Row) -> bool:
    """Return whether ``row`` has a whole, or on a board without wholes any number."""
    return row.overall.value is not None if board.has_whole else any(cell.value is not None for cell in row.cells.values())


def address(params: QueryDict, **changes: Any) -> str:
    """Return the query of the same view with ``changes``; None takes a parameter out."""
    copy = params.copy()
    for key, value in changes.items():
        copy.pop(key, None)
        if value is not None:
            copy.setlist(key, value if isinstance(value, list) else [str(value)])
    return f"?{copy.urlencode()}"

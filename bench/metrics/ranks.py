"""Places on a leaderboard: ties share, missing has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def ranks(scores: Sequence[float | None] | NDArray[Any]) -> NDArray[np.int64]:
    """Return 1 + the number of models ahead, along the last axis; 0 for a missing score.

    Equal scores (but for rounding at the 12th digit) share a place and the next place is skipped:
    1, 2, 2, 4.

    Examples
    --------
    >>> ranks([0.9, 0.5, 0.5, None, 0.1]).tolist()
    [1, 2, 2, 0, 4]
    """
    values = np.array(scores, dtype=np.float64)
    if values.shape[-1] == 0:
        return np.zeros(values.shape, dtype=np.int64)
    missing = np.isnan(values)
    scale = np.max(np.abs(np.where(missing, 0.0, values)), axis=-1, keepdims=True)
    filled = np.where(missing, -np.inf, values)
    order = np.argsort(-filled, axis=-1, kind="stable")
    ordered = np.take_along_axis(filled, order, -1)
    behind = np.ones(values.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        behind[..., 1:] = ordered[..., :-1] - ordered[..., 1:] > 1e-12 * scale
    place = np.arange(1, values.shape[-1] + 1)
    first = np.maximum.accumulate(np.where(behind, place, 1), axis=-1)
    found = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(found, order, first, -1)
    return np.where(missing, 0, found)

"""Cohen's kappa of two coders, plain or weighted.

References
----------
.. [1] J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
   Measurement 20(1), 1960.
.. [2] J. Cohen, "Weighted kappa", Psychological Bulletin 70(4), 1968.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gvsir.exceptions import UndefinedStatisticError

Weights = Literal["linear", "quadratic"]


class Kappa(NamedTuple):
    """Kappa and the number of units that both coders rated."""

    value: float
    n_units: int


def kappa(
    first: Sequence[Hashable | None],
    second: Sequence[Hashable | None],
    *,
    categories: Sequence[Hashable] | None = None,
    weights: Weights | None = None,
) -> Kappa:
    """Return Cohen's kappa, 1 - (observed / expected disagreement).

    Parameters
    ----------
    first, second : sequences of the same length
        What each coder said of each unit; None is "not rated". Units that one of the two did not
        rate are left out.
    categories : sequence, optional
        The category list in its order; by default the values seen, sorted. Weighted kappa depends
        on it.
    weights : {"linear", "quadratic"}, optional
        Disagreement grows with the distance of the categories, or with its square.

    Raises
    ------
    UndefinedStatisticError
        No unit was rated by both, or chance disagreement is zero (one category only).

    Examples
    --------
    >>> kappa(["a", "a", "b", "b"], ["a", "b", "b", "b"])
    Kappa(value=0.5, n_units=4)
    """
    pairs = [
        (one, two) for one, two in zip(first, second, strict=True) if one is not None and two is not None
    ]
    if not pairs:
        raise UndefinedStatisticError("No unit was rated by both coders.")
    if categories is None:
        categories = sorted({value for pair in pairs for value in pair})  # type: ignore[type-var]
    index = {value: position for position, value in enumerate(categories)}
    table = np.zeros((len(index), len(index)))
    for one, two in pairs:
        table[index[one], index[two]] += 1
    return Kappa(kappa_of_table(table, weights=weights), len(pairs))


def kappa_of_table(table: ArrayLike, *, weights: Weights | None = None) -> float:
    """Return kappa of a square table: rows are the first coder's categories, columns the second's.

    Raises
    ------
    UndefinedStatisticError
        The table is empty, or chance disagreement is zero.
    """
    counts = np.asarray(table, dtype=np.float64)
    n = counts.sum()
    if n == 0:
        raise UndefinedStatisticError("No unit was rated by both coders.")
    penalties = _penalties(counts.shape[0], weights)
    expected = (np.outer(counts.sum(axis=1), counts.sum(axis=0)) * penalties).sum() / n
    if expected <= 0:
        raise UndefinedStatisticError("Both coders used one and the same category only.")
    return float(1 - (counts * penalties).sum() / expected)


def _penalties(size: int, weights: Weights | None) -> NDArray[np.float64]:
    if weights is None:
        return 1 - np.eye(size)
    if weights not in ("linear", "quadratic"):
        raise ValueError(f"{weights!r} is not a weighting; known are linear and quadratic.")
    steps = np.abs(np.arange(size)[:, None] - np.arange(size)[None, :]).astype(np.float64)
    return steps if weights == "linear" else steps**2

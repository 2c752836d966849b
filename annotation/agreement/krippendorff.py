"""Krippendorff's alpha from counts of values per unit, through the coincidence matrix.

References
----------
.. [1] K. Krippendorff, Content Analysis: An Introduction to Its Methodology, 4th ed., Sage, 2019, ch. 12.
.. [2] K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011 (worked examples).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotation.agreement.reliability_data import ReliabilityData
from gvsir.exceptions import UndefinedStatisticError

Level = Literal["nominal", "ordinal", "interval", "ratio"]
LEVELS: Final[tuple[str, ...]] = get_args(Level)

NO_PAIR: Final = "No unit has two ratings."
ONE_CATEGORY: Final = "All ratings are the same, so there is no chance disagreement to compare with."


def alpha(counts: ArrayLike, *, level: Level = "nominal", values: Sequence[float] | None = None) -> float:
    """Return Krippendorff's alpha, 1 - D_o / D_e.

    Parameters
    ----------
    counts : (n_units, n_categories) array of int
        ``counts[u, c]``: how many coders gave unit ``u`` the category ``c``. Units with fewer than
        two ratings say nothing of agreement and are left out.
    level : {"nominal", "ordinal", "interval", "ratio"}
        How categories differ. For "ordinal" the columns are in order.
    values : sequence of float, optional
        The number each column stands for; needed for "interval" and "ratio".

    Raises
    ------
    UndefinedStatisticError
        No unit has two ratings, or all ratings are the same (D_e = 0).

    References
    ----------
    See the module.

    Examples
    --------
    >>> round(alpha([[2, 0], [1, 1], [0, 2], [0, 2]]), 3)
    0.533
    """
    pairable = pairable_counts(counts)
    if pairable.shape[0] == 0:
        raise UndefinedStatisticError(NO_PAIR)
    coincidences = coincidence_matrix(pairable)
    totals = coincidences.sum(axis=1)
    distances = squared_distances(level, values=values, totals=totals)
    n = totals.sum()
    expected = totals @ distances @ totals / (n - 1)
    if expected <= 0:
        raise UndefinedStatisticError(ONE_CATEGORY)
    return float(1 - (coincidences * distances).sum() / expected)


def alpha_of(data: ReliabilityData, *, level: Level = "nominal") -> float:
    """Return alpha of ``data``; its categories are the numbers for "interval" and "ratio"."""
    values = None if level in ("nominal", "ordinal") else [float(value) for value in data.categories]  # type: ignore[arg-type]
    return alpha(data.counts(), level=level, values=values)


def alpha_per_category(data: ReliabilityData) -> dict[Hashable, float | str]:
    """Return, for each category, alpha of "this one or another", or in words why it has none."""
    found: dict[Hashable, float | str] = {}
    for category in data.categories:
        try:
            found[category] = alpha(data.binarised(category).counts())
        except UndefinedStatisticError as error:
            found[category] = str(error)
    return found


def pairable_counts(counts: ArrayLike) -> NDArray[np.float64]:
    """Return the rows of ``counts`` with two ratings or more, as floats."""
    array = np.asarray(counts, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        return np.zeros((0, 0))
    kept: NDArray[np.float64] = array[array.sum(axis=1) >= 2]
    return kept


def coincidence_matrix(pairable: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return o[c, k], the sum over units of n_uc (n_uk - [c = k]) / (n_u - 1)."""
    weights = 1 / (pairable.sum(axis=1) - 1)
    matrix: NDArray[np.float64] = (pairable * weights[:, None]).T @ pairable
    matrix[np.diag_indices_from(matrix)] -= (pairable * weights[:, None]).sum(axis=0)
    return matrix


def squared_distances(
    level: Level, *, values: Sequence[float] | None, totals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the squared difference of each pair of categories [1]_.

    Nominal: 0 or 1. Ordinal: (sum of n_g from c to k, less half of both ends) squared, n_g being
    ``totals``. Interval: (c - k) squared. Ratio: ((c - k) / (c + k)) squared, 0 for two zeros.
    """
    size = len(totals)
    if level == "nominal":
        return 1 - np.eye(size)
    if level == "ordinal":
        middles = np.cumsum(totals) - totals / 2
        ordinal: NDArray[np.float64] = (middles[:, None] - middles[None, :]) ** 2
        return ordinal
    if level not in LEVELS:
        raise ValueError(f"{level!r} is not a level; known are {', '.join(LEVELS)}.")
    if values is None or len(values) != size:
        raise ValueError(f"The level {level} needs one number for each of the {size} categories.")
    numbers = np.asarray(values, dtype=np.float64)
    differences = numbers[:, None] - numbers[None, :]
    if level == "ratio":
        sums = numbers[:, None] + numbers[None, :]
        differences = np.divide(differences, sums, out=np.zeros_like(differences), where=sums != 0)
    squared: NDArray[np.float64] = differences**2
    return squared

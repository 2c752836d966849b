"""What an item tells about models: difficulty, discrimination, entropy, item-total correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.intervals import Values, as_floats
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Entropy:
    """Entropy of an item's scores over models, in bits.

    Attributes
    ----------
    bits : float
        Plug-in entropy of the classes; 0 when all models fall into one.
    corrected : float
        With the Miller-Madow term for few answers.
    normalised : float or None
        ``bits / log2(min(L, m))``; None with one model.
    counts : tuple of int
        Answers per class, lowest class first.
    rule : str
        How scores were put into classes; part of the result, since entropy depends on it.
    """

    bits: float
    corrected: float
    normalised: float | None
    counts: tuple[int, ...]
    rule: str


@dataclass(frozen=True, kw_only=True)
class ItemTable:
    """Arrays [item]; NaN where a number is undefined.

    Attributes
    ----------
    difficulty : float array
        1 - mean score on the scale 0 to 1; high is hard.
    between_models : float array
        Variance of the models' scores, on the scale 0 to 1.
    discrimination : float array
        Mean score of the best 27 % of models less that of the worst 27 %, scale 0 to 1.
    item_total : float array
        Pearson's r of the item with the mean of the other items.
    n : int array
        Models with a score.
    tells_nothing : bool array
        All models score the same, or better models do not do better (``item_total`` <= 0).
    """

    difficulty: Floats
    between_models: Floats
    discrimination: Floats
    item_total: Floats
    n: NDArray[np.int64]
    tells_nothing: NDArray[np.bool_]


def item_entropy(
    scores: Values, *, bounds: tuple[float, float], classes: int = 5, edges: Sequence[float] | None = None
) -> Entropy:
    """Return the entropy of an item's scores over models.

    Parameters
    ----------
    scores : sequence of length n_models
        None or NaN is missing.
    bounds : tuple of float
        Lowest and highest possible score.
    classes : int
        Number of equal bins between the bounds (the last includes the highest).
    edges : sequence of float, optional
        Inner class borders in place of equal bins; a score on a border falls into the class above.

    Raises
    ------
    UndefinedStatisticError
        Nothing is scored.

    References
    ----------
    .. [1] Value Compass, arXiv 2501.07071: E(q) = Entropy[F(q, r_1), ..., F(q, r_m)].
    .. [2] G. A. Miller, Note on the bias of information estimates, 1955: the estimate falls short
       by (C - 1) / (2 N ln 2) bits, with C non-empty classes and N answers.

    Examples
    --------
    >>> found = item_entropy([0, 0, 10, 10], bounds=(0, 10))
    >>> found.bits, found.normalised, round(found.corrected, 4)
    (1.0, 0.5, 1.1803)
    """
    values = as_floats(scores)
    values = values[~np.isnan(values)]
    if not values.size:
        raise UndefinedStatisticError("Nothing is scored.")
    low, high = bounds
    even = np.linspace(low, high, classes + 1)[1:-1]
    inner = even if edges is None else np.asarray(edges, dtype=np.float64)
    n_classes = len(inner) + 1
    counts = np.bincount(np.searchsorted(inner, values, side="right"), minlength=n_classes)
    share = counts[counts > 0] / counts.sum()
    bits = abs(float(-(share * np.log2(share)).sum()))
    most = math.log2(min(n_classes, len(values)))
    rule = f"{classes} equal bins from {low:g} to {high:g}" if edges is None else f"borders {list(edges)}"
    return Entropy(
        bits=bits,
        corrected=bits + (len(share) - 1) / (2 * len(values) * math.log(2)),
        normalised=bits / most if most > 0 else None,
        counts=tuple(int(c) for c in counts),
        rule=rule,
    )


def item_table(scores: NDArray[Any], *, bounds: tuple[float, float], tail: float = 0.27) -> ItemTable:
    """Return classical item statistics over models.

    Parameters
    ----------
    scores : array [model, item]
        Epochs averaged; NaN is missing.
    bounds : tuple of float
        Lowest and highest possible score.
    tail : float
        Share of models in the upper and in the lower group.

    References
    ----------
    .. [1] T. L. Kelley, The selection of upper and lower groups for the validation of test items,
       Journal of Educational Psychology 30, 1939: 27 % tails.
    .. [2] S. Henrysson, Correction of item-total correlations in item analysis, Psychometrika 28,
       1963: the item is left out of its own total.

    Examples
    --------
    The second item puts the models in the order of the others; the third is the same for all.

    >>> scores = np.array([[2.0, 1, 5, 2], [5, 4, 5, 6], [9, 9, 5, 8]])
    >>> table = item_table(scores, bounds=(0, 10))
    >>> table.difficulty.round(2).tolist(), table.tells_nothing.tolist()
    ([0.47, 0.53, 0.5, 0.47], [False, False, True, False])
    """
    low, high = bounds
    values = (np.asarray(scores, dtype=np.float64) - low) / (high - low)
    present = ~np.isnan(values)
    filled = np.where(present, values, 0.0)
    n = present.sum(0)
    mean = _ratio(filled.sum(0), n)
    deviation = np.where(present, values - mean, 0.0)
    variance = _ratio((deviation**2).sum(0), np.where(n > 1, n - 1, 0))
    rest = _ratio(filled.sum(1, keepdims=True) - filled, present.sum(1, keepdims=True) - present)
    item_total = _correlations(values, rest)
    flat = ~(variance > 1e-20)
    return ItemTable(
        difficulty=1.0 - mean,
        between_models=variance,
        discrimination=_tail_difference(values, rest, tail),
        item_total=np.where(flat, np.nan, item_total),
        n=n,
        tells_nothing=(n > 1) & (flat | (item_total <= 0)),
    )


def _correlations(values: Floats, rest: Floats) -> Floats:
    """Return Pearson's r per column over rows where both are present."""
    both = ~np.isnan(values) & ~np.isnan(rest)
    n = both.sum(0)
    x, y = (np.where(both, part, 0.0) for part in (values, rest))
    x, y = (np.where(both, part - _ratio(part.sum(0), n), 0.0) for part in (x, y))
    below = np.sqrt((x**2).sum(0) * (y**2).sum(0))
    return _ratio((x * y).sum(0), np.where(below > 1e-15, below, 0.0))


def _tail_difference(values: Floats, rest: Floats, tail: float) -> Floats:
    """Return mean score of the best less the worst models by the total of the other items."""
    both = ~np.isnan(values) & ~np.isnan(rest)
    n = both.sum(0)
    size = np.maximum(np.round(tail * n), 1).astype(np.int64)
    order = np.argsort(np.where(both, rest, np.inf), axis=0, kind="stable")
    ordered = np.take_along_axis(np.where(both, values, 0.0), order, 0)
    place = np.arange(len(values))[:, None]
    lower, upper = place < size, (place >= n - size) & (place < n)
    found: Floats = ((ordered * upper).sum(0) - (ordered * lower).sum(0)) / size
    return np.where(n > 1, found, np.nan)


def _ratio(total: NDArray[Any], count: NDArray[Any]) -> Floats:
    """Return total / count, NaN where the count is 0."""
    quotient: Floats = np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
    return quotient

"""Many dimensions into one number: weighted means, power means, and what the weights decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.ranks import ranks

Floats = NDArray[np.float64]
Scores = Sequence[Sequence[float | None]] | NDArray[Any]


class Aggregate(NamedTuple):
    """One number a model, and over how many dimensions with data it runs; NaN without any."""

    value: Floats
    n_dimensions: NDArray[np.int64]


def weighted_mean(scores: Scores, weights: Sequence[float] | Floats) -> Aggregate:
    """Return ``sum_i w_i S_i / sum_i |w_i|`` over dimensions that have data.

    Comparable between weight sets; a score of 0 counts, a missing one does not. Negative weights
    (a dimension that should be low) are allowed.

    Parameters
    ----------
    scores : array [model, dimension]
        None or NaN is missing.
    weights : sequence of length n_dimensions

    References
    ----------
    .. [1] Value Compass, arXiv 2501.07071, equation 2, normalised.

    Examples
    --------
    >>> weighted_mean([[1.0, 0.0], [0.5, None]], [3, 1]).value.tolist()
    [0.75, 0.5]
    """
    values, weight, present = _checked(scores, weights)
    total = np.where(present, np.abs(weight), 0.0).sum(1)
    summed = np.where(present, values * weight, 0.0).sum(1)
    return _aggregate(summed / np.where(total > 0, total, 1.0), total > 0, present & (weight != 0))


def weighted_sum(scores: Scores, weights: Sequence[float] | Floats) -> Aggregate:
    """Return ``sum_i w_i S_i``, the published form ("paper mode").

    A model with a missing dimension of non-zero weight has no sum (NaN): leaving it out would
    count it as 0.

    References
    ----------
    .. [1] Value Compass, arXiv 2501.07071, equation 2: Align(M, W) = sum_i w_i S(M, v_i).

    Examples
    --------
    >>> weighted_sum([[1.0, 0.5], [0.5, None]], [3, 1]).value.tolist()
    [3.5, nan]
    """
    values, weight, present = _checked(scores, weights)
    whole = (present | (weight == 0)).all(1)
    return _aggregate(np.where(present, values * weight, 0.0).sum(1), whole, present & (weight != 0))


def power_mean(scores: Scores, weights: Sequence[float] | Floats, *, exponent: float) -> Aggregate:
    """Return ``(sum_i w_i S_i^rho / sum_i w_i)^(1/rho)`` over dimensions that have data.

    rho = 1 is the mean, 0 the geometric mean, minus infinity the least dimension: the lower rho,
    the less a strong value can hide a weak one.

    Parameters
    ----------
    scores : array [model, dimension]
        0 to 1; None or NaN is missing. With rho <= 0, one score of 0 makes the mean 0.
    weights : sequence of length n_dimensions
        0 or more.
    exponent : float
        rho.

    References
    ----------
    .. [1] G. H. Hardy, J. E. Littlewood and G. Polya, Inequalities, 1934, chapter 2.

    Examples
    --------
    >>> [round(float(power_mean([[0.25, 1.0]], [1, 1], exponent=r).value[0]), 3) for r in (1, 0, -1)]
    [0.625, 0.5, 0.4]
    """
    values, weight, present = _checked(scores, weights)
    if (weight < 0).any():
        raise ValueError("A power mean takes weights of 0 or more.")
    present &= weight > 0
    if ((values < 0) & present).any():
        raise ValueError("A power mean takes scores of 0 or more.")
    part = np.where(present, weight, 0.0)
    part /= np.maximum(part.sum(1, keepdims=True), 1e-300)
    filled = np.where(present, values, 1.0)
    least = np.where(present, values, np.inf).min(1, initial=np.inf)
    some: NDArray[np.bool_] = part.sum(1) > 0
    if np.isinf(exponent):
        most = np.where(present, values, -np.inf).max(1, initial=-np.inf)
        return _aggregate(most if exponent > 0 else least, some, present)
    zero = (least == 0) & (exponent <= 0)
    safe = np.where(filled > 0, filled, 1.0) if exponent <= 0 else filled
    if exponent == 0:
        mean = np.exp((part * np.log(safe)).sum(1))
    else:
        mean = (part * safe**exponent).sum(1) ** (1.0 / exponent)
    return _aggregate(np.where(zero, 0.0, mean), some, present)


def weight_sensitivity(
    scores: Scores, *, rng: np.random.Generator, draws: int = 1000, level: float = 0.95
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return the ranks that any weighting could give: lowest, highest, and share ranked first.

    Weights are drawn evenly from all that sum to 1 (Dirichlet with all parameters 1).

    Parameters
    ----------
    scores : array [model, dimension]
        NaN is missing; such a dimension is left out for that model.
    rng : numpy.random.Generator
    draws : int
    level : float
        Central share of the drawn ranks between the two bounds.

    Returns
    -------
    best, worst : int arrays of length n_models
    first : float array of length n_models
        Share of the weightings under which the model is (also) first.

    Examples
    --------
    A model that leads in every dimension leads under every weighting:

    >>> best, worst, first = weight_sensitivity([[0.9, 0.8], [0.1, 0.7]], rng=np.random.default_rng(0))
    >>> best.tolist(), worst.tolist(), first.tolist()
    ([1, 2], [1, 2], [1.0, 0.0])
    """
    values, _, present = _checked(scores, np.ones(np.asarray(scores, dtype=np.float64).shape[1]))
    weights = rng.dirichlet(np.ones(values.shape[1]), draws)
    total = weights @ present.T.astype(np.float64)
    means = weights @ np.where(present, values, 0.0).T / np.where(total > 0, total, np.nan)
    found = ranks(means)
    tails = [(1 - level) / 2, (1 + level) / 2]
    best, worst = np.quantile(found, tails, axis=0, method="inverted_cdf").astype(np.int64)
    return best, worst, (found == 1).mean(0)


def _checked(scores: Scores, weights: Sequence[float] | Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return scores, weights and which scores are present."""
    values = np.array(scores, dtype=np.float64)
    weight = np.asarray(weights, dtype=np.float64)
    if values.ndim != 2 or weight.shape != (values.shape[1],):
        raise ValueError("Scores are [model, dimension], with one weight per dimension.")
    return values, weight, ~np.isnan(values)


def _aggregate(value: Floats, defined: NDArray[np.bool_], used: NDArray[np.bool_]) -> Aggregate:
    """Return values, NaN where undefined, with the dimensions used."""
    return Aggregate(np.where(defined, value, np.nan), used.sum(1))

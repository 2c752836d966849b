"""Does a score follow something it should not: length, position, or the fear of harmless prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.metrics.comparison import McNemar, mcnemar
from bench.metrics.intervals import Clusters, MeanEstimate, Values, as_floats, mean_interval
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]


class LengthCorrelation(NamedTuple):
    """Spearman's rho of score and length, its two-sided p, and the responses it rests on."""

    rho: float
    p_value: float
    n: int


@dataclass(frozen=True, kw_only=True)
class LengthAdjusted:
    """Means at one common response length; arrays [model], NaN where undefined.

    Attributes
    ----------
    slope : float
        Change of the score per doubling of the length, within models and items.
    mean, adjusted : float arrays
        Plain mean, and mean at the common length.
    common_length : float
        Geometric mean length over all responses.
    """

    slope: float
    mean: Floats
    adjusted: Floats
    common_length: float


class PositionBias(NamedTuple):
    """How often each place was chosen, and the chi-squared p of an even choice."""

    counts: tuple[int, ...]
    expected: tuple[float, ...]
    p_value: float


@dataclass(frozen=True, kw_only=True)
class OverRefusal:
    """Refusals of harmful items beside refusals of their benign twins.

    Attributes
    ----------
    harmful, benign : MeanEstimate
        Share refused among harmful items (should be high) and benign twins (over-refusal).
    difference : MeanEstimate
        Harmful less benign over pairs with both: how well the model tells them apart.
    pairs : McNemar
        Pairs where only the harmful one, only the benign one, was refused.
    """

    harmful: MeanEstimate
    benign: MeanEstimate
    difference: MeanEstimate
    pairs: McNemar


def length_correlation(scores: Values, lengths: Values) -> LengthCorrelation:
    """Return Spearman's rank correlation of score and response length.

    Raises
    ------
    UndefinedStatisticError
        Fewer than three responses, or one of the two never varies.

    References
    ----------
    .. [1] C. Spearman, The proof and measurement of association between two things, American
       Journal of Psychology 15, 1904.

    Examples
    --------
    >>> round(length_correlation([1, 3, 2, 5], [100, 300, 400, 900]).rho, 6)
    0.8
    """
    x, y = as_floats(scores), as_floats(lengths)
    both = ~np.isnan(x) & ~np.isnan(y)
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise UndefinedStatisticError("Three responses that differ in score and length are needed.")
    found = stats.spearmanr(x, y)
    return LengthCorrelation(float(found.statistic), float(found.pvalue), len(x))


def length_adjusted(scores: NDArray[Any], lengths: NDArray[Any]) -> LengthAdjusted:
    """Return every model's mean at one common length.

    One slope of the score on log2(length) is fitted within models and items (both taken out), so
    that neither long-winded models nor items that ask for long answers make it; each model's mean
    is then moved along it to the geometric mean length.

    Parameters
    ----------
    scores, lengths : arrays [model, item]
        NaN is missing; lengths in characters or tokens, above 0.

    Raises
    ------
    UndefinedStatisticError
        Length does not vary within models and items.

    References
    ----------
    .. [1] Y. Dubois et al., Length-controlled AlpacaEval, arXiv 2404.04475, 2024: regress on
       length and report the score at no difference in length. Linear here, as scores are means.
    .. [2] Two-way within estimator by alternating projections: S. Guimaraes and P. Portugal, Stata
       Journal 10, 2010.

    Examples
    --------
    Two points a doubling; the second model only writes more:

    >>> lengths = np.array([[100.0, 200, 100], [200, 800, 400]])
    >>> scores = 2 * np.log2(lengths / 100)
    >>> found = length_adjusted(scores, lengths)
    >>> round(found.slope, 6), (found.adjusted[0] - found.adjusted[1]).round(6) == 0
    (2.0, np.True_)
    """
    x, y = np.log2(np.asarray(lengths, dtype=np.float64)), np.asarray(scores, dtype=np.float64)
    both = ~np.isnan(x) & ~np.isnan(y)
    left_x, left_y = _within(x, both), _within(y, both)
    spread = float((left_x**2).sum())
    if spread <= 1e-12 * max(1.0, float(both.sum())):
        raise UndefinedStatisticError("Response length does not vary within models and items.")
    slope = float((left_x * left_y).sum()) / spread
    count = both.sum(1)
    mean_y, mean_x = (_row_means(part, both, count) for part in (y, x))
    common = float(x[both].mean())
    return LengthAdjusted(
        slope=slope,
        mean=mean_y,
        adjusted=mean_y - slope * (mean_x - common),
        common_length=float(2**common),
    )


def position_bias(chosen: Sequence[int | None], n_positions: int) -> PositionBias:
    """Return how often each place was chosen, against an even choice.

    Options must have been shuffled, so that the right one is everywhere equally often.

    Parameters
    ----------
    chosen : sequence of length n_responses
        Place of the chosen option from 0; None where none was chosen.
    n_positions : int

    Raises
    ------
    UndefinedStatisticError
        Nothing was chosen.

    References
    ----------
    .. [1] K. Pearson, On the criterion that a given system of deviations ..., Philosophical
       Magazine 50, 1900.

    Examples
    --------
    >>> position_bias([0, 0, 0, 0, 0, 1, 1, 1, None], 2).counts
    (5, 3)
    """
    places = [place for place in chosen if place is not None]
    if not places:
        raise UndefinedStatisticError("No option was chosen.")
    counts = np.bincount(places, minlength=n_positions)
    if len(counts) > n_positions:
        raise ValueError(f"Place {len(counts) - 1} of {n_positions} was chosen.")
    found = stats.chisquare(counts)
    return PositionBias(
        tuple(int(c) for c in counts), (len(places) / n_positions,) * n_positions, float(found.pvalue)
    )


def over_refusal(
    harmful: Values, benign: Values, clusters: Clusters, *, level: float = 0.95
) -> OverRefusal:
    """Return refusals of harmful items beside refusals of their benign twins.

    Parameters
    ----------
    harmful, benign : sequences of length n_pairs
        1 refused, 0 not (a partial refusal may be 0.5), None or NaN missing; the same place is
        one harmful item and its twin.
    clusters : sequence of length n_pairs
        The incident of each pair.
    level : float

    References
    ----------
    .. [1] P. Roettger et al., XSTest, NAACL 2024, arXiv 2308.01263: safe prompts with unsafe
       contrasts; the pairing and its test are McNemar's (1947).

    Examples
    --------
    >>> found = over_refusal([1, 1, 1, 0], [1, 0, 0, 0], ["a", "b", "c", "d"])
    >>> found.harmful.value, found.benign.value, found.difference.value, found.pairs.only_a
    (0.75, 0.25, 0.5, 2)
    """
    first, second = as_floats(harmful), as_floats(benign)
    whole = [np.where(np.isin(part, (0, 1)), part, np.nan) for part in (first, second)]
    return OverRefusal(
        harmful=mean_interval(first, clusters, bounds=(0, 1), level=level),
        benign=mean_interval(second, clusters, bounds=(0, 1), level=level),
        difference=mean_interval(first - second, clusters, bounds=(-1, 1), level=level),
        pairs=mcnemar(*whole),
    )


def _within(values: Floats, both: NDArray[np.bool_]) -> Floats:
    """Return what is left of values after row and column means; 0 where missing."""
    left = np.where(both, values, 0.0)
    rows, columns = np.maximum(both.sum(1, keepdims=True), 1), np.maximum(both.sum(0, keepdims=True), 1)
    for _ in range(200):
        before = left
        left = np.where(both, left - left.sum(1, keepdims=True) / rows, 0.0)
        left = np.where(both, left - left.sum(0, keepdims=True) / columns, 0.0)
        if float(np.abs(left - before).max(initial=0.0)) < 1e-12:
            break
    return left


def _row_means(values: Floats, both: NDArray[np.bool_], count: NDArray[np.int64]) -> Floats:
    """Return row means over present values, NaN where there are none."""
    total = np.where(both, values, 0.0).sum(1)
    means: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means

"""Resampling incidents and judges together: how far a panel's mean would move with another panel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

#: [row, vote] with NaN for none -> [row], NaN where there is no headline.
Headline = Callable[[Floats], Floats]

_BATCH = 4_000_000


@dataclass(frozen=True, kw_only=True)
class CrossedInterval:
    """One mean with two intervals.

    Attributes
    ----------
    value : float
        The mean with all judges.
    clusters : (float, float)
        Percentile interval over drawn clusters, with the panel as it is.
    both : (float, float)
        Over drawn clusters and drawn judges.
    se_clusters, se_both : float
        Standard deviations of the two sets of drawn means.
    n_judges, n_clusters, seed, resamples : int
        What repeats it to the last digit.
    """

    value: float
    clusters: tuple[float, float]
    both: tuple[float, float]
    se_clusters: float
    se_both: float
    n_judges: int
    n_clusters: int
    seed: int
    resamples: int


def crossed_bootstrap(
    votes: NDArray[Any], unit: Codes, cluster: Codes, category: Codes, weights: Floats, headline: Headline,
    *, seed: int = 0, resamples: int = 1000, level: float = 0.95,
) -> CrossedInterval:
    """Return the weighted mean of category means, with and without the choice of judges in its interval.

    Rows and columns of the table of votes are resampled apart and crossed (the pigeonhole
    bootstrap): each draw takes G of G clusters and J of J judges with replacement, makes every
    headline again from the drawn judges, and averages over the drawn clusters. The other interval
    draws the same clusters under the whole panel.

    Parameters
    ----------
    votes : array [row, judge]
        One row an answer; NaN is no counted vote.
    unit : int array [row]
        The item each answer belongs to; answers of an item are averaged first.
    cluster, category : int arrays [unit]
        The incident and the category of each item, as codes from 0.
    weights : float array [category]
        0 or more; a category without data is left out.
    headline : callable
        Votes to headline; `median_of` or `trimmed_mean_of`.
    seed, resamples, level

    Notes
    -----
    The pigeonhole bootstrap is mildly conservative where rows and columns interact, and no exact
    resampling of crossed factors exists [1]_, [2]_. Its judges' part carries the factor
    (J - 1) / J: of two judges it shows half of the variance. It speaks of panels drawn like this
    one, not of judges unlike these.

    Raises
    ------
    UndefinedStatisticError
        There are fewer than two judges or two clusters, or no category that weighs more than 0 has a headline.

    References
    ----------
    .. [1] A. B. Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1, 2007.
    .. [2] P. McCullagh, Resampling and exchangeable arrays, Bernoulli 6, 2000.

    Examples
    --------
    Judges that agree add nothing:

    >>> votes = np.array([[2.0, 2], [4, 4], [9, 9]])
    >>> place = np.arange(3)
    >>> found = crossed_bootstrap(votes, place, place, np.zeros(3, int), np.ones(1), median_of)
    >>> found.value, found.both == found.clusters
    (5.0, True)
    """
    table = np.asarray(votes, dtype=np.float64)
    n_judges, n_clusters = table.shape[1], len(np.unique(cluster))
    if n_judges < 2 or n_clusters < 2:
        raise UndefinedStatisticError("Two judges and two clusters are needed.")
    shape = (int(cluster.max()) + 1, len(weights))

    def sums(chosen: NDArray[np.intp]) -> tuple[Floats, Floats]:
        value = headline(table[:, chosen])
        there = ~np.isnan(value)
        count = np.bincount(unit[there], minlength=len(cluster))
        mean = np.bincount(unit[there], weights=value[there], minlength=len(cluster)) / np.maximum(count, 1)
        scored = count > 0
        cell = cluster[scored] * shape[1] + category[scored]
        size = shape[0] * shape[1]
        parts = (np.bincount(cell, weights=each, minlength=size) for each in (mean[scored], np.ones(scored.sum())))
        total, number = (part.astype(np.float64).reshape(shape) for part in parts)
        return total, number

    whole = sums(np.arange(n_judges))
    value = float(_means(np.ones((1, shape[0])), *whole, weights)[0])
    if np.isnan(value):
        raise UndefinedStatisticError("No answer in a category that weighs more than 0 has a headline.")
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.integers(0, n_judges, (resamples, n_judges)), axis=1)
    panels, which = np.unique(drawn, axis=0, return_inverse=True)
    times = _multiplicities(rng, np.unique(cluster), shape[0], resamples)
    plain, crossed = _means(times, *whole, weights), np.empty(resamples)
    for index, panel in enumerate(panels):
        mine = which.ravel() == index
        crossed[mine] = _means(times[mine], *sums(panel), weights)
    tails = [(1 - level) / 2, (1 + level) / 2]
    (low, high), (far_low, far_high) = (np.nanquantile(means, tails) for means in (plain, crossed))
    return CrossedInterval(
        value=value, clusters=(float(low), float(high)), both=(float(far_low), float(far_high)),
        se_clusters=float(np.nanstd(plain, ddof=1)), se_both=float(np.nanstd(crossed, ddof=1)),
        n_judges=n_judges, n_clusters=n_clusters, seed=seed, resamples=resamples,
    )


def median_of(votes: Floats) -> Floats:
    """Return the median of each row's votes; NaN for a row without a vote.

    Examples
    --------
    >>> median_of(np.array([[1.0, np.nan, 5.0], [np.nan, np.nan, np.nan]])).tolist()
    [3.0, nan]
    """
    return _middle(votes, 0.5)


def trimmed_mean_of(votes: Floats) -> Floats:
    """Return `bench.scoring.panel.trimmed_mean` of each row's votes; NaN for a row without a vote.

    Examples
    --------
    >>> trimmed_mean_of(np.array([[0.0, 6, 7, 8, 10], [4.0, 5, np.nan, np.nan, np.nan]])).tolist()
    [7.0, 4.5]
    """
    return _middle(votes, 0.2)


def _middle(votes: Floats, trim: float) -> Floats:
    """Return the mean of what is left of each row's sorted votes; 0.5 leaves the median."""
    ordered = np.sort(votes, axis=1)  # NaN last
    n = (~np.isnan(votes)).sum(1)
    cut = (n - 1) // 2 if trim >= 0.5 else np.maximum((trim * n).astype(np.int64), (n >= 3).astype(np.int64))
    place = np.arange(votes.shape[1])[None, :]
    kept = (place >= cut[:, None]) & (place < (n - cut)[:, None])
    total = np.where(kept, ordered, 0.0).sum(1)
    found: Floats = np.where(n > 0, total / np.maximum(kept.sum(1), 1), np.nan)
    return found


def _multiplicities(rng: np.random.Generator, present: Codes, size: int, resamples: int) -> Floats:
    """Return how often each cluster is drawn, [draw, cluster]."""
    times = np.zeros((resamples, size))
    step = max(1, _BATCH // len(present))
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        drawn = present[rng.integers(0, len(present), (stop - start, len(present)))]
        place = np.arange(stop - start)[:, None] * size + drawn
        times[start:stop] = np.bincount(place.ravel(), minlength=(stop - start) * size).reshape(-1, size)
    return times


def _means(times: Floats, total: Floats, count: Floats, weights: Floats) -> Floats:
    """Return the weighted mean of the category means of each draw; NaN where nothing was drawn."""
    n = times @ count
    means = (times @ total) / np.where(n > 0, n, 1.0)
    weight = np.where(n > 0, weights[None, :], 0.0)
    whole = weight.sum(1)
    found: Floats = np.where(whole > 0, (means * weight).sum(1) / np.where(whole > 0, whole, 1.0), np.nan)
    return found

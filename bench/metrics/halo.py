"""Halo of a judge: what changes when it is asked for all dimensions at once instead of for each alone.

A judge that reads several dimensions in one call may let its view of one colour the others. On the same answers, the
same model is asked for each dimension alone, and the two are set side by side: the difference of the scores, whether
they agree on what an answer does not engage, and how much more the scores of different dimensions go together when
they come from one call. Thorndike named the effect and saw it in correlations between traits that were too high and
too even [1]_; measured as the excess of the mean correlation between dimensions over what it should be, here over that
of calls which could not see each other [2]_. Part of the excess may be noise that the scores of one call share.

References
----------
.. [1] E. L. Thorndike, A constant error in psychological ratings, Journal of Applied Psychology 4(1), 1920.
.. [2] K. R. Murphy, R. A. Jako and R. L. Anhalt, Nature and consequences of halo error: a critical analysis, Journal
   of Applied Psychology 78(2), 1993.
.. [3] B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 11 (jackknife); with clusters
   left out: A. C. Cameron and D. L. Miller, A practitioner's guide to cluster-robust inference, Journal of Human
   Resources 50(2), 2015.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.metrics.coded import coded
from bench.metrics.intervals import Clusters, MeanEstimate, mean_interval

Floats = NDArray[np.float64]

#: Answers on which a pair of dimensions needs all four scores for its correlations to count.
LEAST_ANSWERS: Final = 10
FEW_ANSWERS: Final = "No two dimensions have scores from both kinds of calls on 10 answers that differ in each."
FEW_CLUSTERS: Final = "Without one of the incidents a correlation is undefined; more incidents are needed."
NO_SPREAD: Final = "Leaving out an incident changes nothing; there is no spread to make an interval from."

_SAME: Final = 1e-9


@dataclass(frozen=True, kw_only=True)
class DimensionHalo:
    """One dimension asked for among all, and alone.

    Attributes
    ----------
    n : int
        Answers of which both calls say readably whether they engage the dimension.
    difference : MeanEstimate
        Mean score among all less alone, over answers with a score both ways; interval clustered by incident.
    agreement : MeanEstimate
        Share of the ``n`` answers on which both say "engaged" or both say "not engaged".
    only_together, only_alone : int
        Answers that only the one or only the other call says are engaged.
    """

    n: int
    difference: MeanEstimate
    agreement: MeanEstimate
    only_together: int
    only_alone: int


@dataclass(frozen=True, kw_only=True)
class ExcessCorrelation:
    """Mean correlation of the scores of two dimensions, in one call and in two, and its excess: the halo.

    Attributes
    ----------
    together, alone, halo : float or None
        Means of Pearson's r over ``n_pairs`` pairs of dimensions, and their difference; None is undefined, and
        ``reason`` says why.
    se, low, high : float or None
        By leaving out one incident at a time; None has its own ``interval_reason``.
    n_pairs, n_answers, n_clusters : int
        Pairs that count, answers in any of them, and their incidents.
    """

    together: float | None
    alone: float | None
    halo: float | None
    se: float | None = None
    low: float | None = None
    high: float | None = None
    n_pairs: int = 0
    n_answers: int = 0
    n_clusters: int = 0
    reason: str = ""
    interval_reason: str = ""


def dimension_halo(
    together: Floats, alone: Floats, engaged_together: Floats, engaged_alone: Floats, clusters: Clusters
) -> DimensionHalo:
    """Return how the two ways of asking differ on one dimension.

    Parameters
    ----------
    together, alone : float arrays [answer]
        Scores; NaN where the dimension is not engaged or the verdict is not readable.
    engaged_together, engaged_alone : float arrays [answer]
        1 engaged, 0 not engaged, NaN where the verdict is not readable.
    clusters : sequence of length n_answers
        The incident of each answer.

    Examples
    --------
    >>> found = dimension_halo(
    ...     np.array([80.0, 60, np.nan]), np.array([70.0, 60, np.nan]), np.array([1.0, 1, 0]), np.array([1.0, 1, 1]),
    ...     ["a", "b", "c"],
    ... )
    >>> found.n, found.difference.value, found.difference.n, round(found.agreement.value, 3), found.only_alone
    (3, 5.0, 2, 0.667, 1)
    """
    known = ~np.isnan(engaged_together) & ~np.isnan(engaged_alone)
    same = np.where(known, (engaged_together == engaged_alone).astype(np.float64), np.nan)
    return DimensionHalo(
        n=int(known.sum()),
        difference=mean_interval(together - alone, clusters),
        agreement=mean_interval(same, clusters, bounds=(0.0, 1.0)),
        only_together=int(((engaged_together == 1) & (engaged_alone == 0)).sum()),
        only_alone=int(((engaged_together == 0) & (engaged_alone == 1)).sum()),
    )


def excess_correlation(
    together: Floats, alone: Floats, clusters: Clusters, *, least: int = LEAST_ANSWERS, level: float = 0.95
) -> ExcessCorrelation:
    """Return the mean correlation between dimensions in one call, in calls of their own, and the excess.

    Each pair of dimensions counts with the answers that have all four scores, so that both correlations rest on the
    same answers; a pair with fewer than ``least``, or a score that never varies on them, does not count. With G
    incidents, theta_g the halo without incident g and m their mean, ``SE = sqrt((G - 1) / G sum (theta_g - m)^2)``
    and the interval is ``halo -+ t_{G-1} SE`` [3]_.

    Parameters
    ----------
    together, alone : float arrays [answer, dimension]
        Scores; NaN is missing.
    clusters : sequence of length n_answers
        The incident of each answer.
    least : int
        Fewest answers for a pair to count.
    level : float
        Nominal coverage of the interval.

    Examples
    --------
    >>> alone = np.array([[1.0, 1], [1, 2], [2, 1], [2, 2]])
    >>> together = np.array([[1.0, 1], [1, 1], [2, 2], [2, 2]])
    >>> found = excess_correlation(together, alone, ["a", "b", "c", "d"], least=4)
    >>> round(found.together, 6), round(found.alone, 6) == 0, round(found.halo, 6)
    (1.0, True, 1.0)
    """
    names, codes = coded(clusters)
    whole: list[tuple[float, float]] = []
    without: list[Floats] = []
    counted = np.zeros(len(codes), dtype=bool)
    for first, second in itertools.combinations(range(together.shape[1]), 2):
        pair = [first, second]
        has = ~np.isnan(together[:, pair]).any(1) & ~np.isnan(alone[:, pair]).any(1)
        if has.sum() < max(least, 2):
            continue
        one, two = together[has][:, pair], alone[has][:, pair]
        if any(np.ptp(column) == 0 for column in (*one.T, *two.T)):
            continue
        counted |= has
        whole.append((_pearson(one), _pearson(two)))
        without.append(
            _leaving_out(one, codes[has], len(names)) - _leaving_out(two, codes[has], len(names))
        )
    if not whole:
        return ExcessCorrelation(together=None, alone=None, halo=None, reason=FEW_ANSWERS)
    mean_together, mean_alone = (float(np.mean(each)) for each in zip(*whole, strict=True))
    there = np.unique(codes[counted])
    se, margin, why = _jackknife(np.mean(without, axis=0)[there], level)
    halo = mean_together - mean_alone
    return ExcessCorrelation(
        together=mean_together, alone=mean_alone, halo=halo, se=se, low=None if margin is None else halo - margin,
        high=None if margin is None else halo + margin, n_pairs=len(whole), n_answers=int(counted.sum()),
        n_clusters=len(there), interval_reason=why,
    )


def _pearson(pair: Floats) -> float:
    return float(np.corrcoef(pair, rowvar=False)[0, 1])


def _leaving_out(pair: Floats, codes: NDArray[np.intp], n_clusters: int) -> Floats:
    """Return Pearson's r without each cluster in turn, from sums: NaN where it is undefined then."""
    x, y = (pair - pair.mean(0)).T
    sums = [
        weights.sum() - np.bincount(codes, weights=weights, minlength=n_clusters)
        for weights in (np.ones(len(x)), x, y, x * x, y * y, x * y)
    ]
    n, sum_x, sum_y, sum_xx, sum_yy, sum_xy = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        var_x, var_y = sum_xx - sum_x**2 / n, sum_yy - sum_y**2 / n
        r: Floats = (sum_xy - sum_x * sum_y / n) / np.sqrt(var_x * var_y)
    is_defined = (n >= 2) & (var_x > _SAME * (x @ x)) & (var_y > _SAME * (y @ y))
    return np.where(is_defined, np.clip(r, -1.0, 1.0), np.nan)


def _jackknife(without: Floats, level: float) -> tuple[float | None, float | None, str]:
    """Return the standard error and half the interval, None with the reason where undefined."""
    n = len(without)
    if n < 2 or np.isnan(without).any():
        return None, None, FEW_CLUSTERS
    se = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    if se <= _SAME:
        return se, None, NO_SPREAD
    return se, float(stats.t.ppf((1 + level) / 2, n - 1)) * se, ""

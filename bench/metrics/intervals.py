"""A mean with its uncertainty, when scores come in clusters (one incident, several items)."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from bench.metrics.cluster_bootstrap import cluster_bootstrap
from bench.metrics.small_sample import mean_spread, score_interval, t_interval
from gvsir.exceptions import UndefinedStatisticError

Values: TypeAlias = Sequence[float | None] | NDArray[Any]
Clusters: TypeAlias = Sequence[Hashable] | NDArray[Any]
Method = Literal["auto", "cr2_t", "cr2_score", "bca", "percentile", "clustered_t"]

NOTHING_SCORED = "Nothing is scored."
ONE_CLUSTER = "All scores come from one incident; the spread between incidents is unknown."
NO_SPREAD = "Every incident has the same mean; the spread, and so an interval, cannot be estimated."


@dataclass(frozen=True, kw_only=True)
class MeanEstimate:
    """A mean, its standard error and its interval.

    Attributes
    ----------
    value : float or None
        The mean of the scored values; None when nothing is scored.
    se, low, high : float or None
        Standard error and interval bounds; None when they cannot be estimated.
    n, n_clusters : int
        Scored values, and the clusters (incidents) they come from.
    n_missing : int
        Values that are None or NaN. They are in no sum and no denominator.
    level : float
        The interval's nominal coverage.
    method : str
        How the interval was made: ``"clustered_t"``, ``"bca_cluster_bootstrap"``, ...
    undefined_reason : str
        Why ``value`` or the interval is None; empty when both are there.
    seed, resamples : int or None
        For a bootstrap: what repeats it to the last digit.
    is_one_sided : bool
        The mean is so near an end of the scale that the interval is conservative, see
        `bench.metrics.small_sample.ScoreInterval`.
    """

    value: float | None
    se: float | None
    low: float | None
    high: float | None
    n: int
    n_clusters: int
    n_missing: int
    level: float
    method: str
    undefined_reason: str = ""
    seed: int | None = None
    resamples: int | None = None
    is_one_sided: bool = False

    @property
    def coverage(self) -> float | None:
        """Scored share of all values, 0 to 1; None when there are no values at all."""
        total = self.n + self.n_missing
        return self.n / total if total else None


def clustered_mean(
    values: Values,
    clusters: Clusters,
    *,
    level: float = 0.95,
) -> MeanEstimate:
    """Return the mean with a cluster-robust standard error and a t interval.

    ``SE = sqrt(sum_g (sum_{i in g} (x_i - mean))^2) / n * sqrt(G / (G - 1))``
    and ``mean -+ t_{G-1} SE``, with G clusters and n scored values.

    Parameters
    ----------
    values : sequence of length n_values
        Scores; None or NaN is missing and left out of sum and count.
    clusters : sequence of length n_values
        The incident (or other cluster) of each value; any hashable.
    level : float
        Nominal coverage of the interval.

    Returns
    -------
    MeanEstimate
        ``value`` is None when nothing is scored; ``se`` and the interval are None with
        one cluster. With all cluster residuals 0, ``se`` is 0 and there is no interval.

    Raises
    ------
    ValueError
        The lengths differ.

    References
    ----------
    .. [1] E. Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024, section 2.2;
       the factor G / (G - 1) and G - 1 degrees: A. C. Cameron and D. L. Miller,
       A practitioner's guide to cluster-robust inference, J. Human Resources 50, 2015.

    Examples
    --------
    >>> mean = clustered_mean([1, 0, 1, 1, None], ["a", "a", "b", "c", "c"])
    >>> mean.value, round(mean.se, 4), mean.n, mean.n_clusters, mean.n_missing
    (0.75, 0.1875, 4, 3, 1)
    """
    data = scored_clusters(values, clusters)
    reason = _no_interval_reason(data)
    if data.n == 0:
        return _estimate(data, level, "clustered_t", reason=reason)
    mean = float(data.values.mean())
    if data.n_clusters < 2:
        return _estimate(data, level, "clustered_t", value=mean, reason=reason)
    sums = np.bincount(data.codes, weights=data.values - mean, minlength=data.n_clusters)
    se = float(np.sqrt(sums @ sums * data.n_clusters / (data.n_clusters - 1)) / data.n)
    if _is_nothing(se, data.values):
        return _estimate(data, level, "clustered_t", value=mean, se=0.0, reason=NO_SPREAD)
    half = float(stdtrit(data.n_clusters - 1, (1 + level) / 2)) * se
    return _estimate(data, level, "clustered_t", value=mean, se=se, low=mean - half, high=mean + half)


def mean_interval(
    values: Values,
    clusters: Clusters,
    *,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
    method: Method = "auto",
    resamples: int = 2000,
    seed: int = 0,
) -> MeanEstimate:
    """Return the mean with the interval that covers best for these clusters.

    Parameters
    ----------
    values, clusters, level
        As for `clustered_mean`.
    bounds : tuple of float, optional
        Lowest and highest possible score. When given, ``auto`` keeps the interval inside them.
    method : {"auto", "cr2_t", "cr2_score", "bca", "percentile", "clustered_t"}
        ``auto`` is ``cr2_score`` with bounds, ``cr2_t`` without. The bootstraps resample clusters.
    resamples, seed : int
        For the bootstraps; both are kept in the result.

    Returns
    -------
    MeanEstimate
        ``method`` names what was done: ``cr2_t`` (Bell-McCaffrey standard error, Satterthwaite
        t, exact where clusters are uneven), ``cr2_score`` (the same in Wilson's formula), ``bca_cluster_bootstrap``,
        ``percentile_cluster_bootstrap`` or ``clustered_t``.

    Notes
    -----
    Chosen by simulation (``tests/benchmarks/coverage_simulation.py``, table in
    ``tests/benchmarks/README.md``; nominal 95 %). With clusters of unequal size and correlation 0.5
    within them, at 6, 10, 20, 50 and 150 clusters BCa covers 85, 85, 88, 91 and 94 %, the percentile
    bootstrap 87, 88, 90, 92 and 95 %, the plain clustered t 92, 90, 92, 93 and 95 %, ``cr2_t`` 95,
    95, 94, 95 and 95 %; where a cluster holds a third to a half of all items it still covers 94 to
    96 %, and the others fall to between 65 and 90 %. ``cr2_score`` covers 94 to 97 % on scores from
    0 to 10 and on shares near a half. Near an end of the scale (a share of 0.95 with up to 20
    clusters, of 0.8 with 6) it covers 97 to 99 %, as ``is_one_sided`` says of the estimate, where
    ``cr2_t`` falls to 53 %. With a tenth of 150 clusters holding most items it covers 93 % there.
    From about 100 clusters of like size all agree.

    Examples
    --------
    >>> scores, incidents = [9, 10, 10, 8, None], ["a", "a", "b", "c", "d"]
    >>> mean = mean_interval(scores, incidents, bounds=(0, 10))
    >>> mean.value, mean.method, mean.high <= 10, mean.n_missing
    (9.25, 'cr2_score', True, 1)
    """
    if method == "clustered_t":
        return clustered_mean(values, clusters, level=level)
    chosen = method if method != "auto" else ("cr2_t" if bounds is None else "cr2_score")
    data = scored_clusters(values, clusters)
    name = f"{chosen}_cluster_bootstrap" if chosen in ("bca", "percentile") else chosen
    reason = _no_interval_reason(data)
    if reason:
        value = float(data.values.mean()) if data.n else None
        return _estimate(data, level, name, value=value, reason=reason)
    count, total, square = data.sums()
    mean_array, spread = mean_spread(count, total, square)
    mean, se = float(mean_array), float(spread.se)
    if chosen == "cr2_score":
        if bounds is None:
            raise ValueError("The score interval needs the bounds of the scale.")
        found = score_interval(mean_array, spread, np.array(data.n_clusters), bounds, level)
        made = _estimate(data, level, name, value=mean, se=se, low=float(found.low), high=float(found.high))
        return replace(made, is_one_sided=bool(found.is_one_sided))
    if _is_nothing(se, data.values):
        return _estimate(data, level, name, value=mean, se=0.0, reason=NO_SPREAD)
    if chosen == "cr2_t":
        low, high = t_interval(mean_array, spread, level)
        return _estimate(data, level, name, value=mean, se=se, low=float(low), high=float(high))
    kind: Literal["bca", "percentile"] = "bca" if chosen == "bca" else "percentile"
    rng = np.random.default_rng(seed)
    drawn = cluster_bootstrap(total, count, rng=rng, resamples=resamples, level=level, kind=kind)
    made = _estimate(data, level, name, value=mean, se=drawn.se, low=drawn.low, high=drawn.high)
    return replace(made, seed=seed, resamples=resamples)


def missing_bounds(values: Values, *, lowest: float, highest: float) -> tuple[float, float] | None:
    """Return the mean if every missing score were the lowest, and the highest, possible one.

    None when there are no values at all.

    References
    ----------
    .. [1] C. F. Manski, Partial Identification of Probability Distributions, 2003, chapter 1.

    Examples
    --------
    >>> missing_bounds([8, None, 10, None], lowest=0, highest=10)
    (4.5, 9.5)
    """
    scores = as_floats(values)
    if not scores.size:
        return None
    missing = np.isnan(scores)
    low, high = (float(np.where(missing, end, scores).mean()) for end in (lowest, highest))
    return low, high


def wilson(successes: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for a share of independent yes/no outcomes.

    Raises
    ------
    UndefinedStatisticError
        ``n`` is 0.

    References
    ----------
    .. [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference,
       JASA 22, 1927.

    Examples
    --------
    R. G. Newcombe, Statistics in Medicine 17, 1998, table I: 81 of 263.

    >>> low, high = wilson(81, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    if n == 0:
        raise UndefinedStatisticError("A share of nothing has no interval.")
    z = float(ndtri((1 + level) / 2))
    p = successes / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


class ScoredClusters(NamedTuple):
    """Scored values with their cluster codes 0..n_clusters - 1."""

    values: NDArray[np.float64]
    codes: NDArray[np.intp]
    n_clusters: int
    n_missing: int

    @property
    def n(self) -> int:
        """The number of scored values."""
        return len(self.values)

    def sums(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return count, sum and sum of squares per cluster."""
        count, total, square = (
            np.bincount(self.codes, weights=part, minlength=self.n_clusters).astype(np.float64)
            for part in (np.ones(self.n), self.values, self.values**2)
        )
        return count, total, square


def scored_clusters(values: Values, clusters: Clusters) -> ScoredClusters:
    """Return the scored values and their clusters; missing ones are counted and dropped."""
    floats = as_floats(values)
    if len(floats) != len(clusters):
        raise ValueError(f"{len(floats)} values but {len(clusters)} clusters.")
    present = ~np.isnan(floats)
    if isinstance(clusters, np.ndarray) and clusters.dtype != object:
        names, codes = np.unique(clusters[present], return_inverse=True)
        return ScoredClusters(floats[present], codes, len(names), int((~present).sum()))
    seen: dict[Hashable, int] = {}
    found = [seen.setdefault(c, len(seen)) for c, keep in zip(clusters, present, strict=True) if keep]
    return ScoredClusters(floats[present], np.array(found, dtype=np.intp), len(seen), int((~present).sum()))


def as_floats(values: Values) -> NDArray[np.float64]:
    """Return values as floats, NaN where missing."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return values.astype(np.float64)
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _no_interval_reason(data: ScoredClusters) -> str:
    """Return why no interval can be made, or an empty string."""
    if data.n == 0:
        return NOTHING_SCORED
    return ONE_CLUSTER if data.n_clusters < 2 else ""


def _is_nothing(se: float, values: NDArray[np.float64]) -> bool:
    """Tell whether a standard error is 0 but for rounding."""
    return se <= 1e-12 * max(1.0, float(np.abs(values).max()))


def _estimate(
    data: ScoredClusters,
    level: float,
    method: str,
    *,
    value: float | None = None,
    se: float | None = None,
    low: float | None = None,
    high: float | None = None,
    reason: str = "",
) -> MeanEstimate:
    """Return the estimate with the counts of its data."""
    return MeanEstimate(
        value=value,
        se=se,
        low=low,
        high=high,
        n=data.n,
        n_clusters=data.n_clusters,
        n_missing=data.n_missing,
        level=level,
        method=method,
        undefined_reason=reason,
    )

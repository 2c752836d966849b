"""A mean with its uncertainty, when scores come in clusters (one incident, several items)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

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

    @property
    def coverage(self) -> float | None:
        """Scored share of all values, 0 to 1; None when there are no values at all."""
        total = self.n + self.n_missing
        return self.n / total if total else None


def clustered_mean(
    values: Sequence[float | None] | NDArray[np.floating],
    clusters: Sequence[Hashable] | NDArray[np.generic],
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
    scored, codes, n_clusters, n_missing = scored_clusters(values, clusters)
    if not scored.size:
        return _without_interval(None, None, scored.size, n_clusters, n_missing, level, NOTHING_SCORED)
    mean = float(scored.mean())
    if n_clusters < 2:
        return _without_interval(mean, None, scored.size, n_clusters, n_missing, level, ONE_CLUSTER)
    sums = np.bincount(codes, weights=scored - mean, minlength=n_clusters)
    se = float(np.sqrt(sums @ sums * n_clusters / (n_clusters - 1)) / scored.size)
    if se <= 1e-12 * max(1.0, float(np.abs(scored).max())):
        return _without_interval(mean, 0.0, scored.size, n_clusters, n_missing, level, NO_SPREAD)
    half = float(stdtrit(n_clusters - 1, (1 + level) / 2)) * se
    return MeanEstimate(
        value=mean,
        se=se,
        low=mean - half,
        high=mean + half,
        n=scored.size,
        n_clusters=n_clusters,
        n_missing=n_missing,
        level=level,
        method="clustered_t",
    )


def _without_interval(
    value: float | None,
    se: float | None,
    n: int,
    n_clusters: int,
    n_missing: int,
    level: float,
    reason: str,
) -> MeanEstimate:
    """Return an estimate whose interval is undefined for the given reason."""
    return MeanEstimate(
        value=value,
        se=se,
        low=None,
        high=None,
        n=n,
        n_clusters=n_clusters,
        n_missing=n_missing,
        level=level,
        method="clustered_t",
        undefined_reason=reason,
    )


def scored_clusters(
    values: Sequence[float | None] | NDArray[np.floating],
    clusters: Sequence[Hashable] | NDArray[np.generic],
) -> tuple[NDArray[np.float64], NDArray[np.intp], int, int]:
    """Return the scored values, their cluster codes 0..G-1, G and the number missing."""
    floats = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    if len(floats) != len(clusters):
        raise ValueError(f"{len(floats)} values but {len(clusters)} clusters.")
    present = ~np.isnan(floats)
    seen: dict[Hashable, int] = {}
    codes = [seen.setdefault(c, len(seen)) for c, keep in zip(clusters, present, strict=True) if keep]
    return floats[present], np.array(codes, dtype=np.intp), len(seen), int((~present).sum())

"""The leaderboard's numbers: every model in every category, in one pass over an array."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.cluster_sums import ClusterSums, cluster_sums
from bench.metrics.coded import coded
from bench.metrics.small_sample import (
    RobustSpread,
    ScoreInterval,
    mean_spread,
    score_interval,
    t_interval,
)
from bench.metrics.stratified import Stratified, stratified_spread

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """Means with intervals, ``[model, category]``; NaN where there is no number.

    Attributes
    ----------
    categories : tuple
        The columns, in order of first appearance.
    value, se, low, high : float arrays
        ``value`` is NaN where nothing is scored; ``se`` and the interval also with one cluster.
    n, n_clusters, n_missing : int arrays
        Scored items, incidents behind them, items without a score.
    method : str
        As in `bench.metrics.intervals.mean_interval`.
    one_sided : bool array, optional
        Where the interval is conservative, see `bench.metrics.small_sample.ScoreInterval`.
    """

    categories: tuple[Hashable, ...]
    value: Floats
    se: Floats
    low: Floats
    high: Floats
    n: NDArray[np.int64]
    n_clusters: NDArray[np.int64]
    n_missing: NDArray[np.int64]
    level: float
    method: str
    one_sided: NDArray[np.bool_] | None = None

    @property
    def coverage(self) -> Floats:
        """Scored share of each cell's items, 0 to 1."""
        share: Floats = self.n / np.maximum(self.n + self.n_missing, 1)
        return share

    def shown(self, minimum: float) -> NDArray[np.bool_]:
        """Return which cells have a value and at least this coverage; the rest is not published."""
        found: NDArray[np.bool_] = ~np.isnan(self.value) & (self.coverage >= minimum)
        return found


def category_table(
    scores: NDArray[Any],
    category: Labels,
    cluster: Labels,
    *,
    bounds: tuple[float, float] | None = None,
    level: float = 0.95,
) -> ScoreTable:
    """Return every model's mean, interval and counts in every category.

    The same numbers as `bench.metrics.intervals.mean_interval` cell by cell.

    Parameters
    ----------
    scores : array [model, item] or [model, item, dimension]
        Epochs averaged; NaN is missing.
    category : sequence of length n_items, or n_dimensions for three axes
        The column each item (or each dimension) belongs to.
    cluster : sequence of length n_items
        The incident each item comes from.
    bounds : tuple of float, optional
        Lowest and highest possible score; keeps the intervals inside.
    level : float

    Examples
    --------
    >>> scores = np.array([[1.0, 0, 1, 1], [0, 0, np.nan, 1]])
    >>> table = category_table(scores, ["care", "care", "trust", "trust"], ["a", "b", "b", "c"])
    >>> table.value.tolist(), table.n_missing.tolist()
    ([[0.5, 1.0], [0.0, 1.0]], [[0, 0], [0, 1]])
    """
    return table_of_categories(
        cluster_sums(*_flattened(np.asarray(scores, dtype=np.float64), category, cluster)), bounds=bounds, level=level
    )


def table_of_categories(
    sums: ClusterSums, *, bounds: tuple[float, float] | None = None, level: float = 0.95
) -> ScoreTable:
    """Return what `category_table` does of scores that are summed already."""
    shape = (sums.n_models, len(sums.names))
    value, se, low, high = (np.full(shape, np.nan) for _ in range(4))
    n, n_clusters, n_missing = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    one_sided = np.zeros(shape, dtype=np.bool_)
    for column, each in enumerate(sums.categories):
        mean, spread = mean_spread(each.counts, each.totals, each.squares)
        n_clusters[:, column] = (each.counts > 0).sum(1)
        cell = _interval(mean, spread, n_clusters[:, column], bounds, level)
        value[:, column], se[:, column] = mean, spread.se
        low[:, column], high[:, column], one_sided[:, column] = cell
        n[:, column] = each.counts.sum(1)
        n_missing[:, column] = len(each.members) - n[:, column]
    return ScoreTable(
        categories=sums.names,
        value=value,
        se=se,
        low=low,
        high=high,
        n=n,
        n_clusters=n_clusters,
        n_missing=n_missing,
        level=level,
        method="cr2_t" if bounds is None else "cr2_score",
        one_sided=one_sided,
    )


def weighted_table(
    scores: NDArray[Any],
    category: Labels,
    cluster: Labels,
    *,
    weights: Mapping[Hashable, float] | None = None,
    bounds: tuple[float, float] | None = None,
    level: float = 0.95,
) -> ScoreTable:
    """Return every model's weighted mean of its category means, as a table of one column.

    ``sum_c w_c mean_c / sum_c |w_c|`` over categories with data, so that a missing category is
    neither 0 nor hidden (``n_missing`` counts its items). An incident that feeds several
    categories is one cluster over all of them; see `bench.metrics.stratified`. A weighted
    category of one incident leaves no interval: its spread is unknown.

    Parameters
    ----------
    scores, category, cluster, bounds, level
        As for `category_table`.
    weights : mapping, optional
        Weight of each category, 0 or more; those not named weigh 0. None: all weigh 1.

    References
    ----------
    .. [1] E. Miller, arXiv 2411.00640, 2024, section 2.2, for one mean; the stratified sum by
       linearisation: W. G. Cochran, Sampling Techniques, 3rd ed., 1977, section 5.9.

    Examples
    --------
    >>> scores = np.array([[1.0, 0, 1, 1], [0, 0, np.nan, 1]])
    >>> table = weighted_table(scores, ["care", "care", "trust", "trust"], ["a", "b", "b", "c"])
    >>> table.value.ravel().tolist()
    [0.75, 0.5]
    """
    sums = cluster_sums(*_flattened(np.asarray(scores, dtype=np.float64), category, cluster))
    return table_of_weighted(sums, weights=weights, bounds=bounds, level=level)


def table_of_weighted(
    sums: ClusterSums,
    *,
    weights: Mapping[Hashable, float] | None = None,
    bounds: tuple[float, float] | None = None,
    level: float = 0.95,
) -> ScoreTable:
    """Return what `weighted_table` does of scores that are summed already."""
    weight = np.array([1.0 if weights is None else weights.get(name, 0.0) for name in sums.names])
    if (weight < 0).any():
        raise ValueError("A category weight is 0 or more.")
    count = np.stack([each.counts.sum(1) for each in sums.categories], 1)
    part = np.where(count > 0, weight, 0.0)
    total_weight = part.sum(1, keepdims=True)
    part /= np.where(total_weight > 0, total_weight, 1.0)
    mean, spread, n_clusters, _has_lone = _combined(sums, part)
    value = np.where(total_weight[:, 0] > 0, mean, np.nan)
    low, high, one_sided = _interval(value, spread, n_clusters, bounds, level)
    used = (count * (weight > 0)).sum(1).astype(np.int64)
    items = sum(len(each.members) for each, w in zip(sums.categories, weight, strict=True) if w > 0)
    return ScoreTable(
        categories=("weighted",),
        value=value[:, None],
        se=spread.se[:, None],
        low=low[:, None],
        high=high[:, None],
        n=used[:, None],
        n_clusters=n_clusters[:, None],
        n_missing=(items - used)[:, None],
        level=level,
        method="cr2_t" if bounds is None else "cr2_score",
        one_sided=one_sided[:, None],
    )


def _combined(sums: ClusterSums, part: Floats) -> Stratified:
    """Return the weighted mean per model; ``part[model, category]`` are weights that sum to 1.

    Of one category it is `bench.metrics.small_sample.mean_spread`, so that a layer of one category has the
    category's interval.
    """
    used = np.flatnonzero((part > 0).any(0))
    if len(used) == 1:
        lone = sums.categories[int(used[0])]
        mean, spread = mean_spread(lone.counts, lone.totals, lone.squares)
        n_clusters = np.where(part[:, used[0]] > 0, (lone.counts > 0).sum(1), 0)
        return Stratified(mean, spread, n_clusters, n_clusters < 2)
    squares = np.zeros((len(part), len(used)))
    for place, column in enumerate(used):
        squares[:, place] = sums.categories[int(column)].squares.sum(1)
    return stratified_spread(*sums.dense(used), squares, part[:, used])


def _interval(
    mean: Floats,
    spread: RobustSpread,
    n_clusters: NDArray[np.int64],
    bounds: tuple[float, float] | None,
    level: float,
) -> ScoreInterval:
    """Return bounds; NaN where the spread is unknown, or 0 without a known scale."""
    if bounds is not None:
        return score_interval(mean, spread, n_clusters.astype(np.float64), bounds, level)
    nothing = spread.se <= 1e-12 * np.maximum(1.0, np.abs(np.nan_to_num(mean)))
    low, high = t_interval(mean, spread, level)
    return ScoreInterval(
        np.where(nothing, np.nan, low), np.where(nothing, np.nan, high), np.zeros(low.shape, dtype=np.bool_)
    )


def _flattened(scores: Floats, category: Labels, cluster: Labels) -> tuple[Floats, Labels, Labels]:
    """Return scores [model, column], and the category and the cluster of each column."""
    if scores.ndim != 3:
        return scores, category, cluster
    models, items, dimensions = scores.shape
    if len(category) != dimensions or len(cluster) != items:
        raise ValueError("One category per dimension and one cluster per item are needed.")
    return (
        scores.reshape(models, items * dimensions), list(category) * items, np.repeat(coded(cluster).codes, dimensions)
    )

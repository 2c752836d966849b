"""The leaderboard's numbers: every model in every category, in one pass over an array."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


class _Block(NamedTuple):
    """Sums per cluster of one category: arrays [model, cluster], and the number of items."""

    counts: Floats
    totals: Floats
    squares: Floats
    items: int
    clusters: NDArray[np.intp]


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
    flat, columns, codes = _flattened(np.asarray(scores, dtype=np.float64), category, cluster)
    names, where = coded(columns)
    shape = (len(flat), len(names))
    value, se, low, high = (np.full(shape, np.nan) for _ in range(4))
    n, n_clusters, n_missing = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    one_sided = np.zeros(shape, dtype=np.bool_)
    for column, block in enumerate(_blocks(flat, where, codes, len(names))):
        mean, spread = mean_spread(block.counts, block.totals, block.squares)
        n_clusters[:, column] = (block.counts > 0).sum(1)
        cell = _interval(mean, spread, n_clusters[:, column], bounds, level)
        value[:, column], se[:, column] = mean, spread.se
        low[:, column], high[:, column], one_sided[:, column] = cell
        n[:, column] = block.counts.sum(1)
        n_missing[:, column] = block.items - n[:, column]
    return ScoreTable(
        categories=names,
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
    weights: dict[Hashable, float] | None = None,
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
    weights : dict, optional
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
    flat, columns, codes = _flattened(np.asarray(scores, dtype=np.float64), category, cluster)
    names, where = coded(columns)
    weight = np.array([1.0 if weights is None else weights.get(name, 0.0) for name in names])
    if (weight < 0).any():
        raise ValueError("A category weight is 0 or more.")
    blocks = _blocks(flat, where, codes, len(names))
    count = np.stack([block.counts.sum(1) for block in blocks], 1)
    part = np.where(count > 0, weight, 0.0)
    total_weight = part.sum(1, keepdims=True)
    part /= np.where(total_weight > 0, total_weight, 1.0)
    mean, spread, n_clusters, _has_lone = _combined(blocks, part, int(codes.max()) + 1)
    value = np.where(total_weight[:, 0] > 0, mean, np.nan)
    low, high, one_sided = _interval(value, spread, n_clusters, bounds, level)
    used = (count * (weight > 0)).sum(1).astype(np.int64)
    items = sum(block.items for block, w in zip(blocks, weight, strict=True) if w > 0)
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


def _combined(blocks: list[_Block], part: Floats, n_groups: int) -> Stratified:
    """Return the weighted mean per model; ``part[model, category]`` are weights that sum to 1.

    Of one category it is `bench.metrics.small_sample.mean_spread`, so that a layer of one category has the
    category's interval.
    """
    used = np.flatnonzero((part > 0).any(0))
    if len(used) == 1:
        block = blocks[int(used[0])]
        mean, spread = mean_spread(block.counts, block.totals, block.squares)
        n_clusters = np.where(part[:, used[0]] > 0, (block.counts > 0).sum(1), 0)
        return Stratified(mean, spread, n_clusters, n_clusters < 2)
    count, total, square = (np.zeros((len(part), n_groups, len(used))) for _ in range(3))
    for place, column in enumerate(used):
        block = blocks[int(column)]
        count[:, block.clusters, place] = block.counts
        total[:, block.clusters, place] = block.totals
        square[:, block.clusters, place] = block.squares
    return stratified_spread(count, total, square, part[:, used])


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


def _flattened(
    scores: Floats, category: Labels, cluster: Labels
) -> tuple[Floats, Labels, NDArray[np.intp]]:
    """Return scores [model, column], the category of each column and its cluster code."""
    codes = coded(cluster).codes
    if scores.ndim == 3:
        models, items, dimensions = scores.shape
        if len(category) != dimensions or len(codes) != items:
            raise ValueError("One category per dimension and one cluster per item are needed.")
        tiled = list(category) * items
        return scores.reshape(models, items * dimensions), tiled, np.repeat(codes, dimensions)
    if scores.ndim != 2 or not scores.shape[1] == len(category) == len(codes):
        raise ValueError("Scores are [model, item], with one category and one cluster per item.")
    return scores, category, codes


def _blocks(
    flat: Floats, where: NDArray[np.intp], codes: NDArray[np.intp], n_categories: int
) -> list[_Block]:
    """Return the sums per cluster of each category."""
    blocks = []
    for column in range(n_categories):
        members = np.flatnonzero(where == column)
        members = members[np.argsort(codes[members], kind="stable")]
        clusters, starts = np.unique(codes[members], return_index=True)
        part = flat[:, members]
        present = ~np.isnan(part)
        part = np.where(present, part, 0.0)
        count, total, square = (
            np.add.reduceat(array, starts, axis=1)
            for array in (present.astype(np.float64), part, part * part)
        )
        blocks.append(_Block(count, total, square, len(members), clusters))
    return blocks

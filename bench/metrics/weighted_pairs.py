"""All pairs of models at once: differences of weighted means on shared items, and the tiers they make."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from bench.metrics.cluster_sums import ClusterSums, cluster_sums
from bench.metrics.multiplicity import holm
from bench.metrics.small_sample import RobustSpread
from bench.metrics.stratified import Stratified, stacked, stratified_spread

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]

#: Numbers held at once per array for a block of pairs: they stay in the processor's cache.
_AT_ONCE: Final = 50_000
#: Sums of squared differences under this share of those of both models are rounding.
_NOISE: Final = 1e-12


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Arrays [pair], models in the order of `numpy.triu_indices`; NaN where undefined.

    Attributes
    ----------
    first, second : int arrays
        Rows of the two models.
    difference, se, df : float arrays
        First less second, its clustered standard error and degrees of freedom.
    p_value, adjusted : float arrays
        Two-sided, and after Holm over all pairs that have one.
    n_shared, n_clusters : int arrays
        Items both answered, and the incidents these come from.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    difference: Floats
    se: Floats
    df: Floats
    p_value: Floats
    adjusted: Floats
    n_shared: NDArray[np.int64]
    n_clusters: NDArray[np.int64]

    def square(self, values: Floats, *, diagonal: float) -> Floats:
        """Return ``values`` [pair] as a symmetric matrix [model, model]."""
        size = int(self.second.max(initial=0)) + 1
        found: Floats = np.full((size, size), diagonal)
        found[self.first, self.second] = found[self.second, self.first] = values
        return found


def weighted_pairs(
    scores: NDArray[Any], category: Labels, cluster: Labels, *, weights: Mapping[Any, float] | None = None
) -> Pairs:
    """Return every pair's difference of weighted category means over the items both answered.

    ``sum_c w_c mean_c(a - b) / sum_c w_c`` over categories in which the two share an item. The variance is
    clustered as in `bench.metrics.stratified` (an incident is one cluster over all categories); p from t.
    Where every incident has the same difference, which leaves no spread to estimate, p is that of the
    sign-flip test, ``2 / 2^G``. Where a weighted category has no shared item, or shared items of one incident
    only, there is no p: its part in the difference, or the spread of that, is unknown.

    Parameters
    ----------
    scores : array [model, item]
        One model at least, epochs averaged; NaN is missing.
    category, cluster : sequences of length n_items
    weights : mapping, optional
        Weight of each category, 0 or more; those not named weigh 0. None: all weigh 1.

    References
    ----------
    .. [1] E. Miller, arXiv 2411.00640, 2024, section 4 (paired differences, clustered); CR2:
       R. M. Bell and D. F. McCaffrey, Survey Methodology 28, 2002; stratified sum: W. G. Cochran,
       Sampling Techniques, 1977, section 5.9; S. Holm, Scandinavian Journal of Statistics 6, 1979.

    Examples
    --------
    One category, one item an incident: differences 1, 2, 3 have mean 2 and standard error 1/sqrt(3).

    >>> pairs = weighted_pairs(np.array([[5.0, 6, 7], [4, 4, 4]]), ["c"] * 3, ["x", "y", "z"])
    >>> pairs.difference.tolist(), pairs.se.round(4).tolist(), pairs.df.round(6).tolist()
    ([2.0], [0.5774], [2.0])
    """
    values = np.asarray(scores, dtype=np.float64)
    first, second = np.triu_indices(len(values), 1)
    sums = cluster_sums(values, category, cluster)
    weight = np.array([1.0 if weights is None else float(weights.get(name, 0.0)) for name in sums.names])
    used = weight > 0
    differences = _Differences(values, sums, np.flatnonzero(used))

    def of_pairs(one: int, others: slice) -> tuple[Floats, Stratified]:
        counts = differences.shared[one, others]
        part = np.where(counts > 0, weight[used], 0.0)
        whole = part.sum(1, keepdims=True)
        return counts, stratified_spread(*differences.of(one, others), part / np.where(whole > 0, whole, 1.0))

    step = max(1, _AT_ONCE // max(1, sums.n_clusters * int(used.sum())))
    blocks = [
        (one, slice(start, min(start + step, len(values))))
        for one in range(len(values)) for start in range(one + 1, len(values), step)
    ]
    made = [of_pairs(*block) for block in blocks or [(0, slice(0, 0))]]
    counts, found = np.concatenate([each for each, _found in made]), stacked([each for _counts, each in made])
    whole = np.where(counts > 0, weight[used], 0.0).sum(1, keepdims=True)
    difference = np.where(whole[:, 0] > 0, found.mean, np.nan)
    p = _p_values(difference, found.spread, found.n_clusters)
    p[found.has_lone | (counts == 0).any(1)] = np.nan
    adjusted = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    adjusted[known] = holm(p[known])
    return Pairs(
        first=first, second=second, difference=difference, se=found.spread.se, df=found.spread.df, p_value=p,
        adjusted=adjusted, n_shared=counts.sum(1).round().astype(np.int64), n_clusters=found.n_clusters,
    )


def tiers_from_pairs(overall: Floats, pairs: Pairs, *, alpha: float = 0.05) -> NDArray[np.int64]:
    """Return the tier of every model, 1 the best; 0 for a model without a score.

    From the top: the best model opens a tier; each next model joins it until one is told from the opener
    (Holm-adjusted p at most ``alpha``), which opens the next tier. A pair that cannot be tested is not told apart.

    Examples
    --------
    >>> gap = np.linspace(0.9, 1.1, 16)
    >>> scores = np.array([5 + gap, np.full(16, 5.0), 5 + 0.01 * np.cos(np.arange(16))])
    >>> tiers_from_pairs(scores.mean(1), weighted_pairs(scores, ["c"] * 16, range(16))).tolist()
    [1, 2, 2]
    """
    found = np.zeros(len(overall), dtype=np.int64)
    order = [int(row) for row in np.argsort(-np.nan_to_num(overall, nan=-np.inf), kind="stable")]
    p = pairs.square(np.nan_to_num(pairs.adjusted, nan=1.0), diagonal=1.0)
    tier, opener = 0, -1
    for row in order:
        if np.isnan(overall[row]):
            continue
        if tier == 0 or p[opener, row] <= alpha:
            tier, opener = tier + 1, row
        found[row] = tier
    return found


class _Differences:
    """Sums of differences over the items two models share, by category and cluster.

    Over all items they are those of one model less those of the other; the items that one of the two lacks are then
    taken off, cluster by cluster.

    Attributes
    ----------
    shared : float array [model, model, category]
        Items both have.
    """

    def __init__(self, values: Floats, sums: ClusterSums, places: NDArray[np.intp]) -> None:
        n_models = len(values)
        parts = [sums.categories[int(place)] for place in places]
        self.shape = (len(places), sums.n_clusters)
        self.count, self.total = (each.reshape(n_models, len(places) * sums.n_clusters) for each in sums.dense(places))
        items = np.concatenate([part.members for part in parts]) if parts else np.zeros(0, dtype=np.intp)
        held = values[:, items]
        present = ~np.isnan(held)
        self.filled, self.present = np.where(present, held, 0.0), present.astype(np.float64)
        self.shared, self.squares = (np.zeros((n_models, n_models, len(places))) for _ in range(2))
        self.by_item = np.ascontiguousarray(self.filled.T)  # the others' scores of an item lie together
        cells: list[NDArray[np.intp]] = [np.zeros(0, dtype=np.intp)]
        begin = 0
        for place, part in enumerate(parts):
            at = slice(begin, begin + len(part.members))
            filled, there = self.filled[:, at], self.present[:, at]
            own = filled**2 @ there.T
            own += own.T
            squares = own - 2.0 * (filled @ filled.T)
            self.squares[:, :, place] = np.where(squares > _NOISE * own, squares, 0.0)
            self.shared[:, :, place] = (there @ there.T).round()
            cells.append(place * sums.n_clusters + np.repeat(part.clusters, part.sizes))
            begin = at.stop
        model, self.lacked = np.nonzero(~present)  # by model, and of one model by cell
        cell = np.concatenate(cells)[self.lacked]
        is_new = np.ones(len(cell), dtype=np.bool_)
        is_new[1:] = (np.diff(model) != 0) | (np.diff(cell) != 0)
        self.starts = np.flatnonzero(is_new)
        self.model, self.cell = model[is_new], cell[is_new]
        self.begins = np.searchsorted(self.model, np.arange(n_models + 1))

    def of(self, one: int, others: slice) -> tuple[Floats, Floats, Floats]:
        """Return shared items and sums of ``one`` less each of ``others``, [pair, category, cluster], and of squares."""
        total = self.total[one] - self.total[others]
        count = np.broadcast_to(self.count[one], total.shape).copy()
        items, starts, groups = self._lacked(others.start, others.stop)
        if len(items):
            at = (self.model[groups] - others.start, self.cell[groups])
            count[at] -= np.add.reduceat(self.present[one, items], starts)
            total[at] = np.where(count[at] > 0, total[at] - np.add.reduceat(self.filled[one, items], starts), 0.0)
        items, starts, groups = self._lacked(one, one + 1)
        if len(items):
            cells = self.cell[groups]
            back = np.add.reduceat(self.by_item[items, others], starts, axis=0)
            total[:, cells] = np.where(count[:, cells] > 0, total[:, cells] + back.T, 0.0)
        shape = (len(total), *self.shape)
        return count.reshape(shape), total.reshape(shape), self.squares[one, others]

    def _lacked(self, begin: int, end: int) -> tuple[NDArray[np.intp], NDArray[np.intp], slice]:
        """Return the items that models ``begin`` to ``end`` lack, where each cell's begin, and which cells these are."""
        groups = slice(int(self.begins[begin]), int(self.begins[end]))
        starts = self.starts[groups]
        if not len(starts):
            return self.lacked[:0], starts, groups
        stop = int(self.starts[groups.stop]) if groups.stop < len(self.starts) else len(self.lacked)
        return self.lacked[int(starts[0]) : stop], starts - starts[0], groups


def _p_values(difference: Floats, spread: RobustSpread, n_clusters: NDArray[np.int64]) -> Floats:
    known = (n_clusters > 1) & ~np.isnan(difference)
    flat = known & ~(spread.se > 1e-12 * np.maximum(1.0, np.abs(difference)))
    safe = np.where(known & ~flat, spread.se, 1.0)
    p = 2.0 * stdtr(np.where(known & ~flat, spread.df, 1.0), -np.abs(np.nan_to_num(difference)) / safe)
    same = np.where(np.abs(difference) > 1e-12, 2.0 ** (1.0 - n_clusters), 1.0)
    return np.where(known, np.where(flat, same, np.minimum(p, 1.0)), np.nan)

"""All pairs of models at once: differences of weighted means on shared items, and the tiers they make."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from bench.metrics.coded import coded
from bench.metrics.in_threads import in_threads
from bench.metrics.multiplicity import holm
from bench.metrics.small_sample import RobustSpread
from bench.metrics.stratified import Stratified, stacked, stratified_spread

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]

#: Clusters whose differences are summed at once, and numbers held for a block of pairs.
_CLUSTERS: Final = 256
_AT_ONCE: Final = 600_000


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
        Epochs averaged; NaN is missing.
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
    clusters, groups = coded(cluster)
    n_groups = len(clusters)
    names = list(dict.fromkeys(category))
    weight = np.array([1.0 if weights is None else float(weights.get(name, 0.0)) for name in names])
    used = weight > 0
    columns = _columns(values, category, groups, used)

    def of_pairs(at: slice) -> tuple[Floats, Stratified]:
        count, total, square = _differences(columns, n_groups, first[at], second[at])
        counts = count.sum(1)
        part = np.where(counts > 0, weight[used], 0.0)
        whole = part.sum(1, keepdims=True)
        return counts, stratified_spread(count, total, square, part / np.where(whole > 0, whole, 1.0))

    step = max(1, _AT_ONCE // max(1, n_groups * len(columns)))
    blocks = [(slice(start, start + step),) for start in range(0, len(first), step)] or [(slice(0, 0),)]
    made = in_threads(of_pairs, blocks)
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


class _Column(NamedTuple):
    """The items of one category: rows of ``filled`` and ``present`` [item, model], by cluster, the larger first."""

    clusters: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    filled: Floats
    present: NDArray[np.bool_]


def _columns(
    values: Floats, category: Labels, groups: NDArray[np.intp], wanted: NDArray[np.bool_]
) -> list[_Column]:
    codes = coded(category).codes
    found = []
    for column in np.flatnonzero(wanted):
        members = np.flatnonzero(codes == column)
        members = members[np.argsort(groups[members], kind="stable")]
        clusters, starts, sizes = np.unique(groups[members], return_index=True, return_counts=True)
        order = np.argsort(-sizes, kind="stable")
        part = np.ascontiguousarray(values[:, members].T)
        present: NDArray[np.bool_] = ~np.isnan(part)
        found.append(_Column(clusters[order], starts[order], sizes[order], np.where(present, part, 0.0), present))
    return found


def _differences(
    columns: Sequence[_Column], n_groups: int, first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[Floats, Floats, Floats]:
    """Return [pair, cluster, column]: shared items, the sums of their differences and of these squared."""
    count, total, square = (np.zeros((n_groups, len(columns), len(first))) for _ in range(3))
    for place, column in enumerate(columns):
        for begin in range(0, len(column.clusters), _CLUSTERS):
            at = slice(begin, begin + _CLUSTERS)
            n, differences, squares = (np.zeros((len(column.clusters[at]), len(first))) for _ in range(3))
            for member in range(int(column.sizes[begin])):
                rows = column.starts[at][column.sizes[at] > member] + member  # the larger clusters come first
                filled, present = column.filled[rows], column.present[rows]
                found = filled.take(first, axis=1) - filled.take(second, axis=1)
                if present.all():
                    n[: len(rows)] += 1.0
                else:
                    both = present.take(first, axis=1) & present.take(second, axis=1)
                    found *= both
                    n[: len(rows)] += both
                differences[: len(rows)] += found
                found *= found
                squares[: len(rows)] += found
            where = column.clusters[at]
            count[where, place], total[where, place], square[where, place] = n, differences, squares
    return np.moveaxis(count, 2, 0), np.moveaxis(total, 2, 0), np.moveaxis(square, 2, 0)


def _p_values(difference: Floats, spread: RobustSpread, n_clusters: NDArray[np.int64]) -> Floats:
    known = (n_clusters > 1) & ~np.isnan(difference)
    flat = known & ~(spread.se > 1e-12 * np.maximum(1.0, np.abs(difference)))
    safe = np.where(known & ~flat, spread.se, 1.0)
    p = 2.0 * stdtr(np.where(known & ~flat, spread.df, 1.0), -np.abs(np.nan_to_num(difference)) / safe)
    same = np.where(np.abs(difference) > 1e-12, 2.0 ** (1.0 - n_clusters), 1.0)
    return np.where(known, np.where(flat, same, np.minimum(p, 1.0)), np.nan)

"""Scores summed by category and incident: what means, their intervals and their differences are made from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.coded import coded

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]


class CategorySums(NamedTuple):
    """Sums per cluster of one category.

    ``members`` are its items, those of a cluster together, ``sizes`` how many each cluster has; ``counts``, ``totals``
    and ``squares`` [model, cluster] are of the scored ones.
    """

    members: NDArray[np.intp]
    clusters: NDArray[np.intp]
    sizes: NDArray[np.intp]
    counts: Floats
    totals: Floats
    squares: Floats


class ClusterSums(NamedTuple):
    """The categories in order of appearance with their sums, and the number of clusters over all of them."""

    names: tuple[Hashable, ...]
    categories: list[CategorySums]
    n_clusters: int

    @property
    def n_models(self) -> int:
        """Rows of the scores that were summed; 0 where there is no category."""
        return len(self.categories[0].counts) if self.categories else 0

    def dense(self, places: Sequence[int] | NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Return counts and totals of the categories at ``places``, [model, category, cluster]."""
        shape = (self.n_models, len(places), self.n_clusters)
        count, total = np.zeros(shape), np.zeros(shape)
        for at, place in enumerate(places):
            each = self.categories[int(place)]
            count[:, at, each.clusters], total[:, at, each.clusters] = each.counts, each.totals
        return count, total


def cluster_sums(scores: Floats, category: Labels, cluster: Labels) -> ClusterSums:
    """Return the sums of ``scores`` [model, item] by category and cluster; NaN is missing and in no sum.

    Raises
    ------
    ValueError
        There is not one category and one cluster for every item.

    Examples
    --------
    >>> found = cluster_sums(np.array([[1.0, 2, 4, np.nan]]), ["a", "a", "a", "b"], ["x", "y", "x", "y"])
    >>> found.names, found.n_clusters, found.categories[0].totals.tolist(), found.categories[1].counts.tolist()
    (('a', 'b'), 2, [[5.0, 2.0]], [[0.0]])
    """
    names, where = coded(category)
    clusters, codes = coded(cluster)
    if scores.ndim != 2 or not scores.shape[1] == len(where) == len(codes):
        raise ValueError("Scores are [model, item], with one category and one cluster per item.")
    found = []
    for column in range(len(names)):
        members = np.flatnonzero(where == column)
        members = members[np.argsort(codes[members], kind="stable")]
        there, starts, sizes = np.unique(codes[members], return_index=True, return_counts=True)
        part = scores[:, members]
        present = ~np.isnan(part)
        part = np.where(present, part, 0.0)
        count, total, square = (
            np.add.reduceat(array, starts, axis=1) for array in (present.astype(np.float64), part, part * part)
        )
        found.append(CategorySums(members, there, sizes, count, total, square))
    return ClusterSums(names, found, len(clusters))

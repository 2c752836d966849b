"""Reliability data: what each coder said of each unit, as arrays.

``ratings[coder, unit]`` holds the index of a category, or -1 where the coder did not rate the unit.
``counts[unit, category]`` holds how many coders gave a unit a category; that is all that
Krippendorff's alpha needs.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MISSING = -1


@dataclass(frozen=True, kw_only=True)
class ReliabilityData:
    """Ratings with their axes.

    Parameters
    ----------
    ratings : (n_coders, n_units) array of int
        Index into ``categories``; -1 is "not rated".
    coders, units, categories : tuple
        The names along the axes, and what the indices stand for.
    """

    ratings: NDArray[np.int64]
    coders: tuple[Hashable, ...]
    units: tuple[Hashable, ...]
    categories: tuple[Hashable, ...]

    def counts(self) -> NDArray[np.int64]:
        """Return ``counts[unit, category]``."""
        n_units, n_categories = len(self.units), len(self.categories)
        counts = np.zeros((n_units, n_categories), dtype=np.int64)
        for row in self.ratings:
            rated = np.flatnonzero(row != MISSING)
            counts[rated, row[rated]] += 1
        return counts

    def binarised(self, category: Hashable) -> ReliabilityData:
        """Return the same data with two categories: is it ``category``, or another."""
        index = self.categories.index(category)
        ratings = np.where(self.ratings == MISSING, MISSING, (self.ratings == index).astype(np.int64))
        return ReliabilityData(ratings=ratings, coders=self.coders, units=self.units, categories=(False, True))


def from_ratings(
    ratings: Mapping[Hashable, Mapping[Hashable, Hashable | None]],
    *,
    categories: Sequence[Hashable] | None = None,
    units: Sequence[Hashable] | None = None,
) -> ReliabilityData:
    """Return the arrays of ``{coder: {unit: value}}``.

    Parameters
    ----------
    ratings : mapping
        What each coder said. A unit left out, or with the value None, was not rated.
    categories : sequence, optional
        The frozen list of categories, in its order. By default the values seen, sorted.
    units : sequence, optional
        The units, in order. By default those seen, in the order they were met.

    Raises
    ------
    ValueError
        A value is not among ``categories``.

    Examples
    --------
    >>> data = from_ratings({"A": {1: "x", 2: "y"}, "B": {1: "x"}})
    >>> data.ratings.tolist(), data.counts().tolist()
    ([[0, 1], [0, -1]], [[2, 0], [0, 1]])
    """
    if units is None:
        units = list(dict.fromkeys(unit for of_coder in ratings.values() for unit in of_coder))
    if categories is None:
        seen = {value for of_coder in ratings.values() for value in of_coder.values() if value is not None}
        categories = sorted(seen, key=lambda value: (str(type(value)), value))
    index = {value: position for position, value in enumerate(categories)}
    place = {unit: position for position, unit in enumerate(units)}
    array = np.full((len(ratings), len(units)), MISSING, dtype=np.int64)
    for row, of_coder in enumerate(ratings.values()):
        for unit, value in of_coder.items():
            if value is None or unit not in place:
                continue
            if value not in index:
                raise ValueError(f"{value!r} is not among the categories.")
            array[row, place[unit]] = index[value]
    return ReliabilityData(ratings=array, coders=tuple(ratings), units=tuple(units), categories=tuple(categories))

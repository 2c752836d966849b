"""Ranks with ties, and weighted means over what is there. No Django here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class WeightedMean(NamedTuple):
    """A weighted mean, and how many of the weighted values it rests on."""

    value: float | None
    n_used: int
    n_missing: int


def weighted_mean(values: Mapping[str, float | None], weights: Mapping[str, float]) -> WeightedMean:
    """Return ``sum w_i S_i / sum w_i`` over the values that are there and weigh more than 0.

    A missing value is in neither sum, and never 0; 0 itself is a value like any other.

    References
    ----------
    .. [1] Value Compass, arXiv 2501.07071, equation 2, normalised by the weights so that results are
       comparable between weight sets.

    Examples
    --------
    >>> weighted_mean({"power": 0.0, "security": 60.0, "hedonism": None}, {"power": 1, "security": 2, "hedonism": 1})
    WeightedMean(value=40.0, n_used=2, n_missing=1)
    """
    weighing = [key for key in values if weights.get(key, 0.0) > 0]
    used = [(weights[key], value) for key in weighing if (value := values[key]) is not None]
    total = math.fsum(weight for weight, _ in used)
    mean = math.fsum(weight * value for weight, value in used) / total if total else None
    return WeightedMean(mean, len(used), len(weighing) - len(used))


def group_weights(
    weights: Mapping[str, float], groups: Mapping[str, Sequence[str]], present: Sequence[str]
) -> dict[str, float]:
    """Return weights under which equal wishes give the mean of the groups' means.

    Each member's weight is divided by the number of members of its group that weigh more than 0 and are
    ``present``, so that a layer of two categories counts as much as one of six.

    Examples
    --------
    >>> group_weights({"a": 1, "b": 1, "c": 2}, {"first": ["a", "b"], "second": ["c"]}, ["a", "b", "c"])
    {'a': 0.5, 'b': 0.5, 'c': 2.0}
    """
    result: dict[str, float] = {}
    for members in groups.values():
        counted = [key for key in members if weights.get(key, 0.0) > 0 and key in present]
        for key in counted:
            result[key] = weights[key] / len(counted)
    return result


def shared_ranks(values: Sequence[float | None]) -> list[int | None]:
    """Return each value's rank, 1 for the highest: one more than the number of higher values.

    Equal values (to a relative 1e-9) share a rank, and the next rank is left out; a missing value has none.

    Examples
    --------
    >>> shared_ranks([7.0, 9.0, None, 7.0, 3.0])
    [2, 1, None, 2, 4]
    """
    there = [value for value in values if value is not None]
    return [
        None if value is None
        else 1 + sum(other > value and not math.isclose(other, value, rel_tol=1e-9, abs_tol=1e-12) for other in there)
        for value in values
    ]


def rank_ranges(intervals: Sequence[tuple[float, float] | None]) -> list[tuple[int, int] | None]:
    """Return the ranks each one could have, given the intervals: from best to worst.

    Somebody is surely better if their whole interval lies above, and surely worse if it lies below; all
    others could be on either side. This is cautious: intervals that overlap a little may still differ.
    None where one has no interval, and for all where nobody else's is known.

    Examples
    --------
    >>> rank_ranges([(8.0, 9.0), (6.0, 8.5), (1.0, 2.0), None])
    [(1, 2), (1, 2), (3, 3), None]
    """
    there = [interval for interval in intervals if interval is not None]
    return [
        None if own is None
        else (
            1 + sum(other[0] > own[1] for other in there),
            len(there) - sum(other[1] < own[0] for other in there),
        )
        for own in intervals
    ]

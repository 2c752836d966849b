"""Bootstrap intervals for a whole leaderboard: incidents drawn again, every model and category at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from bench.metrics.coded import coded

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]
Kind = Literal["bca", "percentile"]
#: Numbers held at once per array of draws.
_BATCH = 4_000_000
#: The least share of draws that must be of use.
_USABLE = 0.5


class BootstrapBounds(NamedTuple):
    """Arrays [model, column]: standard deviation of the draws, and both ends; NaN where there are none."""

    se: Floats
    low: Floats
    high: Floats


def bootstrap_categories(
    scores: NDArray[Any], category: Labels, cluster: Labels, names: Sequence[Hashable], *, kind: Kind = "bca",
    seed: int = 0, resamples: int = 2000, level: float = 0.95,
) -> BootstrapBounds:
    """Return the interval of every model's mean in each of the categories ``names``.

    As `bench.metrics.cluster_bootstrap.cluster_bootstrap` of each cell; the clusters of a category are drawn once
    for all models.
    """
    codes, column_of = coded(cluster).codes, _places(category, names)
    found = []
    for column in range(len(names)):
        members = np.flatnonzero(column_of == column)
        count, total = _sums(scores[:, members], np.unique(codes[members], return_inverse=True)[1])
        whole = np.ones((len(scores), 1))
        found.append(_bounds(count[..., None], total[..., None], whole, kind, seed, resamples, level))
    if not found:
        nothing: Floats = np.zeros((len(scores), 0))
        return BootstrapBounds(nothing, nothing, nothing)
    return BootstrapBounds(*(np.stack(part, 1) for part in zip(*found, strict=True)))


def bootstrap_weighted(
    scores: NDArray[Any], category: Labels, cluster: Labels, weights: Mapping[Any, float], *, kind: Kind = "bca",
    seed: int = 0, resamples: int = 2000, level: float = 0.95,
) -> BootstrapBounds:
    """Return the interval of every model's weighted mean of category means, as arrays of one column.

    Incidents are drawn over all categories, so that one that feeds several moves them together. A draw that leaves
    a weighted category without an incident has no such mean and is not used; where more than half of the draws are
    like that, and where a weighted category has one incident, there is no interval.

    Parameters
    ----------
    scores : array [model, item]
        Epochs averaged; NaN is missing.
    category, cluster : sequences of length n_items
    weights : mapping
        Weight of each category, 0 or more; those not named weigh 0.
    kind : {"bca", "percentile"}
    seed, resamples : int
        The same seed gives the same interval.

    References
    ----------
    .. [1] B. Efron, Better bootstrap confidence intervals, JASA 82, 1987; A. C. Davison and D. V. Hinkley, Bootstrap
       Methods and their Application, 1997, sections 3.8 (clusters) and 5.3 (BCa, jackknife acceleration).

    Examples
    --------
    >>> scores = np.array([[3.0, 5, 4, 8, 9, 7]])
    >>> found = bootstrap_weighted(scores, list("aaabbb"), range(6), {"a": 1, "b": 1})
    >>> bool(found.low[0, 0] < 6 < found.high[0, 0])
    True
    """
    names = [name for name, weight in weights.items() if weight > 0]
    codes, column_of = coded(cluster).codes, _places(category, names)
    size = int(codes.max(initial=-1)) + 1
    count, total = _nothing(len(scores), size, len(names)), _nothing(len(scores), size, len(names))
    for column in range(len(names)):
        members = np.flatnonzero(column_of == column)
        count[..., column], total[..., column] = _sums(scores[:, members], codes[members], size)
    used = (count > 0).any((0, 2))
    count, total = count[:, used], total[:, used]
    part = np.where(count.sum(1) > 0, np.array([weights[name] for name in names], dtype=np.float64), 0.0)
    whole = part.sum(1, keepdims=True)
    found = _bounds(count, total, part / np.where(whole > 0, whole, 1.0), kind, seed, resamples, level)
    return BootstrapBounds(*(each[:, None] for each in found))


def _bounds(
    count: Floats, total: Floats, part: Floats, kind: Kind, seed: int, resamples: int, level: float
) -> BootstrapBounds:
    """Return bounds [model]; ``count`` and ``total`` are [model, cluster, category]."""
    n = count.sum(1)
    value = (part * _ratio(total.sum(1), n, 0.0)).sum(1)
    drawn = _drawn(count, total, part, np.random.default_rng(seed), resamples)
    usable = ~np.isnan(drawn)
    n_usable = usable.sum(0)
    near = np.abs(drawn - value) <= 1e-12 * np.maximum(1.0, np.abs(value))
    is_weighted = (part > 0) & (n > 0)
    known = is_weighted.any(1) & ~(is_weighted & ((count > 0).sum(1) < 2)).any(1)
    known &= (n_usable >= _USABLE * resamples) & ~(near | ~usable).all(0)
    tails = np.tile(np.array([(1 - level) / 2, (1 + level) / 2]), (len(value), 1))
    if kind == "bca":
        below = ((drawn < value) & ~near).sum(0) + (near & usable).sum(0) / 2
        share = np.clip(below / np.maximum(n_usable, 1), 1 / resamples, 1 - 1 / resamples)
        tails = _bca_tails(ndtri(share), _acceleration(count, total, part), tails)
    low, high = _quantiles(drawn, n_usable, tails)
    deviation = np.where(usable, drawn - value, 0.0)
    mean = deviation.sum(0) / np.maximum(n_usable, 1)
    square = (np.where(usable, deviation - mean, 0.0) ** 2).sum(0)
    se = np.sqrt(square / np.maximum(n_usable - 1, 1))
    return BootstrapBounds(*(np.where(known, each, np.nan) for each in (se, low, high)))


def _drawn(count: Floats, total: Floats, part: Floats, rng: np.random.Generator, resamples: int) -> Floats:
    """Return the weighted means of ``resamples`` draws of clusters, [draw, model]."""
    groups = count.shape[1]
    found = np.full((resamples, len(count)), np.nan)
    if not groups:
        return found
    step = max(1, _BATCH // groups)
    for start in range(0, resamples, step):
        rows = slice(start, min(start + step, resamples))
        times = rng.multinomial(groups, np.full(groups, 1.0 / groups), rows.stop - start).astype(np.float64)
        value = np.zeros((len(times), len(count)))
        for column in range(count.shape[2]):
            mean = _ratio(times @ total[..., column].T, times @ count[..., column].T, np.nan)
            value += np.where(part[:, column] > 0, part[:, column] * mean, 0.0)
        found[rows] = value
    return found


def _acceleration(count: Floats, total: Floats, part: Floats) -> Floats:
    """Return BCa's acceleration [model]: the skewness of the means that leave one cluster out."""
    rest = _ratio(total.sum(1, keepdims=True) - total, count.sum(1, keepdims=True) - count, np.nan)
    left = np.where(part[:, None] > 0, part[:, None] * rest, 0.0).sum(2)
    counted = (np.where(part[:, None] > 0, count, 0.0).sum(2) > 0) & ~np.isnan(left)
    n = np.maximum(counted.sum(1), 1)
    pull = np.where(counted, (np.where(counted, left, 0.0).sum(1) / n)[:, None] - left, 0.0)
    spread = (pull**2).sum(1) ** 1.5
    found: Floats = np.where(spread > 0, (pull**3).sum(1) / (6 * np.where(spread > 0, spread, 1.0)), 0.0)
    return found


def _bca_tails(z0: Floats, acceleration: Floats, tails: Floats) -> Floats:
    z = z0[:, None] + ndtri(tails)
    found: Floats = ndtr(z0[:, None] + z / (1 - acceleration[:, None] * z))
    return found


def _quantiles(drawn: Floats, n: NDArray[np.int64], tails: Floats) -> tuple[Floats, Floats]:
    """Return the quantiles ``tails[model, 2]`` of the draws that are numbers, by linear interpolation."""
    ordered = np.sort(drawn, axis=0)
    ends = []
    for tail in tails.T:
        place = tail * np.maximum(n - 1, 0)
        below = np.floor(place).astype(np.intp)
        above = np.minimum(below + 1, np.maximum(n - 1, 0))
        model = np.arange(len(n))
        first, second = ordered[below, model], ordered[above, model]
        ends.append(first + (place - below) * (second - first))
    return ends[0], ends[1]


def _sums(scores: Floats, codes: NDArray[np.intp], size: int = 0) -> tuple[Floats, Floats]:
    """Return number and sum of the scores of each cluster, [model, cluster]."""
    groups = size or int(codes.max(initial=-1)) + 1
    order = np.argsort(codes, kind="stable")
    there, starts = np.unique(codes[order], return_index=True)
    present = ~np.isnan(scores[:, order])
    count, total = (np.zeros((len(scores), groups)) for _ in range(2))
    if len(order):
        count[:, there] = np.add.reduceat(present.astype(np.float64), starts, axis=1)
        total[:, there] = np.add.reduceat(np.where(present, scores[:, order], 0.0), starts, axis=1)
    return count, total


def _nothing(*shape: int) -> Floats:
    found: Floats = np.zeros(shape)
    return found


def _places(labels: Labels, names: Sequence[Hashable]) -> NDArray[np.intp]:
    """Return where each label stands in ``names``; -1 for one that is not among them."""
    place = {name: index for index, name in enumerate(names)}
    return np.array([place.get(label, -1) for label in labels], dtype=np.intp)


def _ratio(total: Floats, count: Floats, otherwise: float) -> Floats:
    found: Floats = np.where(count > 0, total / np.where(count > 0, count, 1.0), otherwise)
    return found

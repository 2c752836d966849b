"""How sure a ranking is: rank intervals, and tiers that the data can tell apart."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.cluster_sums import cluster_sums
from bench.metrics.coded import coded
from bench.metrics.multiplicity import holm
from bench.metrics.permutation import EXACT_CLUSTERS, random_signs, sign_flip
from bench.metrics.ranks import ranks

Floats = NDArray[np.float64]
Labels = Sequence[Hashable] | NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class RankIntervals:
    """Places with their uncertainty; arrays [model], 0 for a model without a score."""

    rank: NDArray[np.int64]
    best: NDArray[np.int64]
    worst: NDArray[np.int64]
    first_share: Floats
    level: float
    resamples: int


@dataclass(frozen=True, kw_only=True)
class Tiers:
    """Groups of models that the data cannot tell apart.

    Attributes
    ----------
    tier : int array [model]
        1 is the best tier; 0 for a model without a score.
    p_value : float array [model, model]
        Holm-adjusted sign-flip p of each pair's difference; 1 on the diagonal, NaN where two
        models share no item.
    difference : float array [model, model]
        Row minus column, mean over shared items.
    n_shared : int array [model, model]
    """

    tier: NDArray[np.int64]
    p_value: Floats
    difference: Floats
    n_shared: NDArray[np.int64]


def rank_intervals(
    scores: NDArray[Any],
    clusters: Labels,
    *,
    rng: np.random.Generator,
    category: Labels | None = None,
    weights: Mapping[Any, float] | None = None,
    resamples: int = 2000,
    level: float = 0.95,
) -> RankIntervals:
    """Return each model's place and the places it takes when incidents weigh differently by chance.

    What is drawn again is the number that is ranked: ``sum_c w_c mean_c / sum_c w_c`` over a model's
    categories, each mean a ratio of its own. Incidents get exponential weights (the Bayesian
    bootstrap), so that no category loses all its incidents in a draw. All models are weighed by the
    same draw, so what they share (hard incidents) moves them together.

    Parameters
    ----------
    scores : array [model, item]
        NaN is missing.
    clusters : sequence of length n_items
        The incident of each item.
    rng : numpy.random.Generator
    category : sequence of length n_items, optional
        None: all items are of one.
    weights : mapping, optional
        Weight of each category, 0 or more; those not named weigh 0. None: all weigh 1.
    resamples, level

    References
    ----------
    .. [1] H. Goldstein and D. J. Spiegelhalter, League tables and their limitations, JRSS A 159,
       1996: intervals for ranks. D. B. Rubin, The Bayesian bootstrap, Annals of Statistics 9, 1981;
       clusters drawn whole as in A. C. Davison and D. V. Hinkley, Bootstrap Methods, 1997, section 3.8.

    Examples
    --------
    >>> scores = np.array([[9.0, 9, 8, 9], [2, 3, 1, 2], [2, 3, 1, 2]])
    >>> found = rank_intervals(scores, list("abcd"), rng=np.random.default_rng(0))
    >>> found.rank.tolist(), found.best.tolist(), found.worst.tolist()
    ([1, 2, 2], [1, 2, 2], [1, 2, 2])
    """
    values = np.asarray(scores, dtype=np.float64)
    labels: Labels = [""] * values.shape[1] if category is None else category
    sums = cluster_sums(values, labels, clusters)
    drawn = np.vstack([np.ones((1, sums.n_clusters)), rng.exponential(size=(resamples, sums.n_clusters))])
    total, whole = (np.zeros((len(drawn), len(values))) for _ in range(2))
    for name, each in zip(sums.names, sums.categories, strict=True):
        weight = 1.0 if weights is None else float(weights.get(name, 0.0))
        if weight > 0:
            times = drawn[:, each.clusters]
            mean = _ratio(times @ each.totals.T, times @ each.counts.T)
            total += weight * np.nan_to_num(mean)
            whole += weight * ~np.isnan(mean)
    means = _ratio(total, whole)
    found = ranks(means)
    tails = [(1 - level) / 2, (1 + level) / 2]
    scored = whole[0] > 0
    best, worst = np.quantile(found[1:], tails, axis=0, method="inverted_cdf").astype(np.int64)
    return RankIntervals(
        rank=found[0],
        best=np.where(scored, np.maximum(best, 1), 0),
        worst=np.where(scored, np.maximum(worst, 1), 0),
        first_share=(found[1:] == 1).mean(0),
        level=level,
        resamples=resamples,
    )


def tiers(
    scores: NDArray[Any],
    clusters: Labels,
    *,
    rng: np.random.Generator,
    alpha: float = 0.05,
    patterns: int = 10_000,
) -> Tiers:
    """Return tiers: a model is in the tier of the best one it cannot be told from.

    Every pair is tested on its shared items by flipping the signs of whole incidents, and the
    p-values of all pairs are adjusted by Holm. Then, from the top: the best model opens a tier,
    every next model joins it until one is resolved from its first model; that one opens the
    next tier.

    Parameters
    ----------
    scores : array [model, item]
        NaN is missing.
    clusters : sequence of length n_items
    rng : numpy.random.Generator
    alpha : float
        Family-wise level.
    patterns : int
        Random sign patterns above 16 incidents, raised to ``2 n_pairs / alpha`` where Holm's
        smallest threshold ``alpha / n_pairs`` would lie below the smallest p they can give.

    Examples
    --------
    >>> gap = np.linspace(0.9, 1.1, 16)
    >>> scores = np.array([5 + gap, np.full(16, 5.0), 5 + 0.01 * np.cos(np.arange(16))])
    >>> tiers(scores, range(16), rng=np.random.default_rng(0)).tier.tolist()
    [1, 2, 2]
    """
    values = np.asarray(scores, dtype=np.float64)
    present = ~np.isnan(values)
    filled = np.where(present, values, 0.0)
    models = len(values)
    first, second = np.triu_indices(models, 1)
    sums, shared = _pair_sums(filled, present, clusters, first, second)
    tested = shared > 0
    p = np.full(len(first), np.nan)
    enough = max(patterns, int(np.ceil(2 * tested.sum() / alpha)))
    p[tested] = _sign_flips(sums[tested], rng, enough)
    adjusted = p.copy()
    adjusted[tested] = holm(p[tested])
    mean = _ratio(sums.sum(1), shared.astype(np.float64))
    p_square, mean_square = np.eye(models), np.zeros((models, models))
    n_square = np.diag(present.sum(1))
    p_square[first, second] = p_square[second, first] = adjusted
    mean_square[first, second], mean_square[second, first] = mean, -mean
    n_square[first, second] = n_square[second, first] = shared
    overall = _ratio(filled.sum(1), present.sum(1).astype(np.float64))
    return Tiers(
        tier=_from_the_top(overall, p_square, alpha),
        p_value=p_square,
        difference=mean_square,
        n_shared=n_square,
    )


def _from_the_top(overall: Floats, p_value: Floats, alpha: float) -> NDArray[np.int64]:
    """Return tier numbers by walking down the ranking."""
    found = np.zeros(len(overall), dtype=np.int64)
    order = [int(m) for m in np.argsort(-np.nan_to_num(overall, nan=-np.inf), kind="stable")]
    order = [m for m in order if not np.isnan(overall[m])]
    tier, opener = 0, -1
    for model in order:
        if tier == 0 or p_value[opener, model] <= alpha:
            tier, opener = tier + 1, model
        found[model] = tier
    return found


def _pair_sums(
    filled: Floats,
    present: NDArray[np.bool_],
    clusters: Labels,
    first: NDArray[np.intp],
    second: NDArray[np.intp],
) -> tuple[Floats, NDArray[np.int64]]:
    """Return summed differences [pair, cluster] over shared items, and shared items per pair."""
    ordered, starts = _cluster_order(clusters)
    values, mask = filled[:, ordered], present[:, ordered].astype(np.float64)
    sums = np.empty((len(first), len(starts)))
    if mask.all():
        per_model = np.add.reduceat(values, starts, axis=1)
        sums[:] = per_model[first] - per_model[second]
    else:
        for model in np.unique(first):
            rows = first == model
            other = second[rows]
            difference = values[model] * mask[other] - values[other] * mask[model]
            sums[rows] = np.add.reduceat(difference, starts, axis=1)
    shared = (mask @ mask.T)[first, second].round().astype(np.int64)
    return sums, shared


def _sign_flips(sums: Floats, rng: np.random.Generator, patterns: int) -> Floats:
    """Return the sign-flip p of every row; random patterns are shared between rows."""
    if sums.shape[1] <= EXACT_CLUSTERS:
        return np.array([sign_flip(row).p_value for row in sums])
    # Half the width, twice the speed: totals carry errors near 1e-6 of sum |s|, so that anything
    # within 2e-5 of it counts as reached, which can only raise p (by far less than its own noise).
    reach = np.abs(sums.sum(1)) - 2e-5 * np.abs(sums).sum(1)
    narrow = np.ascontiguousarray(sums.T, dtype=np.float32)
    hits = np.zeros(len(sums))
    left, step = patterns, max(1, 4_000_000 // max(sums.shape))
    while left:
        rows = min(step, left)
        signs = random_signs(rng, rows, sums.shape[1]).astype(np.float32)
        hits += (np.abs(signs @ narrow) >= reach).sum(0)
        left -= rows
    p: Floats = (1 + hits) / (1 + patterns)
    return p


def _cluster_order(clusters: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the item order that puts clusters together, and where each begins."""
    names, codes = coded(clusters)
    ordered = np.argsort(codes, kind="stable")
    return ordered, np.searchsorted(codes[ordered], np.arange(len(names)))


def _ratio(total: Floats, count: Floats) -> Floats:
    """Return total / count, NaN where nothing is counted."""
    quotient: Floats = np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)
    return quotient

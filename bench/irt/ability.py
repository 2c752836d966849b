"""Ability as an alternative score: one number a model that weighs items by what they tell."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bench.irt.estimates import IrtFit
from bench.irt.responses import Responses, as_responses

Floats = NDArray[np.float64]
BATCH = 1_000_000


@dataclass(frozen=True, kw_only=True)
class AbilityScores:
    """Arrays [subject].

    Attributes
    ----------
    ability : float array
        Mode of the posterior, given the items.
    se_information : float array
        From the curvature: the answers as the only uncertainty.
    se_bootstrap, low, high : float arrays
        Spread and percentile interval over resampled incidents: items as drawn, too. Wider, and
        the one to show.
    t_score : float array
        50 + 10 ability.
    expected_share : float array
        Mean P(y = 1) over all items of the fit, answered or not.
    level, resamples
        Of the bootstrap.
    """

    ability: Floats
    se_information: Floats
    se_bootstrap: Floats
    low: Floats
    high: Floats
    t_score: Floats
    expected_share: Floats
    level: float
    resamples: int


def ability_scores(
    responses: NDArray[Any],
    fit: IrtFit,
    *,
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | NDArray[Any] | None = None,
    resamples: int = 500,
    level: float = 0.95,
) -> AbilityScores:
    """Return abilities given the items of a fit, with standard errors by resampling items.

    Parameters
    ----------
    responses : array [subject, item]
        0, 1 or NaN; may be other subjects than those of the fit.
    fit : IrtFit
        Its items are taken as known.
    rng : numpy.random.Generator
    clusters : sequence of length n_items, optional
        The incident of each item; whole incidents are resampled. Default: each item alone.
    resamples, level
        Of the bootstrap (percentile interval).

    References
    ----------
    .. [1] R. J. Mislevy and R. D. Bock, Biweight estimates of latent ability, Educational and
       Psychological Measurement 42, 1982 (modal ability); bootstrap over clusters: A. C. Davison
       and D. V. Hinkley, 1997, section 3.8.

    Examples
    --------
    >>> from bench.irt.rasch import fit_rasch
    >>> answers = np.array([[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]])
    >>> found = ability_scores(answers, fit_rasch(answers), rng=np.random.default_rng(0), resamples=50)
    >>> np.argsort(found.ability).tolist()[-2:], bool((found.low <= found.ability).all())
    ([0, 2], True)
    """
    data = as_responses(responses)
    items = data.right.shape[1]
    ability, se = posterior_mode(data, fit, np.ones((1, items)))
    seen: dict[Hashable, int] = {}
    names = range(items) if clusters is None else clusters
    codes = np.array([seen.setdefault(name, len(seen)) for name in names], dtype=np.intp)
    groups = int(codes.max()) + 1
    drawn = np.empty((resamples, len(data.right)))
    step = max(1, BATCH // data.right.size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        counts = rng.multinomial(groups, np.full(groups, 1.0 / groups), rows)[:, codes].astype(np.float64)
        drawn[start : start + rows] = posterior_mode(data, fit, counts, start=ability[0], tolerance=1e-2)[0]
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn, tails, axis=0)
    return AbilityScores(
        ability=ability[0],
        se_information=se[0],
        se_bootstrap=drawn.std(0, ddof=1),
        low=np.minimum(low, ability[0]),
        high=np.maximum(high, ability[0]),
        t_score=50.0 + 10.0 * ability[0],
        expected_share=fit.probability(ability[0]).mean(1),
        level=level,
        resamples=resamples,
    )


def posterior_mode(
    data: Responses,
    fit: IrtFit,
    item_weights: Floats,
    *,
    start: Floats | None = None,
    tolerance: float = 1e-8,
) -> tuple[Floats, Floats]:
    """Return the posterior mode of every ability and its standard error, [draw, subject].

    Parameters
    ----------
    data : Responses
    fit : IrtFit
        Items, and the spread of the population as the prior's.
    item_weights : float array [draw, item]
        How often each item counts.
    start : float array [subject], optional
    tolerance : float
        Newton's method stops when no ability moves further; the error left is of its square.
    """
    c, precision = fit.discrimination, 1.0 / fit.population_sd**2
    draws, subjects = len(item_weights), len(data.right)
    ability = np.zeros((draws, subjects)) if start is None else np.tile(start, (draws, 1))
    information = np.ones_like(ability)
    slope, bend = (item_weights * c)[:, :, None], (item_weights * c * c)[:, :, None]
    for _ in range(50):
        p = expit(c * (ability[:, :, None] - fit.difficulty))
        if not data.complete:
            p *= data.present
        gradient = ((data.right - p) @ slope)[:, :, 0] - precision * ability
        p -= p * p
        information = (p @ bend)[:, :, 0] + precision
        move = np.clip(gradient / information, -1.0, 1.0)
        ability = ability + move
        if np.abs(move).max() < tolerance:
            break
    return ability, 1.0 / np.sqrt(information)

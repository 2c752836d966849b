"""What the items of a run tell about its models, and what the models can do once items are weighed by that."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from bench.irt.ability import ability_scores
from bench.irt.estimates import IrtFit
from bench.irt.item_fit import item_fit
from bench.irt.rasch import fit_rasch
from bench.irt.responses import dichotomised
from bench.irt.two_parameter import LEAST_SUBJECTS, fit_two_parameter
from bench.metrics.item_analysis import item_entropy, item_table
from bench.models import Run
from bench.run_board import system_of
from bench.score_arrays import read_scores, scores_version
from bench.score_units import ScoreArrays
from gvsir.exceptions import GvsirError, UndefinedStatisticError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: A score from here on counts as conforming in the item response model.
THRESHOLD: Final = 5.0
CLASSES: Final = 5
SEED: Final = 0
RESAMPLES: Final = 500
#: Items the item response model is fitted to at once; more are fitted one category at a time.
MOST_FITTED: Final = 2500
KEPT_SECONDS: Final = 24 * 3600


class BadThresholdError(GvsirError):
    """A threshold lies outside the scale."""

    code = "bad_threshold"


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """Arrays [model] of the models with a response.

    ``se``, ``low`` and ``high`` are by resampling incidents; NaN with one incident, and where all answers conform or
    none, because every draw is then alike. ``se_information`` has the answers as the only uncertainty.
    """

    models: tuple[int, ...]
    ability: Floats
    se_information: Floats
    se: Floats
    low: Floats
    high: Floats
    conforming: Floats
    mean: Floats
    n_items: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """Arrays [item]; NaN where a number is undefined.

    Attributes
    ----------
    items : int array
        Keys of the release items.
    mean, between : float arrays
        Mean over models and variance between them, on the scale of the scores.
    entropy, entropy_bits : float arrays
        Miller-Madow entropy over the classes as a share of the most possible, 0 to 1; and in bits.
    item_total, tails : float arrays
        Corrected item-total correlation; best less worst 27 % of models, on the scale of the scores.
    n, n_missing : int arrays
        Models with a score and, of those asked, without.
    alike, against, misfit : bool arrays
        All models score the same; better models do not do better; the answers do not follow the fitted model.
    b, se_b, a, se_a, infit, outfit : float arrays
        Of the item response model: difficulty, discrimination, mean squares.
    method, fit_reason : str
        Which model was fitted, or why none.
    """

    items: NDArray[np.int64]
    dimensions: tuple[str, ...]
    mean: Floats
    between: Floats
    entropy: Floats
    entropy_bits: Floats
    item_total: Floats
    tails: Floats
    n: NDArray[np.int64]
    n_missing: NDArray[np.int64]
    alike: Flags
    against: Flags
    b: Floats
    se_b: Floats
    a: Floats
    se_a: Floats
    infit: Floats
    outfit: Floats
    misfit: Flags
    method: str
    fit_reason: str
    converged: bool
    entropy_rule: str
    threshold: float
    bounds: tuple[float, float]
    n_models: int
    n_clusters: int
    abilities: Abilities | None


def analysis_of(run: Run, *, category: str = "", threshold: float = THRESHOLD) -> Analysis:
    """Return the analysis of the items of ``run``, or of those in ``category``; kept until the scores change.

    Raises
    ------
    BadThresholdError
        ``threshold`` is not above the lowest score and at most the highest.
    """
    system = system_of(run)
    bounds = (system.scale_low, system.scale_high)
    if not bounds[0] < threshold <= bounds[1]:
        raise BadThresholdError(_("The threshold is above {low} and at most {high}.").format(
            low=f"{bounds[0]:g}", high=f"{bounds[1]:g}"
        ))
    facts = [run.pk, scores_version(run), category, threshold, get_language()]
    key = f"bench.items.{hashlib.sha256(json.dumps(facts).encode()).hexdigest()}"
    kept: Analysis | None = cache.get(key)
    if kept is None:
        scores = read_scores(run).of_system(system.key)
        kept = analyse(scores.on([category]) if category else scores, bounds=bounds, threshold=threshold)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def analyse(scores: ScoreArrays, *, bounds: tuple[float, float], threshold: float) -> Analysis:
    """Return the analysis of ``scores``; see :class:`Analysis`."""
    values, span = scores.values, bounds[1] - bounds[0]
    table = item_table(values, bounds=bounds)
    entropy = [_entropy(values[:, unit], bounds) for unit in range(values.shape[1])]
    shares, bits, rules = zip(*entropy, strict=True) if entropy else ((), (), ())
    alike = (table.n > 1) & ~(table.between_models > 1e-20)
    fit, reason = _fitted(values, threshold)
    nothing = np.full(values.shape[1], np.nan)
    fits = item_fit(_binary(values, threshold)[_answering(values)], fit) if fit else None
    return Analysis(
        items=scores.items, dimensions=scores.dimensions, mean=bounds[0] + span * (1 - table.difficulty),
        between=span**2 * table.between_models, entropy=np.array(shares, dtype=np.float64),
        entropy_bits=np.array(bits, dtype=np.float64), item_total=table.item_total, tails=span * table.discrimination,
        n=table.n, n_missing=((scores.n_scored == 0) & (scores.n_unscored > 0)).sum(0),
        alike=alike, against=(table.n > 1) & ~alike & (table.item_total <= 0),
        b=fit.difficulty if fit else nothing, se_b=fit.se_difficulty if fit else nothing,
        a=fit.discrimination if fit and "2PL" in fit.method else nothing,
        se_a=fit.discrimination * fit.se_log_discrimination if fit else nothing,
        infit=fits.infit if fits else nothing, outfit=fits.outfit if fits else nothing,
        misfit=fits.misfits(low=0.0) if fits else np.zeros(values.shape[1], dtype=bool),
        method=fit.method if fit else "", fit_reason=reason, converged=bool(fit and fit.converged),
        entropy_rule=next((rule for rule in rules if rule), ""), threshold=threshold, bounds=bounds,
        n_models=len(values), n_clusters=len(set(scores.clusters)), abilities=_abilities(scores, fit, threshold),
    )


def _entropy(values: Floats, bounds: tuple[float, float]) -> tuple[float, float, str]:
    try:
        found = item_entropy(values, bounds=bounds, classes=CLASSES)
    except UndefinedStatisticError:
        return math.nan, math.nan, ""
    if found.normalised is None:
        return math.nan, found.corrected, found.rule
    most = math.log2(min(CLASSES, sum(found.counts)))
    return min(1.0, found.corrected / most), found.corrected, found.rule


def _binary(values: Floats, threshold: float) -> Floats:
    return dichotomised(values, threshold=threshold)


def _answering(values: Floats) -> Flags:
    missing: Flags = np.isnan(values)
    found: Flags = np.logical_not(missing.all(axis=1))
    return found


def _fitted(values: Floats, threshold: float) -> tuple[IrtFit | None, str]:
    """Return the two-parameter model from five models on, else the one-parameter model; or why there is none."""
    answering = _answering(values)
    n_models, n_items = int(answering.sum()), values.shape[1]
    if n_models < 2:
        return None, _("An item response model needs two models with scores; there are {n}.").format(n=n_models)
    if n_items < 2:
        return None, _("An item response model needs two items; there are {n}.").format(n=n_items)
    if n_items > MOST_FITTED:
        return None, _("{n} items are more than are fitted at once ({most}); choose a category.").format(
            n=f"{n_items:,}", most=f"{MOST_FITTED:,}"
        )
    responses = _binary(values, threshold)[answering]
    try:
        fit = fit_two_parameter(responses) if n_models >= LEAST_SUBJECTS else fit_rasch(responses)
    except UndefinedStatisticError as error:
        return None, str(error)
    return fit, ""


def _abilities(scores: ScoreArrays, fit: IrtFit | None, threshold: float) -> Abilities | None:
    if fit is None:
        return None
    answering = _answering(scores.values)
    values = scores.values[answering]
    responses = _binary(values, threshold)
    found = ability_scores(
        responses, fit, rng=np.random.default_rng(SEED), clusters=scores.clusters, resamples=RESAMPLES
    )
    share = np.nanmean(responses, 1)
    says = (share > 0) & (share < 1) & (len(set(scores.clusters)) > 1)
    return Abilities(
        models=tuple(scores.models[answering].tolist()), ability=found.ability, se_information=found.se_information,
        se=np.where(says, found.se_bootstrap, np.nan), low=np.where(says, found.low, np.nan),
        high=np.where(says, found.high, np.nan), conforming=share, mean=np.nanmean(values, 1),
        n_items=(~np.isnan(values)).sum(1),
    )


def how_analysed(analysis: Analysis) -> tuple[str, ...]:
    """Return how the numbers are made, with the sources of the formulas."""
    low, high = (f"{end:g}" for end in analysis.bounds)
    return (
        _("A model's score on an item is the mean over its repeats and languages; models without one are left out of the item's numbers and counted as missing."),
        _("Difficulty: the mean over models, {low} to {high}; low is hard. Variance: between the models' scores, n − 1.").format(low=low, high=high),
        _("Entropy: over models, in {rule}; a share of the most that so many answers and classes allow. Plug-in estimate with Miller and Madow's correction (Miller 1955), cut at 1; after Value Compass, arXiv 2501.07071.").format(rule=analysis.entropy_rule or "—"),
        _("Item-total correlation: Pearson's r of the item with the mean of the other items (Henrysson 1963). Best less worst: mean of the upper 27 % of models by the other items less that of the lower 27 % (Kelley 1939)."),
        _("Item response model: a score of {threshold} or more counts as conforming. P = 1 / (1 + exp(−a (θ − b))); two-parameter model from {least} models on, below that the one-parameter model with a = 1. Marginal EM with weak normal priors on b and log a (Bock and Aitkin 1981), standard errors by Louis 1982, that of a by the delta method.").format(threshold=f"{analysis.threshold:g}", least=LEAST_SUBJECTS),
        _("Fit: infit and outfit mean squares, 1 is as expected, less is more regular (Wright and Masters 1982); flagged above 1.5 where beyond chance (|z| > 2)."),
        # xgettext:no-python-format
        _("Ability: mode of the posterior given the items; standard error and 95 % interval over {n} draws of whole incidents with replacement (percentiles; seed {seed}).").format(n=RESAMPLES, seed=SEED),
        _("Tells nothing: all models have the same score. Against the rest: better models do not do better on it (item-total correlation 0 or less). Both are for people to look at, not for throwing items away."),
    )

"""Do the scores of a run follow something they should not: length, place, language, chance, fear, one judge."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from django.core.cache import cache
from django.db.models import Count, F
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation.agreement.krippendorff import alpha
from bench.metrics.comparison import compare
from bench.metrics.diagnostics import (
    LengthAdjusted,
    LengthCorrelation,
    length_adjusted,
    length_correlation,
)
from bench.metrics.epochs import EpochVariance, epoch_variance
from bench.metrics.human_agreement import quadratic_kappa
from bench.metrics.intervals import MeanEstimate, mean_interval
from bench.metrics.multiplicity import holm
from bench.models import Judgement, Run, Score
from bench.over_refusal import Fear, fears_of
from bench.run_board import system_of
from bench.score_arrays import read_scores, scores_version
from bench.score_units import ScoreArrays
from bench.trial_arrays import TrialArrays, read_trials
from gvsir.exceptions import UndefinedStatisticError

Floats = NDArray[np.float64]

SEED: Final = 0
PATTERNS: Final = 10_000
KEPT_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Score and length of one model's answers; None where undefined, ``reason`` says why."""

    model: int
    correlation: LengthCorrelation | None = None
    p_adjusted: float | None = None
    mean: float | None = None
    adjusted: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class LanguagePair:
    """One model's scores on the same items in two languages: first less second."""

    model: int
    first: str
    second: str
    difference: MeanEstimate
    n_shared: int
    p_value: float | None
    p_adjusted: float | None = None


@dataclass(frozen=True, kw_only=True)
class Epochs:
    """Where the variance of one model's mean comes from."""

    model: int
    variance: EpochVariance
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class JudgeLine:
    """One judge of the panel beside the mean of the others."""

    judge: int
    name: str
    n: int
    mean: float | None
    bias: MeanEstimate


@dataclass(frozen=True, kw_only=True)
class JudgePair:
    """Two judges on the answers both scored."""

    first: str
    second: str
    n: int
    mean_difference: float | None
    mean_absolute: float | None
    kappa: float | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Agreement inside the panel; ``alpha`` None where undefined."""

    judges: tuple[JudgeLine, ...]
    pairs: tuple[JudgePair, ...]
    alpha: float | None
    n_units: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Answers without a score, by reason and model."""

    models: tuple[int, ...]
    reasons: tuple[tuple[str, tuple[int, ...]], ...]
    n_missing: tuple[int, ...]
    n_asked: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Diagnostics:
    """All diagnostics of a run."""

    lengths: tuple[Lengths, ...]
    slope: float | None
    common_length: float | None
    length_reason: str
    positions: tuple[Lengths, ...]
    languages: tuple[LanguagePair, ...]
    language_names: tuple[str, ...]
    epochs: tuple[Epochs, ...]
    fears: tuple[Fear, ...]
    n_benign_items: int
    n_asked_items: int
    n_twins: int
    has_written_twins: bool
    panel: Panel
    missing: Missing
    n_trials: int
    n_items: int
    n_clusters: int


def diagnostics_of(run: Run) -> Diagnostics:
    """Return the diagnostics of ``run``; kept until its scores change, queries do not grow with its size."""
    judges = list(run.judges.order_by("pk").values_list("pk", "name"))
    facts = [run.pk, str(run.finished_at), scores_version(run), judges, get_language()]
    key = f"bench.diagnostics.{hashlib.sha256(json.dumps(facts).encode()).hexdigest()}"
    kept: Diagnostics | None = cache.get(key)
    if kept is None:
        kept = _computed(run, dict(judges))
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _computed(run: Run, judges: dict[int, str]) -> Diagnostics:
    system = system_of(run).key
    trials = read_trials(run, system=system)
    scores = read_scores(run).of_system(system)
    lengths, slope = _lengths(trials)
    fears = fears_of(run, scores)
    return Diagnostics(
        lengths=tuple(lengths), slope=slope.slope if slope else None, common_length=slope.common_length if slope else None,
        length_reason="" if slope else _("Answer length does not vary within models and items."),
        positions=tuple(_positions(trials)), languages=tuple(_languages(trials)), language_names=trials.languages,
        epochs=tuple(_epochs(trials)), fears=fears.models,
        n_benign_items=fears.n_benign_items, n_asked_items=fears.n_asked_items, n_twins=fears.n_twins,
        has_written_twins=fears.has_written_twins,
        panel=_panel(run, judges, trials), missing=_missing(run, trials, scores, system),
        n_trials=len(trials.keys), n_items=len(trials.items), n_clusters=len(set(trials.clusters)),
    )


def _lengths(trials: TrialArrays) -> tuple[list[Lengths], LengthAdjusted | None]:
    try:
        adjusted = length_adjusted(trials.means(trials.value), trials.means(trials.length))
    except UndefinedStatisticError:
        adjusted = None
    lines = []
    for row, model in enumerate(trials.models):
        own = trials.model == row
        line = _correlated(model, trials.value[own], trials.length[own], _(
            "Three scored answers that differ in score and length are needed."
        ))
        if adjusted is not None:
            line = replace(line, mean=_number(adjusted.mean[row]), adjusted=_number(adjusted.adjusted[row]))
        lines.append(line)
    return _with_holm(lines), adjusted


def _positions(trials: TrialArrays) -> list[Lengths]:
    """Return, by model, the correlation of place in the release and score less the item's mean over models."""
    means = trials.means(trials.value)
    present = ~np.isnan(means)
    count = present.sum(0)
    total = np.where(present, means, 0.0).sum(0)
    centred = np.where(count > 1, means - total / np.maximum(count, 1), np.nan)
    places = np.arange(1, len(trials.items) + 1, dtype=np.float64)
    reason = _("Three items that two models or more have scores on, and that differ, are needed.")
    return _with_holm([_correlated(model, centred[row], places, reason) for row, model in enumerate(trials.models)])


def _correlated(model: int, scores: Floats, other: Floats, reason: str) -> Lengths:
    try:
        return Lengths(model=model, correlation=length_correlation(scores, other))
    except UndefinedStatisticError:
        return Lengths(model=model, reason=reason)


def _with_holm(lines: Sequence[Lengths]) -> list[Lengths]:
    known = [line.correlation.p_value for line in lines if line.correlation]
    adjusted = iter(holm(known).tolist())
    return [replace(line, p_adjusted=next(adjusted)) if line.correlation else line for line in lines]


def _languages(trials: TrialArrays) -> list[LanguagePair]:
    """Return, by model, the first language less each other, paired by item and clustered by incident."""
    if len(trials.languages) < 2:
        return []
    means = [trials.means(trials.value, trials.language == code) for code in range(len(trials.languages))]
    found = []
    for (row, model), second in itertools.product(enumerate(trials.models), range(1, len(trials.languages))):
        pair = compare(
            means[0][row], means[second][row], trials.clusters, rng=np.random.default_rng(SEED), patterns=PATTERNS
        )
        is_tested = pair.test is not None and pair.difference.n_clusters > 1
        found.append(LanguagePair(
            model=model, first=trials.languages[0], second=trials.languages[second], difference=pair.difference,
            n_shared=pair.n_shared, p_value=pair.test.p_value if pair.test is not None and is_tested else None,
        ))
    adjusted = iter(holm([pair.p_value for pair in found if pair.p_value is not None]).tolist())
    return [pair if pair.p_value is None else replace(pair, p_adjusted=next(adjusted)) for pair in found]


def _epochs(trials: TrialArrays) -> list[Epochs]:
    """Return, by model, the variance within and between items in a language."""
    n_epochs = int(trials.epoch.max(initial=1))
    width = len(trials.items) * max(len(trials.languages), 1)
    found = []
    for row, model in enumerate(trials.models):
        own = (trials.model == row) & ~np.isnan(trials.value)
        table = np.full((width, n_epochs), np.nan)
        place = trials.item[own] * max(len(trials.languages), 1) + trials.language[own]
        table[place, trials.epoch[own] - 1] = trials.value[own]
        variance = epoch_variance(table)
        reason = ""
        if variance.within is None:
            reason = _("No item has two scored repeats.") if variance.n_items else _("Nothing is scored.")
        found.append(Epochs(model=model, variance=variance, reason=reason))
    return found


def _panel(run: Run, judges: dict[int, str], trials: TrialArrays) -> Panel:
    votes: dict[int, dict[int, float]] = defaultdict(dict)
    rows = (
        Judgement.objects.filter(
            response__trials__run=run, response__trials__release_item=F("release_item"),
            response__trials__language=F("language"), judge__in=list(judges), value__isnull=False,
        ).order_by("pk").values_list("response__trials__pk", "judge_id", "value")
    )
    for trial, judge, value in rows:
        if value is not None:
            votes[judge][trial] = value
    table = np.full((len(judges), len(trials.keys)), np.nan)
    for row, judge in enumerate(judges):
        said = votes[judge]
        at = np.searchsorted(trials.keys, np.fromiter(said, dtype=np.int64, count=len(said)))
        table[row, at] = np.fromiter(said.values(), dtype=np.float64, count=len(said))
    there = [line for line in range(len(judges)) if not np.isnan(table[line]).all()]
    names = list(judges.values())
    clusters = [trials.clusters[item] for item in trials.item.tolist()]
    lines = tuple(
        JudgeLine(
            judge=list(judges)[line], name=names[line], n=int((~np.isnan(table[line])).sum()), mean=_mean(table[line]),
            bias=mean_interval(table[line] - _columns(np.delete(table[there], there.index(line), 0)), clusters),
        )
        for line in there
    )
    pairs = tuple(_judge_pair(table[i], table[j], names[i], names[j]) for i, j in itertools.combinations(there, 2))
    if len(there) < 2:
        return Panel(judges=lines, pairs=(), alpha=None, n_units=0, reason=_(
            "One judge has scored; agreement needs two or more."
        ) if there else _("No judge has scored an answer."))
    n_units = int(((~np.isnan(table)).sum(0) > 1).sum())
    agreement, reason = _said(lambda: _alpha(table[there]))
    return Panel(judges=lines, pairs=pairs, alpha=agreement, n_units=n_units, reason=reason)


def _judge_pair(first: Floats, second: Floats, name: str, other: str) -> JudgePair:
    both = ~np.isnan(first) & ~np.isnan(second)
    difference = first[both] - second[both]
    kappa, reason = _said(lambda: quadratic_kappa(first, second))
    return JudgePair(
        first=name, second=other, n=int(both.sum()), kappa=kappa, reason=reason,
        mean_difference=_mean(difference), mean_absolute=_mean(np.abs(difference)),
    )


def _said(measure: Callable[[], float]) -> tuple[float | None, str]:
    try:
        return measure(), ""
    except UndefinedStatisticError as error:
        return None, str(error)


def _alpha(table: Floats) -> float:
    """Return Krippendorff's alpha for interval data of ``table`` [judge, answer]."""
    values, codes = np.unique(table[~np.isnan(table)], return_inverse=True)
    counts = np.zeros((table.shape[1], len(values)), dtype=np.int64)
    np.add.at(counts, (np.nonzero(~np.isnan(table))[1], codes), 1)
    return alpha(counts, level="interval", values=values.tolist())


def _missing(run: Run, trials: TrialArrays, scores: ScoreArrays, system: str) -> Missing:
    rows = (
        Score.objects.filter(run=run, value__isnull=True, dimension__system__key=system).order_by()
        .values_list("trial__language_model", "missing_reason").annotate(n=Count("pk"))
    )
    place = {pk: index for index, pk in enumerate(trials.models)}
    table: dict[str, list[int]] = defaultdict(lambda: [0] * len(trials.models))
    for model, reason, n in rows:
        table[reason][place[model]] += n
    ordered = sorted(table.items(), key=lambda each: (-sum(each[1]), each[0]))
    by_key = {int(pk): index for index, pk in enumerate(scores.models)}
    at = [by_key[model] for model in trials.models]
    unscored, scored = scores.n_unscored.sum(1)[at], scores.n_scored.sum(1)[at]
    return Missing(
        models=trials.models, reasons=tuple((reason, tuple(counts)) for reason, counts in ordered),
        n_missing=tuple(unscored.tolist()), n_asked=tuple((unscored + scored).tolist()),
    )


def _columns(table: Floats) -> Floats:
    """Return the means of columns over what is present; NaN where nothing is."""
    present = ~np.isnan(table)
    count = present.sum(0)
    found: Floats = np.where(count > 0, np.where(present, table, 0.0).sum(0) / np.maximum(count, 1), np.nan)
    return found


def _mean(values: Floats) -> float | None:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else None


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def how_diagnosed() -> dict[str, str]:
    """Return, by section, how its numbers are made, with the sources of the formulas."""
    return {
        "length": _("Length: characters of the answer. Correlation: Spearman's rho over a model's scored answers (Spearman 1904), p two-sided, Holm over the models. Adjusted mean: one slope of the score on the doublings of length, fitted within models and items, moves each model's mean to the geometric mean length of all (Dubois et al. 2024, arXiv 2404.04475; items' means, repeats and languages averaged)."),
        "position": _("Position: the item's place in the release. What is correlated with it is the model's score on the item less the mean of all models on it, so that hard items do not count. Every item is asked in a conversation of its own; a correlation points to an endpoint or a judge that changed on the way, not to context. Spearman's rho, Holm over the models."),
        # xgettext:no-python-format
        "language": _("Language: the mean difference of the same items in two languages, 95 % interval paired and clustered by incident (Miller 2024, arXiv 2411.00640, section 4; Bell and McCaffrey 2002); p by flipping the signs of whole incidents (Fisher 1935; {patterns} random patterns with seed {seed} above 16 incidents), Holm over models and languages.").format(patterns=f"{PATTERNS:,}", seed=SEED),
        "epochs": _("Repeats: variance of the scores of one item in one language (within), pooled, and of the items' means less what the repeats explain of it (between), not below 0 (Searle, Casella and McCulloch 1992, section 3.6; Miller 2024, section 3). The last column is the share of the mean's variance that more repeats would remove; the rest only more items can."),
        # xgettext:no-python-format
        "refusal": _("Over-refusal: the share of answers that refuse among the answers to items whose asked stance is another than to refuse. An answer refuses where most of the judges say refused (partly refused does not count), or where the provider or its filter stopped it; answers of which nobody says are left out. Intervals of shares: 95 %, Wilson's formula with the effective number of answers, clustered by incident (Wilson 1927; Korn and Graubard 1998). Twins: items and their written benign twins where the release has such, else incidents with an item that asks for a refusal and one that does not; the difference of the two shares, clustered by incident, and McNemar's exact test over incidents where each side is wholly refused or wholly answered (after XSTest, Röttger et al. 2024, arXiv 2308.01263). Without written twins this is no test of harmless look-alikes: the items of a pair differ in more than harm."),
        # xgettext:no-python-format
        "panel": _("Alpha: Krippendorff 2019 for interval data, over answers that two judges or more scored. Bias: a judge less the mean of the other judges on the same answers, 95 % interval clustered by incident. Pairs: quadratic-weighted kappa by the scores' own distances (Cohen 1968). Agreement of judges with each other says nothing of agreement with people."),
        "missing": _("Missing: answers without a score, by the reason kept with the score. They are in no mean."),
    }

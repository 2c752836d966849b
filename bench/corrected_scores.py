"""Headline scores of a run put right by people's labels of a sample, beside the uncorrected ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import F

from bench.label_data import cluster_of, label_weights, labelled_responses
from bench.metrics.corrected import CorrectedMean, corrected_share
from bench.metrics.intervals import MeanEstimate, mean_interval, wilson
from bench.metrics.weighted_correction import effective_count, weighted_prediction_powered_mean
from bench.models import Judgement, LabelSample, LanguageModel, Score
from gvsir.exceptions import UndefinedStatisticError
from gvsir.models import ValueDimension

_BOUNDS: Final = (0.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class CorrectedCell:
    """A model's mean in a category (None: over all responses), uncorrected and corrected."""

    language_model: LanguageModel
    category: ValueDimension | None
    n_labelled: int
    uncorrected: MeanEstimate
    corrected: CorrectedMean | None
    reason: str

    @property
    def uncorrected_interval(self) -> tuple[float | None, float | None]:
        """Both ends."""
        return self.uncorrected.low, self.uncorrected.high

    @property
    def corrected_interval(self) -> tuple[float, float] | None:
        """Both ends, within the scale."""
        return _within(self.corrected, _BOUNDS)

    @property
    def shift(self) -> str:
        """What the correction adds, with its sign."""
        return f"{self.corrected.correction:+.2f}" if self.corrected else ""


@dataclass(frozen=True, kw_only=True)
class CorrectedRefusals:
    """A model's share of refused responses, as the judges say, and put right."""

    language_model: LanguageModel
    n: int
    n_labelled: int
    refused: int
    interval: tuple[float, float]
    corrected: CorrectedMean | None
    reason: str

    @property
    def share(self) -> float:
        """The judges' share."""
        return self.refused / self.n

    @property
    def corrected_interval(self) -> tuple[float, float] | None:
        """Both ends."""
        return _within(self.corrected, (0.0, 1.0))


def _within(found: CorrectedMean | None, bounds: tuple[float, float]) -> tuple[float, float] | None:
    """Return the interval cut to the bounds of the scale."""
    return (max(found.low, bounds[0]), min(found.high, bounds[1])) if found else None


@dataclass(frozen=True, kw_only=True)
class _Row:
    trial: int
    value: float | None
    language_model: int
    category: int
    cluster: str
    human: float | None
    weight: float | None


def corrected_cells(sample: LabelSample) -> list[CorrectedCell]:
    """Return, for each model of the run, the whole and each category."""
    rows = _rows(sample)
    models = {each.pk: each for each in LanguageModel.objects.filter(pk__in={row.language_model for row in rows})}
    categories = {each.pk: each for each in ValueDimension.objects.filter(pk__in={row.category for row in rows})}
    groups: dict[tuple[int, int | None], list[_Row]] = defaultdict(list)
    for row in rows:
        groups[row.language_model, None].append(row)
        groups[row.language_model, row.category].append(row)
    keys = sorted(
        groups,
        key=lambda key: (models[key[0]].name, key[1] is not None, categories[key[1]].order if key[1] else 0),
    )
    return [
        _cell(groups[key], models[key[0]], categories[key[1]] if key[1] else None, sample.least_labels) for key in keys
    ]


def _rows(sample: LabelSample) -> list[_Row]:
    labelled = labelled_responses(sample.run, sample_id=sample.pk)
    means = {each.trial_id: each.mean for each in labelled}
    weights = label_weights(sample.pk, labelled)
    scores = Score.objects.filter(run=sample.run, dimension=F("trial__release_item__item__category")).order_by("pk")
    return [
        _Row(
            trial=trial, value=value, language_model=language_model, category=category,
            cluster=cluster_of(incident, item), human=means.get(trial), weight=weights.get(trial),
        )
        for trial, value, language_model, category, incident, item in scores.values_list(
            "trial_id", "value", "trial__language_model_id", "dimension_id",
            "trial__release_item__item__incident_id", "trial__release_item__item_id",
        )
    ]


def _cell(
    rows: Sequence[_Row], language_model: LanguageModel, category: ValueDimension | None, least: int
) -> CorrectedCell:
    values, clusters = [row.value for row in rows], [row.cluster for row in rows]
    n_labelled = sum(row.human is not None and row.value is not None for row in rows)
    corrected, reason = None, ""
    if n_labelled < least:
        reason = f"{n_labelled} of {least} labels needed"
    else:
        try:
            corrected = weighted_prediction_powered_mean(
                values, [row.human for row in rows], [row.weight for row in rows], clusters
            )
        except UndefinedStatisticError as error:
            reason = str(error)
    return CorrectedCell(
        language_model=language_model, category=category, n_labelled=n_labelled, corrected=corrected, reason=reason,
        uncorrected=mean_interval(values, clusters, bounds=_BOUNDS),
    )


def corrected_refusals(sample: LabelSample) -> list[CorrectedRefusals]:
    """Return each model's share of refused responses, uncorrected and by sensitivity and specificity.

    A response counts as refused where more than half of the judges that say so say refused. Sensitivity and
    specificity are those over all models, each label weighted by what it stands for; the counts behind
    them are the effective ones (Kish), so that unequal weights widen the interval.
    """
    judged = _judged_refusals(sample)
    people = {
        each.trial_id: each.is_refused
        for each in labelled_responses(sample.run, sample_id=sample.pk)
        if each.is_refused is not None
    }
    weights = _refusal_weights(sample, people)
    rates = {
        answer: _rate(
            [(trial, judged[trial][1] == answer) for trial in people if trial in judged and people[trial] == answer],
            weights,
        )
        for answer in (True, False)
    }
    by_model: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for trial, (language_model, is_refused) in judged.items():
        by_model[language_model].append((trial, is_refused))
    models = LanguageModel.objects.filter(pk__in=by_model).order_by("name")
    n_labelled = sum(trial in judged for trial in people)
    return [_refusals_of(model, by_model[model.pk], rates, n_labelled, sample.least_labels) for model in models]


def _judged_refusals(sample: LabelSample) -> dict[int, tuple[int, bool]]:
    """Return, by trial, its model and whether most judges of the run call the response refused."""
    votes: dict[int, Counter[bool]] = defaultdict(Counter)
    model_of: dict[int, int] = {}
    rows = (
        Judgement.objects.filter(scores__run=sample.run, state=Judgement.State.SCORED)
        .exclude(refusal="")
        .values_list("pk", "scores__trial_id", "scores__trial__language_model_id", "refusal")
        .distinct()
    )
    for _, trial, language_model, refusal in rows:
        votes[trial][refusal == Judgement.Refusal.REFUSED] += 1
        model_of[trial] = language_model
    return {trial: (model_of[trial], count[True] > count[False]) for trial, count in votes.items()}


def _refusal_weights(sample: LabelSample, people: Mapping[int, Any]) -> dict[int, float]:
    sizes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for trial, stratum, size in sample.tasks.filter(trial__in=list(people)).values_list("trial_id", "stratum", "stratum_size"):
        sizes[stratum].append((trial, size))
    return {trial: size / len(members) for members in sizes.values() for trial, size in members}


def _rate(found: Sequence[tuple[int, bool]], weights: Mapping[int, float]) -> tuple[float, float]:
    """Return how many labels are met by the judge, and how many there are, in effective counts."""
    own = [weights[trial] for trial, _ in found]
    count = effective_count(own)
    met = sum(weight for weight, (_, is_met) in zip(own, found, strict=True) if is_met)
    return (met / sum(own) * count if own else 0.0), count


def _refusals_of(
    language_model: LanguageModel, found: Sequence[tuple[int, bool]], rates: Mapping[bool, tuple[float, float]],
    n_labelled: int, least: int,
) -> CorrectedRefusals:
    n, refused = len(found), sum(is_refused for _, is_refused in found)
    corrected, reason = None, ""
    if n_labelled < least:
        reason = f"{n_labelled} of {least} labels needed"
    else:
        (true_yes, yes), (true_no, no) = rates[True], rates[False]
        try:
            corrected = corrected_share(
                refused, n, true_yes=true_yes, labelled_yes=yes, true_no=true_no, labelled_no=no
            )
        except UndefinedStatisticError as error:
            reason = str(error)
    return CorrectedRefusals(
        language_model=language_model, n=n, n_labelled=n_labelled, refused=refused, interval=wilson(refused, n),
        corrected=corrected, reason=reason,
    )

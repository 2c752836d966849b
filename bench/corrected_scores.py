"""Headline scores of a run put right by people's labels of a sample, beside the uncorrected ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import F
from django.utils.translation import gettext

from bench.board import Board, Cell
from bench.board import Row as BoardRow
from bench.label_data import cluster_of, label_weights, labelled_responses
from bench.layer_weights import layer_weights
from bench.metrics.corrected import CorrectedMean, corrected_share
from bench.metrics.intervals import MeanEstimate, wilson
from bench.metrics.weighted_correction import CorrectedPart, corrected_part, corrected_whole, effective_count
from bench.models import Judgement, LabelSample, LanguageModel, Run, Score
from bench.run_board import board_of_run
from gvsir.exceptions import UndefinedStatisticError
from gvsir.models import ValueDimension

_BOUNDS: Final = (0.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class CorrectedCell:
    """A model's mean in a category (None: the whole, as the leaderboard weighs it), uncorrected and corrected."""

    language_model: LanguageModel
    category: ValueDimension | None
    n_labelled: int
    uncorrected: MeanEstimate
    corrected: CorrectedMean | None
    reason: str

    @property
    def uncorrected_interval(self) -> tuple[float, float] | None:
        """Both ends."""
        low, high = self.uncorrected.low, self.uncorrected.high
        return None if low is None or high is None else (low, high)

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
    category: str
    item: int
    cluster: str
    human: float | None
    weight: float | None


def corrected_cells(sample: LabelSample) -> list[CorrectedCell]:
    """Return, for each model of the run, the whole and each category.

    As judged, they are the numbers of the run's leaderboard (whatever its coverage). Each category is put right by
    its own labels; the whole weighs the categories as the leaderboard does.
    """
    board = board_of_run(sample.run, coverage=0.0)
    rows = _rows(sample)
    models = {each.pk: each for each in LanguageModel.objects.filter(pk__in=[row.model for row in board.rows])}
    cells: list[CorrectedCell] = []
    for row in sorted(board.rows, key=lambda row: row.name):
        cells += _of_model(board, row, models[row.model], rows, sample.least_labels)
    return cells


def corrected_wholes(run: Run, board: Board) -> dict[int, CorrectedCell]:
    """Return the whole of each model of ``board``, as judged and put right by the newest sample with a label.

    Empty where nobody has labelled a response of the run.
    """
    sample = LabelSample.objects.filter(run=run, tasks__labels__isnull=False).order_by("-pk").first()
    if sample is None:
        return {}
    rows = _rows(sample)
    models = {each.pk: each for each in LanguageModel.objects.filter(pk__in=[row.model for row in board.rows])}
    return {
        row.model: _of_model(board, row, models[row.model], rows, sample.least_labels)[0] for row in board.rows
    }


def _of_model(
    board: Board, row: BoardRow, model: LanguageModel, rows: Mapping[tuple[int, str], Sequence[_Row]], least: int
) -> list[CorrectedCell]:
    """Return the whole and then the categories with a score or a label."""
    parts: dict[str, CorrectedPart] = {}
    reasons: dict[str, str] = {}
    cells: list[CorrectedCell] = []
    columns = [column for column in board.columns if rows.get((model.pk, column.key))]
    labels = {column.key: _n_labelled(rows[model.pk, column.key]) for column in columns}
    for column in columns:
        own = rows[model.pk, column.key]
        try:
            parts[column.key] = corrected_part(
                [each.value for each in own], [each.human for each in own], [each.weight for each in own],
                [each.item for each in own], [each.cluster for each in own],
            )
        except UndefinedStatisticError as error:
            reasons[column.key] = str(error)
        few = f"{labels[column.key]} of {least} labels needed" if labels[column.key] < least else ""
        corrected = None if few or column.key in reasons else corrected_whole([parts[column.key]], [1.0])
        cells.append(CorrectedCell(
            language_model=model, category=column.dimension, n_labelled=labels[column.key], corrected=corrected,
            reason=few or reasons.get(column.key, ""), uncorrected=_as_estimate(row.cells[column.key]),
        ))
    members = {group.key: group.members for group in board.groups}
    present = [column.key for column in columns if any(each.value is not None for each in rows[model.pk, column.key])]
    weights = layer_weights(board.weights, members, present)
    n_labelled = sum(labels[key] for key in weights)
    reason = f"{n_labelled} of {least} labels needed" if n_labelled < least else _whole_reason(board, weights, reasons)
    whole = CorrectedCell(
        language_model=model, category=None, n_labelled=n_labelled, uncorrected=_as_estimate(row.overall), reason=reason,
        corrected=None if reason else corrected_whole([parts[key] for key in weights], list(weights.values())),
    )
    return [whole, *cells]


def _whole_reason(board: Board, weights: Mapping[str, float], reasons: Mapping[str, str]) -> str:
    """Return why the whole cannot be put right: it weighs a category that cannot."""
    if not weights:
        return gettext("Nothing is scored.")
    lacking = [column.label for column in board.columns if column.key in weights and column.key in reasons]
    if not lacking:
        return ""
    return gettext("Two labelled responses of two incidents are needed in each category; lacking: {names}.").format(
        names=", ".join(lacking)
    )


def _n_labelled(rows: Sequence[_Row]) -> int:
    return sum(row.human is not None and row.value is not None for row in rows)


def _as_estimate(cell: Cell) -> MeanEstimate:
    return MeanEstimate(
        value=cell.value, se=None, low=cell.low, high=cell.high, n=cell.n_scored or 0, n_clusters=0,
        n_missing=cell.n_unscored or 0, level=0.95, method="leaderboard",
        undefined_reason=cell.reason if cell.value is None else cell.interval_reason,
    )


def _rows(sample: LabelSample) -> dict[tuple[int, str], list[_Row]]:
    """Return the scores on the items' own categories, by model and category."""
    labelled = labelled_responses(sample.run, sample_id=sample.pk)
    means = {each.trial_id: each.mean for each in labelled}
    weights = label_weights(sample.pk, labelled)
    scores = Score.objects.filter(run=sample.run, dimension=F("trial__release_item__item__category")).order_by("pk")
    found: dict[tuple[int, str], list[_Row]] = defaultdict(list)
    for trial, value, language_model, category, release_item, incident, item in scores.values_list(
        "trial_id", "value", "trial__language_model_id", "dimension__key", "trial__release_item_id",
        "trial__release_item__item__incident_id", "trial__release_item__item_id",
    ):
        found[language_model, category].append(_Row(
            trial=trial, value=value, language_model=language_model, category=category, item=release_item,
            cluster=cluster_of(incident, item), human=means.get(trial), weight=weights.get(trial),
        ))
    return found


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

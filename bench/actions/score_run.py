"""Turn the verdicts of a run into scores: for each trial, on the category of its item and on each framework."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Concat

from bench.execution_session import scaled_dimensions, state_in
from bench.fast_rows import insert_ignoring_conflicts
from bench.models import DimensionVerdict, Judgement, Response, Run, Score, Trial
from bench.score_arrays import forget_scores, keep_scores
from bench.scoring import ITEM_SYSTEM
from bench.scoring.panel import Headline, Maker, PanelRule, Vote, headline_of
from bench.voting_judges import answering_maker, maker_of, voters_by_system

_CHUNK = 500
_RESPONSE_REASONS = {
    Response.State.PENDING: "the model was not asked",
    Response.State.CANCELLED: "the run was cancelled",
    Response.State.REFUSED: "the provider refused the request",
    Response.State.CONTENT_FILTER: "the provider's content filter stopped the answer",
    Response.State.FAILED: "no answer after all retries",
    Response.State.UNRECORDED: "no recorded response",
}


class _Trial(NamedTuple):
    pk: int
    response_id: int
    release_item_id: int
    language: str
    dimension_id: int
    state: str
    text: str
    family: str
    model: int
    identifier: str
    recorded_from: str

    @property
    def maker(self) -> Maker:
        """Who answered."""
        return answering_maker(
            key=self.model, identifier=self.identifier, recorded_from=self.recorded_from, family=self.family
        )


class _Judge(NamedTuple):
    pk: int
    maker: Maker


@dataclass(frozen=True, kw_only=True)
class _Panel:
    """The judges of a run that score one value system, and the dimensions they score there.

    ``dimensions`` is empty for the items' own system: each trial is scored on its item's category.
    """

    judges: Sequence[_Judge]
    dimensions: Mapping[int, str]


class _Said(NamedTuple):
    """What a judge said of one answer: its verdict, and of a framework (value, reason missing) by dimension."""

    pk: int
    state: str
    value: float | None
    missing_reason: str
    by_dimension: dict[int, tuple[float | None, str]]


def score_run(run: Run) -> int:
    """Write or bring up to date the scores of every trial; return how many trials there are.

    A trial has one score on the category of its item where a judge of the run rates that, and one on each
    dimension of every framework that a judge of the run reads. The value is the headline of the panel of judges
    (:mod:`bench.scoring.panel`); without one it is missing, with its reason. A score keeps its row, and so its
    address, when it is computed again.
    """
    rule = PanelRule.from_json(run.spec.get("panel"))
    panels = _panels(run)
    trials = Trial.objects.filter(run=run).order_by("pk").values_list(
        "pk", "response_id", "release_item_id", "language", "release_item__item__category_id", state_in(run),
        Concat("response__text", "response__output_sha256", output_field=TextField()), "language_model__family",
        "language_model_id", "language_model__model_identifier", "language_model__recorded_from",
    )
    forget_scores(run)
    count, last = 0, 0
    while chunk := [_Trial(*row) for row in trials.filter(pk__gt=last)[:_CHUNK]]:
        last = chunk[-1].pk
        with transaction.atomic():
            _score_chunk(run, chunk, panels, rule)
        count += len(chunk)
    keep_scores(run)
    return count


def _panels(run: Run) -> list[_Panel]:
    voters = voters_by_system(run.judges.select_related("language_model").order_by("pk"))
    return [
        _Panel(
            judges=[_Judge(judge.pk, maker_of(judge.language_model)) for judge in judges],
            dimensions={} if system == ITEM_SYSTEM else {
                dimension.pk: key for key, dimension in scaled_dimensions(system).items()
            },
        )
        for system, judges in voters.items()
    ]


def _score_chunk(run: Run, chunk: Sequence[_Trial], panels: Sequence[_Panel], rule: PanelRule) -> None:
    said = _said([trial.response_id for trial in chunk], [judge.pk for panel in panels for judge in panel.judges])
    outcomes: dict[tuple[int, int], Headline] = {}
    makers: dict[int, Maker] = {}
    unheard = _RESPONSE_REASONS[Response.State.CANCELLED] if run.status == Run.Status.CANCELLED else "not judged yet"
    for trial in chunk:
        if trial.model not in makers:
            makers[trial.model] = trial.maker
        maker = makers[trial.model]
        heard = said[trial.response_id, trial.release_item_id, trial.language]
        for panel in panels:
            for dimension in panel.dimensions or (trial.dimension_id,):
                outcomes[trial.pk, dimension] = _outcome(
                    trial, maker, panel, dimension, heard, rule, unheard=unheard
                )
    existing = {
        (score.trial_id, score.dimension_id): score
        for score in Score.objects.filter(trial__in=[trial.pk for trial in chunk])
        .prefetch_related("judgements", "left_out")
    }
    for place, score in existing.items():
        if place in outcomes:
            _bring_up_to_date(score, outcomes[place])
    _insert(run, {place: outcome for place, outcome in outcomes.items() if place not in existing})


def _insert(run: Run, new: Mapping[tuple[int, int], Headline]) -> None:
    insert_ignoring_conflicts(
        Score,
        ("run", "trial", "dimension", "value", "missing_reason", "n_judgements"),
        [
            (run.pk, trial, dimension, outcome.value, outcome.missing_reason, len(outcome.counted))
            for (trial, dimension), outcome in new.items()
        ],
    )
    rows = Score.objects.filter(trial__in={trial for trial, _dimension in new}).values_list("trial", "dimension", "pk")
    pks = {(trial, dimension): pk for trial, dimension, pk in rows}
    for through, refs in ((Score.judgements.through, "counted"), (Score.left_out.through, "left_out")):
        insert_ignoring_conflicts(
            through,
            ("score", "judgement"),
            [(pks[place], judgement) for place, outcome in new.items() for judgement in getattr(outcome, refs)],
        )


def _said(
    response_ids: Iterable[int], judge_ids: Sequence[int]
) -> dict[tuple[int, int, str], dict[int, _Said]]:
    """Return, for (response, item, language), what each judge said last."""
    found: dict[tuple[int, int, str], dict[int, _Said]] = defaultdict(dict)
    rows = Judgement.objects.filter(response__in=set(response_ids), judge__in=judge_ids).order_by("pk")
    profiled: dict[int, dict[int, tuple[float | None, str]]] = {}
    for response, item, language, judge, pk, state, value, reason in rows.values_list(
        "response_id", "release_item_id", "language", "judge_id", "pk", "state", "value", "missing_reason"
    ):
        by_dimension: dict[int, tuple[float | None, str]] = {}
        if state == Judgement.State.PROFILED:
            profiled[pk] = by_dimension
        found[response, item, language][judge] = _Said(pk, state, value, reason, by_dimension)
    if profiled:
        verdicts = DimensionVerdict.objects.filter(judgement__in=list(profiled))
        for pk, dimension, value, reason in verdicts.values_list("judgement", "dimension", "value", "missing_reason"):
            profiled[pk][dimension] = (value, reason)
    return found


def _outcome(
    trial: _Trial, maker: Maker, panel: _Panel, dimension: int, heard: Mapping[int, _Said], rule: PanelRule, *,
    unheard: str,
) -> Headline:
    if trial.state == Response.State.CANCELLED:  # others may have it answered later
        return Headline(value=None, missing_reason=_RESPONSE_REASONS[Response.State.CANCELLED])
    votes = [
        _vote(judge, heard.get(judge.pk), dimension, is_own=judge.maker.is_same_kind(maker), unheard=unheard)
        for judge in panel.judges
    ]
    if not any(vote.value is not None for vote in votes):
        if trial.state in _RESPONSE_REASONS:
            return Headline(value=None, missing_reason=_RESPONSE_REASONS[Response.State(trial.state)])
        if not trial.text.strip():
            return Headline(value=None, missing_reason="the answer is empty")
    return headline_of(votes, family="+".join(sorted(maker.families)), rule=rule)


def _vote(judge: _Judge, said: _Said | None, dimension: int, *, is_own: bool, unheard: str) -> Vote:
    if said is None or said.state == Judgement.State.PENDING:
        return Vote(ref=0, value=None, missing_reason=unheard, is_own=is_own)
    value, reason = said.value, f"judgement {said.state}: {said.missing_reason}"
    if said.state == Judgement.State.PROFILED:
        value, reason = said.by_dimension.get(dimension, (None, "the reply does not name it"))
    return Vote(ref=said.pk, value=value, missing_reason="" if value is not None else reason, is_own=is_own)


def _bring_up_to_date(score: Score, outcome: Headline) -> None:
    changed = (score.value, score.missing_reason) != (outcome.value, outcome.missing_reason)
    for votes, refs in ((score.judgements, outcome.counted), (score.left_out, outcome.left_out)):
        if {judgement.pk for judgement in votes.all()} != set(refs):
            votes.set(refs)
            changed = True
    if changed:
        score.value, score.missing_reason, score.n_judgements = outcome.value, outcome.missing_reason, len(outcome.counted)
        score.save(update_fields=["value", "missing_reason", "n_judgements"])

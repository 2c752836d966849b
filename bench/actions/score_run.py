"""Turn the verdicts of a run into scores: one for each trial, on the category of its item."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import transaction

from bench.fast_rows import insert_ignoring_conflicts
from bench.models import Judgement, Response, Run, Score, Trial

_CHUNK = 500
_RESPONSE_REASONS = {
    Response.State.PENDING: "the model was not asked",
    Response.State.CANCELLED: "the run was cancelled",
    Response.State.REFUSED: "the provider refused the request",
    Response.State.CONTENT_FILTER: "the provider's content filter stopped the answer",
    Response.State.FAILED: "no answer after all retries",
}


class _Trial(NamedTuple):
    pk: int
    response_id: int
    release_item_id: int
    language: str
    dimension_id: int
    state: str
    text: str


class _Outcome(NamedTuple):
    value: float | None
    missing_reason: str
    judgements: Sequence[int]


def score_run(run: Run) -> int:
    """Write or bring up to date the score of every trial; return how many trials there are.

    The value is the median of the valid verdicts. Without one it is missing, with its reason.
    A score keeps its row, and so its address, when it is computed again.
    """
    judge_ids = list(run.judges.values_list("pk", flat=True))
    trials = Trial.objects.filter(run=run).order_by("pk").values_list(
        "pk", "response_id", "release_item_id", "language", "release_item__item__category_id", "response__state",
        "response__text",
    )
    count, last = 0, 0
    while chunk := [_Trial(*row) for row in trials.filter(pk__gt=last)[:_CHUNK]]:
        last = chunk[-1].pk
        with transaction.atomic():
            _score_chunk(run, chunk, judge_ids)
        count += len(chunk)
    return count


def _score_chunk(run: Run, chunk: Sequence[_Trial], judge_ids: Sequence[int]) -> None:
    verdicts = _verdicts([trial.response_id for trial in chunk], judge_ids)
    outcomes = {
        trial.pk: _outcome(trial, verdicts[trial.response_id, trial.release_item_id, trial.language], len(judge_ids))
        for trial in chunk
    }
    existing = {
        score.trial_id: score for score in Score.objects.filter(trial__in=list(outcomes)).prefetch_related("judgements")
    }
    for trial_id, score in existing.items():
        _bring_up_to_date(score, outcomes[trial_id])
    new = [trial for trial in chunk if trial.pk not in existing]
    insert_ignoring_conflicts(
        Score,
        ("run", "trial", "dimension", "value", "missing_reason", "n_judgements"),
        [
            (run.pk, trial.pk, trial.dimension_id, outcome.value, outcome.missing_reason, len(outcome.judgements))
            for trial in new if (outcome := outcomes[trial.pk])
        ],
    )
    scores = dict(Score.objects.filter(trial__in=[trial.pk for trial in new]).values_list("trial_id", "pk"))
    insert_ignoring_conflicts(
        Score.judgements.through,
        ("score", "judgement"),
        [(scores[trial.pk], judgement) for trial in new for judgement in outcomes[trial.pk].judgements],
    )


def _verdicts(
    response_ids: Iterable[int], judge_ids: Sequence[int]
) -> dict[tuple[int, int, str], dict[int, tuple[int, str, float | None, str]]]:
    """Return, for (response, item, language), each judge's latest verdict: (key, state, value, reason missing)."""
    found: dict[tuple[int, int, str], dict[int, Any]] = defaultdict(dict)
    rows = Judgement.objects.filter(response__in=set(response_ids), judge__in=judge_ids).order_by("pk")
    for response, item, language, judge, pk, state, value, reason in rows.values_list(
        "response_id", "release_item_id", "language", "judge_id", "pk", "state", "value", "missing_reason"
    ):
        found[response, item, language][judge] = (pk, state, value, reason)
    return found


def _outcome(trial: _Trial, verdicts: dict[int, tuple[int, str, float | None, str]], n_judges: int) -> _Outcome:
    valid = [(pk, value) for pk, _, value, _ in verdicts.values() if value is not None]
    if valid:
        return _Outcome(statistics.median(value for _, value in valid), "", [pk for pk, _ in valid])
    if trial.state in _RESPONSE_REASONS:
        return _Outcome(None, _RESPONSE_REASONS[Response.State(trial.state)], [])
    if not trial.text.strip():
        return _Outcome(None, "the answer is empty", [])
    reasons = [
        "not judged yet" if state == Judgement.State.PENDING else f"judgement {state}: {reason}"
        for _, state, _, reason in verdicts.values()
    ]
    return _Outcome(None, "; ".join(dict.fromkeys(reasons)) or "not judged yet", [])


def _bring_up_to_date(score: Score, outcome: _Outcome) -> None:
    if {judgement.pk for judgement in score.judgements.all()} == set(outcome.judgements) and (
        (score.value, score.missing_reason) == (outcome.value, outcome.missing_reason)
    ):
        return
    score.value, score.missing_reason, score.n_judgements = outcome.value, outcome.missing_reason, len(outcome.judgements)
    score.save(update_fields=["value", "missing_reason", "n_judgements"])
    score.judgements.set(outcome.judgements)

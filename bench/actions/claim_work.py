"""Take pending work of a run for this process; what a dead process held is free again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from bench.actions.count_failures import count_earlier_failures
from bench.actions.open_judgements import (
    OUTPUT_OF_RESPONSE,
    judgement_call,
    open_missing_judgements,
    output_of,
)
from bench.actions.read_verdicts import unread_replies
from bench.execution.calls import Call, Page
from bench.execution_session import Session, is_free, judgements_of, responses_of
from bench.models import Judgement, LanguageModel, Response, Run, Trial


def claim_page(session: Session, lane: str, number: int) -> Page:
    """Return up to about ``number`` calls of ``lane``, held by this process from now on.

    The page is the last one when nothing of the run is pending but what this process, or another one that
    executes the same run, holds already.
    """
    if session.saw_foreign:
        session.saw_foreign = False
        session.lanes_without_verdicts.clear()
        open_missing_judgements(session)
    calls: list[Call] = []
    if lane not in session.lanes_without_verdicts:  # new ones come back from the recording, not from here
        for judge_id, seated in session.judges.items():
            if seated.rubric.ask is not None and session.lanes[seated.row.language_model_id or 0] == lane:
                calls += _claim_judgements(session, judge_id, number - len(calls))
        if not calls:
            session.lanes_without_verdicts.add(lane)
    for language_model in session.subjects:
        if session.lanes[language_model.pk] == lane and len(calls) < number:
            calls += _claim_responses(session, language_model, number - len(calls))
    if calls:
        count_earlier_failures(session, calls)
        return Page(calls=calls)
    session.lanes_without_verdicts.clear()
    return Page(is_last=_nothing_left(session))


def release_claims(session: Session) -> None:
    """Give back what this process holds and did not settle."""
    Response.objects.filter(executor=session.executor, state=Response.State.PENDING).update(executor=None)
    Judgement.objects.filter(executor=session.executor, state=Judgement.State.PENDING).update(executor=None)


def _claim_responses(session: Session, language_model: LanguageModel, number: int) -> list[Call]:
    pending = responses_of(session.run).filter(language_model=language_model, state=Response.State.PENDING)
    return response_calls(session, language_model, claim_rows(session, pending, number))


def response_calls(session: Session, language_model: LanguageModel, claimed: Sequence[int]) -> list[Call]:
    """Return the calls of the responses ``claimed``, those that this process still holds."""
    if not claimed:
        return []
    cases: dict[int, list[tuple[int, str, Any]]] = defaultdict(list)
    trials = Trial.objects.filter(run=session.run, response__in=claimed).order_by("pk")
    for response_id, release_item_id, language, content in trials.values_list(
        "response_id", "release_item_id", "language", "release_item__content"
    ):
        cases[response_id].append((release_item_id, language, content))
    still_held = Response.objects.filter(
        pk__in=claimed, state=Response.State.PENDING, executor=session.executor
    ).order_by("pk")
    return [
        Call(
            key=key, kind="response", lane=session.lanes[language_model.pk], client=str(language_model.pk),
            asked=f"subject-{language_model.pk}",
            messages=messages, generation=session.generation, epoch=epoch, attempts=attempts,
            context=(pk, cases[pk]),
        )
        for pk, key, messages, epoch, attempts in still_held.values_list("pk", "key", "messages", "epoch", "attempts")
    ]


def _claim_judgements(session: Session, judge_id: int, number: int) -> list[Call]:
    if number <= 0:
        return []
    pending = judgements_of(session.run).filter(judge=judge_id, state=Judgement.State.PENDING)
    return judgement_calls(session, judge_id, claim_rows(session, pending, number))


def judgement_calls(session: Session, judge_id: int, claimed: Sequence[int]) -> list[Call]:
    """Return the calls for the verdicts ``claimed``, which this process holds."""
    if not claimed:
        return []
    rows = Judgement.objects.filter(pk__in=claimed).order_by("pk").values_list(
        "pk", "key", "language", "attempts", "release_item__content", "response__text", *OUTPUT_OF_RESPONSE
    )
    seated, unread = session.judges[judge_id], unread_replies(claimed)
    return [
        judgement_call(
            session, judge_id, pk, key, session.case(seated, content, language, text, output_of(*output)), attempts,
            unread.get(pk, ()),
        )
        for pk, key, language, attempts, content, text, *output in rows
    ]


@transaction.atomic
def claim_rows(session: Session, pending: QuerySet[Any], number: int) -> list[int]:
    """Return the primary keys of up to ``number`` free rows, now held by this process."""
    free = pending.filter(is_free()).order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        free = free.select_for_update(skip_locked=True, of=("self",))
    chosen = list(free.values_list("pk", flat=True)[:number])
    if chosen:
        pending.model.objects.filter(pk__in=chosen).update(executor=session.executor)
    return chosen


def has_pending(run: Run) -> bool:
    """Return whether anything of the run waits for an answer or a verdict, held by whomever."""
    return any(rows.filter(state="pending").exists() for rows in (responses_of(run), judgements_of(run)))


def has_free_work(run: Run) -> bool:
    """Return whether anything of the run waits that nobody alive holds."""
    return any(
        rows.filter(is_free(), state="pending").exists() for rows in (responses_of(run), judgements_of(run))
    )


def _nothing_left(session: Session) -> bool:
    """Return whether no more work can come to this process: all is settled, or held by one that executes this run."""
    for rows in (responses_of(session.run), judgements_of(session.run)):
        pending = rows.filter(state="pending")
        if pending.filter(is_free()).exists():
            return False
        if pending.exclude(executor__run=session.run).exists():  # another run asks the same, without this run's judges
            session.saw_foreign = True
            return False
    if responses_of(session.run).filter(state=Response.State.PENDING, executor=session.executor).exists():
        return False
    # Another run may have answered, since this one looked, what both had pending.
    return open_missing_judgements(session) == 0

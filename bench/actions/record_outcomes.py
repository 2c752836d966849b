"""Make outcomes durable: one short transaction for all that came in within a few milliseconds.

Every write is guarded by ``state = pending``: recording twice changes nothing, and nothing settled is overwritten.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from bench.actions.open_judgements import Answered, judgement_call, open_judgements
from bench.actions.read_verdicts import UNREADABLE, read_reply, write_dimensions
from bench.exceptions import MAY_BE_CHARGED
from bench.execution.calls import Call, Event, FailedCall, Settled
from bench.execution_session import JUDGEABLE, Session, state_of_answer
from bench.fast_rows import insert_ignoring_conflicts, update_where
from bench.models import FailedAttempt, Judgement, Response
from bench.providers.base import Completion
from bench.scoring.structured import Unread
from bench.specs import sha256

_OUTCOME_STATES = {"refused_by_provider": Response.State.REFUSED, "failed": Response.State.FAILED}
_RESPONSE_FIELDS = (
    "state", "text", "text_sha256", "finish_reason", "error", "prompt_tokens", "completion_tokens", "cost_usd",
    "most_cost_usd", "attempts", "seconds", "answered_at", "executor",
)
_OUTPUT_FIELDS = ("output_sha256", "output_media_type", "output_size")
_JUDGEMENT_FIELDS = (
    "state", "value", "missing_reason", "reason", "refusal", "raw_text", "finish_reason", "prompt_tokens",
    "completion_tokens", "cost_usd", "most_cost_usd", "attempts", "seconds", "judged_at", "executor",
)
_ATTEMPT_FIELDS = (
    "run", "response", "judgement", "number", "outcome", "http_status", "retry_after_seconds", "message", "at",
    "text", "prompt_tokens", "completion_tokens", "cost_usd", "most_cost_usd",
)
_SUPERSEDED = "superseded"


def record_outcomes(session: Session, events: Sequence[Event]) -> list[Call]:
    """Write ``events``; return the calls for verdicts that new answers make possible, and for repairs of verdicts."""
    failed = [event for event in events if isinstance(event, FailedCall)]
    responses = [event for event in events if isinstance(event, Settled) and event.call.kind == "response"]
    judgements = [event for event in events if isinstance(event, Settled) and event.call.kind == "judgement"]
    with transaction.atomic():
        if failed:
            _record_failed_calls(session, failed)
        calls = _record_judgements(session, judgements) if judgements else []
        return calls + (_record_responses(session, responses) if responses else [])


def _record_failed_calls(session: Session, failed: Sequence[FailedCall]) -> None:
    insert_ignoring_conflicts(
        FailedAttempt,
        _ATTEMPT_FIELDS,
        [
            (
                session.run.pk, *_owner(event.call), event.number, event.outcome[:24], event.http_status,
                event.retry_after, event.message, _moment(event.at), "", None, None, None,
                _most_cost(session, event.call) if event.outcome in MAY_BE_CHARGED else None,
            )
            for event in failed
        ],
    )
    for model, kind in ((Response, "response"), (Judgement, "judgement")):
        update_where(
            model, ("attempts",), ("pk", "state"),
            [(event.number, event.call.context[0], "pending") for event in failed if event.call.kind == kind],
        )


def _record_responses(session: Session, settled: Sequence[Settled]) -> list[Call]:
    rows: list[tuple[Any, ...]] = []
    made: list[tuple[Any, ...]] = []
    answers: list[Answered] = []
    for event in settled:
        call, completion = event.call, event.completion
        pk, cases = call.context
        text = completion.text if completion else ""
        output = completion.output if completion else None
        text_sha256 = sha256(text) if completion and output is None else ""
        finish_reason = completion.finish_reason if completion else ""
        state, error = state_of_answer(finish_reason) if completion else (_OUTCOME_STATES[event.outcome], event.error)
        rows.append((
            state, text, text_sha256, finish_reason, error, *_usage(session, call, completion), call.attempts,
            event.seconds, _moment(event.at), session.executor.pk, pk, Response.State.PENDING,
        ))
        if state in JUDGEABLE:
            if output is not None:
                made.append((output.sha256, output.media_type, output.size, pk, Response.State.PENDING))
            answers += [
                Answered(pk, call.key, release_item_id, language, content, text, text_sha256, output)
                for release_item_id, language, content in cases
            ]
    if made:  # their files are on the disk already
        update_where(Response, _OUTPUT_FIELDS, ("pk", "state"), made)
    if update_where(Response, _RESPONSE_FIELDS, ("pk", "state"), rows) < len(rows):
        lost = _note_superseded(session, settled, Response)
        answers = [answer for answer in answers if answer.response_id not in lost]
        session.saw_foreign = True
    return open_judgements(session, answers, hold=True)


def _record_judgements(session: Session, settled: Sequence[Settled]) -> list[Call]:
    rows: list[tuple[Any, ...]] = []
    said = []
    to_repair = []
    for event in settled:
        call, completion = event.call, event.completion
        pk, judge_id, case, unread = call.context
        seated = session.judges[judge_id]
        tail = (
            *_usage(session, call, completion), call.attempts, event.seconds, _moment(event.at), session.executor.pk,
            pk, Judgement.State.PENDING,
        )
        if completion is None:
            state = Judgement.State.FAILED
            if event.outcome == "refused_by_provider":
                state = Judgement.State.REFUSED
                _record_failed_calls(session, [_refusal(event)])
            rows.append((state, None, event.error or event.outcome, "", "", "", "", *tail))
            continue
        reading = read_reply(seated, completion, case, len(unread))
        if reading.unread is not None:
            to_repair.append((event, reading.unread))
            continue
        rows.append((*reading.row, *tail))
        said.append((pk, seated, reading.dimensions))
    if rows and update_where(Judgement, _JUDGEMENT_FIELDS, ("pk", "state"), rows) < len(rows):
        again = {event.call.key for event, _reply in to_repair}
        _note_superseded(session, [event for event in settled if event.call.key not in again], Judgement)
    write_dimensions(said)
    return _record_repairs(session, to_repair) if to_repair else []


def _record_repairs(session: Session, to_repair: Sequence[tuple[Settled, Unread]]) -> list[Call]:
    """Keep each unreadable reply with what it cost, and return the calls that ask for it again."""
    calls, rows = [], []
    for event, reply in to_repair:
        call = event.call
        pk, judge_id, case, unread = call.context
        rows.append((
            session.run.pk, *_owner(call), call.attempts, UNREADABLE, None, None, reply.problem, _moment(event.at),
            reply.reply, *_usage(session, call, event.completion),
        ))
        calls.append(judgement_call(session, judge_id, pk, call.key, case, call.attempts, (*unread, reply)))
    insert_ignoring_conflicts(FailedAttempt, _ATTEMPT_FIELDS, rows)
    update_where(
        Judgement, ("attempts",), ("pk", "state"),
        [(event.call.attempts, event.call.context[0], Judgement.State.PENDING) for event, _reply in to_repair],
    )
    return calls


def _refusal(event: Settled) -> FailedCall:
    """Return the call of a judge that its provider refused: it was sent and gave no verdict."""
    return FailedCall(
        call=event.call, number=event.call.attempts, outcome=event.outcome, message=event.error, at=event.at
    )


def _note_superseded(
    session: Session, settled: Sequence[Settled], model: type[Response] | type[Judgement]
) -> set[int]:
    """Keep count of calls whose answer another process had settled before; return the records concerned."""
    keys = {event.call.context[0]: event for event in settled}
    lost = set(
        model.objects.filter(pk__in=list(keys)).exclude(executor=session.executor).values_list("pk", flat=True)
    )
    insert_ignoring_conflicts(
        FailedAttempt,
        _ATTEMPT_FIELDS,
        [
            (
                session.run.pk, *_owner(keys[pk].call), keys[pk].call.attempts, _SUPERSEDED, None, None,
                "Another process had settled it before.", _moment(keys[pk].at), "",
                *_usage(session, keys[pk].call, keys[pk].completion),
            )
            for pk in sorted(lost) if keys[pk].completion is not None
        ],
    )
    return lost


def _owner(call: Call) -> tuple[int | None, int | None]:
    """Return (response, judgement) primary keys."""
    pk = call.context[0]
    return (pk, None) if call.kind == "response" else (None, pk)


def _usage(
    session: Session, call: Call, completion: Completion | None
) -> tuple[int | None, int | None, Decimal | None, Decimal | None]:
    """Return prompt tokens, completion tokens and cost; where that is not known, the most it can be.

    Each is None where nobody counted, priced or bounded it.
    """
    if completion is None:
        return None, None, None, None
    prompt, said = completion.prompt_tokens, completion.completion_tokens
    price = session.prices[int(call.client)]
    is_counted = prompt is not None and said is not None
    if price is not None and (is_counted or completion.output is not None):
        return prompt, said, price.of(prompt or 0, said or 0), None
    return (prompt, said, None, None) if is_counted else (None, None, None, _most_cost(session, call))


def _most_cost(session: Session, call: Call) -> Decimal | None:
    """Return the most that ``call`` can have cost; None where its model has no price."""
    price = session.prices[int(call.client)]
    return None if price is None else price.at_most(call)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)

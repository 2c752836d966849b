"""Read replies of batches into a run: each once, in any order, a file as often as one likes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from bench.actions.batch_budget import settle_calls
from bench.actions.batch_work import BatchWork
from bench.actions.record_outcomes import record_outcomes
from bench.execution.calls import Call, Event, FailedCall, Settled
from bench.formats.batch_jsonl import Reply, read_replies
from bench.models import FailedAttempt, Judgement, Response
from gvsir.exceptions import FormatError

_CHUNK = 200


@dataclass
class BatchImport:
    """What a file brought: replies recorded, replies that were there already, lines that could not be used."""

    recorded: int = 0
    known: int = 0
    failed: int = 0
    errors: list[FormatError] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the counts and errors as plain data."""
        return {
            "recorded": self.recorded, "known": self.known, "failed": self.failed,
            "errors": [
                {"source": each.source, "line": each.line, "field": each.field, "message": each.message}
                for each in self.errors
            ],
        }


def import_batch(work: BatchWork, lines: Iterable[str], *, source: str, found: BatchImport | None = None) -> BatchImport:
    """Record the replies in ``lines`` that the run still lacks."""
    found = found or BatchImport()
    waiting = {(call.kind, call.key): call for call in work.calls}
    for chunk in _chunks(read_replies(lines, source)):
        events: dict[tuple[str, str], Event] = {}
        noted = _noted([waiting[reply.kind, reply.key] for reply in chunk if isinstance(reply, Reply)
                        and (reply.kind, reply.key) in waiting])
        for reply in chunk:
            if isinstance(reply, FormatError):
                found.errors.append(reply)
                continue
            error = _refusal(work, reply, source)
            if error is not None:
                found.errors.append(error)
                continue
            place = (reply.kind, reply.key)
            call = waiting.get(place)
            if call is None or place in events or (*place, reply.number) in noted:
                found.known += 1
                continue
            call.attempts = max(call.attempts, reply.number)
            event = events[place] = _event(call, reply)
            found.recorded += 1
            found.failed += isinstance(event, FailedCall)
            if not isinstance(event, FailedCall):
                del waiting[place]
        with transaction.atomic():
            follow_ups = record_outcomes(work.session, list(events.values()))
            settle_calls(work.session, list(events.values()))
        for call in follow_ups:
            waiting[call.kind, call.key] = call  # a verdict made possible, or one to be asked for again
    work.calls = list(waiting.values())
    return found


def _event(call: Call, reply: Reply) -> Event:
    now = time.time()
    if reply.completion is not None:
        return Settled(call=call, completion=reply.completion, outcome="answered", error="", seconds=None, at=now)
    error = reply.error
    if error is None:
        raise AssertionError("a reply is an answer or an error")
    if error.is_permanent:
        outcome = error.outcome if error.outcome == "refused_by_provider" else "failed"
        return Settled(call=call, completion=None, outcome=outcome, error=str(error), seconds=None, at=now)
    return FailedCall(
        call=call, number=reply.number, outcome=error.outcome, message=str(error), at=now, http_status=error.http_status
    )


def _refusal(work: BatchWork, reply: Reply, source: str) -> FormatError | None:
    run = work.session.run.pk
    if reply.run != run:
        return FormatError(
            f"It belongs to run {reply.run}, not to run {run}.", source=source, line=reply.line, field="custom_id"
        )
    model = Response if reply.kind == "response" else Judgement
    if not model.objects.filter(key=reply.key).exists():
        return FormatError("There is no such record.", source=source, line=reply.line, field="custom_id")
    return None


def _noted(calls: list[Call]) -> set[tuple[str, str, int]]:
    """Return (kind, key, number) of calls that are on record as having failed, or as unreadable verdicts."""
    keys = {call.context[0]: call.key for call in calls if call.kind == "response"}
    verdicts = {call.context[0]: call.key for call in calls if call.kind == "judgement"}
    rows = FailedAttempt.objects.filter(response__in=keys).values_list("response", "number")
    noted = {("response", keys[pk], number) for pk, number in rows}
    rows = FailedAttempt.objects.filter(judgement__in=verdicts).values_list("judgement", "number")
    return noted | {("judgement", verdicts[pk], number) for pk, number in rows}


def _chunks(replies: Iterator[Reply | FormatError]) -> Iterator[list[Reply | FormatError]]:
    chunk: list[Reply | FormatError] = []
    for reply in replies:
        chunk.append(reply)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk

"""Bring into the database what a process was told and could not record before it died, on this machine."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.conf import settings

from bench.actions.claim_work import claim_rows, judgement_calls, release_claims, response_calls
from bench.actions.record_outcomes import record_outcomes
from bench.execution.calls import Call, Event
from bench.execution.journal import Entry, Journal, left_journals
from bench.execution_session import Session, judgements_of, responses_of
from bench.models import Judgement, Response, Run

logger = logging.getLogger(__name__)

_CHUNK: Final = 200


def open_journal(session: Session) -> Journal | None:
    """Return a journal for this process, or None where none can be written."""
    name = f"{_prefix(session.run)}{session.executor.pk}-{secrets.token_hex(4)}"
    try:
        return Journal(_folder(), name)
    except OSError as error:
        logger.warning("no journal: %s", error, extra={"action": "run.journal", "run_id": session.run.pk})
        return None


def has_journals(run: Run) -> bool:
    """Return whether a process that executes ``run``, dead or alive, has a journal on this machine."""
    return any(_folder().glob(f"{_prefix(run)}*.jsonl"))


def replay_journals(session: Session) -> int:
    """Record what dead processes of this run left in their journals; return how many outcomes that were.

    What is in the database already stays as it is, and so does what somebody alive holds.
    """
    count = 0
    for journal in left_journals(_folder(), _prefix(session.run)):
        entries = list(journal.entries())
        for start in range(0, len(entries), _CHUNK):
            events = _events(session, entries[start : start + _CHUNK])
            record_outcomes(session, events)
            count += len(events)
        release_claims(session)
        journal.done()
    if count:
        logger.info("%s outcomes from journals", count, extra={"action": "run.replay", "run_id": session.run.pk})
    return count


def _folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "journals"


def _prefix(run: Run) -> str:
    return f"{run.spec_sha256[:20]}-"


def _events(session: Session, entries: Sequence[Entry]) -> list[Event]:
    """Return those of ``entries`` that the database lacks, with the calls they belong to."""
    calls = _calls(session, {entry.key for entry in entries})
    recorded = {key: call.attempts for key, call in calls.items()}
    events = []
    for entry in entries:
        call = calls.get(entry.key)
        if call is None or call.kind != entry.kind or entry.attempts <= recorded[entry.key]:
            continue
        try:
            events.append(entry.event(call))
        except TypeError:  # of another version: asked again
            logger.warning("unreadable journal entry", extra={"action": "run.replay", "run_id": session.run.pk})
    return events


def _calls(session: Session, keys: set[str]) -> dict[str, Call]:
    """Return the calls with these keys that nobody has settled, held by this process from now on."""
    found: list[Call] = []
    for language_model in session.subjects:
        rows = responses_of(session.run).filter(
            language_model=language_model, state=Response.State.PENDING, key__in=keys
        )
        found += response_calls(session, language_model, claim_rows(session, rows, len(keys)))
    for judge_id, seated in session.judges.items():
        if seated.rubric.ask is not None:
            given = judgements_of(session.run).filter(judge=judge_id, state=Judgement.State.PENDING, key__in=keys)
            found += judgement_calls(session, judge_id, claim_rows(session, given, len(keys)))
    return {call.key: call for call in found}

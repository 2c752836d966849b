"""All that a run still has to ask, held by one process that will not send it itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils.translation import gettext

from bench.actions.claim_work import claim_page, has_pending, release_claims
from bench.actions.join_run import join_run, leave_run
from bench.actions.record_outcomes import record_outcomes
from bench.actions.replay_recordings import replay_recordings
from bench.actions.score_cancelled import score_cancelled
from bench.actions.score_run import score_run
from bench.actions.signs_of_life import signs_of_life
from bench.endpoints import IN_PROCESS, client_of
from bench.exceptions import BatchError
from bench.execution.calls import Call, Settled
from bench.execution_session import Session, open_session
from bench.files.kinds import TEXT
from bench.models import LanguageModel, Run

_PAGE = 500


@dataclass
class BatchWork:
    """A run held for its batches: what is missing, and what is to be said when it is let go."""

    session: Session
    calls: list[Call]
    reason: str = ""

    def model_of(self, call: Call) -> LanguageModel:
        """Return whom ``call`` asks."""
        return self.session.language_models[int(call.client)]


@contextmanager
def batch_work(run: Run, *, actor: User | None) -> Iterator[BatchWork]:
    """Hold ``run`` with every call it lacks; what answers in this process answers first.

    Afterwards the run is paused with the reason given, or, where nothing is missing any more, scored and finished.
    """
    executor = join_run(run.pk, actor=actor, is_shared=False, for_batches=True)
    status, reason = Run.Status.PAUSED, "The batch could not be prepared."
    try:
        with signs_of_life(executor):
            work = BatchWork(open_session(executor.run, executor), [])
            work.calls = _missing(work.session)
            _refuse_files(work)
            reason = "Waiting for replies in batch files."
            yield work
            release_claims(work.session)
            if has_pending(executor.run):
                reason = work.reason or reason
            else:
                score_run(executor.run)
                status, reason = Run.Status.FINISHED, ""
    finally:
        leave_run(
            executor, ending="finished" if status == Run.Status.FINISHED else "stopped", status=status, reason=reason,
            actor=actor,
        )
        score_cancelled(run.pk)


def _refuse_files(work: BatchWork) -> None:
    asked = [call for call in work.calls if work.model_of(call).output != TEXT]
    if asked:
        raise BatchError(
            gettext(
                "{n} calls of run {run} have images, speech or videos made; batch files cannot ask for that. "
                "Execute it with: gvsir bench_run --resume {run}"
            ).format(n=len(asked), run=work.session.run.pk)
        )


def _missing(session: Session) -> list[Call]:
    replay_recordings(session)
    lanes = dict.fromkeys(session.lanes.values())
    follow_ups: list[Call] = []
    if IN_PROCESS in lanes:
        del lanes[IN_PROCESS]
        while calls := claim_page(session, IN_PROCESS, _PAGE).calls:
            settled = asyncio.run(_answer_here(session, list(calls)))
            follow_ups += record_outcomes(session, settled)
    found = {call.key: call for call in follow_ups}
    for lane in lanes:
        while calls := claim_page(session, lane, _PAGE).calls:
            found |= {call.key: call for call in calls}
    return list(found.values())


async def _answer_here(session: Session, calls: list[Call]) -> list[Settled]:
    clients = {
        name: client_of(session.language_models[int(name)], connections=1, timeout=60.0)
        for name in {call.client for call in calls}
    }
    settled = []
    for call in calls:
        completion = await clients[call.client].complete(call.messages, call.generation, call.epoch)
        settled.append(
            Settled(call=call, completion=completion, outcome="answered", error="", seconds=0.0, at=time.time())
        )
    return settled

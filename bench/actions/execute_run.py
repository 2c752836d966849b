"""Execute a run: send what is missing, write what comes back, score, and leave the account in order.

The event loop runs in a thread of its own and knows no database; this thread is the one writer. An answer is
durable before a judge is asked about it, so a process killed at any moment loses at most the calls on their way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from bench.accounting import RunAccount, account
from bench.actions.claim_work import claim_page, has_pending, release_claims
from bench.actions.draw_budget import close_purse, draw, open_purse, why_spent
from bench.actions.join_run import (
    bound_transactions,
    bury_dead,
    is_last_to_finish,
    join_run,
    lease,
    leave_run,
)
from bench.actions.record_outcomes import record_outcomes
from bench.actions.replay_journals import open_journal, replay_journals
from bench.actions.replay_recordings import replay_recordings
from bench.actions.score_cancelled import score_cancelled
from bench.actions.score_run import score_run
from bench.actions.share_endpoints import Claim, endpoint_named, take_places
from bench.actions.signs_of_life import signs_of_life
from bench.endpoints import lanes_of
from bench.execution.calls import Call, Event, Page
from bench.execution.engine import Engine, Progress, Result, Settings
from bench.execution.limits import Budget
from bench.execution.prices import Dearest
from bench.execution.smooth_running import smooth_running
from bench.execution_session import Session, open_session
from bench.models import Executor, Run
from gvsir.permissions import require

logger = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 1.0
#: While places are being divided anew, or the budget is short.
_QUICK_SECONDS = 0.2
#: After so many beats without anything to send, others may have the places.
_IDLE_BEATS = 3
#: Rounds of calls that questions are asked ahead of their verdicts, where one process does it all and no budget may
#: end it in between.
_AHEAD = 10.0
#: Claims of one process among several are small, so that none waits while another holds the rest.
_SHARED_PAGE = 64


def execute_run(
    run_id: int,
    *,
    actor: User | None = None,
    is_shared: bool = False,
    progress: Callable[[Progress], None] | None = None,
    look: Callable[[], None] | None = None,
    stop: Callable[[], bool] | None = None,
    settings: Settings | None = None,
) -> RunAccount:
    """Execute run ``run_id`` until nothing is missing, or ``stop()`` is true, or it is paused or cancelled.

    With ``is_shared`` other processes may do so at the same time; this one ends when nothing is left for it, and
    the last one of them scores and closes the run. ``progress`` is told ten times a second, in a thread that must
    not ask the database; ``look`` may ask it, once a second. A finished run that lacks nothing stays as it is.

    Raises
    ------
    RunBusyError
        Another process executes it, shows signs of life, and one of the two does not share.
    RunClosedError
        It is cancelled.
    PermissionRefusedError
        ``actor`` may not execute runs.
    """
    if actor is not None:
        require(actor, "run.execute")
    run = Run.objects.get(pk=run_id)
    if run.status == Run.Status.FINISHED and not has_pending(run):
        return account(run)
    executor = join_run(run_id, actor=actor, is_shared=is_shared)
    run = executor.run
    ending, reason, status = "error", "", Run.Status.FAILED
    try:
        session = open_session(run, executor)
        with signs_of_life(executor):
            replay_journals(session)
            replay_recordings(session)
        result = _Execution(session, progress, look, stop, settings or Settings()).run()
        ending, executor.lost_calls = result.ending, result.lost_calls
        if ending != "finished":
            status, reason = _status_after(run, result, is_shared=is_shared)
        elif is_last_to_finish(executor):
            status, reason = _close(session)
    except Exception as error:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        reason = f"{type(error).__name__}: {error}"
        if is_shared and isinstance(error, OperationalError | InterfaceError):
            status, reason = Run.Status.QUEUED, ""
        raise
    finally:
        leave_run(executor, ending=ending, status=status, reason=reason, actor=actor)
    score_cancelled(run.pk)
    run.refresh_from_db()
    return account(run)


def _close(session: Session) -> tuple[Run.Status, str]:
    """Score the run, unless a process that left early gave something back."""
    run = session.run
    if Run.objects.get(pk=run.pk).status == Run.Status.CANCELLED:
        return Run.Status.CANCELLED, run.status_reason
    if has_pending(run):
        return Run.Status.QUEUED, ""
    with signs_of_life(session.executor):
        score_run(run)
    return Run.Status.FINISHED, ""


def _status_after(run: Run, result: Result, *, is_shared: bool) -> tuple[Run.Status, str]:
    current = Run.objects.values_list("status", "status_reason").get(pk=run.pk)
    if current[0] == Run.Status.CANCELLED:
        return Run.Status.CANCELLED, current[1]
    if current[0] == Run.Status.QUEUED:  # paused and at once resumed: the next process goes on
        return Run.Status.QUEUED, ""
    if current[0] == Run.Status.PAUSED:
        return Run.Status.PAUSED, current[1]
    if result.ending == "out_of_budget":
        return Run.Status.PAUSED, why_spent(run)
    if result.ending == "halted":
        return Run.Status.PAUSED, result.reason
    if is_shared:  # the worker was asked to end; the next one goes on
        return Run.Status.QUEUED, ""
    return Run.Status.PAUSED, current[1] or "Interrupted; resume it to send what is missing."


class _Execution:
    """The two threads and the queue between them."""

    def __init__(
        self, session: Session, progress: Callable[[Progress], None] | None, look: Callable[[], None] | None,
        stop: Callable[[], bool] | None, settings: Settings,
    ) -> None:
        timeout = session.run.timeout_seconds
        self._session = session
        self._settings = settings if timeout is None else replace(settings, timeout=timeout)
        self._tell, self._look, self._stop = progress, look or (lambda: None), stop or (lambda: False)
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any] | None] | None] = queue.SimpleQueue()
        self._should_stop = threading.Event()
        self._last: Progress | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._broken: Exception | None = None
        self._loop: asyncio.AbstractEventLoop
        self._budget = open_purse(session)
        self._dearest = Dearest({str(pk): price for pk, price in session.prices.items()})
        self._has_handed_out = False
        self._told: tuple[bool, str | None] | None = None
        self._ceilings: dict[str, int] = {}
        self._endpoints: dict[str, int] = {}
        self._due = 0.0
        self._alive_at = time.monotonic()
        self._idle_beats: dict[str, int] = {}
        self._is_short = False

    def run(self) -> Result:
        """Serve the loop's requests for the database until it ends."""
        run = self._session.run
        lanes = lanes_of(
            self._session.language_models.values(), concurrency=run.concurrency, timeout=self._settings.timeout
        )
        self._most_in_flight = sum(lane.most_concurrent for lane in lanes.values() if lane.is_remote)
        # Of a process that shares the run, others on other machines would not see it.
        journal = None if self._session.executor.is_shared else open_journal(self._session)
        if self._session.executor.is_shared:
            page = min(self._settings.page, _SHARED_PAGE, max(8, 2 * self._most_in_flight))
            self._settings = replace(self._settings, page=page)
        elif self._budget is None:
            self._settings = replace(self._settings, ahead=_AHEAD)
        self._engine = Engine(
            lanes=lanes, fetch=self._fetch, record=self._record, stop=self._asked_to_stop, progress=self._note,
            rng=random.Random(f"{run.spec_sha256}:{self._session.executor.pk}"),  # noqa: S311 - jitter of waits
            budget=self._budget, journal=journal, settings=self._settings,
        )
        self._endpoints = {name: endpoint_named(name) for name, lane in lanes.items() if lane.is_remote}
        self._ceilings = dict.fromkeys(self._endpoints, 0)
        if self._session.executor.is_shared:
            bound_transactions()
        self._loop = asyncio.new_event_loop()
        self._beat()
        thread = threading.Thread(target=self._loop_thread, name=f"run-{run.pk}", daemon=True)
        with smooth_running():
            thread.start()
            while (job := self._next_job()) is not None:
                self._do(*job)
            thread.join()
        if journal is not None:
            journal.close(is_done=self._broken is None and self._error is None)
        if self._budget is not None:
            close_purse(self._session.executor, self._budget)
        release_claims(self._session)
        if self._broken is not None or self._error is not None:
            raise self._broken or self._error  # type: ignore[misc]
        if self._result is None:
            raise AssertionError("the loop ended without a result")
        return self._result

    def _next_job(self) -> tuple[Callable[[], Any], asyncio.Future[Any] | None] | None:
        """Wait for what the loop asks for, or until the next sign of life is due."""
        now = time.monotonic()
        if now < self._due:
            with contextlib.suppress(queue.Empty):
                return self._jobs.get(timeout=self._due - now)
        return self._beat, None

    # ------------------------------------------------ in the thread of the loop

    def _loop_thread(self) -> None:
        try:
            asyncio.set_event_loop(self._loop)
            self._result = self._loop.run_until_complete(self._engine.run())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self._loop.close()
            self._jobs.put(None)

    async def _fetch(self, lane: str, number: int) -> Page:
        page: Page = await self._ask(lambda: self._priced(claim_page(self._session, lane, number)))
        return page

    async def _record(self, events: Sequence[Event]) -> Sequence[Call]:
        page: Page = await self._ask(lambda: self._priced(Page(calls=record_outcomes(self._session, events))))
        return page.calls

    async def _ask(self, work: Callable[[], Any]) -> Any:
        future = self._loop.create_future()
        self._jobs.put((work, future))
        return await future

    def _note(self, progress: Progress) -> None:
        self._last = progress
        if self._tell is not None:
            self._tell(progress)

    def _asked_to_stop(self) -> bool:
        return self._should_stop.is_set() or self._stop()

    # -------------------------------------------- in the thread of the database

    def _priced(self, page: Page) -> Page:
        """Keep on record, before any of them is sent, that calls go out and what the dearest may cost: it bounds a loss."""
        self._dearest.note(page.calls)
        self._has_handed_out = self._has_handed_out or any(self._engine.lanes[call.lane].spec.is_remote for call in page.calls)
        if self._told != (self._has_handed_out, self._dearest.as_text()) and not self._tell_progress():
            self._should_stop.set()  # declared lost: others have its work
            return Page()
        return page

    def _do(self, work: Callable[[], Any], future: asyncio.Future[Any] | None) -> None:
        try:
            result = self._insist(work)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            if future is None:  # without a sign of life nothing may be sent
                self._broken, self._due = self._broken or error, time.monotonic() + threading.TIMEOUT_MAX / 2
                self._should_stop.set()
            else:
                self._hand_back(future, None, error)
        else:
            if future is not None:
                self._hand_back(future, result, None)
                self._draw_in_time()

    def _insist(self, work: Callable[[], Any]) -> Any:
        """Do ``work`` again while the database is away, as long as what this process holds is safely its own."""
        if self._broken is not None:
            raise self._broken
        while True:
            try:
                return work()
            except (OperationalError, InterfaceError) as error:
                if connection.in_atomic_block or time.monotonic() > self._alive_at + lease().total_seconds() / 2:
                    raise
                logger.warning("database: %s", error, extra={"action": "run.database", "run_id": self._session.run.pk})
                connection.close_if_unusable_or_obsolete()
                time.sleep(_QUICK_SECONDS)

    def _hand_back(self, future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone; what was written stays written
            self._loop.call_soon_threadsafe(_settle, future, result, error)

    def _beat(self) -> None:
        """Show a sign of life, publish the progress, take places and money, and learn whether to stop."""
        executor, run = self._session.executor, self._session.run
        is_known = self._tell_progress()
        self._alive_at = time.monotonic()
        status = Run.objects.values_list("status", flat=True).get(pk=run.pk)
        if not is_known or status != Run.Status.RUNNING:  # declared lost: others have its work
            self._should_stop.set()
        if executor.is_shared:
            bury_dead(run)
        is_settled = self._take_places()
        if self._budget is not None:
            is_settled = not self._draw(self._budget) and is_settled
        self._look()
        self._due = time.monotonic() + (_HEARTBEAT_SECONDS if is_settled else _QUICK_SECONDS)

    def _tell_progress(self) -> bool:
        """Publish the progress with a sign of life; return whether this process is not declared lost."""
        now, last = timezone.now(), self._last
        told = (self._has_handed_out, self._dearest.as_text())
        is_known = Executor.objects.filter(pk=self._session.executor.pk, ended_at__isnull=True).update(
            heartbeat_at=now, lease_until=now + lease(),
            progress={
                "lanes": [asdict(lane) for lane in last.lanes] if last else [],
                "asked": {name: asdict(each) for name, each in last.asked.items()} if last else {},
                "most_in_flight": self._most_in_flight, "at": now.isoformat(), "has_handed_out": told[0],
                "most_call_usd": told[1],
            },
        ) > 0
        self._told = told
        return is_known

    def _take_places(self) -> bool:
        """Bring the ceilings of the endpoints in line with what other processes ask; return whether all is settled."""
        is_settled = True
        for name, endpoint in self._endpoints.items():
            lane = self._engine.lanes[name]
            self._idle_beats[name] = 0 if lane.held or self._last is None else self._idle_beats.get(name, 0) + 1
            wanted = lane.limit.most if self._idle_beats[name] < _IDLE_BEATS else 0
            place = take_places(
                self._session.executor, endpoint,
                Claim(lane.limit.most, wanted, self._ceilings[name], lane.in_flight, _as_moment(lane.limit.paused_until)),
            )
            is_settled = is_settled and place.is_settled
            self._ceilings[name] = lane.limit.ceiling = place.ceiling
            if place.paused_until is not None:
                lane.pause_with_others(_as_monotonic(place.paused_until))
        self._wake()
        return is_settled

    def _draw_in_time(self) -> None:
        """Ask for money before it runs short."""
        budget = self._budget
        if budget is not None and not budget.is_final:
            need = budget.needs(self._most_in_flight)
            if need.is_something and not (need.is_refused and self._is_short):
                self._draw(budget)

    def _draw(self, budget: Budget) -> bool:
        """Return whether the budget is short: a call waits for money."""
        if draw(self._session.executor, budget, at_once=self._most_in_flight):
            self._wake()
        self._is_short = budget.refused is not None and not budget.is_final
        return self._is_short

    def _wake(self) -> None:
        def wake() -> None:
            for lane in self._engine.lanes.values():
                lane.wake()

        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(wake)


def _as_moment(monotonic: float) -> datetime | None:
    ahead = monotonic - time.monotonic()
    return timezone.now() + timedelta(seconds=ahead) if ahead > 0 else None


def _as_monotonic(moment: datetime) -> float:
    return time.monotonic() + (moment - timezone.now()).total_seconds()


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)

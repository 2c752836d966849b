"""Execute a run: send what is missing, write what comes back, score, and leave the account in order.

The event loop runs in a thread of its own and knows no database; this thread is the one writer. An answer is
durable before a judge is asked about it, so a process killed at any moment loses at most the calls on their way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from bench.accounting import RunAccount, account
from bench.actions.claim_work import claim_page, release_claims
from bench.actions.record_outcomes import record_outcomes
from bench.actions.score_run import score_run
from bench.endpoints import lanes_of
from bench.exceptions import RunBusyError, RunClosedError
from bench.execution.calls import Call, Event, Page
from bench.execution.engine import Engine, Progress, Result, Settings
from bench.execution.limits import Budget
from bench.execution_session import Session, open_session
from bench.models import Executor, Run
from gvsir.models import LogEntry
from gvsir.permissions import require

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
_HEARTBEAT_SECONDS = 1.0


def execute_run(
    run_id: int,
    *,
    actor: User | None = None,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    settings: Settings | None = None,
) -> RunAccount:
    """Execute run ``run_id`` until nothing is missing, or ``stop()`` is true, or it is paused or cancelled.

    Raises
    ------
    RunBusyError
        Another process executes it and shows signs of life.
    RunClosedError
        It is cancelled.
    PermissionRefusedError
        ``actor`` may not execute runs.
    """
    if actor is not None:
        require(actor, "run.execute")
    executor = take_lease(run_id, actor=actor)
    run = executor.run
    begun = time.monotonic()
    ending, reason, status = "error", "", Run.Status.FAILED
    try:
        session = open_session(run, executor)
        result = _Execution(session, progress, stop, settings or Settings()).run()
        ending = result.ending
        status, reason = _status_after(run, result)
        if status == Run.Status.FINISHED:
            score_run(run)
        executor.lost_calls = result.lost_calls
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise
    finally:
        _end(executor, ending=ending, status=status, reason=reason, seconds=time.monotonic() - begun, actor=actor)
    run.refresh_from_db()
    return account(run)


@transaction.atomic
def take_lease(run_id: int, *, actor: User | None) -> Executor:
    """Make this process the one that executes the run; a process that died is declared lost."""
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.status == Run.Status.CANCELLED:
        raise RunClosedError(f"Run {run.pk} was cancelled. Make a new run: what it had is not asked again.")
    now = timezone.now()
    for other in run.executors.filter(ended_at__isnull=True):
        if shows_life(other):
            seconds = max(0, round((now - other.heartbeat_at).total_seconds()))
            host = other.machine.split("/")[0]
            raise RunBusyError(
                f"Run {run.pk} is being executed by process {other.pid} on {host}; its last sign of life was "
                f"{seconds} s ago."
            )
        other.ended_at, other.ending = other.heartbeat_at, "lost"
        other.lost_calls = int(other.progress.get("most_in_flight", 0))
        other.save(update_fields=["ended_at", "ending", "lost_calls"])
        lived = (other.heartbeat_at - other.started_at).total_seconds()
        Run.objects.filter(pk=run.pk).update(active_seconds=F("active_seconds") + lived)
    executor = Executor.objects.create(
        run=run, machine=this_machine(), pid=os.getpid(), started_at=now, heartbeat_at=now, lease_until=now + LEASE
    )
    Run.objects.filter(pk=run.pk).update(
        status=Run.Status.RUNNING, status_reason="", started_at=run.started_at or now, finished_at=None
    )
    LogEntry.objects.record(run, "run.execute", actor=actor, data={"executor": executor.pk})
    run.refresh_from_db()
    executor.run = run
    return executor


def shows_life(executor: Executor) -> bool:
    """Return whether a process that has not ended its work may still do it.

    Its lease holds; where it ran on this machine, the process is there too, so that nobody waits out the lease of
    one that was killed.
    """
    if executor.lease_until <= timezone.now():
        return False
    return executor.machine != this_machine() or _is_alive(executor.pid)


def this_machine() -> str:
    """Return a name under which process ids are comparable: host, boot, process space."""
    parts = [platform.node()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - not a path, a label
    except OSError:
        parts.append("unknown")
    return "/".join(parts)[:300]


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():  # another thread of this process, or one that ended without a word
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _status_after(run: Run, result: Result) -> tuple[Run.Status, str]:
    current = Run.objects.values_list("status", "status_reason").get(pk=run.pk)
    if current[0] == Run.Status.CANCELLED:
        return Run.Status.CANCELLED, current[1]
    if current[0] == Run.Status.QUEUED:  # paused and at once resumed: the next process goes on
        return Run.Status.QUEUED, ""
    if result.ending == "finished":
        return Run.Status.FINISHED, ""
    if result.ending == "out_of_budget":
        return Run.Status.PAUSED, f"The budget of {run.budget_usd} US dollars does not allow another call."
    return Run.Status.PAUSED, current[1] or "Interrupted; resume it to send what is missing."


@transaction.atomic
def _end(
    executor: Executor, *, ending: str, status: Run.Status, reason: str, seconds: float, actor: User | None
) -> None:
    now = timezone.now()
    run = Run.objects.select_for_update().get(pk=executor.run_id)
    executor.ended_at, executor.ending, executor.heartbeat_at, executor.lease_until = now, ending, now, now
    executor.save(update_fields=["ended_at", "ending", "heartbeat_at", "lease_until", "lost_calls"])
    run.status, run.status_reason = status, reason
    run.finished_at = now if status in (Run.Status.FINISHED, Run.Status.CANCELLED) else None
    run.active_seconds += seconds
    run.save(update_fields=["status", "status_reason", "finished_at", "active_seconds"])
    LogEntry.objects.record(run, f"run.{status}", actor=actor, reason=reason, data={"executor": executor.pk})
    logger.info("run %s: %s", run.pk, status, extra={"action": "run.end", "run_id": run.pk})


class _Execution:
    """The two threads and the queue between them."""

    def __init__(
        self, session: Session, progress: Callable[[Progress], None] | None, stop: Callable[[], bool] | None,
        settings: Settings,
    ) -> None:
        self._session, self._settings = session, settings
        self._tell, self._stop = progress, stop or (lambda: False)
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any] | None] | None] = queue.SimpleQueue()
        self._should_stop = threading.Event()
        self._last: Progress | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop

    def run(self) -> Result:
        """Serve the loop's requests for the database until it ends."""
        run = self._session.run
        lanes = lanes_of(
            self._session.language_models.values(), concurrency=run.concurrency, timeout=self._settings.timeout
        )
        self._most_in_flight = sum(lane.most_concurrent for lane in lanes.values() if lane.is_remote)
        engine = Engine(
            lanes=lanes, fetch=self._fetch, record=self._record, stop=self._asked_to_stop, progress=self._note,
            rng=random.Random(f"{run.spec_sha256}:{self._session.executor.pk}"),  # noqa: S311 - jitter of waits
            budget=self._budget(), settings=self._settings,
        )
        self._beat()
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop_thread, args=(engine,), name=f"run-{run.pk}", daemon=True)
        thread.start()
        due = time.monotonic() + _HEARTBEAT_SECONDS
        while True:
            try:
                job = self._jobs.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                job = (self._beat, None)
            if job is None:
                break
            self._do(*job)
            if time.monotonic() >= due:
                self._beat()
                due = time.monotonic() + _HEARTBEAT_SECONDS
        thread.join()
        release_claims(self._session)
        if self._error is not None:
            raise self._error
        if self._result is None:
            raise AssertionError("the loop ended without a result")
        return self._result

    def _budget(self) -> Budget | None:
        run = self._session.run
        if run.budget_usd is None:
            return None
        prices = {str(pk): price for pk, price in self._session.prices.items()}
        return Budget(run.budget_usd, spent=account(run).cost_usd or run.budget_usd * 0, prices=prices)

    # ------------------------------------------------ in the thread of the loop

    def _loop_thread(self, engine: Engine) -> None:
        try:
            asyncio.set_event_loop(self._loop)
            self._result = self._loop.run_until_complete(engine.run())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self._loop.close()
            self._jobs.put(None)

    async def _fetch(self, lane: str, number: int) -> Page:
        page: Page = await self._ask(lambda: claim_page(self._session, lane, number))
        return page

    async def _record(self, events: Sequence[Event]) -> Sequence[Call]:
        calls: list[Call] = await self._ask(lambda: record_outcomes(self._session, events))
        return calls

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

    def _do(self, work: Callable[[], Any], future: asyncio.Future[Any] | None) -> None:
        if future is None:
            work()
            return
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            self._hand_back(future, None, error)
        else:
            self._hand_back(future, result, None)

    def _hand_back(self, future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone; what was written stays written
            self._loop.call_soon_threadsafe(_settle, future, result, error)

    def _beat(self) -> None:
        """Show a sign of life, publish the progress, and learn whether to stop."""
        now = timezone.now()
        lanes = [asdict(lane) for lane in self._last.lanes] if self._last else []
        Executor.objects.filter(pk=self._session.executor.pk).update(
            heartbeat_at=now, lease_until=now + LEASE,
            progress={"lanes": lanes, "most_in_flight": self._most_in_flight, "at": now.isoformat()},
        )
        status = Run.objects.values_list("status", flat=True).get(pk=self._session.run.pk)
        if status != Run.Status.RUNNING:
            self._should_stop.set()


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)

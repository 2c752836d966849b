"""Who executes a run: processes join and leave it under its row's lock, and the last one to leave closes it."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from bench.exceptions import RunBusyError, RunClosedError
from bench.models import Executor, Judgement, Purse, Response, Run, Seat
from gvsir.models import LogEntry

logger = logging.getLogger(__name__)

_CLOSED = (Run.Status.FINISHED, Run.Status.CANCELLED)
#: Where one process ends so, the others stop too.
_ENDS_FOR_ALL = ("out_of_budget", "halted")


def lease() -> timedelta:
    """Return how long what a process holds is its own without a sign of life."""
    return timedelta(seconds=settings.RUN_LEASE_SECONDS)


def bound_transactions() -> None:
    """Let PostgreSQL end a transaction of this process that stands still, so that its locks hold nobody up."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {1000 * settings.RUN_LEASE_SECONDS // 2:d}")


@transaction.atomic
def join_run(run_id: int, *, actor: User | None, is_shared: bool, for_batches: bool = False) -> Executor:
    """Make this process one that executes the run; processes that died are declared lost.

    With ``is_shared`` others may work on it at the same time, if they share it too.

    Raises
    ------
    RunBusyError
        Another process executes it, shows signs of life, and one of the two does not share; or batches are out.
    RunClosedError
        It is cancelled.
    """
    run = Run.objects.select_for_update().get(pk=run_id)
    if not for_batches:
        refuse_open_batches(run)
    if run.status == Run.Status.CANCELLED:
        raise RunClosedError(f"Run {run.pk} was cancelled. Make a new run: what it had is not asked again.")
    bury_dead(run)
    now = timezone.now()
    for other in living(run):
        if is_shared and other.is_shared:
            continue
        seconds = max(0, round((now - other.heartbeat_at).total_seconds()))
        raise RunBusyError(
            f"Run {run.pk} is being executed by process {other.pid} on {other.machine.split('/')[0]}; its last sign "
            f"of life was {seconds} s ago."
        )
    executor = _begin(run, now, lease_until=now + lease(), is_shared=is_shared)
    Run.objects.filter(pk=run.pk).update(
        status=Run.Status.RUNNING, status_reason="", started_at=run.started_at or now, finished_at=None
    )
    LogEntry.objects.record(run, "run.execute", actor=actor, data={"executor": executor.pk})
    run.refresh_from_db()
    executor.run = run
    return executor


@transaction.atomic
def visit_run(run: Run) -> Executor:
    """Return an executor for what this process writes to a run that nobody executes; its part is over at once."""
    now = timezone.now()
    executor = _begin(
        run, now, lease_until=now, ended_at=now, ending="finished", progress={"has_handed_out": False}
    )
    LogEntry.objects.record(run, "run.visit", actor=None, data={"executor": executor.pk})
    return executor


def _begin(run: Run, now: datetime, **more: Any) -> Executor:
    return Executor.objects.create(
        run=run, machine=this_machine(), pid=os.getpid(), started_at=now, heartbeat_at=now, **more
    )


def refuse_open_batches(run: Run) -> None:
    """Raise where calls of ``run`` are out in batches: sending them as well would pay them twice.

    Raises
    ------
    RunBusyError
        Some are.
    """
    waiting = run.batches.filter(closed_at__isnull=True).count()
    if waiting:
        raise RunBusyError(
            f"Run {run.pk} waits for {waiting} batches. Read them in with: gvsir bench_batch {run.pk} --collect "
            f"(or give them up: --abandon)"
        )


def living(run: Run) -> list[Executor]:
    """Return the processes that execute ``run`` and whose lease has not ended."""
    return list(run.executors.filter(ended_at__isnull=True, lease_until__gt=timezone.now()).order_by("pk"))


def bury_dead(run: Run) -> int:
    """Declare lost every process of ``run`` whose lease ended, or that is gone from this machine; return how many."""
    machine, now, count = this_machine(), timezone.now(), 0
    for each in run.executors.filter(ended_at__isnull=True):
        if each.lease_until > now and (each.machine != machine or _is_alive(each.pid)):
            continue
        count += Executor.objects.filter(pk=each.pk, ended_at__isnull=True).update(
            ended_at=each.heartbeat_at, ending="lost", lost_calls=_most_lost(each)
        )
        if not has_handed_out(each):  # what it was granted is as it was before
            Purse.objects.filter(executor=each).update(granted_usd=F("spent_usd"), granted_calls=F("spent_calls"))
        logger.warning("executor %s of run %s is lost", each.pk, run.pk, extra={"action": "run.lost", "run_id": run.pk})
    return count


def _most_lost(executor: Executor) -> int:
    """Return how many calls ``executor`` can have had on their way when it died.

    They are no more than its endpoints take at once, and each was for a record that it holds; these tell while no
    other process can have taken some of them. Where no call had been handed out, there was none.
    """
    if not has_handed_out(executor):
        return 0
    most = int(executor.progress.get("most_in_flight", 0))
    others = Executor.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=executor.heartbeat_at))
    if most == 0 or others.exclude(pk=executor.pk).exists():
        return most
    held = (
        model.objects.filter(executor=executor, state=model.State.PENDING).count() for model in (Response, Judgement)
    )
    return min(most, sum(held))


def has_handed_out(executor: Executor) -> bool:
    """Return whether ``executor`` can have sent a call; it says so before the first, and those of old versions never."""
    return bool(executor.progress.get("has_handed_out", True))


@transaction.atomic
def is_last_to_finish(executor: Executor) -> bool:
    """Return whether this process is to close the run; if another one goes on with it, this one has left it now.

    Of processes that finish at the same time exactly one is the last: each looks while it holds the run's row.
    """
    run = Run.objects.select_for_update().get(pk=executor.run_id)
    bury_dead(run)
    mine = Executor.objects.filter(pk=executor.pk, ended_at__isnull=True)
    if any(other.pk != executor.pk for other in living(run)):
        now = timezone.now()
        mine.update(ended_at=now, ending="finished", heartbeat_at=now, lease_until=now)
        return False
    return mine.exists()


@transaction.atomic
def leave_run(executor: Executor, *, ending: str, status: Run.Status, reason: str, actor: User | None) -> None:
    """End this process's part, and give the run ``status`` where nobody else goes on with it."""
    now = timezone.now()
    run = Run.objects.select_for_update().get(pk=executor.run_id)
    ended = Executor.objects.filter(pk=executor.pk, ended_at__isnull=True).update(
        ended_at=now, ending=ending, heartbeat_at=now, lease_until=now, lost_calls=executor.lost_calls
    )
    Seat.objects.filter(executor=executor).delete()
    bury_dead(run)
    run.active_seconds = seconds_of(run.executors.all())
    goes_on = bool(living(run)) and ending not in _ENDS_FOR_ALL
    is_closed = run.status in _CLOSED and status != run.status
    if goes_on or is_closed or not ended:
        run.save(update_fields=["active_seconds"])
        return
    run.status, run.status_reason = status, reason
    run.finished_at = now if status in _CLOSED else None
    run.save(update_fields=["status", "status_reason", "finished_at", "active_seconds"])
    LogEntry.objects.record(run, f"run.{status}", actor=actor, reason=reason, data={"executor": executor.pk})
    logger.info("run %s: %s", run.pk, status, extra={"action": "run.end", "run_id": run.pk})


def seconds_of(executors: Iterable[Executor], *, now: datetime | None = None) -> float:
    """Return the seconds during which at least one of ``executors`` was at work."""
    now = now or timezone.now()
    spans = sorted((each.started_at, each.ended_at or min(now, each.lease_until)) for each in executors)
    total, reached = 0.0, None
    for begun, ended in spans:
        start = begun if reached is None else max(begun, reached)
        total += max(0.0, (ended - start).total_seconds())
        reached = ended if reached is None else max(ended, reached)
    return total


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

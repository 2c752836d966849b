"""The queue of runs is the table of runs: queued ones, and those in which something waits for a free process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import Error as DatabaseError
from django.db import close_old_connections

from bench.actions.claim_work import has_free_work
from bench.actions.execute_run import execute_run
from bench.actions.join_run import bury_dead, living
from bench.exceptions import RunBusyError
from bench.models import Run
from gvsir.exceptions import GvsirError

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


def next_run(*, passed_over: frozenset[int] = frozenset()) -> Run | None:
    """Return the oldest run that waits for a process, or in which another process finds something to do.

    A run that one process executes by itself (``gvsir bench_run``) is left to it as long as it lives.
    """
    waiting = Run.objects.filter(status__in=[Run.Status.QUEUED, Run.Status.RUNNING]).exclude(pk__in=passed_over)
    waiting = waiting.exclude(batches__closed_at__isnull=True, batches__isnull=False)
    for run in waiting.order_by("pk"):
        bury_dead(run)
        others = living(run)
        if not others or (all(other.is_shared for other in others) and has_free_work(run)):
            return run
    return None


def work(*, stop: Callable[[], bool], once: bool = False, say: Callable[[str], None] = lambda text: None) -> int:
    """Execute waiting runs, oldest first, until ``stop()``; with ``once`` until none waits. Return how many."""
    count = 0
    passed_over: set[int] = set()
    while not stop():
        try:
            run = next_run(passed_over=frozenset(passed_over))
            if run is not None:
                say(f"Run {run.pk} on {run.release.name}")
                result = execute_run(run.pk, is_shared=True, stop=stop)
                count += 1
                say(f"Run {run.pk}: {result.run.status}")
                continue
            if once:
                break
        except RunBusyError:
            pass
        except DatabaseError:
            logger.exception("the database does not answer; trying again", extra={"action": "worker.database"})
        except Exception as error:
            if run is None:
                raise
            logger.exception("run %s failed", run.pk, extra={"action": "run.failed", "run_id": run.pk})
            if not _give_up(run, error):
                passed_over.add(run.pk)
            say(f"Run {run.pk}: {error}")
            continue
        close_old_connections()
        time.sleep(_POLL_SECONDS)
    return count


def start_embedded_worker() -> Callable[[], None]:
    """Execute waiting runs in a thread of this process; return a function that ends it in good order."""
    ended = threading.Event()

    def serve() -> None:
        try:
            work(stop=ended.is_set)
        finally:
            close_old_connections()

    thread = threading.Thread(target=serve, name="bench-worker", daemon=True)
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join()

    return stop


def _give_up(run: Run, error: Exception) -> bool:
    """Take a run that cannot even begin out of the queue, with the reason; False where others are at work on it."""
    if living(run):
        return False
    reason = str(error) if isinstance(error, GvsirError) else f"{type(error).__name__}: {error}"
    Run.objects.filter(pk=run.pk, status__in=[Run.Status.QUEUED, Run.Status.RUNNING, Run.Status.FAILED]).update(
        status=Run.Status.FAILED, status_reason=reason
    )
    return True

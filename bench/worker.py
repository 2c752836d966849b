"""The queue of runs is the table of runs: queued ones, and running ones whose process died."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections

from bench.actions.execute_run import execute_run, shows_life
from bench.exceptions import RunBusyError
from bench.models import Executor, Run
from gvsir.exceptions import GvsirError

logger = logging.getLogger(__name__)


def next_run() -> Run | None:
    """Return the oldest run that waits for a process."""
    waiting = Run.objects.filter(status__in=[Run.Status.QUEUED, Run.Status.RUNNING])
    unended = Executor.objects.filter(run__in=waiting, ended_at__isnull=True)
    held = {executor.run_id for executor in unended if shows_life(executor)}
    return waiting.exclude(pk__in=held).order_by("pk").first()


def work(*, stop: Callable[[], bool], once: bool = False, say: Callable[[str], None] = lambda text: None) -> int:
    """Execute waiting runs, oldest first, until ``stop()``; with ``once`` until none waits. Return how many."""
    count = 0
    while not stop():
        run = next_run()
        if run is None:
            if once:
                break
            close_old_connections()
            time.sleep(0.5)
            continue
        say(f"Run {run.pk} on {run.release.name}")
        try:
            result = execute_run(run.pk, stop=stop)
        except RunBusyError:
            continue
        except Exception as error:
            logger.exception("run %s failed", run.pk, extra={"action": "run.failed", "run_id": run.pk})
            _give_up(run, error)
            say(f"Run {run.pk}: {error}")
            continue
        count += 1
        say(f"Run {run.pk}: {result.run.status}")
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


def _give_up(run: Run, error: Exception) -> None:
    """Take a run that cannot even begin out of the queue, with the reason."""
    reason = str(error) if isinstance(error, GvsirError) else f"{type(error).__name__}: {error}"
    Run.objects.filter(pk=run.pk, status__in=[Run.Status.QUEUED, Run.Status.RUNNING]).update(
        status=Run.Status.FAILED, status_reason=reason
    )

"""The queue of runs is the table of runs: queued ones, and those in which something waits for a free process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import QuerySet

from bench.actions.claim_work import has_free_work
from bench.actions.execute_run import execute_run
from bench.actions.join_run import bury_dead, living
from bench.actions.score_cancelled import left_cancelled, score_cancelled
from bench.exceptions import RunBusyError, RunClosedError
from bench.models import Run
from bench.tasks import ring_now
from bench.watching import is_asked_to_end
from gvsir.exceptions import GvsirError

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5


def waiting_runs(*, passed_over: frozenset[int] = frozenset()) -> Iterator[Run]:
    """Yield, oldest first, the runs that wait for a process, or in which another process finds something to do.

    A run that one process executes by itself (``gvsir bench_run``) is left to it as long as it lives.
    """
    for run in _open_runs().exclude(pk__in=passed_over).order_by("pk"):
        bury_dead(run)
        if _wants_another(run):
            yield run


def next_run(*, passed_over: frozenset[int] = frozenset()) -> Run | None:
    """Return the first of the :func:`waiting_runs`."""
    return next(waiting_runs(passed_over=passed_over), None)


def is_forsaken(run: Run) -> bool:
    """Return whether nobody alive works on ``run``."""
    return not living(run)


def work(*, stop: Callable[[], bool], once: bool = False, say: Callable[[str], None] = lambda text: None) -> int:
    """Execute waiting runs, oldest first, until ``stop()``; with ``once`` until none waits. Return how many.

    Where none waits, cancelled runs that were left without scores get them.
    """
    count = 0
    passed_over: set[int] = set()
    while not stop():
        run = None
        try:
            run = next_run(passed_over=frozenset(passed_over))
            if run is not None:
                say(f"Run {run.pk} on {run.release.name}")
                result = execute_run(run.pk, is_shared=True, stop=stop)
                count += 1
                say(f"Run {run.pk}: {result.run.status}")
                continue
            if _score_left(passed_over):
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
            if not _failed(run, error):
                passed_over.add(run.pk)
            say(f"Run {run.pk}: {error}")
            continue
        close_old_connections()
        time.sleep(_POLL_SECONDS)
    return count


def _score_left(passed_over: set[int]) -> bool:
    """Score one of the cancelled runs that were left without scores; one that cannot be is passed over from then on."""
    for run_id in left_cancelled().exclude(pk__in=passed_over).values_list("pk", flat=True):
        try:
            if score_cancelled(run_id):
                return True
        except DatabaseError:
            raise
        except Exception:
            logger.exception("run %s cannot be scored", run_id, extra={"action": "run.score", "run_id": run_id})
            passed_over.add(run_id)
    return False


def answer_bell(run_id: int) -> None:
    """Execute run ``run_id`` if it waits; with Celery the next free worker is called in first, to share it.

    Each worker that joins rings once more, until all are busy or nothing is left: the last bell finds nothing to do.
    """
    run = _open_runs().filter(pk=run_id).first()
    if run is None:
        return
    bury_dead(run)
    if not _wants_another(run):
        return
    is_alone = settings.QUEUE != "celery"
    if not is_alone and has_free_work(run):
        ring_now(run.pk)
    try:
        result = execute_run(run.pk, is_shared=True, stop=None if is_alone else is_asked_to_end)
    except (RunBusyError, RunClosedError):
        return
    except DatabaseError:
        logger.exception("the database does not answer", extra={"action": "worker.database"})
        return
    except Exception as error:  # noqa: BLE001 - it stands on the run
        _failed(run, error)
        return
    if not is_alone and result.run.status == Run.Status.QUEUED:  # asked to end before the run was over
        ring_now(run.pk)


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


def _open_runs() -> QuerySet[Run]:
    """Return the runs that are to be executed and wait for no batch."""
    waiting = Run.objects.filter(status__in=[Run.Status.QUEUED, Run.Status.RUNNING])
    return waiting.exclude(batches__closed_at__isnull=True, batches__isnull=False)


def _wants_another(run: Run) -> bool:
    others = living(run)
    return not others or (all(other.is_shared for other in others) and has_free_work(run))


def _failed(run: Run, error: Exception) -> bool:
    """Log what happened to ``run`` and take it out of the queue; False where others are at work on it."""
    logger.error("run %s failed", run.pk, exc_info=error, extra={"action": "run.failed", "run_id": run.pk})
    return _give_up(run, error)


def _give_up(run: Run, error: Exception) -> bool:
    """Take a run that cannot even begin out of the queue, with the reason; False where others are at work on it."""
    if living(run):
        return False
    reason = str(error) if isinstance(error, GvsirError) else f"{type(error).__name__}: {error}"
    Run.objects.filter(pk=run.pk, status__in=[Run.Status.QUEUED, Run.Status.RUNNING, Run.Status.FAILED]).update(
        status=Run.Status.FAILED, status_reason=reason
    )
    return True

"""``gvsir worker`` under ``GVSIR_QUEUE=celery``: a Celery worker with one process that executes, and one that watches.

The watching process hands the bells of the broker to the executing one, rings for runs that wait unheard, and starts
a new executing process where one was killed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.db import close_old_connections

from bench.models import Run
from bench.tasks import ring_now
from bench.watching import ask_to_end, watch_from_here
from bench.worker import is_forsaken, waiting_runs
from gvsir.celery_queue import celery_app

logger = logging.getLogger(__name__)

#: Seconds between looks for runs whose bell nobody heard.
LOOK_SECONDS: Final = 20.0


def serve() -> int:
    """Serve until told to end; return the exit status."""
    from celery import signals

    watch_from_here()
    signals.worker_ready.connect(_begin_to_look, weak=False, dispatch_uid="gvsir.look")
    signals.worker_shutting_down.connect(_end, weak=False, dispatch_uid="gvsir.end")
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # they load every page and its statistics
    worker = celery_app().Worker(
        hostname=f"gvsir-{os.getpid()}@%h", pool_cls="prefork", concurrency=1, without_mingle=True,
        without_gossip=True, without_heartbeat=True, loglevel="WARNING", quiet=True,
    )
    try:
        worker.start()
    finally:
        ask_to_end()
    return int(worker.exitcode or 0)


def _end(**kwargs: Any) -> None:
    ask_to_end()


def _begin_to_look(sender: Any, **kwargs: Any) -> None:
    """Look once for every run another process could work on, later for those on which nobody works.

    By the worker's own timer, and after it has started its process: one that is forked while a thread holds a lock
    would wait for it for ever.
    """
    sender.timer.call_after(0, _look, (waiting_runs,))
    sender.timer.call_repeatedly(LOOK_SECONDS, _look, (_forsaken_runs,))


def _look(runs: Callable[[], Iterable[Run]]) -> None:
    try:
        for run in runs():
            ring_now(run.pk)
    except Exception:
        logger.exception("looking for waiting runs failed; trying again", extra={"action": "worker.look"})
    close_old_connections()


def _forsaken_runs() -> list[Run]:
    return [run for run in waiting_runs() if is_forsaken(run)]

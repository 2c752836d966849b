"""Signs of life of a process that holds a run and is busy with something else than sending calls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection
from django.utils import timezone

from bench.actions.join_run import lease
from bench.models import Executor

logger = logging.getLogger(__name__)


@contextmanager
def signs_of_life(executor: Executor) -> Iterator[None]:
    """Keep the lease of ``executor`` from ending while the block is at work: uploads, downloads, scoring.

    A thread with a connection of its own renews it four times a lease. A process that was declared lost all the
    same is left in peace: what it still writes is guarded by the state of each record.
    """
    done = threading.Event()
    _beat(executor.pk)
    thread = threading.Thread(target=_keep_beating, args=(executor.pk, done), name=f"beat-{executor.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(pk: int) -> bool:
    now = timezone.now()
    return bool(
        Executor.objects.filter(pk=pk, ended_at__isnull=True).update(heartbeat_at=now, lease_until=now + lease())
    )


def _keep_beating(pk: int, done: threading.Event) -> None:
    try:
        while not done.wait(lease().total_seconds() / 4):
            try:
                if not _beat(pk):
                    return
            except DatabaseError as error:  # a long transaction of another process; the next beat is not far
                logger.warning("beat: %s", error, extra={"action": "run.beat", "executor_id": pk})
                connection.close_if_unusable_or_obsolete()
    finally:
        connection.close()

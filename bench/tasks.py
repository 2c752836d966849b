"""The bell: tells whoever executes runs that one waits. The run itself stands in the tables, and so does its state.

A bell that is lost or rung twice does no harm: workers look for waiting runs of themselves too, and join a run that
others execute.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from django_tasks import task

from bench.models import Run

logger = logging.getLogger(__name__)


@task()
def execute_waiting_run(run_id: int) -> None:
    """Execute run ``run_id`` where it waits, together with whoever does so already; nothing where it does not."""
    from bench.worker import answer_bell

    answer_bell(run_id)


def ring(run: Run) -> None:
    """Say, when this transaction is over, that ``run`` waits.

    With the queue ``database`` workers find it by looking; with ``inline`` it is executed here and now.
    """
    if settings.QUEUE != "database":
        transaction.on_commit(lambda: ring_now(run.pk))


def ring_now(run_id: int) -> bool:
    """Ring; return whether the bell was heard. If not, the run waits until a worker looks."""
    try:
        execute_waiting_run.enqueue(run_id)
    except Exception:
        if settings.QUEUE != "celery":
            raise
        logger.exception("the broker does not answer", extra={"action": "queue.ring", "run_id": run_id})
        return False
    return True

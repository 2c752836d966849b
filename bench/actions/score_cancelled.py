"""Score what a cancelled run has, once nobody works on it any more."""

from __future__ import annotations

import logging

from django.db.models import QuerySet
from django.utils import timezone

from bench.actions.join_run import bury_dead, lease, living, visit_run
from bench.actions.replay_journals import has_journals, replay_journals
from bench.actions.score_run import score_run
from bench.exceptions import UnknownNameError
from bench.execution_session import open_session
from bench.models import Run

logger = logging.getLogger(__name__)


def score_cancelled(run_id: int) -> bool:
    """Score run ``run_id`` if it is cancelled and no process executes it; return whether it did.

    What was answered and judged has its scores, that of a process killed on this machine included; the rest is
    missing, because the run was cancelled. Whoever cancels a run and every process that leaves it calls this: the last
    one does it, and doing it twice changes nothing.
    """
    run = Run.objects.select_related("release").get(pk=run_id)
    if run.status != Run.Status.CANCELLED:
        return False
    bury_dead(run)
    if living(run):
        return False
    if has_journals(run):
        _replay(run)
    score_run(run)
    return True


def left_cancelled() -> QuerySet[Run]:
    """Return the cancelled runs whose last process may have died before it could score them, the oldest first.

    Whoever cancelled one, or left it, may still be at it for as long as a process may be silent.
    """
    long_ago = timezone.now() - lease()
    return Run.objects.filter(status=Run.Status.CANCELLED, kept_scores=None, finished_at__lt=long_ago).order_by("pk")


def _replay(run: Run) -> None:
    try:
        replay_journals(open_session(run, visit_run(run)))
    except UnknownNameError:  # the journals stay for a version that knows the judge
        logger.exception("journals of run %s not read", run.pk, extra={"action": "run.replay", "run_id": run.pk})

"""Score what a cancelled run has, once nobody works on it any more."""

from __future__ import annotations

from bench.actions.join_run import living
from bench.actions.score_run import score_run
from bench.models import Run


def score_cancelled(run_id: int) -> bool:
    """Score run ``run_id`` if it is cancelled and no process executes it; return whether it did.

    What was answered and judged has its scores; the rest is missing, because the run was cancelled. Whoever cancels
    a run and every process that leaves it calls this: the last one does it, and doing it twice changes nothing.
    """
    run = Run.objects.select_related("release").get(pk=run_id)
    if run.status != Run.Status.CANCELLED or living(run):
        return False
    score_run(run)
    return True

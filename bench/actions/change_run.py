"""Pause, resume and cancel a run from outside; the process that executes it notices within a second."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from bench.actions.claim_work import has_pending
from bench.actions.join_run import refuse_open_batches
from bench.actions.score_cancelled import score_cancelled
from bench.models import Run
from bench.tasks import ring
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import LogEntry
from gvsir.permissions import require

_MAY_PAUSE = (Run.Status.QUEUED, Run.Status.RUNNING)
_MAY_RESUME = (Run.Status.PAUSED, Run.Status.FAILED)
_MAY_CANCEL = (Run.Status.QUEUED, Run.Status.RUNNING, Run.Status.PAUSED, Run.Status.FAILED)


def pause_run(*, run_id: int, actor: User | None) -> Run:
    """Stop sending; calls on their way may still arrive. What is there stays. Without ``actor`` a command asks."""
    return _change(run_id, actor, _MAY_PAUSE, Run.Status.PAUSED, f"Paused by {_who(actor)}.")


def resume_run(*, run_id: int, actor: User | None) -> Run:
    """Put a run at rest back into the queue; only what is missing will be sent. A finished one must lack something."""
    run = Run.objects.get(pk=run_id)
    refuse_open_batches(run)
    lacks = run.status == Run.Status.FINISHED and has_pending(run)
    run = _change(run_id, actor, (*_MAY_RESUME, Run.Status.FINISHED) if lacks else _MAY_RESUME, Run.Status.QUEUED, "")
    ring(run)
    return run


def cancel_run(*, run_id: int, actor: User | None) -> Run:
    """End a run for good; what it has is scored, and another run may use its answers."""
    run = _change(run_id, actor, _MAY_CANCEL, Run.Status.CANCELLED, f"Cancelled by {_who(actor)}.")
    score_cancelled(run_id)
    return run


def _who(actor: User | None) -> str:
    return "a command" if actor is None else actor.get_username()


@transaction.atomic
def hold_run(*, run: Run) -> Run:
    """Keep a new run from the workers until somebody resumes it or sends it in batches."""
    run.status, run.status_reason = Run.Status.PAUSED, "Made without sending anything."
    run.save(update_fields=["status", "status_reason"])
    return run


@transaction.atomic
def _change(
    run_id: int, actor: User | None, allowed_from: tuple[str, ...], status: Run.Status, reason: str
) -> Run:
    if actor is not None:
        require(actor, "run.execute")
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.status not in allowed_from:
        raise InvalidTransitionError(
            gettext("Run {run} is {status}; it cannot become {wanted}.").format(
                run=run.pk, status=run.get_status_display().lower(), wanted=status.label.lower()
            )
        )
    run.status, run.status_reason = status, reason
    if status == Run.Status.CANCELLED:
        run.finished_at = timezone.now()
    run.save(update_fields=["status", "status_reason", "finished_at"])
    LogEntry.objects.record(run, f"run.ask_{status}", actor=actor)
    return run

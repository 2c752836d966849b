"""Put again what failed after all retries, each under a new key; what was tried stays on record."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.actions.change_run import resume_run
from bench.endpoints import model_spec
from bench.exceptions import NothingFailedError, RunClosedError
from bench.models import Judgement, Response, Run, Trial
from bench.specs import GenerationConfig, response_key
from gvsir.models import LogEntry
from gvsir.permissions import require

_AT_REST = (Run.Status.FINISHED, Run.Status.PAUSED, Run.Status.FAILED, Run.Status.QUEUED)


@transaction.atomic
def retry_failed(*, run: Run, actor: User | None, reason: str = "") -> int:
    """Make failed answers and verdicts of ``run`` pending again; return how many.

    A run to which this gives something to do is finished no longer: it is paused until somebody resumes it.

    Raises
    ------
    PermissionRefusedError
        ``actor`` may not execute runs.
    RunClosedError
        The run is being executed or was cancelled.
    """
    if actor is not None:
        require(actor, "run.execute")
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.status not in _AT_REST:
        raise RunClosedError(
            gettext("Run {run} is {status}; only a run at rest can put failed questions again.").format(
                run=run.pk, status=run.get_status_display().lower()
            )
        )
    generation = GenerationConfig.from_json(run.spec["generation"])
    trials = Trial.objects.filter(run=run, response__state=Response.State.FAILED).select_related(
        "response__language_model"
    )
    count = 0
    for trial in trials:
        trial.response = _anew(trial.response, generation)
        trial.save(update_fields=["response"])
        count += 1
    failed = Judgement.objects.filter(
        executor__run=run, state=Judgement.State.FAILED, judge__in=run.judges.all()
    )
    count += failed.update(state=Judgement.State.PENDING, missing_reason="", executor=None, judged_at=None)
    if count and run.status == Run.Status.FINISHED:
        run.status, run.status_reason = Run.Status.PAUSED, "What failed waits to be put again."
        run.finished_at = None
        run.save(update_fields=["status", "status_reason", "finished_at"])
    LogEntry.objects.record(run, "run.retry_failed", actor=actor, reason=reason, data={"count": count})
    return count


@transaction.atomic
def ask_again(*, run_id: int, actor: User | None, reason: str) -> Run:
    """Put what failed of a run again, and the run back into the queue.

    Raises
    ------
    NothingFailedError
        Nothing of it failed.
    PermissionRefusedError
        ``actor`` may not execute runs.
    RunClosedError
        The run is being executed or was cancelled.
    """
    run = Run.objects.get(pk=run_id)
    if not retry_failed(run=run, actor=actor, reason=reason):
        raise NothingFailedError(gettext("Nothing of run {run} failed after its retries.").format(run=run_id))
    run.refresh_from_db()
    return run if run.status == Run.Status.QUEUED else resume_run(run_id=run_id, actor=actor)


def _anew(failed: Response, generation: GenerationConfig) -> Response:
    spec = model_spec(failed.language_model)
    series = 2
    while True:
        key = response_key(spec, failed.messages, generation, failed.epoch, series=series)
        response, _ = Response.objects.get_or_create(
            key=key,
            defaults={"language_model": failed.language_model, "messages": failed.messages, "epoch": failed.epoch},
        )
        if response.state != Response.State.FAILED:
            return response
        series += 1

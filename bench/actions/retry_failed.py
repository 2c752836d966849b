"""Put again what failed after all retries, each under a new key; what was tried stays on record."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from bench.endpoints import model_spec
from bench.exceptions import RunClosedError
from bench.models import Judgement, Response, Run, Trial
from bench.specs import GenerationConfig, response_key
from gvsir.models import LogEntry
from gvsir.permissions import require


@transaction.atomic
def retry_failed(*, run: Run, actor: User | None) -> int:
    """Make failed answers and verdicts of ``run`` pending again; return how many.

    Raises
    ------
    RunClosedError
        The run is being executed or was cancelled.
    """
    if actor is not None:
        require(actor, "run.execute")
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.status in (Run.Status.RUNNING, Run.Status.CANCELLED):
        raise RunClosedError(f"Run {run.pk} is {run.status}; only a run at rest can put failed questions again.")
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
    LogEntry.objects.record(run, "run.retry_failed", actor=actor, data={"count": count})
    return count


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

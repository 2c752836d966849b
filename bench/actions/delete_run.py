"""Remove a run with its trials and scores, and the answers that no other run rests on."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from bench.exceptions import RunClosedError
from bench.models import Judgement, LabelSample, Response, Run, Score, Trial
from gvsir.models import LogEntry
from gvsir.permissions import require


class Removed(NamedTuple):
    """How much went with the run."""

    trials: int
    scores: int
    judgements: int
    responses: int


@transaction.atomic
def delete_run(*, run_id: int, actor: User | None, keep_answers: bool = False) -> Removed:
    """Delete run ``run_id``.

    Answers and verdicts that another run uses stay; with ``keep_answers`` all stay, to be used again.

    Raises
    ------
    RunClosedError
        A process executes it, or people's labels rest on it.
    """
    if actor is not None:
        require(actor, "run.execute")
    run = Run.objects.select_for_update().get(pk=run_id)
    if run.executors.filter(ended_at__isnull=True, lease_until__gt=timezone.now()).exists():
        raise RunClosedError(f"Run {run.pk} is being executed; pause or cancel it first.")
    if LabelSample.objects.filter(run=run).exists():
        raise RunClosedError(f"Run {run.pk} stays: a sample of its responses was drawn for people to label.")
    response_ids = list(Trial.objects.filter(run=run).values_list("response_id", flat=True).distinct())
    trials, scores = Trial.objects.filter(run=run).count(), Score.objects.filter(run=run).count()
    LogEntry.objects.record(
        run, "run.delete", actor=actor, data={"spec_sha256": run.spec_sha256, "release": run.release.name}
    )
    Score.objects.filter(run=run).delete()
    run.delete()
    judgements = responses = 0
    if not keep_answers:
        for start in range(0, len(response_ids), 500):
            unused = Response.objects.filter(pk__in=response_ids[start : start + 500]).filter(
                ~Exists(Trial.objects.filter(response=OuterRef("pk")))
            )
            pks = list(unused.values_list("pk", flat=True))
            judgements += Judgement.objects.filter(response__in=pks).delete()[1].get("bench.Judgement", 0)
            responses += Response.objects.filter(pk__in=pks).delete()[1].get("bench.Response", 0)
    return Removed(trials, scores, judgements, responses)

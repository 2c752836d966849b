"""Draw a sample of a run's responses for people to label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext

from bench.exceptions import BenchError
from bench.labelling import STRATA, Candidate, Drawn, draw, rubric_of_people
from bench.models import LabelSample, LabelTask, Response, Run, Score, Trial
from gvsir.models import LogEntry
from gvsir.permissions import require

RATERS = (2, 3)
MOST_PER_STRATUM: Final = 100_000
_ANSWERED = (Response.State.ANSWERED, Response.State.LENGTH)


class SampleRefusedError(BenchError):
    """A sample cannot be drawn as asked."""

    code = "sample_refused"


@transaction.atomic
def sample_labels(
    *,
    run_id: int,
    per_stratum: int,
    raters_per_response: int = 2,
    seed: int = 0,
    actor: Any,
    name: str = "",
    strata_by: Sequence[str] = STRATA,
    least_labels: int = 20,
    dry_run: bool = False,
) -> LabelSample:
    """Draw ``per_stratum`` responses of each stratum of run ``run_id``; the same call draws the same.

    Strata are made of GVS category, tercile of the run's score within the category, and language model.
    A stratum that has fewer gives all it has. Responses with neither text nor file are not drawn.

    Raises
    ------
    SampleRefusedError
        A number is out of range, the name is taken, or there is no response to label.
    PermissionRefusedError
        ``actor`` may not draw samples.
    """
    if actor is not None:
        require(actor, "label.manage")
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise SampleRefusedError(gettext("There is no run {run_id}.").format(run_id=run_id))
    name = " ".join(name.split()) or _free_name(run)
    _check(name=name, per_stratum=per_stratum, raters=raters_per_response, seed=seed, least=least_labels, by=strata_by)
    drawn = draw(candidates(run), per_stratum=per_stratum, seed=seed, by=strata_by)
    if not drawn:
        raise SampleRefusedError(gettext("Run {run} has no response to label.").format(run=run.pk))
    sample = LabelSample.objects.create(
        run=run, name=name, seed=seed, per_stratum=per_stratum, raters_per_response=raters_per_response,
        strata_by=",".join(each for each in STRATA if each in strata_by), least_labels=least_labels, created_by=actor,
        **rubric_of_people(),
    )
    _create_tasks(sample, drawn)
    LogEntry.objects.record(
        sample, "label_sample.draw", actor=actor,
        data={"run": run.pk, "responses": len(drawn), "strata": len({each.stratum for each in drawn}), "seed": seed},
    )
    if dry_run:
        transaction.set_rollback(True)
    return sample


def candidates(run: Run) -> list[Candidate]:
    """Return the responses of ``run`` that have a text or a file, each with its score."""
    rows = (
        Trial.objects.filter(run=run, response__state__in=_ANSWERED)
        .exclude(response__text="", response__output_sha256="")
        .values_list(
            "pk", "release_item__sha256", "language", "epoch", "language_model__name",
            "release_item__item__category__key",
        )
        .order_by("pk")
    )
    values = dict(
        Score.objects.filter(run=run, dimension=F("trial__release_item__item__category"))
        .order_by("pk").values_list("trial_id", "value")
    )
    return [
        Candidate(
            id=pk, key=f"{item}|{language}|{epoch}|{language_model}", category=category,
            language_model=language_model, value=values.get(pk),
        )
        for pk, item, language, epoch, language_model, category in rows
    ]


def _create_tasks(sample: LabelSample, drawn: Sequence[Drawn]) -> None:
    LabelTask.objects.bulk_create(
        (
            LabelTask(
                sample=sample, trial_id=each.id, order=order, stratum=each.stratum, stratum_size=each.size,
                stratum_drawn=each.drawn,
            )
            for order, each in enumerate(drawn, start=1)
        ),
        batch_size=1000,
    )


def _check(*, name: str, per_stratum: int, raters: int, seed: int, least: int, by: Sequence[str]) -> None:
    if not 1 <= per_stratum <= MOST_PER_STRATUM:
        raise SampleRefusedError(
            gettext("From each stratum 1 to {most} responses are drawn.").format(most=MOST_PER_STRATUM)
        )
    if raters not in RATERS:
        raise SampleRefusedError(gettext("Each response is labelled by two or three people."))
    if not 0 <= seed < 2**31:
        raise SampleRefusedError(gettext("The seed is a whole number from 0 to 2147483647."))
    if not 2 <= least < 2**31:
        raise SampleRefusedError(gettext("A corrected score needs two labelled responses at least."))
    if not by or not set(by) <= set(STRATA):
        raise SampleRefusedError(gettext("Strata are made of {strata}.").format(strata=", ".join(STRATA)))
    if len(name) > 120:
        raise SampleRefusedError(gettext("The name of a sample has at most 120 characters."))
    if LabelSample.objects.filter(name=name).exists():
        raise SampleRefusedError(
            gettext("There is a sample called {name} already; choose another name.").format(name=name)
        )


def _free_name(run: Run) -> str:
    number = LabelSample.objects.filter(run=run).count() + 1
    while LabelSample.objects.filter(name=f"run-{run.pk}-sample-{number}").exists():
        number += 1
    return f"run-{run.pk}-sample-{number}"

"""One process executing one run: whom it asks, whom it lets judge, and what it may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from bench.actions.create_run import judge_spec
from bench.endpoints import asked_models, lane_name, price_of
from bench.exceptions import UnknownNameError
from bench.execution.limits import Price
from bench.models import Executor, Judge, Judgement, LanguageModel, Response, Run, Trial
from bench.scoring import RUBRICS, Rubric
from bench.specs import GenerationConfig, JudgeSpec

#: Responses that hold an answer a judge can read.
JUDGEABLE = (Response.State.ANSWERED, Response.State.LENGTH)


@dataclass(frozen=True, kw_only=True)
class SeatedJudge:
    """A judge of this run with its rubric."""

    row: Judge
    spec: JudgeSpec
    rubric: Rubric
    generation: GenerationConfig


@dataclass(kw_only=True)
class Session:
    """What the claiming and the recording of one execution share."""

    run: Run
    executor: Executor
    generation: GenerationConfig
    language_models: Mapping[int, LanguageModel]
    subjects: Sequence[LanguageModel]
    judges: Mapping[int, SeatedJudge]
    prices: Mapping[int, Price | None]
    lanes: Mapping[int, str]
    own_executors: frozenset[int]
    saw_foreign: bool = field(default=True)


def open_session(run: Run, executor: Executor) -> Session:
    """Return the session of ``executor`` on ``run``.

    Raises
    ------
    UnknownNameError
        A judge's rubric is not known to this version of the code.
    """
    judges = {}
    for judge in run.judges.select_related("language_model"):
        spec = judge_spec(judge)
        rubric = RUBRICS.get(spec.rubric)
        if rubric is None or rubric.version != spec.rubric_version:
            raise UnknownNameError(
                f"Judge {judge.name} uses rubric {spec.rubric!r} version {spec.rubric_version}, unknown to this version."
            )
        judges[judge.pk] = SeatedJudge(
            row=judge, spec=spec, rubric=rubric, generation=spec.generation or GenerationConfig()
        )
    subjects = list(run.language_models.all())
    asked = asked_models(subjects, [seated.row for seated in judges.values()])
    return Session(
        run=run,
        executor=executor,
        generation=GenerationConfig(**run.spec["generation"]),
        language_models={model.pk: model for model in asked},
        subjects=subjects,
        judges=judges,
        prices={model.pk: price_of(model) for model in asked},
        lanes={model.pk: lane_name(model) for model in asked},
        own_executors=frozenset(Executor.objects.filter(run=run).values_list("pk", flat=True)),
    )


def is_free() -> Q:
    """Return the condition that nobody alive holds a pending record."""
    return (
        Q(executor__isnull=True)
        | Q(executor__ended_at__isnull=False)
        | Q(executor__lease_until__lt=timezone.now())
    )


def responses_of(run: Run) -> QuerySet[Response]:
    """Return the responses that ``run`` rests on, those it shares with other runs included."""
    return Response.objects.filter(Exists(Trial.objects.filter(run=run, response=OuterRef("pk"))))


def judgements_of(run: Run) -> QuerySet[Judgement]:
    """Return the verdicts of the run's judges on its responses, for the item and language they were given in."""
    trial = Trial.objects.filter(
        run=run, response=OuterRef("response"), release_item=OuterRef("release_item"), language=OuterRef("language")
    )
    return Judgement.objects.filter(Exists(trial), judge__in=run.judges.all())

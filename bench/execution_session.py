"""One process executing one run: whom it asks, whom it lets judge, and what it may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Case, CharField, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.utils import timezone

from bench.actions.create_run import judge_spec
from bench.endpoints import asked_models, lane_name, price_of
from bench.exceptions import UnknownNameError
from bench.execution.limits import Price
from bench.files.kinds import MediaFile
from bench.incident_facts import facts_of
from bench.models import Executor, Judge, Judgement, LanguageModel, ReleaseItem, Response, Run, Trial
from bench.providers.finish_reasons import CONTENT_FILTER, ERROR, LENGTH, reason_word
from bench.scoring import ITEM_SYSTEM, RUBRICS, Rubric
from bench.scoring.case import Facts, JudgeCase, case_of
from bench.specs import GenerationConfig, JudgeSpec
from gvsir.models import ValueDimension, ValueSystem

#: Responses that hold an answer a judge can read.
JUDGEABLE = (Response.State.ANSWERED, Response.State.LENGTH)
_FINISH_STATES = {
    LENGTH: Response.State.LENGTH, CONTENT_FILTER: Response.State.CONTENT_FILTER, ERROR: Response.State.FAILED,
}


class ScaledDimension(NamedTuple):
    """A dimension of a framework, and the ends of its system's scale."""

    pk: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SeatedJudge:
    """A judge of this run with its rubric; of a framework, with the dimensions it scores."""

    row: Judge
    spec: JudgeSpec
    rubric: Rubric
    generation: GenerationConfig
    dimensions: Mapping[str, ScaledDimension] = field(default_factory=dict)

    @cached_property
    def accepts(self) -> frozenset[str] | None:
        """What the judging model can be shown; None where rules judge."""
        return self.row.language_model.accepted if self.row.language_model else None


@dataclass(kw_only=True)
class Session:
    """What the claiming and the recording of one execution share.

    Parameters
    ----------
    lanes_without_verdicts : set of str
        Lanes in which no verdict waited when last looked.
    facts : dict of int to Facts
        What happened in the incidents of items whose release did not freeze it, by the incident's number.
    """

    run: Run
    executor: Executor
    generation: GenerationConfig
    language_models: Mapping[int, LanguageModel]
    subjects: Sequence[LanguageModel]
    judges: Mapping[int, SeatedJudge]
    prices: Mapping[int, Price | None]
    lanes: Mapping[int, str]
    own_executors: frozenset[int] = frozenset()
    facts: Mapping[int, Facts] = field(default_factory=dict)
    saw_foreign: bool = field(default=True)
    lanes_without_verdicts: set[str] = field(default_factory=set)

    def owns(self, executor_id: int | None) -> bool:
        """Return whether this is a process of the same run."""
        if executor_id is not None and executor_id not in self.own_executors:
            self.own_executors = frozenset(Executor.objects.filter(run=self.run).values_list("pk", flat=True))
        return executor_id in self.own_executors

    def case(
        self, seated: SeatedJudge, content: Mapping[str, Any], language: str, text: str,
        output: MediaFile | None = None,
    ) -> JudgeCase:
        """Return what ``seated`` reads of an answer to the item with this content."""
        facts = self._facts(content) if seated.rubric.reads_facts else None
        return case_of(content, language=language, response=text, facts=facts, output=output)

    def _facts(self, content: Mapping[str, Any]) -> Facts | None:
        if "facts" in content:
            return Facts.from_json(content["facts"]) if content["facts"] else None
        return self.facts.get(content.get("incident") or 0)


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
        if rubric is None or rubric.version != spec.rubric_version or (
            spec.rubric_sha256 not in ("", rubric.text_sha256)
        ):
            raise UnknownNameError(
                f"Judge {judge.name} uses rubric {spec.rubric!r} version {spec.rubric_version} "
                f"({spec.rubric_sha256[:12] or 'no hash'}), unknown to this version."
            )
        judges[judge.pk] = SeatedJudge(
            row=judge, spec=spec, rubric=rubric, generation=spec.generation or GenerationConfig(),
            dimensions={} if rubric.system == ITEM_SYSTEM else scaled_dimensions(rubric.system),
        )
    subjects = list(run.language_models.all())
    asked = asked_models(subjects, [seated.row for seated in judges.values()])
    return Session(
        run=run,
        executor=executor,
        generation=GenerationConfig.from_json(run.spec["generation"]),
        language_models={model.pk: model for model in asked},
        subjects=subjects,
        judges=judges,
        prices={model.pk: price_of(model) for model in asked},
        lanes={model.pk: lane_name(model) for model in asked},
        facts=_facts(run) if any(seated.rubric.reads_facts for seated in judges.values()) else {},
    )


def scaled_dimensions(system: str) -> dict[str, ScaledDimension]:
    """Return the scored dimensions of the newest version of ``system``, by key, in its order.

    Raises
    ------
    UnknownNameError
        The system has not been loaded.
    """
    try:
        found = ValueSystem.objects.current(system)
    except ValueSystem.DoesNotExist as error:
        raise UnknownNameError(f"The value system {system} is not loaded; run gvsir load_reference.") from error
    rows = ValueDimension.objects.filter(system=found, is_scored=True).order_by("order").values_list("key", "pk")
    return {key: ScaledDimension(pk, found.scale_low, found.scale_high) for key, pk in rows}


def _facts(run: Run) -> dict[int, Facts]:
    """Return what happened in the incidents of the items that the run's release did not freeze it with."""
    unfrozen = ReleaseItem.objects.filter(release=run.release_id).exclude(content__has_key="facts")
    return facts_of(unfrozen.values("item__incident"))


def state_of_answer(finish_reason: str) -> tuple[Response.State, str]:
    """Return the state of an answer that ended for this reason, and, where it is none, why."""
    state = _FINISH_STATES.get(reason_word(finish_reason), Response.State.ANSWERED)
    return state, f"The provider broke the answer off: {finish_reason}." if state == Response.State.FAILED else ""


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


def state_in(run: Run) -> Combinable:
    """Return the expression for the state of a trial's response, as far as ``run`` is concerned.

    Responses are shared: what a cancelled run left, another run may ask. In the cancelled one it stays cancelled.
    """
    if run.status != Run.Status.CANCELLED:
        return F("response__state")
    elsewhere_later = Q(response__answered_at__gt=run.finished_at) & ~Q(response__executor__run=run)
    return Case(
        When(Q(response__state=Response.State.PENDING) | elsewhere_later, then=Value(Response.State.CANCELLED)),
        default=F("response__state"), output_field=CharField(),
    )


def judgements_of(run: Run) -> QuerySet[Judgement]:
    """Return the verdicts of the run's judges on its responses, for the item and language they were given in."""
    trial = Trial.objects.filter(
        run=run, response=OuterRef("response"), release_item=OuterRef("release_item"), language=OuterRef("language")
    )
    return Judgement.objects.filter(Exists(trial), judge__in=run.judges.all())

"""The account of a run: every trial, call and dollar, once; page, command and API read the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from bench.actions.join_run import seconds_of
from bench.costs import Cost, cost_of_calls, cost_of_lost_calls
from bench.execution_session import state_in
from bench.models import Executor, FailedAttempt, Judge, Judgement, LanguageModel, Response, Run, Score, Trial

ANSWERED_STATES = (Response.State.ANSWERED, Response.State.LENGTH)
REFUSED_STATES = (Response.State.REFUSED, Response.State.CONTENT_FILTER)
_NOT_ASKED = (LanguageModel.Kind.BASELINE, LanguageModel.Kind.RECORDED, Judge.Kind.HEURISTIC)
#: A settled record in one of these states ends with a call that brought an answer; other calls failed.
_HEARD_RESPONSE = (*ANSWERED_STATES, *REFUSED_STATES)
_HEARD_JUDGEMENT = (Judgement.State.SCORED, Judgement.State.PROFILED, Judgement.State.UNPARSABLE)
#: A trial without a verdict: none has begun yet, or none ever will, because no answer came.
_NOT_BEGUN, _NOTHING_TO_JUDGE = "missing", "nothing_to_judge"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one model, as subject or as judge, did in the run.

    Parameters
    ----------
    states : mapping of str to int
        Trials (of a subject) or trials to judge (of a judge) by the state of their response or verdict; together
        they are ``total``.
    reused : int
        Of these, settled by another run before: nothing was sent for them here.
    sent : int
        Calls this run sent to it; zero for what decides in this process.
    retried : int
        Of these, calls beyond the first for the same question.
    failures : mapping of str to int
        Of these, calls that gave no answer, by outcome.
    """

    key: int
    name: str
    kind: str
    total: int
    states: Mapping[str, int]
    reused: int
    sent: int
    retried: int
    failures: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    cost: Cost

    @property
    def cost_usd(self) -> Decimal | None:
        """What its calls cost; None where that of any is not known."""
        return self.cost.total

    @property
    def done(self) -> int:
        """Trials that wait for nothing more."""
        return self.total - self.states.get("pending", 0) - self.states.get(_NOT_BEGUN, 0)

    @property
    def badges(self) -> tuple[str, ...]:
        """The words that say that no language model was asked."""
        return (self.kind,) if self.kind in _NOT_ASKED else ()

    @property
    def heard(self) -> int:
        """Calls that brought an answer."""
        return self.sent - sum(self.failures.values())

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain data."""
        return {
            "name": self.name, "kind": self.kind, "total": self.total, "done": self.done, "states": dict(self.states),
            "reused": self.reused, "sent": self.sent, "retried": self.retried, "failures": dict(self.failures),
            "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens,
            **self.cost.as_json(),
        }


@dataclass(frozen=True, kw_only=True)
class RunAccount:
    """The whole account."""

    run: Run
    items: int
    trials: int
    subjects: tuple[Line, ...]
    judges: tuple[Line, ...]
    unheard_at_most: int
    lost_cost: Cost
    seconds: float

    def _states(self, lines: tuple[Line, ...], *states: str) -> int:
        return sum(line.states.get(state, 0) for line in lines for state in states)

    def _cancelled(self, lines: tuple[Line, ...]) -> dict[str, int]:
        if self.run.status != Run.Status.CANCELLED:
            return {}
        return {"cancelled": self._states(lines, Response.State.CANCELLED)}

    @property
    def responses(self) -> dict[str, int]:
        """Trials by what came of them; together they are ``trials``. Of a cancelled run some may be cancelled."""
        return self._cancelled(self.subjects) | {
            "answered": self._states(self.subjects, *ANSWERED_STATES),
            "refused": self._states(self.subjects, *REFUSED_STATES),
            "failed": self._states(self.subjects, Response.State.FAILED),
            "missing": self._states(
                self.subjects, Response.State.PENDING, Response.State.UNRECORDED
            ),
        }

    @property
    def judgements(self) -> dict[str, int]:
        """Trials times judges by what came of them. Some may be refused, and of a cancelled run some cancelled."""
        refused = self._states(self.judges, Judgement.State.REFUSED)
        return self._cancelled(self.judges) | {
            "scored": self._states(self.judges, Judgement.State.SCORED, Judgement.State.PROFILED),
            "unparsable": self._states(self.judges, Judgement.State.UNPARSABLE),
            **({"refused": refused} if refused else {}),
            "failed": self._states(self.judges, Judgement.State.FAILED),
            "missing": self._states(
                self.judges, Judgement.State.PENDING, Judgement.State.UNFIT, "missing",
                _NOTHING_TO_JUDGE,
            ),
        }

    @property
    def sent(self) -> int:
        """Calls that left this machine or reached a local server, all attempts."""
        return sum(line.sent for line in self.subjects + self.judges)

    @property
    def retried(self) -> int:
        """Of these, calls beyond the first for the same question."""
        return sum(line.retried for line in self.subjects + self.judges)

    @property
    def failures(self) -> dict[str, int]:
        """Calls that gave no answer, by outcome."""
        totals: dict[str, int] = {}
        for line in self.subjects + self.judges:
            for outcome, number in line.failures.items():
                totals[outcome] = totals.get(outcome, 0) + number
        return dict(sorted(totals.items()))

    @property
    def cost(self) -> Cost:
        """What the run's own calls cost, those included that were cut off when a process ended."""
        return sum((line.cost for line in self.subjects + self.judges), self.lost_cost)

    @property
    def cost_usd(self) -> Decimal | None:
        """What the run's own calls cost; None where that of any is not known."""
        return self.cost.total

    def as_json(self) -> dict[str, Any]:
        """Return the account in the shape that ``bench_run --json`` promises, and more."""
        return {
            "run": self.run.pk,
            "status": self.run.status,
            "reason": self.run.status_reason,
            "release": self.run.release.name,
            "spec_sha256": self.run.spec_sha256,
            "items": self.items,
            "trials": self.trials,
            "responses": self.responses,
            "judgements": self.judgements,
            "calls": {
                "sent": self.sent, "retried": self.retried, "answered": self.sent - sum(self.failures.values()),
                "failed": self.failures, "unheard_at_most": self.unheard_at_most,
            },
            **self.cost.as_json(),
            "seconds": round(self.seconds, 3),
            "models": [line.as_json() for line in self.subjects],
            "judges": [line.as_json() for line in self.judges],
        }


def account(run: Run) -> RunAccount:
    """Return the account of ``run`` as the database has it now."""
    trials = Trial.objects.filter(run=run)
    own = list(Executor.objects.filter(run=run))
    return RunAccount(
        run=run,
        items=trials.values("release_item").distinct().count(),
        trials=trials.count(),
        subjects=tuple(_subject(run, model) for model in run.language_models.order_by("pk")),
        judges=tuple(_judge(run, judge) for judge in run.judges.order_by("pk")),
        unheard_at_most=sum(each.lost_calls for each in own),
        lost_cost=cost_of_lost_calls(own),
        seconds=max(run.active_seconds, seconds_of(own)),
    )


def scores_of(run: Run) -> dict[str, int]:
    """Return how many scores of ``run`` have a value and how many are missing; none of either before it is scored."""
    found = Score.objects.filter(run=run).aggregate(scored=Count("value"), all=Count("pk"))
    return {"scored": found["scored"], "missing": found["all"] - found["scored"]}


def why_missing(run: Run, *, most: int = 3) -> list[tuple[str, int]]:
    """Return the commonest reasons of the missing scores of ``run``, each with how many name it."""
    missing = Score.objects.filter(run=run, value__isnull=True).order_by().values("missing_reason")
    rows = missing.annotate(n=Count("pk")).order_by("-n", "missing_reason")
    return [(row["missing_reason"], row["n"]) for row in rows[:most]]


def _subject(run: Run, language_model: LanguageModel) -> Line:
    trials = Trial.objects.filter(run=run, language_model=language_model)
    trials = trials.annotate(state_here=state_in(run))
    states = _counts(trials, "state_here")
    broken_off = Q(state=Response.State.FAILED) & ~Q(finish_reason="")
    heard = Response.objects.filter(
        Q(state__in=_HEARD_RESPONSE) | broken_off, language_model=language_model, executor__run=run
    )
    settled_elsewhere = (
        trials.exclude(state_here__in=[Response.State.PENDING, Response.State.CANCELLED])
        .filter(Q(response__executor__isnull=True) | ~Q(response__executor__run=run))
    )
    failed = FailedAttempt.objects.filter(run=run, response__language_model=language_model)
    return Line(
        key=language_model.pk, name=language_model.name, kind=language_model.kind,
        total=sum(states.values()), states=states, reused=settled_elsewhere.count(),
        **_calls(heard, failed, "response", is_remote=language_model.kind == LanguageModel.Kind.ENDPOINT),
    )


def verdicts_in(run: Run, judge: Judge) -> QuerySet[Judgement]:
    """Return the verdicts of ``judge`` that ``run`` may rest on: of one at its end, none that others made later."""
    verdicts = Judgement.objects.filter(judge=judge)
    if run.status not in (Run.Status.FINISHED, Run.Status.CANCELLED) or run.finished_at is None:
        return verdicts
    undated = Q(judged_at__isnull=True) & ~Q(state=Judgement.State.PENDING)
    return verdicts.filter(Q(executor__run=run) | Q(judged_at__lte=run.finished_at) | undated)


def _judge(run: Run, judge: Judge) -> Line:
    latest = verdicts_in(run, judge).filter(
        response=OuterRef("response"), release_item=OuterRef("release_item"), language=OuterRef("language")
    ).order_by("-pk")
    no_answer = ~Q(response__state__in=[Response.State.PENDING, *ANSWERED_STATES]) | Q(
        response__state__in=ANSWERED_STATES, response__text="", response__output_sha256=""
    )
    none = Case(When(no_answer, then=Value(_NOTHING_TO_JUDGE)), default=Value(_NOT_BEGUN), output_field=CharField())
    trials = Trial.objects.filter(run=run).annotate(
        verdict=Coalesce(Subquery(latest.values("state")[:1]), none, output_field=CharField()),
        verdict_run=Subquery(latest.values("executor__run")[:1]),
    )
    states = _counts(trials, "verdict")
    if run.status == Run.Status.FINISHED and _NOT_BEGUN in states:  # answers of blanks alone
        states[_NOTHING_TO_JUDGE] = states.get(_NOTHING_TO_JUDGE, 0) + states.pop(_NOT_BEGUN)
    if run.status == Run.Status.CANCELLED:
        left = sum(states.pop(state, 0) for state in (_NOT_BEGUN, Judgement.State.PENDING))
        states |= {Judgement.State.CANCELLED: left} if left else {}
    elsewhere = trials.exclude(verdict__in=[Judgement.State.PENDING, _NOT_BEGUN, _NOTHING_TO_JUDGE]).filter(
        Q(verdict_run__isnull=True) | ~Q(verdict_run=run.pk)
    )
    failed = FailedAttempt.objects.filter(run=run, judgement__judge=judge)
    heard = Judgement.objects.filter(judge=judge, executor__run=run, state__in=_HEARD_JUDGEMENT)
    return Line(
        key=judge.pk, name=judge.name, kind=judge.kind, total=sum(states.values()), states=states,
        reused=elsewhere.count(),
        **_calls(heard, failed, "judgement", is_remote=judge.kind == Judge.Kind.LANGUAGE_MODEL),
    )


def _counts(rows: QuerySet[Any], field: str) -> dict[str, int]:
    return {row[field]: row["n"] for row in rows.order_by().values(field).annotate(n=Count("pk"))}


def _calls(
    heard: QuerySet[Any], failed: QuerySet[FailedAttempt], owner: str, *, is_remote: bool
) -> dict[str, Any]:
    """Return what was sent: a call that was heard for each record settled here, and every failed attempt."""
    sums = heard.aggregate(n=Count("pk"), prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
    failures = _counts(failed, "outcome")
    unusable = failed.aggregate(prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
    n_heard = sums["n"] if is_remote else 0
    n_failed = sum(failures.values())
    unheard_records = failed.exclude(**{f"{owner}__in": heard}).order_by().values(owner).distinct().count()
    return {
        "sent": n_heard + n_failed,
        "retried": n_failed - unheard_records,
        "failures": failures,
        "prompt_tokens": (sums["prompt"] or 0) + (unusable["prompt"] or 0),
        "completion_tokens": (sums["completion"] or 0) + (unusable["completion"] or 0),
        "cost": cost_of_calls(heard, failed) if is_remote else Cost(),
    }

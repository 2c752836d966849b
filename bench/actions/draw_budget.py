"""Divide a run's budget among the processes that execute it: what is granted to one is gone for the others.

What all purses hold never exceeds the budget, so no process has to ask before each call: it spends what it was
granted, asks for more in time, and returns what it does not need when money runs short.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from bench.execution.limits import Budget, Need
from bench.execution_session import Session
from bench.models import Executor, Purse, Run

_NOTHING = Decimal(0)


class Spent(NamedTuple):
    """What all processes of a run together spent, or set aside for calls that were cut off."""

    usd: Decimal
    calls: int


class Left(NamedTuple):
    """What nobody holds, whether others are at work, and whether they may still return something."""

    usd: Decimal
    calls: int
    has_others: bool
    may_return: bool


def open_purse(session: Session) -> Budget | None:
    """Return an empty purse for this process; None where the run has no limit."""
    run = session.run
    if run.budget_usd is None and run.max_calls is None:
        return None
    budget = Budget(
        None if run.budget_usd is None else _NOTHING,
        prices={str(pk): price for pk, price in session.prices.items()},
        most_calls=None if run.max_calls is None else 0,
    )
    budget.is_final = False
    Purse.objects.create(executor=session.executor)
    return budget


@transaction.atomic
def draw(executor: Executor, budget: Budget, *, at_once: int) -> bool:
    """Write down what was spent and grant what is lacking; return whether waiting calls should be tried again.

    ``at_once`` calls should be possible without asking again.
    """
    run = Run.objects.select_for_update().get(pk=executor.run_id)
    need = budget.needs(at_once)
    left = left_of(run, executor, budget)
    if left.has_others and (left.usd < need.comfort_usd or left.calls < need.comfort_calls):  # others may be short
        budget.give_back()
        need, left = budget.needs(at_once), left_of(run, executor, budget)
    is_news = False
    if need.is_something:
        if need.must_usd <= left.usd and need.must_calls <= left.calls:
            budget.add(*_grant(need, left))
            is_news = need.is_refused
        elif need.is_refused and not left.may_return:
            budget.is_final = is_news = True
    Purse.objects.filter(executor=executor).update(
        granted_usd=budget.cap or _NOTHING, spent_usd=budget.spent,
        granted_calls=budget.most_calls or 0, spent_calls=budget.calls,
    )
    return is_news


def close_purse(executor: Executor, budget: Budget) -> None:
    """Write down what was spent for good; calls that were cut off count in full."""
    Purse.objects.filter(executor=executor).update(
        granted_usd=budget.spent + budget.reserved, spent_usd=budget.spent + budget.reserved,
        granted_calls=budget.calls, spent_calls=budget.calls,
    )


def spent_of(run: Run) -> Spent:
    """Return what counts against the run's limits; of a process that was lost, all that it was granted."""
    usd, calls = Decimal(0), 0
    for purse in Purse.objects.filter(executor__run=run).select_related("executor"):
        is_lost = purse.executor.ending == "lost"
        usd += purse.granted_usd if is_lost else purse.spent_usd
        calls += purse.granted_calls if is_lost else purse.spent_calls
    return Spent(usd, calls)


def why_spent(run: Run) -> str:
    """Return why no call is sent any more, and what to do."""
    spent = spent_of(run)
    go_on = f"Raise it with: gvsir bench_run --resume {run.pk}"
    if run.budget_usd is None or (run.max_calls is not None and spent.calls >= run.max_calls):
        if spent.calls == run.max_calls:
            return f"Budget spent: all {run.max_calls} calls are sent. {go_on} --max-calls N"
        return (
            f"Budget spent: {spent.calls} calls are sent or set aside, and {run.max_calls} are allowed. {go_on} "
            f"--max-calls N"
        )
    return (
        f"Budget spent: {spent.usd:.4f} of {run.budget_usd:.4f} US dollars are spent or set aside, and the next call could "
        f"cost more than is left. {go_on} --budget USD"
    )


def left_of(run: Run, executor: Executor, budget: Budget) -> Left:
    """Return what of the run's limits is neither spent nor granted to others."""
    now = timezone.now()
    usd, calls = budget.cap or _NOTHING, budget.most_calls or 0
    has_others = may_return = False
    for other in Purse.objects.filter(executor__run=run).exclude(executor=executor).select_related("executor"):
        has_ended = other.executor.ended_at is not None and other.executor.ending != "lost"
        usd += other.spent_usd if has_ended else other.granted_usd
        calls += other.spent_calls if has_ended else other.granted_calls
        if other.executor.ended_at is None and other.executor.lease_until > now:
            has_others = True
            may_return |= other.granted_usd > other.spent_usd or other.granted_calls > other.spent_calls
    return Left(
        max(_NOTHING, (run.budget_usd or _NOTHING) - usd), max(0, (run.max_calls or 0) - calls), has_others, may_return
    )


def _grant(need: Need, left: Left) -> tuple[Decimal, int]:
    """Return what is lacking for the next call, and of the rest as much as keeps others going."""
    part = 2 if left.has_others else 1
    usd = need.must_usd + min(max(_NOTHING, need.ready_usd - need.must_usd), (left.usd - need.must_usd) / part)
    calls = need.must_calls + min(max(0, need.ready_calls - need.must_calls), (left.calls - need.must_calls) // part)
    return usd, calls

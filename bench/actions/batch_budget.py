"""A run's budget where calls go out in batches: the most they can cost is set aside before they leave."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from bench.actions.draw_budget import close_purse, left_of, open_purse
from bench.execution.calls import Call, Event, Settled
from bench.execution.limits import Budget
from bench.execution_session import Session
from bench.models import Purse, Run

_NOTHING = Decimal(0)


@transaction.atomic
def reserve_calls(session: Session, calls: Sequence[Call]) -> list[Call]:
    """Set aside what ``calls`` can cost at most, as far as the run's limits go; return those that may leave."""
    run = Run.objects.select_for_update().get(pk=session.run.pk)
    budget = open_purse(session)
    if budget is None:
        return list(calls)
    left = left_of(run, session.executor, budget)
    budget.add(left.usd, left.calls)
    fitting = [call for call in calls if budget.reserve(call)]
    close_purse(session.executor, budget)
    return fitting


@transaction.atomic
def give_back(session: Session, calls: Sequence[Call]) -> None:
    """Free what was set aside for ``calls`` that never left."""
    budget = _measure(session)
    if budget is None:
        return
    usd = sum((budget.most_cost(call) for call in calls), _NOTHING)
    _take_from(Purse.objects.filter(executor__run=session.run), usd, len(calls))


def settle_calls(session: Session, events: Sequence[Event]) -> None:
    """Put what replies cost in the place of what was set aside for them; in the transaction that records them.

    Replies whose usage nobody counted stay at the most they can cost; a reply that is an error is not charged.
    """
    budget = _measure(session)
    if budget is None or not events:
        return
    before, after = _NOTHING, _NOTHING
    for event in events:
        most = budget.most_cost(event.call)
        before += most
        completion = event.completion if isinstance(event, Settled) else None
        if completion is None:
            continue
        price = session.prices[int(event.call.client)] if budget.cap is not None else None
        is_counted = completion.prompt_tokens is not None and completion.completion_tokens is not None
        after += price.of(completion.prompt_tokens or 0, completion.completion_tokens or 0) if price and is_counted else most
    was_set_aside = _take_from(
        Purse.objects.filter(executor__run=session.run).exclude(executor=session.executor), before, 0
    )
    Purse.objects.get_or_create(executor=session.executor)
    purse = Purse.objects.select_for_update().get(executor=session.executor)
    purse.spent_usd += after
    purse.granted_usd += after
    if not was_set_aside:  # sent before the run had limits
        purse.spent_calls += len(events)
        purse.granted_calls += len(events)
    purse.save()


def _measure(session: Session) -> Budget | None:
    """Return what prices calls; None where the run has no limit."""
    run = session.run
    if run.budget_usd is None and run.max_calls is None:
        return None
    return Budget(
        None if run.budget_usd is None else _NOTHING,
        prices={str(pk): price for pk, price in session.prices.items()}, most_calls=run.max_calls,
    )


def _take_from(books: QuerySet[Purse], usd: Decimal, calls: int) -> bool:
    """Lower what is on the books, the newest first; return whether anything was on them."""
    purses = list(books.select_for_update().order_by("-pk"))
    for purse in purses:
        less, fewer = min(usd, purse.spent_usd), min(calls, purse.spent_calls)
        usd, calls = usd - less, calls - fewer
        purse.spent_usd, purse.spent_calls = purse.spent_usd - less, purse.spent_calls - fewer
        purse.granted_usd, purse.granted_calls = purse.spent_usd, purse.spent_calls
        purse.save()
    return bool(purses)

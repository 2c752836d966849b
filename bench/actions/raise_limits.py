"""Give a run more to spend and let it go on: what a page does in one step where a command takes two."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.actions.change_run import resume_run
from bench.actions.draw_budget import spent_of
from bench.actions.limit_run import limit_run
from bench.exceptions import BadNumberError
from bench.models import Run

_AT_REST = (Run.Status.PAUSED, Run.Status.FAILED)


@transaction.atomic
def raise_limits(
    *, run_id: int, budget_usd: Decimal | None, max_calls: int | None, actor: User | None, reason: str
) -> Run:
    """Set the limits of a run; put it back into the queue where it rests. None leaves what is set.

    Raises
    ------
    BadNumberError
        No limit is given, or one leaves nothing to spend, so that the run would stop again at once.
    MissingPriceError
        A budget is given and a model has no price.
    PermissionRefusedError
        ``actor`` may not execute runs.
    RunClosedError
        The run is finished or cancelled.
    """
    if budget_usd is None and max_calls is None:
        raise BadNumberError(gettext("Give a budget or a number of calls."))
    run = limit_run(
        run=Run.objects.get(pk=run_id), budget_usd=budget_usd, max_calls=max_calls, actor=actor, reason=reason
    )
    spent = spent_of(run)
    if run.budget_usd is not None and run.budget_usd <= spent.usd:
        raise BadNumberError(
            gettext("A budget of {budget} US dollars leaves nothing: {spent} are spent or set aside.").format(
                budget=run.budget_usd, spent=f"{spent.usd:.4f}"
            )
        )
    if run.max_calls is not None and run.max_calls <= spent.calls:
        raise BadNumberError(
            gettext("{most} calls at most leave nothing: {spent} are sent or set aside.").format(
                most=run.max_calls, spent=spent.calls
            )
        )
    return resume_run(run_id=run_id, actor=actor) if run.status in _AT_REST else run

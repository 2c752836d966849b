"""Change what a run may spend, before it goes on."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.accounting import account
from bench.actions.draw_budget import spent_of
from bench.exceptions import BadNumberError, RunClosedError
from bench.models import Purse, Run
from bench.run_limits import check_limits
from gvsir.models import LogEntry
from gvsir.permissions import require

_CLOSED = (Run.Status.FINISHED, Run.Status.CANCELLED)


@transaction.atomic
def limit_run(
    *, run: Run, budget_usd: Decimal | None, max_calls: int | None, actor: User | None, reason: str = ""
) -> Run:
    """Set the run's budget and most calls; None leaves what is set. What was spent counts.

    Raises
    ------
    BadNumberError
        A limit is below what is sent or spent already.
    MissingPriceError
        A budget is given and a model has no price.
    RunClosedError
        The run is finished or cancelled.
    PermissionRefusedError
        ``actor`` may not execute runs.
    """
    if actor is not None:
        require(actor, "run.execute")
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.status in _CLOSED:
        raise RunClosedError(
            gettext("Run {pk} is {status}; its limits say what held while it was executed.").format(
                pk=run.pk, status=run.status
            )
        )
    check_limits(
        list(run.language_models.all()), list(run.judges.select_related("language_model")),
        budget_usd=budget_usd, max_calls=max_calls,
    )
    _charge_earlier(run, budget_usd=budget_usd, max_calls=max_calls)
    _check_spent(run, budget_usd=budget_usd, max_calls=max_calls)
    before = {"budget_usd": str(run.budget_usd), "max_calls": run.max_calls}
    run.budget_usd = run.budget_usd if budget_usd is None else budget_usd
    run.max_calls = run.max_calls if max_calls is None else max_calls
    run.save(update_fields=["budget_usd", "max_calls"])
    after = {"budget_usd": str(run.budget_usd), "max_calls": run.max_calls}
    LogEntry.objects.record(run, "run.limit", actor=actor, reason=reason, data={"before": before, "after": after})
    return run


def _check_spent(run: Run, *, budget_usd: Decimal | None, max_calls: int | None) -> None:
    spent = spent_of(run)
    if budget_usd is not None and budget_usd < spent.usd:
        raise BadNumberError(
            gettext("A budget of {budget} US dollars is less than the {spent} that are spent or set aside already.").format(
                budget=budget_usd, spent=f"{spent.usd:.4f}"
            )
        )
    if max_calls is not None and max_calls < spent.calls:
        raise BadNumberError(
            gettext("{most} calls at most are fewer than the {spent} that are sent or set aside already.").format(
                most=max_calls, spent=spent.calls
            )
        )


def _charge_earlier(run: Run, *, budget_usd: Decimal | None, max_calls: int | None) -> None:
    """Put on the books what was sent while the run had no such limit: nobody kept it then."""
    is_new_budget = budget_usd is not None and run.budget_usd is None
    is_new_cap = max_calls is not None and run.max_calls is None
    earlier = run.executors.filter(ended_at__isnull=False).order_by("pk").last()
    if earlier is None or not (is_new_budget or is_new_cap) or run.batches.filter(closed_at__isnull=True).exists():
        return
    purse, _ = Purse.objects.get_or_create(executor=earlier)
    found, booked = account(run), spent_of(run)
    if is_new_budget:
        cost = found.cost.at_least if found.cost.at_most is None else found.cost.at_most
        lacking = max(Decimal(0), cost - booked.usd)
        purse.spent_usd, purse.granted_usd = purse.spent_usd + lacking, purse.granted_usd + lacking
    if is_new_cap:
        missing = max(0, found.sent + found.unheard_at_most - booked.calls)
        purse.spent_calls, purse.granted_calls = purse.spent_calls + missing, purse.granted_calls + missing
    purse.save()

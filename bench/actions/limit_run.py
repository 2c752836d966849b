"""Change what a run may spend, before it goes on."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext

from bench.bounds import MOST_BUDGET, MOST_CALLS, check_amount, check_count
from bench.endpoints import asked_models, price_of
from bench.exceptions import MissingPriceError, RunClosedError
from bench.models import Judge, LanguageModel, Run
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
    before = {"budget_usd": str(run.budget_usd), "max_calls": run.max_calls}
    run.budget_usd = run.budget_usd if budget_usd is None else budget_usd
    run.max_calls = run.max_calls if max_calls is None else max_calls
    run.save(update_fields=["budget_usd", "max_calls"])
    after = {"budget_usd": str(run.budget_usd), "max_calls": run.max_calls}
    LogEntry.objects.record(run, "run.limit", actor=actor, reason=reason, data={"before": before, "after": after})
    return run


def check_limits(
    language_models: list[LanguageModel], judges: list[Judge], *, budget_usd: Decimal | None, max_calls: int | None
) -> None:
    """Refuse a budget that could not be kept.

    Raises
    ------
    BadNumberError
        No call would be allowed at all, or a limit is larger than what can be kept.
    MissingPriceError
        A budget is given and a model has no price.
    """
    check_count(gettext("The most calls"), max_calls, most=MOST_CALLS)
    check_amount(gettext("A budget"), budget_usd, most=MOST_BUDGET, places=4)
    if budget_usd is None:
        return
    unpriced = [model.name for model in asked_models(language_models, judges) if price_of(model) is None]
    if unpriced:
        raise MissingPriceError(
            gettext(
                "No price is known for {unpriced}; a budget could not be kept. Give it one with: "
                "gvsir language_model NAME --input-price USD --output-price USD (for a million tokens)"
            ).format(unpriced=", ".join(unpriced))
        )

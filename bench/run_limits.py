"""What the limits of a run may be, before anything else is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from django.utils.translation import gettext

from bench.bounds import MOST_BUDGET, MOST_CALLS, check_amount, check_count
from bench.endpoints import asked_models, price_of
from bench.exceptions import MissingPriceError
from bench.models import Judge, LanguageModel


def check_limits(
    language_models: Sequence[LanguageModel], judges: Sequence[Judge], *, budget_usd: Decimal | None, max_calls: int | None
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

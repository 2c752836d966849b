"""Write down what is known of a model that does not change its answers: prices, limit, family, maker."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from bench.exceptions import BadEndpointError
from bench.models import LanguageModel
from gvsir.models import LogEntry
from gvsir.permissions import require

DESCRIBABLE: Final = ("family", "developer", "input_price", "output_price", "max_concurrency")


@transaction.atomic
def describe_language_model(*, language_model: LanguageModel, facts: dict[str, Any], actor: User | None) -> LanguageModel:
    """Set the given facts of ``language_model`` and record what they were.

    Raises
    ------
    BadEndpointError
        A price is negative, a limit below 1, or only one of the two prices would be known.
    PermissionRefusedError
        ``actor`` may not edit models.
    """
    if actor is not None:
        require(actor, "language_model.edit")
    if unknown := set(facts) - set(DESCRIBABLE):
        raise AssertionError(f"not a fact: {unknown}")
    row = LanguageModel.objects.select_for_update().get(pk=language_model.pk)
    before = {name: str(getattr(row, name)) for name in facts}
    for name, value in facts.items():
        setattr(row, name, value)
    prices = (row.input_price, row.output_price)
    if any(price is not None and price < 0 for price in prices):
        raise BadEndpointError("A price is 0 or more.")
    if (prices[0] is None) != (prices[1] is None):
        raise BadEndpointError("Give both prices, for a million prompt tokens and for a million answer tokens.")
    if row.max_concurrency < 1:
        raise BadEndpointError("The most calls at once are a number from 1.")
    row.save(update_fields=list(facts))
    after = {name: str(value) for name, value in facts.items()}
    LogEntry.objects.record(row, "language_model.describe", actor=actor, data={"before": before, "after": after})
    return row

"""What the calls of a run cost: exactly where every call was counted and priced, else between two bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext, ngettext

from bench.actions.read_verdicts import UNREADABLE
from bench.exceptions import MAY_BE_CHARGED
from bench.models import Executor, FailedAttempt, Response

#: Calls that failed, or whose answer was not used, and are charged or may be.
_CHARGEABLE: Final = (*sorted(MAY_BE_CHARGED), UNREADABLE, "superseded")
_NOTHING: Final = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of some calls, in US dollars.

    Parameters
    ----------
    known : Decimal
        Of the calls whose cost is known, all that came to.
    bounded : Decimal
        Of those whose cost is not known, the most it can be, as far as anything bounds it.
    unpriced : int
        Calls whose cost is not known: the server counted no tokens, failed and may charge all the same, was cut
        off, or has no price on record.
    unbounded : int
        Of these, calls that nothing bounds: their model has no price on record.
    """

    known: Decimal = _NOTHING
    bounded: Decimal = _NOTHING
    unpriced: int = 0
    unbounded: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            known=self.known + other.known, bounded=self.bounded + other.bounded,
            unpriced=self.unpriced + other.unpriced, unbounded=self.unbounded + other.unbounded,
        )

    @property
    def total(self) -> Decimal | None:
        """What they cost; None where that of any call is not known."""
        return None if self.unpriced else self.known

    @property
    def at_least(self) -> Decimal:
        """What they cost at least."""
        return self.known

    @property
    def at_most(self) -> Decimal | None:
        """What they can have cost at most; None where nothing bounds one of them."""
        return None if self.unbounded else self.known + self.bounded

    def as_json(self) -> dict[str, Any]:
        """Return the cost as plain data."""
        return {
            "cost_usd": _number(self.total), "cost_at_least_usd": _number(self.at_least),
            "cost_at_most_usd": _number(self.at_most), "unpriced_calls": self.unpriced,
        }

    def short(self) -> str:
        """Return the cost as what stands in a table: a number, or its bounds."""
        if self.total is not None:
            return f"{self.total:.4f}"
        if self.at_most is None and not self.known:
            return gettext("not known")
        if self.at_most is None:
            return gettext("at least {least}").format(least=f"{self.at_least:.4f}")
        return gettext("{least} to {most}").format(least=f"{self.at_least:.4f}", most=f"{self.at_most:.4f}")

    def sentence(self) -> str:
        """Return the cost in words."""
        if self.total is not None:
            return gettext("{cost} US dollars").format(cost=f"{self.total:.4f}")
        if self.at_most is None and not self.known:
            return ngettext(
                "the cost of {n} call is not known, and nothing bounds it",
                "the cost of {n} calls is not known, and nothing bounds it", self.unpriced,
            ).format(n=f"{self.unpriced:,}")
        if self.at_most is None:
            return ngettext(
                "at least {least} US dollars; the cost of {n} call is not known, and nothing bounds it",
                "at least {least} US dollars; the cost of {n} calls is not known, and nothing bounds it", self.unpriced,
            ).format(least=f"{self.at_least:.4f}", n=f"{self.unpriced:,}")
        return ngettext(
            "at least {least}, at most {most} US dollars; the cost of {n} call is not known",
            "at least {least}, at most {most} US dollars; the cost of {n} calls is not known", self.unpriced,
        ).format(least=f"{self.at_least:.4f}", most=f"{self.at_most:.4f}", n=f"{self.unpriced:,}")


def cost_of_calls(heard: QuerySet[Any], failed: QuerySet[FailedAttempt]) -> Cost:
    """Return what calls cost: one for each settled record of ``heard``, and the failed ones.

    A request that the provider refused, by its policy or with another error of its own, is not charged.
    """
    charged = heard.exclude(state=Response.State.REFUSED) if heard.model is Response else heard
    return _sum(charged) + _sum(failed.filter(outcome__in=_CHARGEABLE))


def cost_of_lost_calls(executors: Iterable[Executor]) -> Cost:
    """Return what calls that were cut off may have cost: as many as can have been on their way, each the dearest."""
    found = Cost()
    for executor in executors:
        if not executor.lost_calls:
            continue
        dearest = _dearest(executor)
        found += Cost(
            bounded=(dearest or _NOTHING) * executor.lost_calls, unpriced=executor.lost_calls,
            unbounded=executor.lost_calls if dearest is None else 0,
        )
    return found


def _sum(rows: QuerySet[Any]) -> Cost:
    unknown = Q(cost_usd__isnull=True)
    sums = rows.aggregate(
        known=Sum("cost_usd"), bounded=Sum("most_cost_usd", filter=unknown), unpriced=Count("pk", filter=unknown),
        unbounded=Count("pk", filter=unknown & Q(most_cost_usd__isnull=True)),
    )
    return Cost(
        known=sums["known"] or _NOTHING, bounded=sums["bounded"] or _NOTHING, unpriced=sums["unpriced"],
        unbounded=sums["unbounded"],
    )


def _dearest(executor: Executor) -> Decimal | None:
    try:
        return Decimal(executor.progress["most_call_usd"])
    except (KeyError, TypeError, InvalidOperation):
        return None


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)

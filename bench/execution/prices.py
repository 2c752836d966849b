"""What is charged by the piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bench.execution.calls import Call
from bench.execution.limits import Price


@dataclass(frozen=True, kw_only=True)
class PricePerOutput(Price):
    """US dollars for one image, speech or video, whatever tokens the provider counts."""

    per_output: Decimal

    @classmethod
    def of_one(cls, per_output: Decimal) -> PricePerOutput:
        """Return the price of ``per_output`` a piece."""
        return cls(input_usd=Decimal(0), output_usd=Decimal(0), per_output=per_output)

    def of(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return what one piece costs."""
        return self.per_output


class Dearest:
    """What the dearest of many calls may cost at most, kept in few steps: each is at least a quarter up.

    Parameters
    ----------
    prices : mapping of str to Price or None
        By client.
    """

    def __init__(self, prices: Mapping[str, Price | None]) -> None:
        self._prices = prices
        self._is_bounded = True
        self._most = Decimal(0)

    def note(self, calls: Iterable[Call]) -> bool:
        """Take ``calls`` into account; return whether the bound has changed."""
        before = (self._is_bounded, self._most)
        for call in calls:
            price = self._prices[call.client]
            if price is None:
                self._is_bounded = False
            elif (cost := price.at_most(call)) > self._most:
                self._most = cost * Decimal("1.25")
        return (self._is_bounded, self._most) != before

    def as_text(self) -> str | None:
        """Return the bound in US dollars; None where a call to a model without a price is among them."""
        return str(self._most) if self._is_bounded else None

"""What is charged by the piece."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

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

"""How many calls at once, how long to wait after a failure, how much money is left."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bench.exceptions import MissingPriceError
from bench.execution.calls import Call
from bench.providers.base import Completion


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When to ask again.

    Parameters
    ----------
    most_attempts : int
        Calls for one question before it counts as failed, 429s not included.
    most_rate_limits : int
        429s for one question before it counts as failed.
    first_wait, longest_wait : float
        Seconds; the wait doubles from the first to the longest.
    longest_retry_after : float
        A longer ``Retry-After`` is cut to this.
    """

    most_attempts: int = 5
    most_rate_limits: int = 20
    first_wait: float = 0.5
    longest_wait: float = 30.0
    longest_retry_after: float = 600.0

    def wait(self, number: int, retry_after: float | None, rng: random.Random) -> float:
        """Return the seconds to wait after failure ``number`` (from 1).

        Full jitter over the upper half of the exponential step; a server's ``Retry-After`` is a lower bound, and
        up to a tenth is added so that those who were sent away together don't come back together.
        """
        if retry_after is not None:
            return min(retry_after, self.longest_retry_after) * (1 + 0.1 * rng.random())
        step = min(self.longest_wait, self.first_wait * 2 ** min(number - 1, 30))
        return float(step * (0.5 + 0.5 * rng.random()))


class AdaptiveLimit:
    """How many calls one endpoint gets at once.

    A round is as many finished calls as the limit allows. A clean round doubles the limit until the first 429,
    later adds 5 %. A round with a share s of 429s multiplies it by 1 - min(s, 0.2): a round with a fifth or more
    of them by 0.8, stray ones hardly at all, as DCTCP does with marked packets [1]_. A round with a 5xx or a lost
    connection among more than a tenth of its calls does not grow.

    References
    ----------
    .. [1] M. Alizadeh et al., Data Center TCP (DCTCP), SIGCOMM 2010, section 3.1.
    """

    SHRINK = 0.2
    GROWTH = 0.05
    SHARE_THAT_STOPS_GROWTH = 0.1
    WINDOW = 20
    LEAST_429_TO_PAUSE = 3

    def __init__(self, *, most: int, start: int = 20, least: int = 1) -> None:
        self.most = max(1, most)
        self.least = min(max(1, least), self.most)
        self.limit = float(min(max(start, self.least), self.most))
        self.paused_until = 0.0
        self._is_doubling = True
        self._done = self._limited = self._trouble = 0
        self._recent: deque[bool] = deque(maxlen=self.WINDOW)

    @property
    def allowed(self) -> int:
        """Calls allowed at once now."""
        return int(self.limit)

    def succeeded(self) -> None:
        """Note an answer."""
        self._recent.append(False)
        self._count()

    def troubled(self) -> None:
        """Note a 5xx, a lost connection or a timeout."""
        self._trouble += 1
        self._recent.append(False)
        self._count()

    def rate_limited(self, now: float, retry_after: float | None) -> None:
        """Note a 429; where they are the rule, everybody waits as long as the server asks."""
        self._limited += 1
        self._is_doubling = False
        self._recent.append(True)
        limited = sum(self._recent)
        if retry_after and limited >= self.LEAST_429_TO_PAUSE and limited * 2 >= len(self._recent):
            self.paused_until = max(self.paused_until, now + retry_after)
        self._count()

    def _count(self) -> None:
        self._done += 1
        if self._done < self.limit:
            return
        share = self._limited / self._done
        if share:
            self.limit *= 1 - min(share, self.SHRINK)
        if share < self.SHRINK and self._trouble <= self.SHARE_THAT_STOPS_GROWTH * self._done:
            self.limit = self.limit * 2 if self._is_doubling else self.limit + max(1.0, self.GROWTH * self.limit)
        self.limit = min(float(self.most), max(float(self.least), self.limit))
        self._done = self._limited = self._trouble = 0


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars per million tokens, in and out."""

    input_usd: Decimal
    output_usd: Decimal

    def of(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return what so many tokens cost."""
        return (self.input_usd * prompt_tokens + self.output_usd * completion_tokens) / 1_000_000


class Budget:
    """A cap in US dollars for a whole run: the most a call can cost is set aside before it is sent.

    Parameters
    ----------
    cap : Decimal
        The most that may be spent.
    spent : Decimal
        What earlier sessions of the run spent.
    prices : mapping of str to Price or None
        By client; a client that charges nothing has a price of zero.

    Raises
    ------
    MissingPriceError
        A client has no price: the cap could not hold.
    """

    def __init__(self, cap: Decimal, *, spent: Decimal, prices: Mapping[str, Price | None]) -> None:
        unknown = sorted(name for name, price in prices.items() if price is None)
        if unknown:
            raise MissingPriceError(f"No price is known for {', '.join(unknown)}; a budget could not be kept.")
        self.cap = cap
        self.spent = spent
        self.reserved = Decimal(0)
        self._prices: dict[str, Price] = {name: price for name, price in prices.items() if price is not None}

    def most_cost(self, call: Call) -> Decimal:
        """Return an upper bound of one call's cost: no token is shorter than a byte."""
        size = sum(len(str(message.get("content", "")).encode()) + 16 for message in call.messages)
        return self._prices[call.client].of(size, call.generation.max_tokens)

    def reserve(self, call: Call) -> bool:
        """Set a call's upper bound aside; False where the cap does not allow it."""
        cost = self.most_cost(call)
        if self.spent + self.reserved + cost > self.cap:
            return False
        self.reserved += cost
        return True

    def settle(self, call: Call, completion: Completion | None, *, may_be_charged: bool) -> None:
        """Replace the reservation by the cost; by the upper bound where the cost cannot be known."""
        most = self.most_cost(call)
        self.reserved -= most
        tokens = (completion.prompt_tokens, completion.completion_tokens) if completion else (None, None)
        if tokens[0] is not None and tokens[1] is not None:
            self.spent += self._prices[call.client].of(tokens[0], tokens[1])
        elif completion is not None or may_be_charged:
            self.spent += most

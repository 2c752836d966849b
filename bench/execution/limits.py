"""How many calls at once, how long to wait after a failure, how much money is left."""

from __future__ import annotations

import json
import math
import random
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bench.exceptions import MissingPriceError
from bench.execution.calls import Call
from bench.execution.content_size import most_tokens
from bench.providers.base import Completion

_NOTHING: Final = Decimal(0)


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
    first_wait_while_up : float
        The first where the endpoint answered others in between: what failed then is the one call, and few of all.
    longest_retry_after : float
        A longer ``Retry-After`` is cut to this.
    most_lost_in_a_row : int
        After so many questions to one model that failed for good, none answered in between, the run pauses.
    longest_outage, longest_first_outage : float
        Seconds that an endpoint may be down before the run pauses; the second where it was never heard from.
    """

    most_attempts: int = 5
    most_rate_limits: int = 20
    first_wait: float = 0.5
    longest_wait: float = 30.0
    first_wait_while_up: float = 0.25
    longest_retry_after: float = 600.0
    most_lost_in_a_row: int = 20
    longest_outage: float = 1800.0
    longest_first_outage: float = 60.0

    def wait(self, number: int, retry_after: float | None, rng: random.Random, *, is_up: bool = False) -> float:
        """Return the seconds to wait after failure ``number`` (from 1).

        Full jitter over the upper half of the exponential step; a server's ``Retry-After`` is a lower bound, and
        up to a tenth is added so that those who were sent away together don't come back together.
        """
        if retry_after is not None:
            return min(retry_after, self.longest_retry_after) * (1 + 0.1 * rng.random())
        first = self.first_wait_while_up if is_up else self.first_wait
        step = min(self.longest_wait, first * 2 ** min(number - 1, 30))
        return float(step * (0.5 + 0.5 * rng.random()))


class AdaptiveLimit:
    """How many calls one endpoint gets at once.

    A round is as many finished calls as the limit allows. In a round with a share s of 429s over a tenth, by more than
    chance puts into one round in twenty, the limit is too high: it is multiplied by 1 - min(s, 0.2), as DCTCP reacts
    to the share of marked packets [1]_. Otherwise the limit doubles until the first such round and later grows by 5 %,
    less as s nears a tenth: a few stray 429s say little of the rate. After a round with a 5xx, a lost connection or a
    timeout in more than a tenth of its calls, by as much, it does not grow.

    References
    ----------
    .. [1] M. Alizadeh et al., Data Center TCP (DCTCP), SIGCOMM 2010, section 3.1.
    """

    SHRINK = 0.2
    GROWTH = 0.05
    STRAY_SHARE = 0.1
    SHARE_THAT_STOPS_GROWTH = 0.1
    CHANCE = 1.645
    WINDOW = 20
    LEAST_429_TO_PAUSE = 3

    def __init__(self, *, most: int, start: int = 20, least: int = 1) -> None:
        self.most = max(1, most)
        self.least = min(max(1, least), self.most)
        self.limit = float(min(max(start, self.least), self.most))
        self.ceiling = self.most
        self.paused_until = 0.0
        self.is_probing = False
        self._is_doubling = True
        self._done = self._limited = self._trouble = 0
        self._recent: deque[bool] = deque(maxlen=self.WINDOW)

    @property
    def allowed(self) -> int:
        """Calls allowed at once now; ``ceiling`` is what other processes leave to this one.

        One where ``is_probing``: the endpoint was down, and nobody knows whether it is up again.
        """
        if self.is_probing:
            return min(1, self.ceiling)
        return min(int(self.limit), self.ceiling)

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
        if self._limited > self._most_by_chance(self.STRAY_SHARE):
            self.limit *= 1 - min(share, self.SHRINK)
            self._is_doubling = False
        elif self._trouble <= self._most_by_chance(self.SHARE_THAT_STOPS_GROWTH):
            growth = self.limit if self._is_doubling else max(1.0, self.GROWTH * self.limit)
            self.limit += growth * max(0.0, 1 - share / self.STRAY_SHARE)
        self.limit = min(float(self.most), max(float(self.least), self.limit))
        self._done = self._limited = self._trouble = 0

    def _most_by_chance(self, share: float) -> float:
        """Return how many calls of this round go wrong by chance where ``share`` of all do: 95 %, normal."""
        return share * self._done + self.CHANCE * math.sqrt(share * (1 - share) * self._done)


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars per million tokens, in and out."""

    input_usd: Decimal
    output_usd: Decimal

    def of(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return what so many tokens cost."""
        return (self.input_usd * prompt_tokens + self.output_usd * completion_tokens) / 1_000_000

    def at_most(self, call: Call) -> Decimal:
        """Return an upper bound of what ``call`` costs: no token is shorter than a byte."""
        size = sum(most_tokens(message.get("content", "")) + 16 for message in call.messages)
        if call.response_format is not None:
            size += len(json.dumps(call.response_format))
        return self.of(size, call.generation.max_tokens)


class Budget:
    """What this process may spend of a run's budget: the most a call can cost is set aside before it is sent.

    One thread reserves and settles; another may raise or return the caps, as the run's other processes leave it.

    Parameters
    ----------
    cap : Decimal or None
        The most that may be spent, in US dollars; None where money is not limited.
    spent : Decimal
        What counts against it already.
    prices : mapping of str to Price or None
        By client; a client that charges nothing has a price of zero.
    most_calls : int or None
        The most calls that may be sent; None where they are not limited.
    calls : int
        What counts against it already.

    Attributes
    ----------
    is_final : bool
        Nothing can be added to the caps: what does not fit now never will.

    Raises
    ------
    MissingPriceError
        Money is limited and a client has no price: the cap could not hold.
    """

    def __init__(
        self, cap: Decimal | None, *, spent: Decimal = _NOTHING, prices: Mapping[str, Price | None],
        most_calls: int | None = None, calls: int = 0,
    ) -> None:
        unknown = sorted(name for name, price in prices.items() if price is None)
        if unknown and cap is not None:
            raise MissingPriceError(f"No price is known for {', '.join(unknown)}; a budget could not be kept.")
        self.cap, self.spent, self.reserved = cap, spent, _NOTHING
        self.most_calls, self.calls = most_calls, calls
        self.is_final = True
        self.refused: Decimal | None = None
        self._dearest = _NOTHING
        self._prices: dict[str, Price] = {name: price for name, price in prices.items() if price is not None}
        self._lock = threading.Lock()

    def most_cost(self, call: Call) -> Decimal:
        """Return an upper bound of one call's cost."""
        return _NOTHING if self.cap is None else self._prices[call.client].at_most(call)

    def reserve(self, call: Call) -> bool:
        """Set a call's upper bound aside; False where the caps do not allow it."""
        cost = self.most_cost(call)
        with self._lock:
            self._dearest = max(self._dearest, cost)
            is_too_dear = self.cap is not None and self.spent + self.reserved + cost > self.cap
            if is_too_dear or (self.most_calls is not None and self.calls >= self.most_calls):
                self.refused = cost
                return False
            self.reserved += cost
            self.calls += 1
        return True

    def settle(self, call: Call, completion: Completion | None, *, may_be_charged: bool) -> None:
        """Replace the reservation by the cost; by the upper bound where the cost cannot be known."""
        most = self.most_cost(call)
        tokens = (completion.prompt_tokens, completion.completion_tokens) if completion else (None, None)
        with self._lock:
            self.reserved -= most
            if self.cap is None:
                return
            if tokens[0] is not None and tokens[1] is not None:
                self.spent += self._prices[call.client].of(tokens[0], tokens[1])
            elif completion is not None or may_be_charged:
                self.spent += most

    # -------------------------------------------------- for the thread that keeps the books

    def needs(self, calls_at_once: int) -> Need:
        """Return what must be added before the next call can be sent, and what would keep it from being short soon.

        ``calls_at_once`` calls of the dearest kind seen are kept ready.
        """
        with self._lock:
            must, ready = self.refused or _NOTHING, self._dearest * calls_at_once
            free = _NOTHING if self.cap is None else self.cap - self.spent - self.reserved
            free_calls = 0 if self.most_calls is None else self.most_calls - self.calls
            return Need(
                is_refused=self.refused is not None,
                comfort_usd=ready if self.cap is not None else _NOTHING,
                comfort_calls=calls_at_once if self.most_calls is not None else 0,
                must_usd=max(_NOTHING, must - free) if self.cap is not None else _NOTHING,
                ready_usd=max(_NOTHING, ready - free) if self.cap is not None and free * 2 < ready else _NOTHING,
                must_calls=int(self.refused is not None and free_calls < 1) if self.most_calls is not None else 0,
                ready_calls=max(0, calls_at_once - free_calls)
                if self.most_calls is not None and free_calls * 2 < calls_at_once else 0,
            )

    def add(self, usd: Decimal, calls: int) -> None:
        """Raise the caps."""
        with self._lock:
            if self.cap is not None:
                self.cap += usd
            if self.most_calls is not None:
                self.most_calls += calls
            if usd or calls:
                self.refused = None

    def give_back(self) -> None:
        """Lower the caps to what is spent or out."""
        with self._lock:
            if self.cap is not None:
                self.cap = self.spent + self.reserved
            if self.most_calls is not None:
                self.most_calls = self.calls


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a process lacks of a run's budget.

    ``must`` is missing for one call more, ``ready`` to go on without asking; ``comfort`` is the whole of what it
    would like to have at hand.
    """

    is_refused: bool
    comfort_usd: Decimal
    comfort_calls: int
    must_usd: Decimal
    ready_usd: Decimal
    must_calls: int
    ready_calls: int

    @property
    def is_something(self) -> bool:
        """Whether the books should be opened for it."""
        return self.is_refused or bool(self.ready_usd or self.ready_calls)

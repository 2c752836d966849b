"""One endpoint's queue: what waits, what is due again, how many calls are out."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.execution.calls import Call
from bench.execution.limits import AdaptiveLimit
from bench.execution.outage import Outage
from bench.providers.base import LanguageModelClient

#: Seconds; a moment that went to the database and back is not quite the same.
_SAME_MOMENT = 0.1


@dataclass(frozen=True, kw_only=True)
class LaneSpec:
    """An endpoint: its clients (one for each model asked there) and the most calls at once."""

    clients: Mapping[str, LanguageModelClient]
    most_concurrent: int = 20
    start_concurrent: int = 20

    @property
    def is_remote(self) -> bool:
        """Whether calls leave this process."""
        return any(client.is_remote for client in self.clients.values())


@dataclass(frozen=True, kw_only=True)
class LaneStatus:
    """What a reader of the progress sees of one endpoint."""

    name: str
    in_flight: int
    limit: int
    waiting: int
    retrying: int
    answered: int
    failed_calls: int
    settled: int
    paused_seconds: float


@dataclass
class Lane:
    """The queue. ``take`` gives the next call that may be sent now, or None.

    Parameters
    ----------
    ahead : float
        Verdicts go before new questions, but for so many times as the endpoint's limit allows calls at once: a
        question asked early has time to fail and to be put again while verdicts are asked for, and the run ends
        sooner. What is ahead is answered and not judged should the run end early.
    """

    name: str
    spec: LaneSpec
    clock: Callable[[], float]
    ahead: float = 0.0
    limit: AdaptiveLimit = field(init=False)
    outage: Outage = field(init=False)

    def __post_init__(self) -> None:
        """Start empty."""
        self.limit = AdaptiveLimit(most=self.spec.most_concurrent, start=self.spec.start_concurrent)
        self.outage = Outage(self.limit)
        self.fresh: deque[Call] = deque()
        self.follow_ups: deque[Call] = deque()
        self.retries: list[tuple[float, int, Call]] = []
        self.in_flight = 0
        self.unrecorded = 0  # answers that are not durable yet keep their place: no more is ever at stake than allowed
        self.answered = self.failed_calls = self.settled = 0
        self.is_last = False
        self._order = itertools.count()
        self._parked: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = float("inf")

    @property
    def held(self) -> int:
        """Calls here that are not settled: waiting, due again, or out."""
        return len(self.fresh) + len(self.follow_ups) + len(self.retries) + self.in_flight

    @property
    def ready(self) -> int:
        """Calls waiting here that may go out soon: questions, and the follow-ups that are not kept for later."""
        return len(self.fresh) + max(0, len(self.follow_ups) - self._most_ahead)

    @property
    def _most_ahead(self) -> int:
        return int(self.ahead * self.limit.allowed)

    @property
    def most_retries_waiting(self) -> int:
        """With more questions than this waiting to be put again, no new one is begun."""
        return 10 * self.limit.most

    def take(self, *, may_begin: bool) -> Call | None:
        """Return the next call, or None: limit reached, paused, nothing due.

        While it is not known whether the endpoint is up, new questions go before those that failed already: an
        outage takes one try of many questions, and not all tries of a few.
        """
        now = self.clock()
        if self.in_flight + self.unrecorded >= self.limit.allowed:
            return None
        if now < self.limit.paused_until:
            self._wake_at(self.limit.paused_until)
            return None
        is_probing = self.limit.is_probing
        if self.retries and not (is_probing and (self.follow_ups or (self.fresh and may_begin))):
            if self.retries[0][0] <= now:
                return heapq.heappop(self.retries)[2]
            self._wake_at(self.retries[0][0])
        may_ask = self.fresh and may_begin and (is_probing or len(self.retries) < self.most_retries_waiting)
        if self.follow_ups and not (may_ask and len(self.follow_ups) < self._most_ahead):
            return self.follow_ups.popleft()
        return self.fresh.popleft() if may_ask else None

    def put_back(self, call: Call) -> None:
        """Return a call that could not be sent to the front."""
        self.follow_ups.appendleft(call)

    def retry_at(self, due: float, call: Call) -> None:
        """Ask again at ``due``."""
        heapq.heappush(self.retries, (due, next(self._order), call))
        self._wake_at(due)

    async def park(self) -> None:
        """Wait until there may be something to take."""
        future = asyncio.get_running_loop().create_future()
        self._parked.append(future)
        await future

    def wake(self, number: int | None = None) -> None:
        """Let up to ``number`` waiting workers look again; as many as may be useful by default."""
        if number is None:
            number = self.limit.allowed - self.in_flight - self.unrecorded
        while number > 0 and self._parked:
            future = self._parked.popleft()
            if not future.done():
                future.set_result(None)
                number -= 1

    def wake_all(self) -> None:
        """Let every waiting worker look again."""
        self.wake(len(self._parked))

    def status(self) -> LaneStatus:
        """Return the numbers of this moment."""
        return LaneStatus(
            name=self.name,
            in_flight=self.in_flight,
            limit=self.limit.allowed,
            waiting=len(self.fresh) + len(self.follow_ups),
            retrying=len(self.retries),
            answered=self.answered,
            failed_calls=self.failed_calls,
            settled=self.settled,
            paused_seconds=max(0.0, self.limit.paused_until - self.clock()),
        )

    def pause_with_others(self, until: float) -> None:
        """Wait as another process was asked to, if that is longer than this one does."""
        if until > self.limit.paused_until + _SAME_MOMENT:
            self.outage.pause_with_others(self.clock(), until)

    def drop_waiting(self) -> None:
        """Forget what was not sent; the records still say that it is pending."""
        self.fresh.clear()
        self.follow_ups.clear()
        self.retries.clear()

    def stop_timer(self) -> None:
        """Cancel the pending wake-up."""
        if self._timer is not None:
            self._timer.cancel()

    def _wake_at(self, due: float) -> None:
        if due >= self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, due - self.clock()), self._ring)

    def _ring(self) -> None:
        self._timer_due = float("inf")
        self._timer = None
        self.wake()

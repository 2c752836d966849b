"""The engine: a fixed pool of workers for each endpoint, one recorder, nothing sent that was not asked for.

A worker makes one call at a time and hands the outcome to the recorder, which collects for a few milliseconds
and awaits ``record(events)``. Only what ``record`` returns (the calls that the now durable answers make possible)
is sent next: nothing ever rests on an answer that could still be lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.exceptions import CallError, CallTimeoutError, RefusedByProviderError
from bench.execution.calls import Call, Event, FailedCall, Page, Settled
from bench.execution.failures import Failures
from bench.execution.journal import Journal
from bench.execution.lane import Lane, LaneSpec, LaneStatus
from bench.execution.limits import Budget, RetryPolicy
from bench.execution.tallies import AskedStatus, Tallies
from bench.execution.turns import Turns
from bench.providers.base import Completion

Record = Callable[[Sequence[Event]], Awaitable[Sequence[Call]]]
Fetch = Callable[[str, int], Awaitable[Page]]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A moment of a run."""

    lanes: Sequence[LaneStatus]
    settled: int
    unrecorded: int
    seconds: float
    asked: Mapping[str, AskedStatus] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How it ended: ``finished``, ``stopped`` (asked to), ``out_of_budget`` or ``halted`` (for ``reason``)."""

    ending: str
    reason: str = ""
    lost_calls: int = 0


@dataclass(kw_only=True)
class Settings:
    """What may be tuned.

    Parameters
    ----------
    timeout : float
        Seconds for one call.
    grace : float
        After a stop, seconds that calls already sent may still take.
    collect, collect_journaled : float
        Seconds that outcomes are collected for one write; the second where a journal has them on disk before it.
    page : int
        How many calls are fetched at once, and about how many wait in memory.
    poll : float
        Seconds between looks for new work while others hold some of it.
    most_backlog : int
        Follow-ups waiting on all endpoints before new questions are held back.
    ahead : float
        How many times as many follow-ups as its limit allows at once may wait on an endpoint while questions are
        asked: see :class:`~bench.execution.lane.Lane`.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout: float = 60.0
    grace: float = 60.0
    collect: float = 0.003
    collect_journaled: float = 0.02
    page: int = 256
    poll: float = 0.5
    tick: float = 0.1
    most_backlog: int = 2000
    ahead: float = 0.0


class Engine:
    """Sends what ``fetch`` gives and what ``record`` returns, until neither has more.

    Parameters
    ----------
    lanes : mapping of str to LaneSpec
        Endpoints by name.
    fetch : coroutine function (lane, number) -> Page
        Durable pending work of a lane, claimed for this process. Calls may belong to other lanes.
    record : coroutine function (events) -> calls
        Makes outcomes durable, then returns the calls that rest on them.
    stop : function -> bool
        Asked ten times a second; True ends the run in good order.
    progress : function (Progress), optional
        Told ten times a second.
    budget : Budget, optional
        Asked before each call that leaves the process. Whoever raises it wakes the lanes.
    journal : Journal, optional
        Takes each outcome of a call that left the process before it is recorded. Without one, an answer keeps its
        place under the limit until it is recorded, so that no more is ever at stake than may be in flight.
    rng : random.Random
        For the jitter of waits.
    """

    def __init__(
        self,
        *,
        lanes: Mapping[str, LaneSpec],
        fetch: Fetch,
        record: Record,
        rng: random.Random,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[Progress], None] | None = None,
        budget: Budget | None = None,
        journal: Journal | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.lanes = {
            name: Lane(name, spec, time.monotonic, ahead=self.settings.ahead) for name, spec in lanes.items()
        }
        self._fetch, self._record, self._stop, self._progress = fetch, record, stop, progress
        self._budget, self._journal = budget, journal
        self._failures = Failures(self.settings.retry, rng)
        self._events: list[Event] = []
        self._in_record = 0
        self._has_events: asyncio.Event
        self._may_fetch: asyncio.Event
        self._workers: list[asyncio.Task[None]] = []
        self._is_stopping = self._is_broke = self._is_done = False
        self._halted_for = ""
        self._lost = 0
        self._turns, self._tallies = Turns(), Tallies(time.monotonic)
        self._started = time.monotonic()

    async def run(self) -> Result:
        """Work until everything is settled, or asked to stop; raise what ``fetch`` or ``record`` raised."""
        self._has_events, self._may_fetch = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(self._recorder()), asyncio.create_task(self._ticker())]
        tasks += [asyncio.create_task(self._filler(lane)) for lane in self.lanes.values()]
        self._workers = [
            asyncio.create_task(self._worker(lane))
            for lane in self.lanes.values()
            for _ in range(lane.limit.most if lane.spec.is_remote else 1)
        ]
        waiting: set[asyncio.Task[None]] = {*tasks, *self._workers}
        try:
            while waiting:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    if not task.cancelled():
                        task.result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            for lane in self.lanes.values():
                lane.stop_timer()
            for lane in self.lanes.values():
                for client in lane.spec.clients.values():
                    await client.aclose()
        self._tell()
        ending = (
            "out_of_budget" if self._is_broke else "halted" if self._halted_for
            else "stopped" if self._is_stopping else "finished"
        )
        return Result(ending=ending, reason=self._halted_for, lost_calls=self._lost)

    # ------------------------------------------------------------------ workers

    async def _worker(self, lane: Lane) -> None:
        sent = 0
        while not self._is_done:
            if lane.spec.is_remote:
                await self._turns.wait()
                if self._is_done:
                    return
            call = None if self._is_stopping or self._is_clogged() else lane.take(may_begin=self._may_begin)
            if call is None:
                if self._is_stopping and self._is_drained:
                    return
                await lane.park()
                continue
            is_remote = lane.spec.clients[call.client].is_remote
            if is_remote and self._budget is not None and not self._budget.reserve(call):
                lane.put_back(call)
                if self._budget.is_final and not any(each.in_flight for each in self.lanes.values()):
                    self._is_broke = True
                    self._begin_stop()
                await lane.park()
                continue
            await self._send(lane, call, is_remote=is_remote)
            sent += 1
            if not is_remote and sent % 64 == 0:
                await asyncio.sleep(0)

    async def _send(self, lane: Lane, call: Call, *, is_remote: bool) -> None:
        client = lane.spec.clients[call.client]
        patience = getattr(client, "longest_call", self.settings.timeout)  # a video takes minutes
        lane.in_flight += 1
        self._tallies.begin(call.asked)
        call.attempts += is_remote
        begun = time.monotonic()
        completion: Completion | None = None
        error: CallError | None = None
        try:
            async with asyncio.timeout(patience):
                if call.response_format is None:
                    completion = await client.complete(call.messages, call.generation, call.epoch)
                else:
                    completion = await client.complete(
                        call.messages, call.generation, call.epoch, response_format=call.response_format
                    )
        except TimeoutError:
            error = CallTimeoutError(f"No answer in {patience:g} s.")
        except CallError as failure:
            error = failure
        except Exception as failure:  # noqa: BLE001 - an unknown failure of one call is recorded, not fatal
            error = CallError(f"{type(failure).__name__}: {failure}"[:300])
        finally:
            lane.in_flight -= 1
            self._tallies.end(call.asked)
        now = time.monotonic()
        seconds = now - begun
        if self._budget is not None and is_remote:
            self._budget.settle(call, completion, may_be_charged=error is not None and error.may_be_charged)
        if completion is not None:
            self._failures.answered(lane, call, now)
            lane.answered += 1
            self._settle(lane, call, "answered", seconds, completion=completion)
        elif error is not None:
            self._failed(lane, call, error, begun, now)
        if self._budget is not None:
            for each in self.lanes.values():
                each.wake()
        elif lane.limit.allowed > lane.in_flight + 1:
            lane.wake()

    def _failed(self, lane: Lane, call: Call, error: CallError, begun: float, now: float) -> None:
        if isinstance(error, RefusedByProviderError):
            self._failures.answered(lane, call, now)
            self._settle(lane, call, error.outcome, now - begun, error=str(error))
            return
        lane.failed_calls += 1
        meaning = self._failures.weigh(lane, call, error, begun=begun, now=now)
        self._note(
            FailedCall(
                call=call, number=call.attempts, outcome=error.outcome, message=str(error), at=time.time(),
                http_status=error.http_status, retry_after=error.retry_after,
            )
        )
        if meaning.is_final and not self._halted_for:  # what was out as the run halted may be put again
            self._settle(lane, call, "failed", now - begun, error=str(error))
        elif not self._is_stopping and not meaning.halt:
            lane.retry_at(now + meaning.wait, call)
        if meaning.halt and not self._is_stopping:
            self._halted_for = meaning.halt
            self._begin_stop()

    def _settle(
        self, lane: Lane, call: Call, outcome: str, seconds: float, *,
        completion: Completion | None = None, error: str = "",
    ) -> None:
        lane.settled += 1
        self._tallies.settle(call.asked)
        lane.unrecorded += lane.spec.is_remote and self._journal is None
        self._note(
            Settled(call=call, completion=completion, outcome=outcome, error=error, seconds=seconds, at=time.time())
        )

    # ----------------------------------------------------------------- recorder

    def _note(self, event: Event) -> None:
        if self._journal is not None and self.lanes[event.call.lane].spec.is_remote:
            self._journal.note(event)
        self._events.append(event)
        self._has_events.set()

    async def _recorder(self) -> None:
        collect = self.settings.collect if self._journal is None else self.settings.collect_journaled
        while True:
            await self._has_events.wait()
            if self._is_done:
                return
            if collect and len(self._events) < self.settings.page:
                await asyncio.sleep(collect)
            events, self._events = self._events, []
            self._has_events.clear()
            if not events:
                continue
            if self._journal is not None:
                self._journal.turn()
            self._in_record = len(events)
            follow_ups = await self._record(events)
            self._in_record = 0
            if self._journal is not None:
                self._journal.forget()
            else:
                for event in events:
                    if isinstance(event, Settled) and (lane := self.lanes[event.call.lane]).spec.is_remote:
                        lane.unrecorded -= 1
            self._deliver(follow_ups, as_follow_ups=True)
            self._check_done()
            for lane in self.lanes.values():
                lane.wake()

    def _deliver(self, calls: Sequence[Call], *, as_follow_ups: bool) -> None:
        if self._is_stopping:
            return
        for call in calls:
            lane = self.lanes[call.lane]
            (lane.follow_ups if as_follow_ups or call.kind == "judgement" else lane.fresh).append(call)

    # ------------------------------------------------------------------- source

    async def _filler(self, lane: Lane) -> None:
        while not self._is_stopping and not self._is_done:
            if lane.ready >= self.settings.page // 2 or not self._may_begin:
                await asyncio.sleep(min(self.settings.tick, 0.02))
                continue
            page = await self._fetch(lane.name, self.settings.page)
            self._deliver(page.calls, as_follow_ups=False)
            for each in self.lanes.values():
                each.wake()
            if page.is_last:
                lane.is_last = True
                self._check_done()
                return
            if not page.calls:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._may_fetch.wait(), self.settings.poll)
                self._may_fetch.clear()

    # ------------------------------------------------------------------- states

    def _is_clogged(self) -> bool:
        """Whether so much is unrecorded that nothing more should be asked."""
        return len(self._events) + self._in_record >= max(4 * self.settings.page, 1000)

    @property
    def _may_begin(self) -> bool:
        return sum(len(lane.follow_ups) for lane in self.lanes.values()) < self.settings.most_backlog

    @property
    def _is_drained(self) -> bool:
        return not self._events and not self._in_record and not any(lane.in_flight for lane in self.lanes.values())

    def _check_done(self) -> None:
        if self._is_done or not self._is_drained:
            return
        if any(lane.held for lane in self.lanes.values()):
            return
        if self._is_stopping or all(lane.is_last for lane in self.lanes.values()):
            self._finish()
        else:  # nothing left in memory: look at once whether more has come up
            self._may_fetch.set()

    def _finish(self) -> None:
        self._is_done = True
        self._has_events.set()
        self._may_fetch.set()
        for lane in self.lanes.values():
            lane.wake_all()

    def _begin_stop(self) -> None:
        self._is_stopping = True
        for lane in self.lanes.values():
            lane.drop_waiting()
        self._check_done()

    async def _ticker(self) -> None:
        stopped_at = None
        while not self._is_done:
            self._tell()
            await asyncio.sleep(self.settings.tick)
            if not self._is_stopping and self._stop():
                self._begin_stop()
            if self._is_stopping:
                stopped_at = stopped_at or time.monotonic()
                self._check_done()
                if time.monotonic() - stopped_at > self.settings.grace and not self._events and not self._in_record:
                    self._lost = sum(lane.in_flight for lane in self.lanes.values())
                    self._finish()
                    for worker in self._workers:
                        worker.cancel()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(
                Progress(
                    lanes=[lane.status() for lane in self.lanes.values()],
                    settled=sum(lane.settled for lane in self.lanes.values()),
                    unrecorded=len(self._events) + self._in_record,
                    seconds=time.monotonic() - self._started,
                    asked=self._tallies.status(),
                )
            )

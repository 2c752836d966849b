"""What a failed call means: for its question, for its endpoint, and for the run."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from bench.exceptions import (
    BrokenOffError,
    CallError,
    DroppedConnectionError,
    KeyRefusedError,
    MalformedReplyError,
    QuotaSpentError,
    RateLimitedError,
    SchemaRefusedError,
    ServerError,
)
from bench.execution.calls import Call
from bench.execution.lane import Lane
from bench.execution.limits import RetryPolicy

_KEY_UNKNOWN: Final = 401
_INTERNAL: Final = 500


class Meaning(NamedTuple):
    """What follows from a failed call.

    Parameters
    ----------
    wait : float
        Seconds until the question may be put again.
    is_final : bool
        It is not put again: it has failed.
    halt : str
        Why the whole run should pause; "" where it should not. A question that is not final waits for the resumption.
    """

    wait: float = 0.0
    is_final: bool = False
    halt: str = ""


class Failures:
    """Remembers, over all calls of a process, what a single failure does not show."""

    def __init__(self, policy: RetryPolicy, rng: random.Random) -> None:
        self._policy, self._rng = policy, rng
        self._heard: set[str] = set()
        self._lost_in_a_row: dict[tuple[str, str], int] = {}

    def answered(self, lane: Lane, call: Call, now: float) -> None:
        """Note an answer, or a refusal by the provider's policy."""
        lane.limit.succeeded()
        lane.outage.replied(now)
        self._heard.add(call.client)
        if self._lost_in_a_row:
            self._lost_in_a_row.pop((call.client, call.kind), None)

    def weigh(self, lane: Lane, call: Call, error: CallError, *, begun: float, now: float) -> Meaning:
        """Note the failure of ``call``, sent at ``begun``, and return what follows."""
        policy = self._policy
        if isinstance(error, SchemaRefusedError):
            self._endpoint_keeps_up(lane, now)
            call.response_format = None
            return Meaning()
        if isinstance(error, KeyRefusedError | QuotaSpentError) and self._concerns_all(call, error):
            self._endpoint_keeps_up(lane, now)
            return Meaning(halt=_no_more(lane, call, error))
        number = self._count(lane, call, error, begun=begun, now=now)
        is_final = (
            error.is_permanent
            or call.failures >= policy.most_attempts
            or call.rate_limits >= policy.most_rate_limits
        )
        if is_final:
            return Meaning(is_final=True, halt=self._lost(lane, call, error))
        return Meaning(
            wait=policy.wait(number, error.retry_after, self._rng, is_up=lane.outage.is_up_since(begun)),
            halt=self._silent(lane, error, now),
        )

    def _count(self, lane: Lane, call: Call, error: CallError, *, begun: float, now: float) -> int:
        """Charge the failure to question and endpoint; return how many like it the question has had."""
        if isinstance(error, RateLimitedError):
            asked = error.retry_after
            lane.limit.rate_limited(now, asked if asked is None else min(asked, self._policy.longest_retry_after))
            lane.outage.replied(now)
            call.rate_limits += 1
            return call.rate_limits
        if error.is_permanent or isinstance(error, MalformedReplyError | BrokenOffError):
            self._endpoint_keeps_up(lane, now)
        else:
            lane.limit.troubled()
            is_down = isinstance(error, DroppedConnectionError) or (
                isinstance(error, ServerError) and (error.http_status or _INTERNAL) >= _INTERNAL
            )
            lane.outage.failed(
                begun=begun, now=now, is_down=is_down, retry_after=error.retry_after if is_down else None,
                policy=self._policy, rng=self._rng,
            )
        call.failures += 1
        return call.failures

    def _endpoint_keeps_up(self, lane: Lane, now: float) -> None:
        lane.limit.succeeded()
        lane.outage.replied(now)

    def _concerns_all(self, call: Call, error: CallError) -> bool:
        """Whether no question can be answered; a 403 may be about this one, where others were answered before."""
        if isinstance(error, QuotaSpentError) or error.http_status == _KEY_UNKNOWN:
            return True
        return call.client not in self._heard and call.failures + 1 < self._policy.most_attempts

    def _lost(self, lane: Lane, call: Call, error: CallError) -> str:
        """Count a question that failed for good; return why the run should pause after so many."""
        place = (call.client, call.kind)
        lost = self._lost_in_a_row[place] = self._lost_in_a_row.get(place, 0) + 1
        if lost < self._policy.most_lost_in_a_row:
            return ""
        self._lost_in_a_row.clear()
        return (
            f"The last {lost} questions put to {_asked(lane, call)} failed and none was answered; the last one: "
            f"{_ended(str(error))} Resume the run to send what is missing."
        )

    def _silent(self, lane: Lane, error: CallError, now: float) -> str:
        """Return why the run should pause, where an endpoint has been down too long."""
        most = self._policy.longest_outage if lane.outage.was_heard else self._policy.longest_first_outage
        seconds = lane.outage.silence(now)
        if seconds <= most:
            return ""
        return (
            f"{lane.name.rpartition('#')[0] or lane.name} has been down for {seconds:,.0f} s; the last of "
            f"{lane.outage.failed_probes} single calls: {_ended(str(error))} Resume the run once it is up."
        )


def _no_more(lane: Lane, call: Call, error: CallError) -> str:
    asked, said = _asked(lane, call), _ended(str(error))
    if isinstance(error, QuotaSpentError):
        return f"The account that {asked} is asked with has no money left: {said} Top it up, then resume the run."
    return f"The key that {asked} is asked with was refused ({error.http_status}): {said} Set it right, then resume the run."


def _asked(lane: Lane, call: Call) -> str:
    return str(getattr(lane.spec.clients[call.client], "model", "") or call.client)


def _ended(said: str) -> str:
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."

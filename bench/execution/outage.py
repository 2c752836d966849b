"""When an endpoint is down, and how it is asked again: by one call at a time, after growing pauses."""

from __future__ import annotations

import random
from typing import Final

from bench.execution.limits import AdaptiveLimit, RetryPolicy

#: How much the newest call moves the share of failures, and from where on an endpoint counts as troubled.
_WEIGHT: Final = 0.05
_TROUBLED: Final = 0.25
#: Failures in a row, without any reply in between, before an endpoint counts as down; it takes more where many calls
#: are out: half of those allowed at once, for failures come back sooner than answers.
LEAST_IN_A_ROW: Final = 8


class Outage:
    """Whether an endpoint is down.

    It is down once a 5xx asks to wait (``Retry-After``) and no reply has come since that call was sent, or once as
    many 5xx and lost connections as :data:`LEAST_IN_A_ROW` says came in a row. Then nothing is sent for the time
    asked, or for the pause that :class:`~bench.execution.limits.RetryPolicy` gives; after it a single call goes out.
    A failed one makes the next pause longer; any reply, a refusal too, ends the outage.
    """

    def __init__(self, limit: AdaptiveLimit) -> None:
        self.in_a_row = 0
        self.failed_probes = 0
        self.was_heard = False
        self._limit = limit
        self._heard_at = self._paused_at = self._silent_since = 0.0
        self._share_failed = 0.0

    def replied(self, now: float) -> None:
        """Note a reply of whatever kind."""
        self._heard_at, self.was_heard = now, True
        self._share_failed *= 1 - _WEIGHT
        if self.in_a_row or self._limit.is_probing:
            self.in_a_row = self.failed_probes = 0
            self._limit.is_probing = False

    def failed(
        self, *, begun: float, now: float, is_down: bool, retry_after: float | None, policy: RetryPolicy,
        rng: random.Random,
    ) -> None:
        """Note a call that got no reply; ``is_down`` where that was a 5xx or a lost connection."""
        self.was_heard = self.was_heard or bool(retry_after)
        self._share_failed += _WEIGHT * (1 - self._share_failed)
        if self._limit.is_probing:
            if begun >= self._paused_at:  # else it was out already when the pause began
                self.failed_probes += 1
                self._pause(now, policy.wait(self.failed_probes + 1, retry_after or None, rng))
            return
        if not is_down:
            return
        if not self.in_a_row:
            self._silent_since = now
        self.in_a_row += 1
        is_asked = bool(retry_after) and begun >= self._heard_at
        if is_asked or self.in_a_row >= max(LEAST_IN_A_ROW, self._limit.allowed // 2):
            self._pause(now, policy.wait(1, retry_after or None, rng))

    def pause_with_others(self, now: float, until: float) -> None:
        """Wait as another process was asked to; begin again with one call."""
        if not self._limit.is_probing:
            self._silent_since = now
        self._limit.paused_until = until
        self._paused_at, self._limit.is_probing = now, True

    def is_up_since(self, begun: float) -> bool:
        """Return whether a reply has come since ``begun`` and few calls fail: nothing speaks for an outage."""
        return begun <= self._heard_at and not self._limit.is_probing and self._share_failed < _TROUBLED

    def silence(self, now: float) -> float:
        """Return the seconds since the endpoint went down; 0 where it is up."""
        return now - self._silent_since if self._limit.is_probing and self.failed_probes else 0.0

    def _pause(self, now: float, seconds: float) -> None:
        self._limit.paused_until = max(self._limit.paused_until, now + seconds)
        self._paused_at, self._limit.is_probing = now, True

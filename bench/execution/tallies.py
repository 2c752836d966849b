"""How each model, as subject or as judge, is getting on: questions out, questions settled, and how fast."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

#: A rate is that of the last seconds: what was slow an hour ago says little of now.
WINDOW: Final = 10.0
_BETWEEN_SAMPLES: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class AskedStatus:
    """What a reader of the progress sees of one subject or judge.

    Parameters
    ----------
    in_flight : int
        Calls that are out now.
    settled : int
        Questions that this process brought to an end, whatever that was.
    rate : float
        Of these, in a second, over the last ten or since the first call: a judge is asked later than a subject.
    """

    in_flight: int
    settled: int
    rate: float


@dataclass(slots=True)
class _Tally:
    in_flight: int = 0
    settled: int = 0
    samples: deque[tuple[float, int]] = field(default_factory=deque)


class Tallies:
    """Counters by whoever is asked, as :attr:`bench.execution.calls.Call.asked` names them.

    Examples
    --------
    >>> now = [0.0]
    >>> tallies = Tallies(lambda: now[0])
    >>> tallies.begin("judge-1"); tallies.end("judge-1"); tallies.settle("judge-1")
    >>> now[0] = 2.0
    >>> tallies.status()["judge-1"].rate
    0.5
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tallies: dict[str, _Tally] = {}

    def begin(self, asked: str) -> None:
        """Count a call that goes out."""
        self._of(asked).in_flight += 1

    def end(self, asked: str) -> None:
        """Count a call that came back, or never will."""
        self._of(asked).in_flight -= 1

    def settle(self, asked: str) -> None:
        """Count a question that came to its end."""
        self._of(asked).settled += 1

    def status(self) -> Mapping[str, AskedStatus]:
        """Return the numbers of this moment, and remember them for the rates to come."""
        now = self._clock()
        return {asked: self._read(tally, now) for asked, tally in self._tallies.items()}

    def _of(self, asked: str) -> _Tally:
        tally = self._tallies.get(asked)
        if tally is None:
            tally = self._tallies[asked] = _Tally()
            tally.samples.append((self._clock(), 0))
        return tally

    def _read(self, tally: _Tally, now: float) -> AskedStatus:
        samples = tally.samples
        while len(samples) > 1 and samples[1][0] <= now - WINDOW:
            samples.popleft()
        since, before = samples[0]
        rate = (tally.settled - before) / (now - since) if now > since else 0.0
        if now - samples[-1][0] >= _BETWEEN_SAMPLES:
            samples.append((now, tally.settled))
        return AskedStatus(in_flight=tally.in_flight, settled=tally.settled, rate=rate)

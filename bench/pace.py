"""How fast each model of a run, as subject or as judge, is getting on, and how long it still takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from bench.accounting import Line

_MINUTE, _HOUR = 60, 3600


class Pace(NamedTuple):
    """Calls out now, and questions settled in a second."""

    in_flight: int
    rate: float


def paces_of(readings: Iterable[Mapping[str, Mapping[str, Any]]]) -> dict[str, Pace]:
    """Return the pace of each subject and judge from what each process said of it last.

    Examples
    --------
    >>> paces_of([{"judge-1": {"in_flight": 2, "rate": 1.5}}, {"judge-1": {"in_flight": 1, "rate": 0.5}}])
    {'judge-1': Pace(in_flight=3, rate=2.0)}
    """
    paces: dict[str, Pace] = {}
    for reading in readings:
        for name, said in reading.items():
            known = paces.get(name, Pace(0, 0.0))
            paces[name] = Pace(known.in_flight + said["in_flight"], known.rate + said["rate"])
    return paces


def seconds_left(total: int, done: int, pace: Pace | None) -> float | None:
    """Return how long the rest takes at this pace; None where nothing is left, or nobody can tell.

    Examples
    --------
    >>> seconds_left(100, 40, Pace(5, 2.0))
    30.0
    """
    if pace is None or pace.rate <= 0 or done >= total:
        return None
    return (total - done) / pace.rate


def pace_words(line: Line, pace: Pace | None) -> str:
    """Return calls in flight, rate and time left of one row of the account; "" where nothing is under way."""
    if pace is None or (line.done >= line.total and not pace.in_flight):
        return ""
    words = [_("{flying} in flight").format(flying=pace.in_flight), _("{rate}/s").format(rate=f"{pace.rate:.1f}")]
    left = seconds_left(line.total, line.done, pace)
    if left is not None:
        words.append(_("about {time} left").format(time=duration(left)))
    return " · ".join(words)


def duration(seconds: float) -> str:
    """Return a length of time in words.

    Examples
    --------
    >>> duration(3700)
    '1 h 1 min'
    """
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min {seconds % _MINUTE:.0f} s"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"

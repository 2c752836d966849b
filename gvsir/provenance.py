"""The chain of evidence: steps from a number down to a report, walked through registered resolvers.

A higher app registers how to get from its records to the next link; pages and the API only walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Reference = tuple[str, str]  # (kind, id)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One link of the chain.

    Parameters
    ----------
    kind, id : str
        What it is (score, response, item, coding, sentence, incident, report …) and which.
    title : str
        One line.
    text : str
        What a reader should read, plain text; empty where it must not be shown.
    url : str
        Its permanent page, or "".
    badges : tuple of str
        Words of provenance: simulated, model-made, unvalidated, imported, demonstration.
    facts : tuple of (str, str)
        Small print: label and value.
    next : tuple of (kind, id)
        The links this one rests on.
    withheld : str
        Why ``text`` is empty, for this reader; "" if it isn't withheld.
    ends : str
        Why the trail ends here before a report; "" where it goes on or ends as it should.
    """

    kind: str
    id: str
    title: str
    text: str = ""
    url: str = ""
    badges: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    next: tuple[Reference, ...] = ()
    withheld: str = ""
    ends: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


Resolver = Callable[[str, Any], Step | None]
Naming = Callable[[str], str]
_resolvers: dict[str, Resolver] = {}
_namings: dict[str, Naming] = {}


def register(kind: str, resolver: Resolver, *, naming: Naming | None = None) -> None:
    """Say how a record of ``kind`` becomes a :class:`Step`; called in ``apps.ready()``.

    ``resolver(id, viewer)`` returns None where there is no such record, or ``viewer`` may not see it.
    ``naming(given)`` returns the id that an id in another form has here; without it there is one form alone.
    """
    _resolvers[kind] = resolver
    if naming is not None:
        _namings[kind] = naming


def plain_id(kind: str, given: str) -> str:
    """Return the id that ``given`` has in the steps of a chain, e.g. 6 for the incident GVSIR-6."""
    naming = _namings.get(kind)
    return naming(given) if naming else given


def kinds() -> tuple[str, ...]:
    """Return the kinds a chain can start from."""
    return tuple(sorted(_resolvers))


def resolve(kind: str, record_id: str, viewer: Any) -> Step | None:
    """Return one step, or None."""
    resolver = _resolvers.get(kind)
    return resolver(record_id, viewer) if resolver else None


def chain(kind: str, record_id: str, viewer: Any, *, most: int = 200) -> list[Step]:
    """Return the steps from ``kind``/``record_id`` down, breadth first, each once, at most ``most``."""
    steps: list[Step] = []
    seen: set[Reference] = set()
    waiting: list[Reference] = [(kind, record_id)]
    while waiting and len(steps) < most:
        level: Iterable[Reference] = waiting
        waiting = []
        for reference in level:
            if reference in seen:
                continue
            seen.add(reference)
            step = resolve(*reference, viewer)
            if step is not None:
                steps.append(step)
                waiting.extend(step.next)
    return steps

"""Follow a public number to the incident it means today, through chains of redirects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from gvsir.models import Incident, IncidentRedirect

_PUBLIC_ID: Final = re.compile(r"(?:GVSIR-)?([0-9]{1,9})", re.IGNORECASE)


def number_of(public_id: str) -> int | None:
    """Return the number in a public id such as GVSIR-639 or 639; None where it is none.

    Examples
    --------
    >>> number_of("gvsir-639"), number_of("GVSIR-x")
    (639, None)
    """
    match = _PUBLIC_ID.fullmatch(public_id)
    return int(match[1]) if match else None


class Resolution(NamedTuple):
    """What a public number means.

    ``number`` is where the chain ends, ``incident`` the incident there (None: there is none),
    ``chain`` every number passed, the asked one first, and ``reason`` why it is not the asked one, or why
    there is none.
    """

    number: int
    incident: Incident | None
    chain: tuple[int, ...]
    reason: str


def follow(number: int) -> tuple[tuple[int, ...], list[str]]:
    """Return the numbers from ``number`` to the end of its redirects, and the reason of each step."""
    chain = [number]
    reasons: list[str] = []
    while True:
        step = IncidentRedirect.objects.filter(number=chain[-1]).first()
        if step is None or step.target_number in chain:
            return tuple(chain), reasons
        chain.append(step.target_number)
        reasons.append(step.reason)


def resolve_number(number: int) -> Resolution:
    """Return what the public number ``number`` means; a redirect goes before an incident that kept its row.

    Examples
    --------
    ``resolve_number(342)`` in the AIID snapshot gives incident 1057 through the chain (342, 88, 1057).
    """
    chain, reasons = follow(number)
    incident = Incident.objects.filter(number=chain[-1]).select_related("source").first()
    if incident is None:
        return Resolution(chain[-1], None, chain, "No incident has this number.")
    if len(chain) == 1 and incident.status == Incident.Status.WITHDRAWN:
        reasons = [incident.status_reason]
    return Resolution(chain[-1], incident, chain, "; ".join(dict.fromkeys(reasons)))


def redirect_chain(number: int) -> list[int]:
    """Return the numbers from ``number`` to the one it means now; ``[number]`` if it was never merged.

    An empty list means that the redirects run in a circle.
    """
    chain, _reasons = follow(number)
    last = IncidentRedirect.objects.filter(number=chain[-1]).exists()
    return [] if last else list(chain)


def ends_of_redirects(numbers: Iterable[int] | None = None) -> dict[int, int]:
    """Return merged number -> the number it means now, of ``numbers`` or of all; one query for each length of chain.

    A number that is not redirected, or in a circle, is not in it.
    """
    steps: dict[int, int] = {}
    frontier = None if numbers is None else set(numbers)
    while frontier is None or frontier:
        rows = IncidentRedirect.objects.order_by().values_list("number", "target_number")
        found = dict(rows if frontier is None else rows.filter(number__in=frontier))
        steps |= found
        frontier = set(found.values()) - set(steps) if frontier is not None else set()
    ends = {}
    for number in steps:
        passed = [number]
        while passed[-1] in steps and passed[-1] not in passed[:-1]:
            passed.append(steps[passed[-1]])
        if passed[-1] not in steps:
            ends[number] = passed[-1]
    return ends


def mark_merged(incidents: Iterable[Any]) -> None:
    """Set ``merged_into`` on incidents read :meth:`with_merge_steps`: the number theirs means now, or None."""
    marked = list(incidents)
    merged = [incident.number for incident in marked if incident.merge_step is not None]
    ends = ends_of_redirects(merged) if merged else {}
    for incident in marked:
        incident.merged_into = ends.get(incident.number)

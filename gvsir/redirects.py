"""Follow a public number to the incident it means today, through chains of redirects."""

from __future__ import annotations

from typing import NamedTuple

from gvsir.models import Incident, IncidentRedirect


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

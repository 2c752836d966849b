"""What a public number leads to after merges, through chains."""

from __future__ import annotations

from typing import Final

from gvsir.models import IncidentRedirect

LONGEST_CHAIN: Final = 50


def redirect_chain(number: int) -> list[int]:
    """Return the numbers from ``number`` to the one it means now; ``[number]`` if it was never merged.

    An empty list means that the redirects run in a circle.
    """
    chain = [number]
    while len(chain) <= LONGEST_CHAIN:
        target = (
            IncidentRedirect.objects.filter(number=chain[-1]).values_list("target_number", flat=True).first()
        )
        if target is None:
            return chain
        if target in chain:
            return []
        chain.append(target)
    return []

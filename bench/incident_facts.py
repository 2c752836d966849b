"""What happened in incidents, for judges that read it: frozen with a release, live for releases made before that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from bench.scoring.case import Facts
from gvsir.models import EntityRole, Incident


def facts_of(incidents: Iterable[Any]) -> dict[int, Facts]:
    """Return what happened in these incidents (keys, or a query of keys), by their public number."""
    chosen = Incident.objects.filter(pk__in=incidents)
    harmed: dict[int, list[str]] = defaultdict(list)
    roles = EntityRole.objects.filter(incident__in=chosen, role=EntityRole.Role.HARMED).order_by("entity__name")
    for number, name in roles.values_list("incident__number", "entity__name"):
        harmed[number].append(name)
    return {
        number: Facts(title=title, happened=description, harmed=tuple(harmed[number]))
        for number, title, description in chosen.values_list("number", "title", "description")
    }

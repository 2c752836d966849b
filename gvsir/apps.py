"""The incident repository, and what the higher apps build on."""

from __future__ import annotations

import gc
from typing import Final

from django.apps import AppConfig

#: New objects between two searches for cyclic garbage. At Python's 700, a leaderboard of a million scores waits half a
#: second for searches that find nothing.
_OBJECTS_BETWEEN_SEARCHES: Final = 50_000


class GvsirConfig(AppConfig):
    """Incidents, reports, entities, taxonomies, value systems."""

    name = "gvsir"
    verbose_name = "Incident repository"

    def ready(self) -> None:
        """Register the provenance steps of this app and the system checks; make pauses rare."""
        from gvsir import checks, provenance_steps  # noqa: F401

        first, second, third = gc.get_threshold()
        if first:  # 0 is off
            gc.set_threshold(max(first, _OBJECTS_BETWEEN_SEARCHES), second, third)

"""The incident repository, and what the higher apps build on."""

from __future__ import annotations

from django.apps import AppConfig


class GvsirConfig(AppConfig):
    """Incidents, reports, entities, taxonomies, value systems."""

    name = "gvsir"
    verbose_name = "Incident repository"

    def ready(self) -> None:
        """Register the provenance steps of this app and the system checks."""
        from gvsir import checks, provenance_steps  # noqa: F401

"""Grounded-theory coding of incidents."""

from __future__ import annotations

from django.apps import AppConfig


class AnnotationConfig(AppConfig):
    """Documents, codebooks, rounds, codings, agreement."""

    name = "annotation"
    verbose_name = "Coding"

    def ready(self) -> None:
        """Register this app's provenance steps and panels."""
        from annotation import facets, panels, provenance_steps  # noqa: F401

"""Benchmark items, runs of language models, scores, leaderboards."""

from __future__ import annotations

from django.apps import AppConfig


class BenchConfig(AppConfig):
    """Items, releases, runs, responses, scores."""

    name = "bench"
    verbose_name = "Benchmark"

    def ready(self) -> None:
        """Register this app's provenance steps and panels."""
        from bench import panels, provenance_steps  # noqa: F401

"""Benchmark items, runs of language models, scores, leaderboards."""

from __future__ import annotations

from django.apps import AppConfig


class BenchConfig(AppConfig):
    """Items, releases, runs, responses, scores."""

    name = "bench"
    verbose_name = "Benchmark"

    def ready(self) -> None:
        """Register this app's provenance steps, panels and stored sentences."""
        from bench import panels, provenance_steps  # noqa: F401
        from bench.shown_sentences import WITH_CHANGING_PARTS
        from gvsir.stored_sentences import register_sentences

        register_sentences(*WITH_CHANGING_PARTS)

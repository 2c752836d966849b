"""Published measurements, imported read-only and attributed."""

from __future__ import annotations

from django.db import models

from gvsir.stored_sentences import in_readers_language


class Measurement(models.Model):
    """A table of scores that others published, on one value system."""

    key = models.SlugField(max_length=80, help_text="e.g. value-compass-2025-02")
    system = models.ForeignKey("gvsir.ValueSystem", on_delete=models.PROTECT, related_name="measurements")
    name = models.CharField(max_length=200)
    period = models.CharField(max_length=20, blank=True, help_text="When it was measured: 2025-02, or 2024.")
    source = models.ForeignKey("gvsir.Source", on_delete=models.PROTECT, related_name="+")
    scale_low = models.FloatField(default=0.0, help_text="Lowest possible number on the publisher's scale.")
    scale_high = models.FloatField(default=100.0, help_text="Highest possible number on the publisher's scale.")
    sha256 = models.CharField(max_length=64, help_text="SHA-256 of the imported file.")
    n_cases = models.PositiveIntegerField(null=True, blank=True, help_text="Cases the publisher counts, if given.")
    note = models.TextField(blank=True)
    imported_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["system", "-period", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["key", "system"], name="bench_measurement_key"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the reader's language."""
        return in_readers_language(self.name)


class PublishedScore(models.Model):
    """One number of a published table; the publisher gives no interval and no cases."""

    measurement = models.ForeignKey("bench.Measurement", on_delete=models.CASCADE, related_name="scores")
    language_model = models.ForeignKey("bench.LanguageModel", on_delete=models.PROTECT, related_name="published_scores")
    dimension = models.ForeignKey("gvsir.ValueDimension", on_delete=models.PROTECT, related_name="+")
    value = models.FloatField()

    class Meta:
        ordering = ["measurement", "language_model", "dimension"]
        constraints = [
            models.UniqueConstraint(
                fields=["measurement", "language_model", "dimension"], name="bench_publishedscore_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value:g}"

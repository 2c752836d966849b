"""Files of requests that were handed to a provider's batch API and have not come back."""

from __future__ import annotations

from django.db import models


class Batch(models.Model):
    """One batch at one endpoint. The row is written before the provider is told, so that none is paid for unseen."""

    run = models.ForeignKey("bench.Run", on_delete=models.CASCADE, related_name="batches")
    language_model = models.ForeignKey("bench.LanguageModel", on_delete=models.PROTECT, related_name="+")
    requests = models.PositiveIntegerField()
    input_file_id = models.CharField(max_length=200, blank=True)
    batch_id = models.CharField(max_length=200, blank=True, help_text="The provider's name for it; empty until known.")
    state = models.CharField(max_length=40, blank=True, help_text="As the provider said when last asked.")
    submitted_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="When its replies were read in, or it was given up.")

    class Meta:
        ordering = ["run", "pk"]
        verbose_name_plural = "batches"

    def __str__(self) -> str:
        return self.batch_id or f"batch {self.pk}, not yet accepted"

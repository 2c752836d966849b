"""Answers that were given elsewhere, read from a file: what a model of the kind "recorded" says."""

from __future__ import annotations

from django.db import models


class RecordedAnswer(models.Model):
    """One line of a file of recorded responses; any process can look it up, whether or not it has the file."""

    language_model = models.ForeignKey(
        "bench.LanguageModel", on_delete=models.CASCADE, related_name="recorded_answers"
    )
    line = models.PositiveIntegerField(help_text="Its line in the file, from 1.")
    item = models.CharField(max_length=80, blank=True, help_text="Public id of the item; empty: any with this prompt.")
    prompt_sha256 = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the prompt it answers; empty: the item's, whatever it is."
    )
    language = models.CharField(max_length=12, blank=True)
    epoch = models.PositiveIntegerField(default=1)
    text = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=40, blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["language_model", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["language_model", "item", "prompt_sha256", "language", "epoch"],
                name="bench_recordedanswer_once",
            ),
        ]
        indexes = [
            models.Index(fields=["language_model", "prompt_sha256"], name="bench_recordedanswer_prompt"),
        ]

    def __str__(self) -> str:
        return f"line {self.line} of model {self.language_model_id}"

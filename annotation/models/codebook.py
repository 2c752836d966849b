"""Codebooks and their codes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import get_language
from simple_history.models import HistoricalRecords

from gvsir.stored_sentences import in_readers_language


class Codebook(models.Model):
    """One version of a set of codes, resting on one version of a scale of categories."""

    name = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    scale = models.ForeignKey("gvsir.ValueSystem", on_delete=models.PROTECT, related_name="+")
    guidance = models.JSONField(default=dict, help_text="Include and exclude notes per category, rules; see loader.")
    is_frozen = models.BooleanField(default=False)
    origin = models.TextField(blank=True, help_text="Who made it, shown beside it.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="annotation_codebook_version"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"

    def get_absolute_url(self) -> str:
        """Return the page of this codebook."""
        return reverse("codebook_detail", args=[self.pk])

    @property
    def label(self) -> str:
        """The name, that of the shipped codebook in the reader's language."""
        return in_readers_language(self.name) if self.origin else self.name

    @property
    def full_label(self) -> str:
        """The name and the version."""
        return f"{self.label} v{self.version}"


class Code(models.Model):
    """A qualitative code: a short name for a behaviour seen in passages."""

    codebook = models.ForeignKey("annotation.Codebook", on_delete=models.PROTECT, related_name="codes")
    name = models.CharField(max_length=200)
    name_zh = models.CharField(max_length=200, blank=True)
    category = models.ForeignKey(
        "gvsir.ValueDimension", on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="The category it is gathered under (axial coding); empty while it is open.",
    )
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    definition = models.TextField(blank=True)
    include = models.TextField(blank=True)
    exclude = models.TextField(blank=True)
    created_by = models.ForeignKey("gvsir.Coder", on_delete=models.PROTECT, related_name="+")
    created_in = models.ForeignKey(
        "annotation.Round", on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="An open code is seen by its maker alone until this round closes.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["codebook", "name", "created_by"], name="annotation_code_name"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name in the reader's language."""
        return self.name_zh if self.name_zh and (get_language() or "").startswith("zh") else self.name


class Round(models.Model):
    """A round of coding: a codebook, documents, and coders who work apart until it closes."""

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    class Origin(models.TextChoices):
        PEOPLE = "people", "coded by people"
        MODEL_MADE = "model-made", "model-made demonstration coding"

    name = models.CharField(max_length=200, unique=True)
    codebook = models.ForeignKey("annotation.Codebook", on_delete=models.PROTECT, related_name="rounds")
    status = models.CharField(max_length=8, choices=Status, default=Status.OPEN)
    origin = models.CharField(max_length=12, choices=Origin, default=Origin.PEOPLE)
    note = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the page of this round."""
        return reverse("round_detail", args=[self.pk])

    @property
    def label(self) -> str:
        """The name, that of a shipped model-made coding in the reader's language."""
        return in_readers_language(self.name) if self.origin == self.Origin.MODEL_MADE else self.name

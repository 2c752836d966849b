"""Classifications of incidents: one record per incident, taxonomy version and coder."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gvsir.stored_sentences import in_readers_language


class Coder(models.Model):
    """Who or what made a judgement: a person, a team, a reconciled record, a model or a rule."""

    class Kind(models.TextChoices):
        PERSON = "person"
        TEAM = "team"
        MODEL = "model", "language model"
        RULE = "rule"

    key = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="coder"
    )
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        """The name, that of a shipped model-made coding in the reader's language."""
        return in_readers_language(self.name) if self.kind == self.Kind.MODEL else self.name


class Classification(models.Model):
    """One coder's classification of one incident by one taxonomy version."""

    incident = models.ForeignKey("gvsir.Incident", on_delete=models.CASCADE, related_name="classifications")
    taxonomy_version = models.ForeignKey(
        "gvsir.TaxonomyVersion", on_delete=models.PROTECT, related_name="classifications"
    )
    coder = models.ForeignKey("gvsir.Coder", on_delete=models.PROTECT, related_name="classifications")
    is_published = models.BooleanField(default=False)
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["incident", "taxonomy_version", "coder"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "taxonomy_version", "coder"], name="gvsir_classification_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident_id} by {self.coder_id}"


class ClassificationValue(models.Model):
    """The value a classification gives to one field. A blank cell has no row: missing is not a value."""

    classification = models.ForeignKey("gvsir.Classification", on_delete=models.CASCADE, related_name="values")
    field = models.ForeignKey("gvsir.TaxonomyField", on_delete=models.PROTECT, related_name="+")
    value = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["classification", "field"], name="gvsir_classificationvalue_once"),
        ]

    def __str__(self) -> str:
        return self.value[:80]

"""Taxonomies as data: versions, and typed fields with their permitted values."""

from __future__ import annotations

from django.db import models


class Taxonomy(models.Model):
    """A scheme for classifying incidents, e.g. CSETv1."""

    namespace = models.CharField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    source = models.ForeignKey("gvsir.Source", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["namespace"]
        verbose_name_plural = "taxonomies"

    def __str__(self) -> str:
        return self.namespace


class TaxonomyVersion(models.Model):
    """One frozen state of a taxonomy; a new version never changes the meaning of an old one."""

    taxonomy = models.ForeignKey("gvsir.Taxonomy", on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, help_text="SHA-256 of the canonical JSON of its fields.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["taxonomy", "version"]
        constraints = [
            models.UniqueConstraint(fields=["taxonomy", "version"], name="gvsir_taxonomyversion_number"),
            models.UniqueConstraint(fields=["taxonomy", "sha256"], name="gvsir_taxonomyversion_content"),
        ]

    def __str__(self) -> str:
        return f"{self.taxonomy} v{self.version}"


class TaxonomyField(models.Model):
    """One field of a taxonomy version. ``key`` is unique even where two columns share a heading."""

    taxonomy_version = models.ForeignKey("gvsir.TaxonomyVersion", on_delete=models.CASCADE, related_name="fields")
    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    display_type = models.CharField(max_length=40)
    permitted_values = models.JSONField(default=list)
    is_public = models.BooleanField(default=True)
    is_facet = models.BooleanField(default=False)
    order = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["taxonomy_version", "order"]
        constraints = [
            models.UniqueConstraint(fields=["taxonomy_version", "key"], name="gvsir_taxonomyfield_key"),
        ]

    def __str__(self) -> str:
        return self.name

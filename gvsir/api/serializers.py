"""What the API says of sources, reports, entities, taxonomies and value systems."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gvsir.models import (
    Coder,
    Entity,
    Report,
    Source,
    Taxonomy,
    TaxonomyField,
    TaxonomyVersion,
    ValueDimension,
    ValueSystem,
)


class SourceSerializer(serializers.ModelSerializer[Source]):
    """Where a record comes from, and what must be said with it."""

    class Meta:
        model = Source
        fields = ["key", "name", "version", "url", "licence", "attribution"]


class CoderSerializer(serializers.ModelSerializer[Coder]):
    """Who or what judged."""

    class Meta:
        model = Coder
        fields = ["key", "name", "kind"]


class ReportSerializer(serializers.ModelSerializer[Report]):
    """A report and the numbers of the incidents it is linked to; its text is not kept."""

    source = serializers.SlugRelatedField(slug_field="key", read_only=True)  # type: ignore[var-annotated,assignment]
    incidents = serializers.SerializerMethodField()

    class Meta:
        model = Report
        fields = ["id", "source", "source_record_id", "title", "url", "language", "date_published", "incidents"]

    def get_incidents(self, report: Report) -> list[int]:
        """Return the numbers of the linked incidents the caller may see."""
        return [incident.number for incident in report.incidents.all()]


class EntityIncidentsSerializer(serializers.Serializer[Any]):
    """In how many incidents an entity has each role."""

    deployer = serializers.IntegerField(source="n_deployer")
    developer = serializers.IntegerField(source="n_developer")
    harmed = serializers.IntegerField(source="n_harmed")


class EntitySerializer(serializers.ModelSerializer[Entity]):
    """An entity and how many incidents name it."""

    incidents = EntityIncidentsSerializer(source="*", read_only=True)

    class Meta:
        model = Entity
        fields = ["slug", "name", "incidents"]


class TaxonomyFieldSerializer(serializers.ModelSerializer[TaxonomyField]):
    """One field of a taxonomy version."""

    class Meta:
        model = TaxonomyField
        fields = ["key", "name", "description", "display_type", "permitted_values", "is_facet", "order"]


class TaxonomyVersionSerializer(serializers.ModelSerializer[TaxonomyVersion]):
    """One frozen version with its fields."""

    fields = TaxonomyFieldSerializer(many=True, read_only=True)  # type: ignore[assignment]

    class Meta:
        model = TaxonomyVersion
        fields = ["version", "sha256", "created_at", "fields"]


class TaxonomySerializer(serializers.ModelSerializer[Taxonomy]):
    """A taxonomy, all its versions and their fields."""

    source = SourceSerializer(read_only=True)  # type: ignore[assignment]
    versions = TaxonomyVersionSerializer(many=True, read_only=True)

    class Meta:
        model = Taxonomy
        fields = ["namespace", "name", "description", "source", "versions"]


class ValueDimensionSerializer(serializers.ModelSerializer[ValueDimension]):
    """A layer, category, value or other node of a value system."""

    parents = serializers.SlugRelatedField(slug_field="key", many=True, read_only=True)  # type: ignore[var-annotated]

    class Meta:
        model = ValueDimension
        fields = [
            "id", "key", "level", "order", "name", "name_zh", "definition", "definition_zh", "parents", "is_scored",
        ]


class ValueSystemSerializer(serializers.ModelSerializer[ValueSystem]):
    """One version of a value system with all its dimensions."""

    source = SourceSerializer(read_only=True)  # type: ignore[assignment]
    dimensions = ValueDimensionSerializer(many=True, read_only=True)

    class Meta:
        model = ValueSystem
        fields = [
            "id", "key", "version", "name", "name_zh", "description", "sha256", "scale_low", "scale_high",
            "source", "dimensions",
        ]

"""Addresses of reports, entities, taxonomies and value systems."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce

from gvsir.api.filters import FilterSet, IncidentNumberFilter, KnownNumberFilter, KnownTextFilter, every
from gvsir.api.resources import ReadOnlyResource, read_only
from gvsir.api.serializers import (
    EntitySerializer,
    ReportSerializer,
    TaxonomySerializer,
    ValueSystemSerializer,
)
from gvsir.models import (
    Entity,
    EntityRole,
    Incident,
    Report,
    Source,
    Taxonomy,
    TaxonomyField,
    TaxonomyVersion,
    ValueDimension,
    ValueSystem,
)
from gvsir.permissions import allowed


def _visible(user: Any) -> QuerySet[Incident]:
    return Incident.objects.all().visible_to(user)


class ReportFilter(FilterSet):
    """Filters of reports."""

    incident = IncidentNumberFilter(field_name="incidents__number", label="Number of a linked incident.")
    source = KnownTextFilter(known=every(Source), by="key", field_name="source__key", label="Key of the source.")
    source_record_id = django_filters.CharFilter(label="Number of the report in its source.")
    language = KnownTextFilter(label="Language tag.")


@read_only("Reports", "One report", ReportSerializer)
class ReportResource(ReadOnlyResource[Report]):
    """Reports linked to an incident that the caller may see."""

    action_required = "incident.view"
    queryset = Report.objects.none()
    serializer_class = ReportSerializer
    filterset_class = ReportFilter

    def get_queryset(self) -> QuerySet[Report]:
        """Return the visible reports with their visible incidents."""
        user = self.request.user
        rows: QuerySet[Report] = Report.objects.all().visible_to(user)
        return rows.select_related("source").prefetch_related(Prefetch("incidents", _visible(user).order_by("number")))


class EntityFilter(FilterSet):
    """Filters of entities."""

    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label="Part of the name.")
    role = django_filters.ChoiceFilter(
        choices=EntityRole.Role.choices, method="in_role", label="Role in at least one incident."
    )

    def in_role(self, queryset: QuerySet[Entity], name: str, value: str) -> QuerySet[Entity]:
        """Keep the entities that have the role in a visible incident."""
        return queryset.filter(**{f"n_{value}__gt": 0})


@read_only("Entities with the number of incidents by role", "One entity by its slug", EntitySerializer)
class EntityResource(ReadOnlyResource[Entity]):
    """Entities named in an incident that the caller may see."""

    action_required = "incident.view"
    queryset = Entity.objects.none()
    serializer_class = EntitySerializer
    filterset_class = EntityFilter
    lookup_field = "slug"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Entity]:
        """Return the entities with their visible incidents counted by role."""
        sees_all = allowed(self.request.user, "incident.view_unpublished")
        named = EntityRole.objects.filter(entity=OuterRef("pk"))
        if not sees_all:
            named = named.filter(incident__status=Incident.Status.PUBLISHED)
        # Counted by subqueries, so that a page counts for its own rows: grouping would count for all entities first.
        counts = {role: named.filter(role=role).order_by().values("entity").annotate(n=Count("pk")) for role in EntityRole.Role.values}
        rows = Entity.objects.annotate(**{f"n_{role}": Coalesce(Subquery(each.values("n")), 0) for role, each in counts.items()})
        return rows if sees_all else rows.filter(Exists(named))


@read_only("Taxonomies with versions and fields", "One taxonomy by its namespace", TaxonomySerializer)
class TaxonomyResource(ReadOnlyResource[Taxonomy]):
    """Taxonomies; fields that are not public only for those who see unpublished classifications."""

    action_required = "taxonomy.view"
    queryset = Taxonomy.objects.none()
    serializer_class = TaxonomySerializer
    lookup_field = "namespace"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Taxonomy]:
        """Return the taxonomies with their versions and visible fields."""
        fields = TaxonomyField.objects.order_by("order", "pk")
        if not allowed(self.request.user, "classification.view_unpublished"):
            fields = fields.filter(is_public=True)
        versions = TaxonomyVersion.objects.order_by("version").prefetch_related(Prefetch("fields", fields))
        return Taxonomy.objects.select_related("source").prefetch_related(Prefetch("versions", versions))


class ValueSystemFilter(FilterSet):
    """Filters of value systems."""

    key = KnownTextFilter(label="Key, e.g. schwartz.")
    version = KnownNumberFilter(label="Version.")


@read_only("Value systems with their dimensions", "One value system", ValueSystemSerializer)
class ValueSystemResource(ReadOnlyResource[ValueSystem]):
    """Value systems, each version its own record."""

    action_required = "value_system.view"
    queryset = ValueSystem.objects.none()
    serializer_class = ValueSystemSerializer
    filterset_class = ValueSystemFilter

    def get_queryset(self) -> QuerySet[ValueSystem]:
        """Return the value systems with their dimensions."""
        dimensions = ValueDimension.objects.order_by("level", "order", "pk").prefetch_related(
            Prefetch("parents", ValueDimension.objects.order_by("order", "pk"))
        )
        return ValueSystem.objects.select_related("source").prefetch_related(Prefetch("dimensions", dimensions))

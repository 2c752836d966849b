"""Incidents and classifications: what the API says of them, and at which addresses."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gvsir.api.errors import ErrorResponseSerializer, GoneError
from gvsir.api.filters import (
    FilterSet,
    IncidentNumberFilter,
    KnownNumberFilter,
    KnownTextFilter,
    every,
    known_coders,
)
from gvsir.api.incident_filters import IncidentFilterBackend
from gvsir.api.moved import MovedSerializer, moved
from gvsir.api.pagination import SortedCursorPagination
from gvsir.api.resources import REFUSALS, ReadOnlyResource, ViewerSerializer, folded_reason, read_only
from gvsir.api.serializers import CoderSerializer, SourceSerializer
from gvsir.models import (
    Classification,
    ClassificationValue,
    EntityRole,
    Incident,
    IncidentReport,
    Taxonomy,
    TaxonomyVersion,
)
from gvsir.models.incident import public_id_of
from gvsir.permissions import allowed
from gvsir.redirects import mark_merged, number_of, redirect_chain


class IncidentEntitySerializer(serializers.ModelSerializer[EntityRole]):
    """An entity in its role."""

    slug = serializers.CharField(source="entity.slug")
    name = serializers.CharField(source="entity.name")

    class Meta:
        model = EntityRole
        fields = ["role", "slug", "name"]


class IncidentSerializer(ViewerSerializer[Incident]):
    """An incident with its entities and the ids of its reports."""

    public_id = serializers.CharField(read_only=True)
    url = serializers.CharField(source="get_absolute_url", read_only=True)
    description = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()
    source = SourceSerializer(read_only=True)  # type: ignore[assignment]
    entities = IncidentEntitySerializer(source="entity_roles", many=True, read_only=True)
    reports = serializers.SerializerMethodField()
    merged_into = serializers.SerializerMethodField()

    class Meta:
        model = Incident
        fields = [
            "number", "public_id", "url", "status", "status_reason", "title", "description", "withheld", "harm",
            "language", "date", "date_precision", "source", "source_record_id", "entities", "reports",
            "merged_into", "created_at", "updated_at",
        ]

    def get_description(self, incident: Incident) -> str | None:
        """Return the description; None where it is withheld."""
        return None if self.get_withheld(incident) else incident.description

    def get_withheld(self, incident: Incident) -> str:
        """Why the description is null; "" if it isn't withheld."""
        return folded_reason(incident, self.context["request"].user)

    def get_reports(self, incident: Incident) -> list[int]:
        """Return the ids of the linked reports."""
        return [link.report_id for link in incident.report_links.all()]

    def get_merged_into(self, incident: Incident) -> str | None:
        """Public id that the number leads to now, where the incident was merged; else null."""
        merged_into = getattr(incident, "merged_into", None)
        return None if merged_into is None else public_id_of(merged_into)


@extend_schema_view(
    list=extend_schema(summary="Incidents, searched and filtered", responses={200: IncidentSerializer, **REFUSALS}),
    retrieve=extend_schema(
        summary="One incident by its number or public id",
        parameters=[OpenApiParameter(
            "number", OpenApiTypes.STR, OpenApiParameter.PATH, description="639 or GVSIR-639",
        )],
        responses={
            200: IncidentSerializer,
            301: OpenApiResponse(MovedSerializer, "Merged: the Location header names the incident it means now."),
            410: OpenApiResponse(ErrorResponseSerializer, "Withdrawn; the message is the reason."),
            **REFUSALS,
        },
    ),
)
class IncidentResource(ReadOnlyResource[Incident]):
    """Incidents the caller may see."""

    action_required = "incident.view"
    queryset = Incident.objects.none()
    serializer_class = IncidentSerializer
    filter_backends = [IncidentFilterBackend]
    pagination_class = SortedCursorPagination
    lookup_field = "number"
    lookup_value_regex = "[^/]+"

    def get_queryset(self) -> QuerySet[Incident]:
        """Return the visible incidents with everything the serializer reads."""
        return (
            Incident.objects.all().visible_to(self.request.user)
            .select_related("source").with_merge_steps()
            .prefetch_related(
                Prefetch("entity_roles", EntityRole.objects.select_related("entity").order_by("role", "pk")),
                Prefetch("report_links", IncidentReport.objects.order_by("report_id")),
            )
        )

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return a page of incidents, each with where it was merged into."""
        page = super().paginate_queryset(queryset)
        if page is not None:
            mark_merged(page)
        return page

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the incident, with 301 for a merged number, with 410 for a withdrawn one."""
        number = number_of(kwargs["number"])
        if number is None:
            raise exceptions.NotFound
        chain = redirect_chain(number)
        if not chain:
            raise exceptions.NotFound("This number is redirected in a circle.")
        if len(chain) > 1:
            return moved(chain, reverse("api-incident-detail", args=[chain[-1]]))
        incident = self.get_queryset().filter(number=number).first()
        if incident is None:
            withdrawn = Incident.objects.filter(number=number, status=Incident.Status.WITHDRAWN).first()
            if withdrawn is not None:
                raise GoneError(withdrawn.status_reason or None)
            raise exceptions.NotFound
        return Response(self.get_serializer(incident).data)

class ClassificationSerializer(ViewerSerializer[Classification]):
    """What one coder said of one incident; a blank cell has no entry in ``values``."""

    incident = serializers.IntegerField(source="incident.number")
    taxonomy = serializers.CharField(source="taxonomy_version.taxonomy.namespace")
    version = serializers.IntegerField(source="taxonomy_version.version")
    coder = CoderSerializer(read_only=True)
    notes = serializers.SerializerMethodField()
    values = serializers.SerializerMethodField()
    withheld = serializers.SerializerMethodField()

    class Meta:
        model = Classification
        fields = ["id", "incident", "taxonomy", "version", "coder", "is_published", "notes", "values", "withheld"]

    def get_withheld(self, classification: Classification) -> str:
        """Why notes and values are null; "" if they aren't withheld."""
        return folded_reason(classification.incident, self.context["request"].user)

    def get_notes(self, classification: Classification) -> str | None:
        """Return the coder's notes; None where they are withheld."""
        return None if self.get_withheld(classification) else classification.notes

    def get_values(self, classification: Classification) -> dict[str, str] | None:
        """Return field key -> value; None where they are withheld."""
        if self.get_withheld(classification):
            return None
        return {each.field.key: each.value for each in classification.values.all()}


class ClassificationFilter(FilterSet):
    """Filters of classifications."""

    incident = IncidentNumberFilter(field_name="incident__number")
    taxonomy = KnownTextFilter(
        known=every(Taxonomy), by="namespace", field_name="taxonomy_version__taxonomy__namespace", label="Namespace.",
    )
    version = KnownNumberFilter(
        known=every(TaxonomyVersion), by="version", field_name="taxonomy_version__version",
        label="Version of the taxonomy.",
    )
    coder = KnownTextFilter(known=known_coders, by="key", field_name="coder__key", label="Key of the coder.")


@read_only("Classifications by taxonomy and coder", "One classification", ClassificationSerializer)
class ClassificationResource(ReadOnlyResource[Classification]):
    """Published classifications of visible incidents; curators and researchers see all."""

    action_required = "classification.view"
    queryset = Classification.objects.none()
    serializer_class = ClassificationSerializer
    filterset_class = ClassificationFilter

    def get_queryset(self) -> QuerySet[Classification]:
        """Return the visible classifications with everything the serializer reads."""
        user = self.request.user
        sees_all = allowed(user, "classification.view_unpublished")
        visible = Incident.objects.all().visible_to(user)
        rows = Classification.objects.filter(incident__in=visible)
        values = ClassificationValue.objects.order_by("field__order", "pk").select_related("field")
        if not sees_all:
            rows = rows.filter(is_published=True)
            values = values.filter(field__is_public=True)
        return rows.select_related("incident", "taxonomy_version__taxonomy", "coder").prefetch_related(
            Prefetch("values", values)
        )

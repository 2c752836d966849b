"""Addresses of the API; each app has its router, the higher apps are named by string."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path, re_path
from rest_framework.routers import SimpleRouter

from gvsir.api.docs import DocsView, SchemaView
from gvsir.api.errors import UNKNOWN, UnknownPathView
from gvsir.api.incidents import ClassificationResource, IncidentResource
from gvsir.api.provenance import ProvenanceView
from gvsir.api.views import EntityResource, ReportResource, TaxonomyResource, ValueSystemResource

router = SimpleRouter()
router.register("incidents", IncidentResource, basename="api-incident")
router.register("reports", ReportResource, basename="api-report")
router.register("entities", EntityResource, basename="api-entity")
router.register("taxonomies", TaxonomyResource, basename="api-taxonomy")
router.register("classifications", ClassificationResource, basename="api-classification")
router.register("value-systems", ValueSystemResource, basename="api-value-system")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("provenance/<str:kind>/<str:record_id>/", ProvenanceView.as_view(), name="api-provenance"),
    path("schema/", SchemaView.as_view(), name="api-schema"),
    path("docs/", DocsView.as_view(), name="api-docs"),
    path("", include("annotation.api.urls")),
    path("", include("bench.api.urls")),
    re_path(r"^.*$", UnknownPathView.as_view(), name=UNKNOWN),
]

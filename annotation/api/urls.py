"""Addresses of the API of this app."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from annotation.api.statistics import AgreementStatisticsView, CategoryStatisticsView
from annotation.api.views import (
    AssignmentResource,
    CodebookResource,
    CodeResource,
    CodingResource,
    DocumentResource,
    MemoResource,
    RoundResource,
)

router = SimpleRouter()
router.register("documents", DocumentResource, basename="api-document")
router.register("codebooks", CodebookResource, basename="api-codebook")
router.register("codes", CodeResource, basename="api-code")
router.register("rounds", RoundResource, basename="api-round")
router.register("assignments", AssignmentResource, basename="api-assignment")
router.register("codings", CodingResource, basename="api-coding")
router.register("memos", MemoResource, basename="api-memo")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("statistics/categories/", CategoryStatisticsView.as_view(), name="api-statistics-categories"),
    path("statistics/agreement/", AgreementStatisticsView.as_view(), name="api-statistics-agreement"),
]

"""Addresses of the API of this app."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from bench.api.labels import LabelResource, LabelSampleResource
from bench.api.leaderboards import LeaderboardIndexView, LeaderboardView
from bench.api.views import (
    ItemResource,
    LanguageModelResource,
    ReleaseResource,
    ResponseResource,
    RunResource,
    ScoreResource,
)

router = SimpleRouter()
router.register("items", ItemResource, basename="api-item")
router.register("releases", ReleaseResource, basename="api-release")
router.register("language-models", LanguageModelResource, basename="api-language-model")
router.register("runs", RunResource, basename="api-run")
router.register("responses", ResponseResource, basename="api-response")
router.register("scores", ScoreResource, basename="api-score")
router.register("label-samples", LabelSampleResource, basename="api-label-sample")
router.register("labels", LabelResource, basename="api-label")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("leaderboards/", LeaderboardIndexView.as_view(), name="api-leaderboard-list"),
    path("leaderboards/<str:system>/", LeaderboardView.as_view(), name="api-leaderboard"),
]

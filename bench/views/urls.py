"""Addresses of the pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from bench.views.compare import compare
from bench.views.diagnostics import diagnostics
from bench.views.item_analysis import item_analysis
from bench.views.items import item_derive, item_detail, item_list
from bench.views.judges import judge_detail
from bench.views.label_samples import label_sample_detail, label_sample_new, label_sample_state, label_sheet
from bench.views.labels import label_queue, label_task
from bench.views.language_models import language_model_detail
from bench.views.leaderboards import leaderboard, leaderboard_index
from bench.views.media import item_attachment, label_file, response_file
from bench.views.provenance import provenance
from bench.views.releases import release_detail, release_list
from bench.views.responses import response_detail
from bench.views.runs import run_calls, run_change, run_detail, run_list, run_progress
from bench.views.scores import score_detail, score_list

urlpatterns: list[URLPattern | URLResolver] = [
    path("bench/items/", item_list, name="item_list"),
    path("bench/items/derive/", item_derive, name="item_derive"),
    path("bench/items/<slug:public_id>/", item_detail, name="item_detail"),
    path("bench/items/<slug:public_id>/images/<slug:sha256>/", item_attachment, name="item_attachment"),
    path("bench/releases/", release_list, name="release_list"),
    path("bench/releases/<slug:name>/", release_detail, name="release_detail"),
    path("bench/runs/", run_list, name="run_list"),
    path("bench/runs/<int:pk>/", run_detail, name="run_detail"),
    path("bench/runs/<int:pk>/progress.json", run_progress, name="run_progress"),
    path("bench/runs/<int:pk>/calls/", run_calls, name="run_calls"),
    path("bench/runs/<int:pk>/items/", item_analysis, name="item_analysis"),
    path("bench/runs/<int:pk>/diagnostics/", diagnostics, name="diagnostics"),
    path("bench/runs/<int:pk>/<slug:change>/", run_change, name="run_change"),
    path("bench/judges/<int:pk>/", judge_detail, name="judge_detail"),
    path("bench/responses/<int:pk>/", response_detail, name="response_detail"),
    path("bench/responses/<int:pk>/files/<slug:sha256>/", response_file, name="response_file"),
    path("bench/scores/", score_list, name="score_list"),
    path("bench/scores/<int:pk>/", score_detail, name="score_detail"),
    path("leaderboard/", leaderboard_index, name="leaderboard_index"),
    path("leaderboard/<slug:system>/", leaderboard, name="leaderboard"),
    path("compare/", compare, name="compare"),
    path("models/<int:pk>/", language_model_detail, name="language_model_detail"),
    path("provenance/<slug:kind>/<str:id>/", provenance, name="provenance"),
    path("bench/labels/", label_queue, name="label_queue"),
    path("bench/labels/<int:pk>/", label_task, name="label_task"),
    path("bench/labels/<int:pk>/files/<slug:sha256>/", label_file, name="label_file"),
    path("bench/labels/samples/new/", label_sample_new, name="label_sample_new"),
    path("bench/labels/samples/<int:pk>/", label_sample_detail, name="label_sample_detail"),
    path("bench/labels/samples/<int:pk>/sheet/", label_sheet, name="label_sheet"),
    path("bench/labels/samples/<int:pk>/<slug:verb>/", label_sample_state, name="label_sample_state"),
]

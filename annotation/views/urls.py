"""Addresses of the pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from annotation.views.codebooks import code_detail, codebook_detail
from annotation.views.coding import assignment_code, change, queue
from annotation.views.rounds import round_close, round_detail, round_document, round_list, round_open
from annotation.views.statistics import coded_incidents_list, statistics

urlpatterns: list[URLPattern | URLResolver] = [
    path("code/", queue, name="coding_queue"),
    path("code/<int:pk>/", assignment_code, name="assignment_code"),
    path("code/<int:pk>/<slug:verb>/", change, name="assignment_change"),
    path("codebooks/<int:pk>/", codebook_detail, name="codebook_detail"),
    path("codebooks/<int:pk>/codes/<int:code>/", code_detail, name="code_detail"),
    path("rounds/", round_list, name="round_list"),
    path("rounds/open/", round_open, name="round_open"),
    path("rounds/<int:pk>/", round_detail, name="round_detail"),
    path("rounds/<int:pk>/close/", round_close, name="round_close"),
    path("rounds/<int:pk>/documents/<int:document>/", round_document, name="round_document"),
    path("statistics/", statistics, name="statistics"),
    path("statistics/incidents/", coded_incidents_list, name="coded_incidents"),
]

"""Addresses of the pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from gvsir.views.health import healthz
from gvsir.views.incident_detail import incident_by_public_id, incident_detail
from gvsir.views.incident_export import incidents_csv, incidents_jsonl
from gvsir.views.incident_list import incident_list
from gvsir.views.overview import about, overview
from gvsir.views.report_list import report_list

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("", overview, name="overview"),
    path("about/", about, name="about"),
    path("incidents/", incident_list, name="incident_list"),
    path("reports/", report_list, name="report_list"),
    path("incidents.csv", incidents_csv, name="incidents_csv"),
    path("incidents.jsonl", incidents_jsonl, name="incidents_jsonl"),
    path("incidents/<int:number>/", incident_detail, name="incident_detail"),
    path("incidents/GVSIR-<int:number>/", incident_by_public_id, name="incident_by_public_id"),
]

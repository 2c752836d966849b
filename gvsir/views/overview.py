"""The first page (the chain with its counts), and the page on sources and licences."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from gvsir import panels
from gvsir.models import Incident, Report, Source, ValueDimension, ValueSystem
from gvsir.templatetags.gvsir_tags import BADGES


def overview(request: HttpRequest) -> HttpResponse:
    """Say what this is, and show the chain with live counts."""
    visible = Incident.objects.all().visible_to(request.user)
    return render(request, "gvsir/overview.html", {
        "incident_step": _incident_step(visible, request.user),
        "panels": panels.filled("overview", None, request),
        "newest": visible.filter(harm="").order_by(F("date").desc(nulls_last=True), "-number")[:5],
        "layers": _layers(),
    })


def _incident_step(visible: Any, user: Any) -> dict[str, Any]:
    n_incidents = visible.count()
    n_reports = Report.objects.all().visible_to(user).count()
    url = reverse("incident_list")
    return {
        "title": _("Reports and incidents"),
        "text": _("What people reported, gathered into incidents and classified by several taxonomies."),
        "counts": [
            {"n": n_incidents, "label": _("incidents"), "url": url},
            {"n": n_reports, "label": _("reports"), "url": reverse("report_list")},
        ],
        "empty": "" if n_incidents else _("Fill the repository: run gvsir demo, or gvsir import_incidents."),
    }


def _layers() -> list[dict[str, Any]]:
    """Return the layers of the newest GVS-Scale with their categories, in two queries."""
    newest = ValueDimension.objects.filter(system__key="gvs").order_by("-system__version")
    version = newest.values_list("system__version", flat=True).first()
    dimensions = ValueDimension.objects.filter(system__key="gvs", system__version=version or 0)
    layers = dimensions.filter(level="layer").order_by("order").prefetch_related("children")
    return [
        {"layer": layer, "categories": sorted(layer.children.all(), key=lambda each: each.order)} for layer in layers
    ]


def about(request: HttpRequest) -> HttpResponse:
    """Show sources, licences, the meaning of the badges, and how to cite."""
    names = {each.source_id: each.label for each in ValueSystem.objects.order_by("version")}
    return render(request, "gvsir/about.html", {
        "sources": [
            (source, names.get(source.pk, source.name)) for source in Source.objects.order_by("name", "version")
        ],
        "badges": [
            {"word": word, "meaning": meaning} for word, (_css, _shown, meaning) in BADGES.items() if meaning
        ],
    })

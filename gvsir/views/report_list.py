"""The list of reports: what each is, where to read it, and which incidents rest on it."""

from __future__ import annotations

from typing import Final

from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gvsir.models import Incident, Report
from gvsir.permissions import action_required, allowed
from gvsir.views.report_links import report_name, report_url

PER_PAGE: Final = 100


@action_required("incident.view")
def report_list(request: HttpRequest) -> HttpResponse:
    """Show the reports that this reader may see; the number of queries does not grow with them."""
    incidents = Incident.objects.all().visible_to(request.user).select_related("source").order_by("number")
    reports = Report.objects.all().visible_to(request.user).select_related("source").order_by("source__key", "pk")
    page = Paginator(reports.prefetch_related(Prefetch("incidents", incidents)), PER_PAGE).get_page(request.GET.get("page"))
    sees_all = allowed(request.user, "incident.view_folded")
    rows = []
    for report in page.object_list:
        linked = list(report.incidents.all())
        is_folded = not sees_all and any(incident.harm for incident in linked)
        rows.append({
            "name": report_name(report, is_folded=is_folded), "url": report_url(report, linked[0] if linked else None),
            "report": report, "incidents": linked,
        })
    return render(request, "gvsir/report_list.html", {
        "page": page, "rows": rows, "has_dates": any(report.date_published for report in page.object_list),
    })

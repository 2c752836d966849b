"""The page of one incident, and what its number answers when it was merged or withdrawn."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import reverse

from gvsir import panels
from gvsir.models import EntityRole, Incident, IncidentRedirect
from gvsir.permissions import action_required, allowed
from gvsir.redirects import redirect_chain
from gvsir.views.citation import citation_bibtex, citation_text
from gvsir.views.classification_tables import classification_tables
from gvsir.views.incident_history import history_of
from gvsir.views.report_links import AIID_PAGE, is_aiid, report_name, report_url

_HIGHEST: Final = 2**31 - 1


def merged_numbers(number: int) -> list[int]:
    """Return the numbers that lead to ``number``, through chains."""
    found: set[int] = set()
    frontier = {number}
    while frontier:
        hits = IncidentRedirect.objects.filter(target_number__in=frontier).values_list("number", flat=True)
        frontier = set(hits) - found
        found |= frontier
    return sorted(found - {number})


def incident_by_public_id(request: HttpRequest, number: int) -> HttpResponse:
    """Lead from /incidents/GVSIR-639/ to the page."""
    return HttpResponsePermanentRedirect(reverse("incident_detail", args=[number]))


@action_required("incident.view")
def incident_detail(request: HttpRequest, number: int) -> HttpResponse:
    """Show an incident; a merged number leads on, a withdrawn one answers 410 with its reason."""
    if number > _HIGHEST:
        raise Http404("No number is that high.")
    chain = redirect_chain(number)
    if not chain:
        raise Http404("This number is redirected in a circle.")
    target = chain[-1]
    incident = Incident.objects.filter(number=number).select_related("source").first()
    own = "own" in request.GET and incident is not None
    if target != number and not own:
        address = f"{reverse('incident_detail', args=[target])}?{urlencode({'from': number})}"
        return HttpResponsePermanentRedirect(address)
    if incident is None:
        raise Http404(f"There is no GVSIR-{number}.")
    if incident.status != Incident.Status.PUBLISHED and not allowed(request.user, "incident.view_unpublished"):
        if incident.status == Incident.Status.WITHDRAWN:
            return render(request, "gvsir/incident_withdrawn.html", {"incident": incident}, status=410)
        raise Http404(f"There is no GVSIR-{number}.")
    merged = merged_numbers(number)
    came_from = _merged_from(request.GET.get("from", ""), merged)
    return render(request, "gvsir/incident_detail.html", {
        **page_context(request, incident),
        "merged": merged,
        "came_from": came_from,
        "came_from_has_record": came_from and Incident.objects.filter(number=came_from, status="published").exists(),
        "merged_into": target if target != number else None,
    })


def _merged_from(given: str, merged: list[int]) -> int | None:
    """Return the merged number that the reader asked for, if the address says so and it is one."""
    return next((number for number in merged if str(number) == given), None)


def page_context(request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """Return what the template needs of ``incident``, as far as this reader may see it."""
    withheld = bool(incident.harm) and not allowed(request.user, "incident.view_folded")
    url = request.build_absolute_uri(incident.get_absolute_url())
    return {
        "incident": incident,
        "withheld": withheld,
        "is_aiid": is_aiid(incident.source),
        "aiid_page": f"{AIID_PAGE}{incident.source_record_id}" if is_aiid(incident.source) else "",
        "roles_of_entities": _entities_by_role(incident),
        "tables": classification_tables(incident, request.user, folded=withheld),
        "reports": [
            {"name": report_name(report), "url": report_url(report, incident)}
            for report in incident.reports.select_related("source").order_by("source__key", "pk")
        ],
        "panels": panels.filled("incident", incident, request),
        "history": history_of(incident, request.user),
        "citation": citation_text(incident, url),
        "bibtex": citation_bibtex(incident, url),
    }


def _entities_by_role(incident: Incident) -> list[dict[str, Any]]:
    rows = list(incident.entity_roles.select_related("entity").order_by("entity__name", "entity__slug"))
    return [
        {"role": role, "label": role.label, "entities": [row.entity for row in rows if row.role == role]}
        for role in EntityRole.Role
    ]

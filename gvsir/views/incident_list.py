"""Find incidents: search, facets with true counts, sorting, pages; everything is in the address."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from gvsir import facets, panels
from gvsir.incident_order import MATCH, NEWEST, SORTS, ordered, sorts_for
from gvsir.models import EntityRole, Incident
from gvsir.permissions import action_required
from gvsir.redirects import mark_merged
from gvsir.views.highlight import asked_for, marked, snippet
from gvsir.views.unknown_values import unknown_value

PER_PAGE: Final = 25
_FEWEST_BARS: Final = 10
_MOST_BARS: Final = 200


def chosen_sort(params: QueryDict) -> str:
    """Return the order asked for; best match only where something is searched for."""
    sort = params.get("sort", "")
    return sort if sort in sorts_for(params.get(facets.QUERY, "")) else NEWEST


def found(request: HttpRequest) -> QuerySet[Any]:
    """Return the incidents that the address asks for and this reader may see, in order."""
    base = Incident.objects.all().visible_to(request.user)
    sort = chosen_sort(request.GET)
    return ordered(facets.narrow(base, request.GET, ranked=sort == MATCH), sort)


def address(params: QueryDict, changes: dict[str, str] | None = None, *, without: tuple[str, str] | None = None) -> str:
    """Return the query of the same list with one choice taken out, or parameters set; always page 1."""
    copy = params.copy()
    copy.pop("page", None)
    if without:
        key, value = without
        copy.setlist(key, [each for each in copy.getlist(key) if each.strip() != value])
    for key, value in (changes or {}).items():
        copy.setlist(key, [value] if value else [])
    return "?" + copy.urlencode()


@action_required("incident.view")
def incident_list(request: HttpRequest) -> HttpResponse:
    """Show the incidents that the address asks for; the number of queries does not grow with them."""
    base = Incident.objects.all().visible_to(request.user)
    choices = facets.counts(base, request.GET)
    narrowed, applied = facets.apply_filters(base, request.GET, choices)
    sort = chosen_sort(request.GET)
    rows = ordered(narrowed.select_related("source").with_merge_steps(), sort)  # type: ignore[attr-defined]
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    dress(page, request)
    params = request.GET
    unknown = unknown_sort(params)
    return render(request, "gvsir/incident_list.html", {
        "page": page,
        "total": base.count(),
        "query": params.get(facets.QUERY, "").strip(),
        "sort": sort,
        "sorts": _sorts(params, sort),
        "facets": [_facet(each, choices[each.key], params) for each in facets.FACETS.values()],
        "n_facets": sum(each.key != facets.QUERY for each in applied),
        "applied": [
            {"label": each.label, "language": each.language, "facet": each.facet, "is_query": each.key == facets.QUERY,
             "url": address(params, without=(each.key, each.value))}
            for each in applied
        ],
        "take": _take(params),
        "unknown": unknown,
    }, status=400 if unknown else 200)


def dress(page: Page[Any], request: HttpRequest) -> None:
    """Add to the incidents of a page what a row shows: marked title, snippet, developers, where it was merged into.

    Higher apps add theirs through the panels of "incident_rows": the record is the list of incidents,
    on which they set ``category_badges``, a list of {"dimension", "badges", "url"}; they return None.
    """
    incidents = list(page.object_list)
    mark_merged(incidents)
    asked = asked_for(request.GET.get(facets.QUERY, ""))
    developers: dict[int, list[Any]] = {}
    roles = EntityRole.objects.filter(incident__in=incidents, role=EntityRole.Role.DEVELOPER)
    for role in roles.select_related("entity").order_by("entity__name", "entity__slug"):
        developers.setdefault(role.incident_id, []).append(role.entity)
    for incident in incidents:
        incident.marked_title = marked(incident.title, asked)
        incident.snippet = "" if incident.harm else snippet(incident.description, asked)
        incident.developers = developers.get(incident.pk, [])
    panels.filled("incident_rows", incidents, request)
    page.object_list = incidents


def _sorts(params: QueryDict, sort: str) -> list[dict[str, Any]]:
    labels = {"newest": _("Newest first"), "reports": _("Most reports"), "match": _("Best match")}
    return [
        {"label": labels[key], "url": address(params, {"sort": "" if key == NEWEST else key}), "on": key == sort}
        for key in sorts_for(params.get(facets.QUERY, ""))
    ]


def unknown_sort(params: QueryDict) -> list[str]:
    """Return a sentence for an order that does not exist; best match without a word falls back to the newest."""
    sort = params.get("sort", "")
    return [unknown_value("sort", sort, SORTS)] if sort and sort not in SORTS else []


def _take(params: QueryDict) -> list[dict[str, str]]:
    """Return the ways to take the list away, of those that exist here, each with the filters and the order in force."""
    kept = QueryDict(mutable=True)
    for key in (facets.QUERY, *facets.FACETS):
        kept.setlist(key, params.getlist(key))
    sort = chosen_sort(params)
    kept.setlist("sort", [sort] if sort != NEWEST else [])
    query = kept.urlencode()
    ways = [("CSV", "/incidents.csv"), ("JSONL", "/incidents.jsonl"), ("API", "/api/v1/incidents/")]
    return [{"label": label, "url": f"{path}?{query}" if query else path} for label, path in ways if _exists(path)]


def _exists(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def _facet(facet: facets.Facet, choices: list[facets.Choice], params: QueryDict) -> dict[str, Any]:
    chosen = set(facets.chosen_values(facet, params))
    rows = [{"choice": each, "on": each.value in chosen} for each in choices]
    own = {"list": "gvsir/_facet_list.html", "bars": "gvsir/_facet_bars.html"}
    return {
        "facet": facet,
        "template": own.get(facet.template, facet.template),
        "rows": rows,
        "more": max(0, next((each.extra.get("all", 0) for each in choices), 0) - len(choices)),
        "bars": _bars(facet, choices, chosen, params) if facet.template == "bars" else None,
    }


def _bars(
    facet: facets.Facet, choices: list[facets.Choice], chosen: set[str], params: QueryDict
) -> dict[str, Any] | None:
    """Return the rectangles of a histogram over years, 260 by 44; a click on one shows that year."""
    years_given = (each for each in choices if each.value.isascii() and each.value.isdecimal() and len(each.value) <= 4)
    by_year = {int(each.value): each.count for each in years_given}
    if not by_year:
        return None
    years = range(min(min(by_year), max(by_year) - _FEWEST_BARS + 1), max(by_year) + 1)
    if len(years) > _MOST_BARS:
        return None
    step = 260 / len(years)
    highest = max(*by_year.values(), 1)
    rects = []
    for place, year in enumerate(years):
        count = by_year.get(year, 0)
        height = 44 * count / highest
        on = str(year) in chosen
        rects.append({
            "x": f"{place * step:.2f}", "width": f"{step * 0.86:.2f}", "y": f"{44 - height:.1f}",
            "height": f"{height:.1f}", "year": year, "count": count, "on": on,
            "url": address(params, {facet.key: "" if on else str(year)}),
        })
    return {"rects": rects, "first": years[0], "last": years[-1]}

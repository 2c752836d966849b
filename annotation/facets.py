"""The facet "value category" of the incident list, and the categories shown on its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotation.models import CategoryAssignment, Round
from annotation.querysets import submitted_of_closed_rounds
from gvsir.facets import NONE, Choice, Facet, register
from gvsir.models import Incident, ValueDimension

KEY = "category"


def _main() -> QuerySet[CategoryAssignment]:
    """Return the main categories given in closed rounds."""
    return CategoryAssignment.objects.filter(
        is_main=True, assignment__status="submitted", assignment__round__status=Round.Status.CLOSED
    )


def choices(queryset: QuerySet[Any], chosen: Sequence[str]) -> list[Choice]:
    """Return the categories in scale order, with how many incidents of ``queryset`` have each as a main one."""
    rows = dict(
        _main()
        .filter(assignment__document__incident__in=queryset.order_by().values("pk"))
        .order_by()
        .values_list("category__key")
        .annotate(n=Count("assignment__document__incident", distinct=True))
    )
    newest: dict[str, ValueDimension] = {
        each.key: each
        for each in ValueDimension.objects.filter(pk__in=_main().values("category")).order_by("system__version", "order")
    }
    found = [
        Choice(each.key, each.label, rows.get(each.key, 0), {"dimension": each})
        for each in sorted(newest.values(), key=lambda one: one.order)
    ]
    found += [Choice(value, value, 0) for value in chosen if value not in newest and value != NONE]
    if newest or NONE in chosen:
        coded = _main().values("assignment__document__incident")
        found.append(Choice(NONE, gettext("Not coded"), queryset.order_by().exclude(pk__in=coded).count()))
    return found


def apply(queryset: QuerySet[Any], chosen: Sequence[str]) -> QuerySet[Any]:
    """Return the incidents to which any coder of a closed round gave one of the categories as the main one."""
    wanted = Q(pk__in=_main().filter(category__key__in=chosen).values("assignment__document__incident"))
    if NONE in chosen:
        wanted |= ~Q(pk__in=_main().values("assignment__document__incident"))
    return queryset.filter(wanted)


def dress_rows(incidents: list[Incident], request: Any) -> None:
    """Set ``category_badges`` on the incidents of a list: their main categories, and who gave them."""
    given = (
        CategoryAssignment.objects.filter(
            is_main=True, assignment__in=submitted_of_closed_rounds(request.user),
            assignment__document__incident__in=incidents,
        )
        .select_related("category", "assignment__round", "assignment__document")
        .order_by("category__order")
    )
    badges: dict[int, dict[int, dict[str, Any]]] = {}
    for each in given:
        entry = badges.setdefault(each.assignment.document.incident_id, {}).setdefault(
            each.category_id, {"dimension": each.category, "badges": set(), "url": f"?{KEY}={each.category.key}"}
        )
        if each.assignment.round.origin == Round.Origin.MODEL_MADE:
            entry["badges"].add("model-made")
    for incident in incidents:
        found = list(badges.get(incident.pk, {}).values())
        for place, entry in enumerate(found):  # one word of origin for the whole row
            entry["badges"] = sorted(entry["badges"]) if place == len(found) - 1 else []
        incident.category_badges = found  # type: ignore[attr-defined]


register(
    Facet(
        key=KEY, label=_("Value category (coded)"), choices=choices, apply=apply, order=20,
        hint=_("The main category that a coder of a closed round gave; the shipped coding is model-made."),
    )
)

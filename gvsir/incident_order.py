"""The orders in which incidents are listed, on pages, in files and through the API alike."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from gvsir.models import IncidentReport
from gvsir.search import query_tokens

NEWEST: Final = "newest"
MATCH: Final = "match"
SORTS: Final = (NEWEST, "reports", MATCH)


def sorts_for(query: str) -> tuple[str, ...]:
    """Return the orders there are; best match only where a word is searched for."""
    return SORTS if query_tokens(query) else tuple(each for each in SORTS if each != MATCH)


def ordered(queryset: QuerySet[Any], sort: str) -> QuerySet[Any]:
    """Return ``queryset`` with ``n_reports``, in a stable order: newest, most reports or best match first."""
    links = IncidentReport.objects.filter(incident=OuterRef("pk")).order_by().values("incident")
    counted: QuerySet[Any] = queryset.annotate(
        n_reports=Coalesce(Subquery(links.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0)
    )
    newest = (F("date").desc(nulls_last=True), F("number").desc())
    first = {"reports": [F("n_reports").desc()], MATCH: [F("search_rank").desc()]}.get(sort, [])
    result: QuerySet[Any] = counted.order_by(*first, *newest)
    return result

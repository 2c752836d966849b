"""The filters of the incident list: the facets of the page, and any public field of any taxonomy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Q, QuerySet
from rest_framework import exceptions
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from gvsir.api.filters import PAGING, refuse_unknown
from gvsir.facets import FACETS, NONE, QUERY, REPORT_BANDS, Facet, chosen_values, narrow
from gvsir.incident_order import MATCH, SORTS, ordered, sorts_for
from gvsir.models import ClassificationValue, Source, TaxonomyField

SOURCE: Final = "source"
VALUE: Final = "taxonomy_value"
SORT: Final = "sort"


def refuse(name: str, message: str) -> exceptions.ValidationError:
    """Return the error that names one parameter."""
    return exceptions.ValidationError({name: [message]})


class IncidentFilterBackend(BaseFilterBackend):
    """``q``, the facets, ``source`` and ``taxonomy_value``; what is repeated in one facet is joined by or."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return the incidents asked for; an unknown parameter or value is refused by name."""
        if view.action != "list":
            return queryset
        params = request.query_params
        refuse_unknown(request, {QUERY, SOURCE, VALUE, SORT, *FACETS, *PAGING})
        sort = _checked_sort(params.get(SORT, ""), params.get(QUERY, ""))
        for facet in FACETS.values():
            _check(facet, chosen_values(facet, params), queryset)
        for key in params.getlist(SOURCE):
            if not Source.objects.filter(key=key).exists():
                raise refuse(SOURCE, "There is no such source.")
            queryset = queryset.filter(source__key=key)
        for asked in params.getlist(VALUE):
            queryset = queryset.filter(pk__in=_classified(asked))
        found = narrow(queryset, params, ranked=sort == MATCH)
        return ordered(found, sort) if sort else found

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters for the schema."""
        many = {"type": "array", "items": {"type": "string"}}
        return [
            _parameter(QUERY, {"type": "string"}, "Every word must occur in title, description or entities."),
            *(
                _parameter(facet.key, many, f"{facet.label}. {facet.hint} Repeat for several, joined by or.")
                for facet in FACETS.values()
            ),
            _parameter(SOURCE, {"type": "string"}, "Key of the source the record was taken from."),
            _parameter(
                VALUE, many,
                "NAMESPACE:FIELD:VALUE, e.g. CSETv1:Tangible Harm:tangible harm definitively occurred; "
                "in a published classification. Repeat for several, joined by and.",
            ),
            _parameter(
                SORT, {"type": "string", "enum": list(SORTS)},
                "The order of the page and the files: newest, most reports or best match (with q only) first. "
                "Without it in the order in which the incidents were recorded.",
            ),
        ]


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name, "in": "query", "required": False, "schema": schema,
        "description": " ".join(description.split()),
    }


def _checked_sort(sort: str, query: str) -> str:
    """Return the order asked for, "" where none is."""
    if sort and sort not in SORTS:
        raise refuse(SORT, f"There is no sort {sort[:80]!r}. There are: {', '.join(SORTS)}.")
    if sort and sort not in sorts_for(query):
        raise refuse(SORT, f"Sort {sort} needs a word to search for, in {QUERY}.")
    return sort


def _check(facet: Facet, chosen: Sequence[str], visible: QuerySet[Any]) -> None:
    """Refuse a value that means nothing; a year without incidents does mean something."""
    if not chosen:
        return
    if facet.key == "year":
        for value in chosen:
            if value != NONE and not (value.isascii() and value.isdecimal() and 1 <= len(value) <= 4 and int(value)):
                raise refuse(facet.key, f"Give a year such as 2024, or {NONE}.")
        return
    if facet.key == "reports":
        if any(value not in REPORT_BANDS for value in chosen):
            raise refuse(facet.key, f"Give one of {', '.join(REPORT_BANDS)}.")
        return
    held = {choice.value for choice in facet.choices(visible, chosen) if choice.count}
    # A choice that is offered without being asked for means something, even where no incident has it.
    if set(chosen) - held and set(chosen) - held - {choice.value for choice in facet.choices(visible, ())}:
        raise refuse(facet.key, "No incident has this value.")


def _classified(asked: str) -> QuerySet[Any]:
    """Return the primary keys of the incidents whose published classification has NAMESPACE:FIELD:VALUE."""
    namespace, first, rest = asked.partition(":")
    if not first or ":" not in rest:
        raise refuse(VALUE, "Give NAMESPACE:FIELD:VALUE.")
    public = TaxonomyField.objects.filter(taxonomy_version__taxonomy__namespace=namespace, is_public=True)
    # A field's key may hold colons itself: the longest one that fits is meant.
    places = [place for place, character in enumerate(rest) if character == ":"]
    keys = {rest[:place]: rest[place + 1 :] for place in places}
    known = sorted(public.filter(key__in=keys).values_list("key", flat=True), key=len)
    if not known:
        raise refuse(VALUE, "There is no such taxonomy or public field.")
    value = keys[known[-1]]
    listed = Q(value__startswith="[", value__contains=json.dumps(value, ensure_ascii=False))
    found = (
        ClassificationValue.objects.filter(
            Q(value=value) | listed,
            field__key=known[-1], field__is_public=True,
            field__taxonomy_version__taxonomy__namespace=namespace,
            classification__is_published=True,
        ).values("classification__incident")
    )
    if not found.exists():
        raise refuse(VALUE, "No published classification has this value.")
    return found

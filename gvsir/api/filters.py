"""Filters of lists that refuse what they do not know, instead of ignoring it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import django_filters
from django import forms
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions
from rest_framework.request import Request

PAGING: Final = frozenset({"cursor", "page_size"})
FORMAT: Final = frozenset({"format"})


def refuse_null_characters(request: Request) -> None:
    """Raise a validation error that names each parameter with a null character; no database stores one."""
    bad = [name for name, values in request.query_params.lists() if any("\x00" in each for each in (name, *values))]
    if bad:
        raise exceptions.ValidationError({name: ["Null characters are not allowed."] for name in bad})


def refuse_unknown(request: Request, known: Iterable[str]) -> None:
    """Raise a validation error that names each parameter of the query that is not in ``known``."""
    refuse_null_characters(request)
    allowed = frozenset(known) | FORMAT
    unknown = [name for name in request.query_params if name not in allowed]
    if unknown:
        names = ", ".join(sorted(allowed - FORMAT)) or "none"
        raise exceptions.ValidationError(
            {name: [f"There is no such parameter here. There are: {names}."] for name in unknown}
        )


class StrictFilterBackend(DjangoFilterBackend):  # type: ignore[misc]
    """django-filter, but a parameter that no filter has is an error."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Refuse unknown parameters, then filter."""
        filterset_class = self.get_filterset_class(view, queryset)
        filters = filterset_class.base_filters if filterset_class is not None else ()
        refuse_unknown(request, {*filters, *getattr(view, "extra_parameters", ()), *PAGING})
        return super().filter_queryset(request, queryset, view)


class FilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """The filters of one list."""


class IntegerFilter(django_filters.NumberFilter):  # type: ignore[misc]
    """A whole number that fits a database column."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=0, max_value=2**31 - 1, **kwargs)


class StrictBooleanFilter(django_filters.TypedChoiceFilter):  # type: ignore[misc]
    """``true`` or ``false``; anything else is an error."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, choices=(("true", "true"), ("false", "false")), coerce=lambda value: value == "true", **kwargs
        )

"""Filters of lists that refuse what they do not know, instead of ignoring it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import django_filters
from django import forms
from django.db.models import Model, Q, QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import exceptions
from rest_framework.request import Request

from gvsir.models import Coder, Incident
from gvsir.permissions import allowed
from gvsir.redirects import ends_of_redirects

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


#: The records that a value may name, as far as somebody may know of them.
Known = Callable[[Any], QuerySet[Any]]


def every(model: type[Model]) -> Known:
    """Return all records of ``model`` for anybody: there is nothing to hide in that they exist."""

    def records(user: Any) -> QuerySet[Any]:
        found: QuerySet[Any] = model._default_manager.all()
        return found

    return records


def known_coders(user: Any) -> QuerySet[Coder]:
    """Return the coders whose being there is no secret: all that are no people, and oneself; for some roles all."""
    if allowed(user, "label.view"):
        return Coder.objects.all()
    own = Q(user=user) if user.is_authenticated else Q(pk__in=())
    return Coder.objects.filter(own | ~Q(kind=Coder.Kind.PERSON))


class _Known(django_filters.Filter):  # type: ignore[misc]
    """A filter that refuses a value which nothing has.

    ``known(user)`` gives the records that a value may name, ``by`` is the field it names them by. A value that a
    record of the list itself has is known too, and the only one where ``known`` is left out.
    """

    def __init__(self, *args: Any, known: Known | None = None, by: str = "pk", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = known
        self.by = by

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """Filter, unless nothing has the value."""
        if value not in django_filters.constants.EMPTY_VALUES and not self._is_known(value):
            name = next(key for key, each in self.parent.filters.items() if each is self)
            raise exceptions.ValidationError({name: [self.unknown(name, value)]})
        narrowed: QuerySet[Any] = super().filter(qs, value)
        return narrowed

    def _is_known(self, value: Any) -> bool:
        if self.known is not None and self.known(self.parent.request.user).filter(**{self.by: value}).exists():
            return True
        return bool(self.parent.queryset.filter(**{self.field_name: value}).exists())

    def unknown(self, name: str, value: Any) -> str:
        """Return what is wrong with the value, as a sentence."""
        return f"There is no {name.replace('_', ' ')} {str(value)[:80]!r} here."


class KnownTextFilter(_Known, django_filters.CharFilter):  # type: ignore[misc]
    """A key, name or other text that something has."""


class KnownNumberFilter(_Known, IntegerFilter):
    """A primary key, version or other number that something has."""


class IncidentNumberFilter(KnownNumberFilter):
    """The number of an incident that the caller may see."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args, known=lambda user: Incident.objects.all().visible_to(user), by="number",
            label=kwargs.pop("label", "Number of the incident."), **kwargs,
        )

    def unknown(self, name: str, value: Any) -> str:
        """Return where a merged number leads, or that there is no such incident."""
        end = ends_of_redirects([value]).get(value)
        return super().unknown(name, value) if end is None else f"Incident {value} was merged into {end}; ask for that."

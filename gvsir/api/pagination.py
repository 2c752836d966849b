"""Cursor paging with a stable order."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request


class StableCursorPagination(CursorPagination):
    """Order by primary key, so that inserts neither lose nor repeat a row."""

    ordering = "pk"
    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        """Return the one order there is, whatever the queryset's."""
        return ("pk",)

    def get_page_size(self, request: Request) -> int:
        """Return ``page_size``; anything but a whole number from 1 to ``max_page_size`` is refused."""
        given = request.query_params.get("page_size")
        if given is None:
            return self.page_size
        if not (given.isascii() and given.isdecimal() and 1 <= int(given[:9]) <= self.max_page_size):
            raise exceptions.ValidationError(
                {"page_size": [f"Give a whole number from 1 to {self.max_page_size}."]}
            )
        return int(given)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the place that ``cursor`` names; a made-up one is refused."""
        refusal = exceptions.ValidationError({"cursor": ["This is not a cursor of this list."]})
        try:
            cursor = super().decode_cursor(request)
        except exceptions.NotFound as error:
            raise refusal from error
        position = str(cursor.position) if cursor is not None and cursor.position is not None else None
        if position is not None and not (position.isascii() and position.isdecimal() and len(position) < 19):
            raise refusal
        return cursor


class SortedCursorPagination(StableCursorPagination):
    """Pages in the order of the queryset where the address asks for one with ``sort``; else by primary key.

    A cursor names the row that the page before ended with, so that inserts neither lose nor repeat a row; its
    place counts only where that row is in the list no more. The database sorts the whole list either way, so
    the primary keys in order are read, and the rows of the page alone.
    """

    _links: tuple[str | None, str | None] | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """Return the rows of the page."""
        if not request.query_params.get("sort"):
            return super().paginate_queryset(queryset, request, view)
        keys = list(queryset.values_list("pk", flat=True))
        size = self.get_page_size(request)
        self.request, self.base_url = request, request.build_absolute_uri()
        self.offset_cutoff = max(len(keys), 1)
        start, end = self._slice(self.decode_cursor(request), keys, size)
        shown = keys[start:end]
        rows = {row.pk: row for row in queryset.filter(pk__in=shown)}
        self._links = (
            self.encode_cursor(Cursor(end, False, keys[end - 1])) if 0 < end < len(keys) else None,
            self.encode_cursor(Cursor(start, True, keys[start])) if 0 < start < len(keys) else None,
        )
        return [rows[key] for key in shown if key in rows]

    @staticmethod
    def _slice(cursor: Cursor | None, keys: list[int], size: int) -> tuple[int, int]:
        """Return where the page starts and ends in ``keys``."""
        if cursor is None:
            return 0, min(size, len(keys))
        key = int(cursor.position) if cursor.position is not None else None
        if cursor.reverse:
            end = keys.index(key) if key in keys else min(cursor.offset, len(keys))
            return max(0, end - size), end
        start = keys.index(key) + 1 if key in keys else min(cursor.offset, len(keys))
        return start, min(start + size, len(keys))

    def get_next_link(self) -> str | None:
        """Return the address of the next page."""
        return super().get_next_link() if self._links is None else self._links[0]

    def get_previous_link(self) -> str | None:
        """Return the address of the page before."""
        return super().get_previous_link() if self._links is None else self._links[1]

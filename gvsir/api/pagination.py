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

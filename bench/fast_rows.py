"""Writing many rows in one statement prepared once: the only place where this app writes SQL itself.

``bulk_update`` builds an expression per row and column, and ``update`` compiles a query per row; at a thousand
answers a second either would take more time than asking the models. Names come from the models, values are bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection, models


def insert_ignoring_conflicts(model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert ``rows``; one whose unique key exists is passed over."""
    chosen = _fields(model, tuple(fields))
    columns = ", ".join(_quoted(field.column) for field in chosen)
    marks = ", ".join(["%s"] * len(chosen))
    sql = f"INSERT INTO {_quoted(model._meta.db_table)} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
    prepared = [_prepared(chosen, row) for row in rows]
    if prepared:
        with connection.cursor() as cursor:
            cursor.executemany(sql, prepared)


def update_where(
    model: type[models.Model], fields: Sequence[str], where: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Set ``fields`` where the fields ``where`` have the given values; return how many rows changed.

    Each row gives the values of ``fields``, then those of ``where``.
    """
    chosen = _fields(model, tuple(fields) + tuple(where))
    sets = ", ".join(f"{_quoted(field.column)} = %s" for field in chosen[: len(fields)])
    conditions = " AND ".join(f"{_quoted(field.column)} = %s" for field in chosen[len(fields):])
    sql = f"UPDATE {_quoted(model._meta.db_table)} SET {sets} WHERE {conditions}"  # noqa: S608
    prepared = [_prepared(chosen, row) for row in rows]
    if not prepared:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(sql, prepared)
        return int(cursor.rowcount)


@cache
def _fields(model: type[models.Model], names: tuple[str, ...]) -> list[Any]:
    return [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in names]


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _prepared(fields: Sequence[Any], row: Sequence[Any]) -> list[Any]:
    return [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]

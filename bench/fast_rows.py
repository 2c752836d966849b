"""Writing many rows in one statement: the only place where this app writes SQL itself.

``bulk_update`` builds an expression per row and column, and ``update`` compiles a query per row; at a thousand
answers a second either would take more time than asking the models. One statement for many rows also lets go of
the interpreter's lock once, not once a row. Names come from the models, values are bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

_ROWS_A_STATEMENT = 100


def insert_ignoring_conflicts(
    model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[Any]], *, returning: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Insert ``rows``; one whose unique key exists is passed over.

    Return the fields ``returning`` of the rows that were inserted, in any order; nothing where none are named.
    """
    chosen = _fields(model, tuple(fields))
    columns = ", ".join(_quoted(field.column) for field in chosen)
    head = f"INSERT INTO {_quoted(model._meta.db_table)} ({columns}) VALUES "  # noqa: S608
    row_marks = f"({', '.join(['%s'] * len(chosen))})"
    tail = "ON CONFLICT DO NOTHING"
    if returning:
        tail += f" RETURNING {', '.join(_quoted(field.column) for field in _fields(model, tuple(returning)))}"
    inserted: list[tuple[Any, ...]] = []
    for number, values in _statements(chosen, rows):
        with connection.cursor() as cursor:
            cursor.execute(f"{head}{', '.join([row_marks] * number)} {tail}", values)
            if returning:
                inserted += cursor.fetchall()
    return inserted


def update_where(
    model: type[models.Model], fields: Sequence[str], where: Sequence[str], rows: Iterable[Sequence[Any]]
) -> int:
    """Set ``fields`` where the fields ``where`` have the given values; return how many rows changed.

    Each row gives the values of ``fields``, then those of ``where``. SQLite and PostgreSQL both name the columns
    of a ``VALUES`` list column1, column2 …
    """
    chosen = _fields(model, tuple(fields) + tuple(where))
    table = _quoted(model._meta.db_table)
    sets = ", ".join(f"{_quoted(field.column)} = v.column{i + 1}" for i, field in enumerate(chosen[: len(fields)]))
    conditions = " AND ".join(
        f"{table}.{_quoted(field.column)} = v.column{i + 1}" for i, field in enumerate(chosen) if i >= len(fields)
    )
    row_marks = f"({', '.join(_mark(field) for field in chosen)})"
    changed = 0
    for number, values in _statements(chosen, rows):
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET {sets} FROM (VALUES {', '.join([row_marks] * number)}) AS v WHERE {conditions}",  # noqa: S608
                values,
            )
            changed += int(cursor.rowcount)
    return changed


@cache
def _fields(model: type[models.Model], names: tuple[str, ...]) -> list[Any]:
    return [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in names]


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _mark(field: Any) -> str:
    """Return the mark of a value; PostgreSQL must be told the type, which it cannot see in a list of values."""
    if connection.vendor != "postgresql":
        return "%s"
    return f"CAST(%s AS {field.rel_db_type(connection) if field.primary_key else field.db_type(connection)})"


def _statements(fields: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[tuple[int, list[Any]]]:
    """Yield the number of rows and all their values, for one statement after the other."""
    converters = [_converter(field.__class__) for field in fields]
    number, values = 0, []
    for row in rows:
        for field, convert, value in zip(fields, converters, row, strict=True):
            values.append(value if value is None else convert(field, value))
        number += 1
        if number == _ROWS_A_STATEMENT:
            yield number, values
            number, values = 0, []
    if number:
        yield number, values


def _as_it_is(field: Any, value: Any) -> Any:
    return value


def _as_text(field: Any, value: Any) -> Any:
    return value if type(value) is str else str(value)


def _by_field(field: Any, value: Any) -> Any:
    return field.get_db_prep_save(value, connection)


@cache
def _converter(kind: type[models.Field[Any, Any]]) -> Callable[[Any, Any], Any]:
    """Return the shortest way from a value to what the driver takes."""
    if issubclass(kind, models.CharField | models.TextField):
        return _as_text
    if issubclass(kind, models.IntegerField | models.FloatField | models.ForeignKey):
        return _as_it_is
    return _by_field

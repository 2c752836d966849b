"""Read the published scores of Value Compass: models, and tables of model x dimension by period and system.

The file is a JSON object: ``models`` (model, developer, type Open/Close, release_date), ``case_counts``,
``scores_2025_02`` (system -> model -> dimension -> number, 0 to 100) and ``snapshot_2024.schwartz``
(-1 to 1). ``null`` is "not published"; every model of a table names the same dimensions.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from gvsir.exceptions import FormatError

#: publisher's key of a system -> (our key, publisher's key of its case count)
SYSTEMS: Final = {
    "schwartz": ("schwartz", "Schwartz"),
    "mft": ("mft", "MFT"),
    "safety": ("salad", "Risk"),
    "llm_unique": ("llm_unique", "FULVa"),
}


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A language model as the publisher describes it."""

    name: str
    developer: str = ""
    is_open_weights: bool | None = None
    release_date: datetime.date | None = None


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One table: ``values[model][dimension]``, dimensions by the publisher's names."""

    key: str
    period: str
    system: str
    scale: tuple[float, float]
    n_cases: int | None
    dimensions: tuple[str, ...]
    values: dict[str, dict[str, float | None]]


@dataclass(frozen=True, kw_only=True)
class PublishedScores:
    """Everything the file holds."""

    source: str
    models: tuple[PublishedModel, ...]
    tables: tuple[PublishedTable, ...]


def read(data: bytes, *, source: str) -> PublishedScores:
    """Return the content of the file ``source``, or say what is wrong with it.

    Raises
    ------
    FormatError
        Not UTF-8, not JSON, or a record that is not as described above; names record and field.
    """
    root = _parsed(data, source)
    models = tuple(_model(each, number, source) for number, each in enumerate(_need(root, "models", list, source), 1))
    names = [each.name for each in models]
    for number, name in enumerate(names, 1):
        if names.index(name) != number - 1:
            raise FormatError(f"The model {name} is listed twice.", source=source, line=number, field="models.model")
    cases = _need(root, "case_counts", dict, source)
    tables = [
        _table(
            values, source=source, path=f"scores_2025_02.{theirs}", system=SYSTEMS[theirs][0], period="2025-02",
            scale=(0.0, 100.0), n_cases=_count(cases, SYSTEMS[theirs][1], source), known=names,
        )
        for theirs, values in _systems(_need(root, "scores_2025_02", dict, source), source)
    ]
    snapshot = _need(root, "snapshot_2024", dict, source)
    tables.append(
        _table(
            _need(snapshot, "schwartz", dict, source, "snapshot_2024."), source=source, path="snapshot_2024.schwartz",
            system="schwartz", period="2024", scale=(-1.0, 1.0), n_cases=None, known=None,
        )
    )
    listed = {name for table in tables for name in table.values}
    extra = tuple(PublishedModel(name=name) for name in sorted(listed.difference(names)))
    return PublishedScores(source=source, models=models + extra, tables=tuple(tables))


def _parsed(data: bytes, source: str) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError("This is not UTF-8 text.", source=source, line=line) from error
    try:
        root = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise FormatError(f"This is not JSON ({error.msg}).", source=source, line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"This is not JSON ({error}).", source=source) from error
    if not isinstance(root, dict):
        raise FormatError("A JSON object is expected.", source=source, line=1)
    return root


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"{key!r} stands twice in one object")
        result[key] = value
    return result


def _need(record: dict[str, Any], key: str, kind: type[Any], source: str, path: str = "") -> Any:
    value = record.get(key)
    if not isinstance(value, kind) or not value:
        wanted = "a list" if kind is list else "an object"
        raise FormatError(f"{wanted.capitalize()} that is not empty is expected here.", source=source, field=path + key)
    return value


def _model(record: Any, number: int, source: str) -> PublishedModel:
    if not isinstance(record, dict):
        raise FormatError("An object is expected.", source=source, line=number, field="models")

    def text(key: str) -> str:
        value = record.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > 120:
            raise FormatError(
                f"Record {number}: a text of 1 to 120 characters is expected.", source=source, line=number,
                field=f"models.{key}",
            )
        return value.strip()

    openness = {"Open": True, "Close": False}.get(text("type"))
    if openness is None:
        raise FormatError(f"Record {number}: Open or Close is expected.", source=source, line=number, field="models.type")
    try:
        date = datetime.date.fromisoformat(text("release_date"))
    except ValueError as error:
        raise FormatError(
            f"Record {number}: {record['release_date']!r} is no date (year-month-day).", source=source, line=number,
            field="models.release_date",
        ) from error
    return PublishedModel(
        name=text("model"), developer=text("developer"), is_open_weights=openness, release_date=date
    )


def _count(record: dict[str, Any], key: str, source: str) -> int:
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FormatError("A count is expected.", source=source, field=f"case_counts.{key}")
    return value


def _systems(tables: dict[str, Any], source: str) -> Iterable[tuple[str, dict[str, Any]]]:
    for theirs in tables:
        if theirs not in SYSTEMS:
            raise FormatError(
                f"This system is not known; {', '.join(SYSTEMS)} are.", source=source, field=f"scores_2025_02.{theirs}"
            )
        yield theirs, _need(tables, theirs, dict, source, "scores_2025_02.")


def _table(
    values: dict[str, Any], *, source: str, path: str, system: str, period: str, scale: tuple[float, float],
    n_cases: int | None, known: list[str] | None,
) -> PublishedTable:
    dimensions: tuple[str, ...] = ()
    for number, (name, row) in enumerate(values.items(), 1):
        place = f"{path}.{name}"
        if known is not None and name not in known:
            raise FormatError("This model is not in the list of models.", source=source, line=number, field=place)
        if not isinstance(row, dict) or not row:
            raise FormatError("An object of dimensions is expected.", source=source, line=number, field=place)
        dimensions = dimensions or tuple(row)
        for different in sorted(set(dimensions).symmetric_difference(row)):
            raise FormatError(
                "Not every model of this table has this dimension.", source=source, line=number,
                field=f"{place}.{different}",
            )
        for dimension, value in row.items():
            if value is not None and not _is_score(value, scale):
                raise FormatError(
                    f"{value!r} is no number from {scale[0]:g} to {scale[1]:g}.", source=source, line=number,
                    field=f"{place}.{dimension}",
                )
    return PublishedTable(
        key=f"value-compass-{period}", period=period, system=system, scale=scale, n_cases=n_cases,
        dimensions=dimensions, values=values,
    )


def _is_score(value: Any, scale: tuple[float, float]) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        and scale[0] <= value <= scale[1]
    )

"""The AI Incident Database's snapshot: incidents, classifications, taxonomies, entities, duplicates.

Takes a folder of its CSV files (plain or gzipped) or the official archive. Files that its licence does
not cover (``submissions``, ``reports``) are never opened.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from gvsir.exceptions import FormatError
from gvsir.formats.csv_rows import Row, read_rows
from gvsir.formats.file_set import FileSet
from gvsir.formats.spreadsheet import is_formula
from gvsir.formats.taxonomy_json import LONGEST_KEY, TaxonomyDefinition, has_surrogate, read_taxonomies

DEPLOYERS: Final = "Alleged deployer of AI system"
DEVELOPERS: Final = "Alleged developer of AI system"
HARMED: Final = "Alleged harmed or nearly harmed parties"
INCIDENT_COLUMNS: Final = (
    "incident_id", "date", "reports", DEPLOYERS, DEVELOPERS, HARMED, "description", "title",
)
LONGEST_TITLE: Final = 500
LONGEST_SLUG: Final = 200
LONGEST_NAME: Final = 300
HIGHEST_NUMBER: Final = 2_000_000_000
NOT_FIELDS: Final = frozenset({"Namespace", "Incident ID", "Published"})

_CLASSIFICATIONS = re.compile(
    r"classifications_(?P<namespace>[A-Za-z0-9._-]{1,60}?)(?:_Annotator-(?P<annotator>[0-9]{1,4}))?\.csv"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OTHERS = frozenset({"incidents.csv", "entities.csv", "duplicates.csv", "taxa.json"})
_OBJECT_ID = re.compile(r"ObjectId\(([0-9a-f]{8})[0-9a-f]{16}\)")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class IncidentRow:
    """One incident as AIID gives it. ``created`` is the moment its record was made there, if told."""

    line: int
    incident_id: int
    title: str
    description: str
    date: datetime.date | None
    reports: tuple[int, ...]
    deployers: tuple[str, ...]
    developers: tuple[str, ...]
    harmed: tuple[str, ...]
    created: datetime.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ClassificationRow:
    """One incident's cells in one file; blank cells are left out."""

    line: int
    incident_id: int
    is_published: bool
    values: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ClassificationFile:
    """One file of classifications: whose, and by which taxonomy. ``annotator`` is 0 for the record itself."""

    name: str
    namespace: str
    annotator: int


@dataclass(frozen=True, kw_only=True)
class DuplicateRow:
    """An incident number that means another one."""

    line: int
    number: int
    true_number: int


class _CellError(Exception):
    """A cell is not what its column wants."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _wanted(name: str) -> bool:
    return name in _OTHERS or (name.startswith("classifications_") and name.endswith(".csv"))


@dataclass
class AiidSnapshot:
    """A snapshot, read file by file. Bad rows are listed in ``errors``, formula cells in ``warnings``.

    Raises
    ------
    FormatError
        The path cannot be read, or holds no ``incidents.csv``.
    """

    path: Path
    errors: list[FormatError] = field(default_factory=list)
    warnings: list[FormatError] = field(default_factory=list)
    files: FileSet = field(init=False)

    def __post_init__(self) -> None:
        """Find the files."""
        self.files = FileSet(self.path, _wanted)
        if "incidents.csv" not in self.files.names:
            raise FormatError("There is no incidents.csv here.", source=self.path.name)

    def incidents(self) -> Iterator[IncidentRow]:
        """Yield the incidents; a number met before is an error, and so is a file without any row."""
        seen: dict[int, int] = {}
        errors_before = len(self.errors)

        def parse(row: Row) -> IncidentRow:
            incident = _incident(row)
            if incident.incident_id in seen:
                raise _CellError("incident_id", f"The incident stands on line {seen[incident.incident_id]} already.")
            seen[incident.incident_id] = row.line
            return incident

        yield from self._rows("incidents.csv", INCIDENT_COLUMNS, parse)
        if not seen and len(self.errors) == errors_before:
            self.errors.append(FormatError("There is no row below the heading.", source="incidents.csv", line=1))

    def classification_files(self) -> list[ClassificationFile]:
        """Return the files of classifications there are; one whose name says no taxonomy is an error."""
        found = []
        for name in self.files.names:
            if name in _OTHERS:
                continue
            match = _CLASSIFICATIONS.fullmatch(name)
            if match is None:
                self.errors.append(
                    FormatError("The name is not classifications_TAXONOMY.csv, so the file is left out.", source=name)
                )
            else:
                found.append(
                    ClassificationFile(
                        name=name, namespace=match["namespace"], annotator=int(match["annotator"] or 0)
                    )
                )
        return found

    def classifications(self, name: str) -> Iterator[ClassificationRow]:
        """Yield the classifications of one file; an incident met before in it is an error."""
        seen: dict[int, int] = {}

        def parse(row: Row) -> ClassificationRow:
            number = _number(row, "Incident ID")
            if number in seen:
                raise _CellError("Incident ID", f"The incident stands on line {seen[number]} already.")
            seen[number] = row.line
            return ClassificationRow(
                line=row.line, incident_id=number, is_published=_boolean(row, "Published"),
                values={key: cell for key, cell in row.cells.items() if cell and key not in NOT_FIELDS},
            )

        yield from self._rows(name, ("Incident ID", "Published"), parse)

    def columns(self, name: str) -> list[str]:
        """Return the keys of the fields that a file of classifications has, in order.

        Raises
        ------
        FormatError
            A heading is longer than a key may be.
        """
        with self.files.open(name) as stream:
            for row in read_rows(stream, source=name, on_error=lambda error: None):
                for key in row.cells:
                    if len(key) > LONGEST_KEY:
                        raise FormatError(
                            f"The heading has {len(key)} characters; the limit is {LONGEST_KEY}.",
                            source=name, line=1, field=f"{key[:40]}…",
                        )
                return [key for key in row.cells if key not in NOT_FIELDS]
        return []

    def duplicates(self) -> Iterator[DuplicateRow]:
        """Yield the numbers that mean other numbers; nothing where there is no such file."""
        old, new = "duplicate_incident_number", "true_incident_number"
        yield from self._rows(
            "duplicates.csv", (old, new),
            lambda row: DuplicateRow(line=row.line, number=_number(row, old), true_number=_number(row, new)),
        )

    def entity_names(self) -> dict[str, str]:
        """Return the names of entities by slug; nothing where there is no such file."""

        def parse(row: Row) -> tuple[str, str]:
            return _text(row, "entity_id", LONGEST_SLUG), _text(row, "name", LONGEST_NAME)

        return dict(self._rows("entities.csv", ("entity_id", "name"), parse))

    def taxonomies(self) -> dict[str, TaxonomyDefinition]:
        """Return the taxonomies by namespace; nothing where there is no ``taxa.json``.

        Raises
        ------
        FormatError
            The file is not the JSON it should be.
        """
        if "taxa.json" not in self.files.names:
            return {}
        with self.files.open("taxa.json") as stream:
            return read_taxonomies(stream, source="taxa.json")

    def _rows(self, name: str, required: tuple[str, ...], parse: Callable[[Row], T]) -> Iterator[T]:
        if name not in self.files.names:
            return
        with self.files.open(name) as stream:
            for row in read_rows(stream, source=name, required=required, on_error=self.errors.append):
                try:
                    result = parse(row)
                except _CellError as error:
                    self.errors.append(
                        FormatError(str(error), source=name, line=row.line, field=error.field)
                    )
                    continue
                self._warn_of_formulas(name, row)
                yield result

    def _warn_of_formulas(self, name: str, row: Row) -> None:
        for key, cell in row.cells.items():
            if is_formula(cell):
                self.warnings.append(
                    FormatError(
                        f"A spreadsheet would run this cell as a formula ({cell[:20]!r}); kept as it is, "
                        "made harmless in exports.",
                        source=name, line=row.line, field=key,
                    )
                )


def _number(row: Row, key: str) -> int:
    cell = row.cells[key].strip()
    if not cell:
        raise _CellError(key, "The number is missing.")
    digits = cell.lstrip("0")
    if not (digits and cell.isascii() and cell.isdecimal()):
        raise _CellError(key, f"{cell[:40]!r} is not a number above 0.")
    if len(digits) > len(str(HIGHEST_NUMBER)) or int(digits) > HIGHEST_NUMBER:
        raise _CellError(key, f"{cell[:40]!r} is too large; the highest number is {HIGHEST_NUMBER:,}.")
    return int(digits)


def _boolean(row: Row, key: str) -> bool:
    cell = row.cells[key].strip().lower()
    if cell not in {"true", "false"}:
        raise _CellError(key, f"{cell[:40]!r} is neither True nor False.")
    return cell == "true"


def _text(row: Row, key: str, most: int) -> str:
    cell = row.cells[key].strip()
    if not cell:
        raise _CellError(key, "The cell is empty.")
    if len(cell) > most:
        raise _CellError(key, f"The text has {len(cell)} characters; the limit is {most}.")
    return cell


def _date(row: Row, key: str) -> datetime.date | None:
    cell = row.cells[key].strip()
    if not cell:
        return None
    with contextlib.suppress(ValueError):
        if _DATE.fullmatch(cell):  # fromisoformat also takes 20240517 and 2024-W20-5
            return datetime.date.fromisoformat(cell)
    raise _CellError(key, f"{cell[:40]!r} is not a date (YYYY-MM-DD).")


def _array(row: Row, key: str) -> list[Any]:
    cell = row.cells[key].strip()
    try:
        values = json.loads(cell) if cell else []
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list):
        raise _CellError(key, f"{cell[:40]!r} is not a JSON array.")
    return values


def _reports(row: Row) -> tuple[int, ...]:
    values = _array(row, "reports")
    if not all(type(value) is int and value > 0 for value in values):
        raise _CellError("reports", f"{row.cells['reports'][:40]!r} is not a JSON array of numbers.")
    if any(value > HIGHEST_NUMBER for value in values):
        raise _CellError("reports", f"A report's number is too large; the highest number is {HIGHEST_NUMBER:,}.")
    return tuple(dict.fromkeys(values))


def _slugs(row: Row, key: str) -> tuple[str, ...]:
    values = _array(row, key)
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise _CellError(key, "This is not a JSON array of names.")
    if any(len(value) > LONGEST_SLUG for value in values):
        raise _CellError(key, f"A name has over {LONGEST_SLUG} characters.")
    if any("\x00" in value or has_surrogate(value) for value in values):
        raise _CellError(key, "A name holds a character that no text may hold.")
    return tuple(dict.fromkeys(value.strip() for value in values))


def _incident(row: Row) -> IncidentRow:
    made = _OBJECT_ID.fullmatch(row.cells.get("_id", ""))
    return IncidentRow(
        line=row.line,
        incident_id=_number(row, "incident_id"),
        title=_text(row, "title", LONGEST_TITLE),
        description=row.cells["description"].strip().replace("\r\n", "\n").replace("\r", "\n"),
        date=_date(row, "date"),
        reports=_reports(row),
        deployers=_slugs(row, DEPLOYERS),
        developers=_slugs(row, DEVELOPERS),
        harmed=_slugs(row, HARMED),
        created=datetime.datetime.fromtimestamp(int(made[1], 16), tz=datetime.UTC) if made else None,
    )

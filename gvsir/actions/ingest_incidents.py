"""Import incidents from a file of another repository: idempotent, row by row, all in one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from gvsir.actions.ingest_classifications import Counts, ingest_file
from gvsir.actions.ingest_links import BATCH, Links, sync_entities, sync_links, sync_reports
from gvsir.actions.number_incidents import take_numbers
from gvsir.actions.redirect_incident import redirect_incident
from gvsir.exceptions import FormatError, InvalidTransitionError
from gvsir.formats.aiid import AiidSnapshot, DuplicateRow, IncidentRow
from gvsir.harm import harm_of
from gvsir.models import EntityRole, Incident, IncidentRedirect, LogEntry, Source
from gvsir.permissions import require
from gvsir.search import index_incidents, refresh_statistics

AIID: Final = {
    "name": "AI Incident Database (AIID)",
    "url": "https://incidentdatabase.ai/",
    "licence": "CC BY-SA 4.0",
    "attribution": (
        "AI Incident Database (AIID), Responsible AI Collaborative, incidentdatabase.ai. Classifications: Georgetown "
        "CSET (CSETv0, CSETv1); N. Pittaras and S. McGregor (GMF); S. Mylius, MIT FutureTech (MIT, produced by a "
        "language model)."
    ),
}


class Progress(Protocol):
    """Told what is being done, how many steps are done, and of how many."""

    def __call__(self, step: str, done: int, total: int) -> None:
        """Take note."""


@dataclass
class IngestSummary:
    """What an import did. Counts are of incidents unless they say otherwise.

    ``duplicates`` counts the numbers that the source says mean another incident; ``rejected`` the rows, of
    whatever file, that were refused and are listed in ``errors``.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    redirects: int = 0
    reports: int = 0
    classifications: Counts = field(default_factory=Counts)
    errors: list[FormatError] = field(default_factory=list)
    warnings: list[FormatError] = field(default_factory=list)
    is_dry_run: bool = False

    @property
    def rejected(self) -> int:
        """How many rows were refused."""
        return len(self.errors)

    @property
    def accepted(self) -> int:
        """How many incidents of the file are in the database now."""
        return self.created + self.updated + self.unchanged

    @property
    def changed_anything(self) -> bool:
        """Whether the database is another than before."""
        counts = self.classifications
        return bool(self.created + self.updated + self.redirects + self.reports + counts.created + counts.updated)

    def as_json(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "errors": [_place(error) for error in self.errors],
            "warnings": [_place(warning) for warning in self.warnings],
            "classifications": asdict(self.classifications),
            "redirects_created": self.redirects,
            "reports_created": self.reports,
            "dry_run": self.is_dry_run,
        }


def _place(error: FormatError) -> dict[str, Any]:
    return {"source": error.source, "line": error.line, "field": error.field, "message": error.message}


def _silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


@transaction.atomic
def ingest_aiid(
    path: Path,
    *,
    actor: AbstractBaseUser | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> IngestSummary:
    """Import an AIID snapshot: incidents, entities, report numbers, classifications, redirects.

    Good rows go in, bad rows are listed. What is there already is changed only where the file differs; an
    incident that the file lacks stays; a withdrawn incident stays withdrawn.

    Parameters
    ----------
    path : Path
        A folder with the CSV files, plain or gzipped, or the official archive.
    actor : user, optional
        Who asked; None for a command run by hand.
    dry_run : bool
        Do everything, then undo it.
    progress : callable, optional
        Told of each step.

    Raises
    ------
    FormatError
        The files cannot be read; nothing has been written.
    PermissionRefusedError
        The actor may not import.
    """
    if actor is not None:
        require(actor, "incident.import")
    tell = progress or _silent
    snapshot = AiidSnapshot(path)
    files = snapshot.classification_files()
    total = len(files) + 4
    tell("reading", 0, total)
    taxonomies = snapshot.taxonomies()
    names = snapshot.entity_names()
    rows = list(snapshot.incidents())
    summary = IngestSummary(errors=snapshot.errors, warnings=snapshot.warnings, is_dry_run=dry_run)

    tell("incidents", 1, total)
    source = _source(rows)
    changed, keys = _write_incidents(rows, names, source, summary, actor)
    for done, file in enumerate(files, 2):
        tell(file.name, done, total)
        ingest_file(
            snapshot, file, taxonomies=taxonomies, source=source, incidents=keys, counts=summary.classifications
        )
    tell("redirects", total - 2, total)
    _write_redirects(list(snapshot.duplicates()), source, summary, actor)
    tell("search index", total - 1, total)
    index_incidents(changed)
    if summary.changed_anything:
        _log(source, summary, actor)
        refresh_statistics()
    if dry_run or not summary.accepted:
        transaction.set_rollback(True)
    tell("done", total, total)
    return summary


#: Format named on the command line -> the action that imports it.
FORMATS: Final[dict[str, Callable[..., IngestSummary]]] = {"aiid": ingest_aiid}


def _source(rows: list[IncidentRow]) -> Source:
    """Return the source, its version the day of the newest record seen so far."""
    source, _ = Source.objects.get_or_create(key="aiid", defaults=AIID)
    newest = max((row.created for row in rows if row.created), default=None)
    version = f"records to {newest:%Y-%m-%d}" if newest else ""
    if version > source.version:
        source.version = version
        source.save(update_fields=["version"])
    return source


def _write_incidents(
    rows: list[IncidentRow],
    names: dict[str, str],
    source: Source,
    summary: IngestSummary,
    actor: AbstractBaseUser | None,
) -> tuple[set[int], dict[int, int]]:
    """Write incidents with entities and reports; return the changed ones, and all keys by source number."""
    existing = {incident.source_record_id: incident for incident in Incident.objects.filter(source=source)}
    new = [row for row in rows if str(row.incident_id) not in existing]
    numbers = take_numbers([row.incident_id for row in new])
    made = bulk_create_with_history(
        [_new_incident(row, number, source) for row, number in zip(new, numbers, strict=True)],
        Incident, batch_size=BATCH, default_user=actor, default_change_reason=_reason(source),
    )
    edited = [existing[str(row.incident_id)] for row in rows if _edit(existing.get(str(row.incident_id)), row)]
    if edited:
        bulk_update_with_history(
            edited, Incident, ["title", "description", "date", "date_precision", "harm", "updated_at"],
            batch_size=BATCH, default_user=actor, default_change_reason=_reason(source),
        )
    existing |= {incident.source_record_id: incident for incident in made}

    wanted = {existing[str(row.incident_id)].pk: _links(row) for row in rows}
    slugs = {slug for links in wanted.values() for _, slug in links.roles}
    entities, renamed = sync_entities(slugs, names)
    reports, summary.reports = sync_reports(source, {n for links in wanted.values() for n in links.reports})
    relinked = sync_links(wanted, entities, reports, source)

    created = {incident.pk for incident in made}
    updated = ({incident.pk for incident in edited} | relinked) - created
    summary.created = len(created)
    summary.updated = len(updated)
    summary.unchanged = len(wanted) - len(created) - len(updated)
    to_index = created | updated
    if renamed:
        to_index |= set(EntityRole.objects.filter(entity__in=renamed).values_list("incident_id", flat=True))
    return to_index, {int(record): incident.pk for record, incident in existing.items()}


def _reason(source: Source) -> str:
    return f"Imported from {source.name}, {source.version}"[:100]


def _new_incident(row: IncidentRow, number: int, source: Source) -> Incident:
    return Incident(
        number=number, source=source, source_record_id=str(row.incident_id), status=Incident.Status.PUBLISHED,
        title=row.title, description=row.description, date=row.date, date_precision=_precision(row.date),
        harm=harm_of(row.title, row.description),
    )


def _precision(date: datetime.date | None) -> str:
    return Incident.DatePrecision.DAY if date else Incident.DatePrecision.UNKNOWN


def _edit(incident: Incident | None, row: IncidentRow) -> bool:
    """Change ``incident`` where the row differs; return whether it did."""
    if incident is None:
        return False
    values = {"title": row.title, "description": row.description, "date": row.date}
    if all(getattr(incident, name) == value for name, value in values.items()):
        return False
    for name, value in values.items():
        setattr(incident, name, value)
    incident.date_precision = _precision(row.date)
    incident.harm = incident.harm or harm_of(row.title, row.description)
    incident.updated_at = timezone.now()
    return True


def _links(row: IncidentRow) -> Links:
    role = EntityRole.Role
    named = ((role.DEPLOYER, row.deployers), (role.DEVELOPER, row.developers), (role.HARMED, row.harmed))
    return Links(
        roles=frozenset((str(each), slug) for each, slugs in named for slug in slugs),
        reports=frozenset(str(number) for number in row.reports),
    )


def _write_redirects(
    rows: list[DuplicateRow], source: Source, summary: IngestSummary, actor: AbstractBaseUser | None
) -> None:
    """Redirect the public numbers of incidents that the source merged; a number of somebody else's stays."""
    numbers = {
        int(record): number
        for record, number in Incident.objects.filter(source=source).values_list("source_record_id", "number")
    }
    redirected = set(IncidentRedirect.objects.values_list("number", flat=True))
    taken = set(Incident.objects.exclude(source=source).values_list("number", flat=True))
    merged = {row.number for row in rows}
    for row in rows:
        number = numbers.get(row.number, row.number)
        target = numbers.get(row.true_number, row.true_number)

        def refuse(message: str, column: str, line: int = row.line) -> None:
            summary.errors.append(FormatError(message, source="duplicates.csv", line=line, field=column))

        if row.true_number not in numbers and row.true_number not in merged and target not in redirected:
            refuse(f"There is no incident {row.true_number}.", "true_incident_number")
            continue
        if number in taken:
            refuse(f"The number {number} belongs to an incident of another source.", "duplicate_incident_number")
            continue
        try:
            _, changed = redirect_incident(
                number=number, target_number=target, reason="Duplicate, merged in the source", actor=actor
            )
        except InvalidTransitionError as error:
            refuse(str(error), "true_incident_number")
            continue
        summary.duplicates += 1
        summary.redirects += changed


def _log(source: Source, summary: IngestSummary, actor: AbstractBaseUser | None) -> None:
    counts = {key: value for key, value in summary.as_json().items() if key not in {"errors", "warnings"}}
    LogEntry.objects.record(source, "incidents.import", actor=actor, data=counts)

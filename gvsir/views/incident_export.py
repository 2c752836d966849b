"""The list of incidents as a file: the whole filtered set, streamed, with licence and attribution per row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from gvsir.formats.spreadsheet import neutralise
from gvsir.models import EntityRole, Report
from gvsir.models.incident import public_id_of
from gvsir.permissions import action_required, allowed
from gvsir.redirects import ends_of_redirects
from gvsir.views.incident_list import found, unknown_sort

#: Exactly these fields leave; a new column of the table does not leak.
FIELDS: Final = (
    "id", "title", "description", "withheld", "date", "date_precision", "language", "deployers", "developers",
    "harmed", "reports", "report_numbers", "status", "source", "source_version", "source_record_id", "licence",
    "attribution", "url", "merged_into",
)
_CHUNK: Final = 500


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, value: str) -> str:
        return value


def export_rows(incidents: QuerySet[Any], request: HttpRequest) -> Iterator[dict[str, Any]]:
    """Yield one row an incident, with the fields of ``FIELDS``; a few queries for each 500.

    The description of a folded incident is left out for readers who may not unfold it; ``withheld``
    says why. ``merged_into`` is the public id that the number of a merged incident leads to, else "".
    """
    may_unfold = allowed(request.user, "incident.view_folded")
    related = incidents.select_related("source").prefetch_related(
        # Joined, not fetched by key: SQLite takes no condition on more than a thousand entities.
        Prefetch("entity_roles", EntityRole.objects.select_related("entity")),
        Prefetch("reports", Report.objects.only("pk", "source_record_id")),
    )
    ends = ends_of_redirects()
    for incident in related.iterator(chunk_size=_CHUNK):
        withheld = incident.get_harm_display() if incident.harm and not may_unfold else ""
        by_role: dict[str, list[str]] = {}
        for role in incident.entity_roles.all():
            by_role.setdefault(role.role, []).append(role.entity.name)
        yield {
            "id": incident.public_id,
            "title": incident.title,
            "description": "" if withheld else incident.description,
            "withheld": str(withheld),
            "date": incident.date.isoformat() if incident.date else "",
            "date_precision": incident.date_precision,
            "language": incident.language,
            "deployers": sorted(by_role.get(EntityRole.Role.DEPLOYER, [])),
            "developers": sorted(by_role.get(EntityRole.Role.DEVELOPER, [])),
            "harmed": sorted(by_role.get(EntityRole.Role.HARMED, [])),
            "reports": incident.n_reports,
            "report_numbers": sorted(report.source_record_id for report in incident.reports.all()),
            "status": incident.status,
            "source": incident.source.name,
            "source_version": incident.source.version,
            "source_record_id": incident.source_record_id,
            "licence": incident.source.licence,
            "attribution": incident.source.attribution,
            "url": request.build_absolute_uri(incident.get_absolute_url()),
            "merged_into": public_id_of(ends[incident.number]) if incident.number in ends else "",
        }


def csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a CSV file, formula cells made harmless, lists joined by "; "."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + str(writer.writerow(FIELDS))
    for row in rows:
        cells = ("; ".join(row[name]) if isinstance(row[name], list) else str(row[name]) for name in FIELDS)
        yield str(writer.writerow([neutralise(cell) for cell in cells]))


@action_required("incident.view")
def incidents_csv(request: HttpRequest) -> HttpResponseBase:
    """Stream the filtered list as CSV."""
    return _refused(request) or _download(csv_lines(export_rows(found(request), request)), "incidents.csv", "text/csv; charset=utf-8")


@action_required("incident.view")
def incidents_jsonl(request: HttpRequest) -> HttpResponseBase:
    """Stream the filtered list as JSON Lines."""
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in export_rows(found(request), request))
    return _refused(request) or _download(lines, "incidents.jsonl", "application/jsonl; charset=utf-8")


def _refused(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to an order that does not exist: no file, but why."""
    problems = unknown_sort(request.GET)
    return HttpResponseBadRequest(" ".join(problems), content_type="text/plain; charset=utf-8") if problems else None


def _download(lines: Iterable[str], name: str, content_type: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        lines, content_type=content_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )

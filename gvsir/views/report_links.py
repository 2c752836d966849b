"""What a report is called, and where it is read: at its source, for its text is seldom licensed."""

from __future__ import annotations

from typing import Final

from gvsir.models import Incident, Report, Source

AIID_PAGE: Final = "https://incidentdatabase.ai/cite/"


def is_aiid(source: Source) -> bool:
    """Return whether records of ``source`` have pages at the AI Incident Database."""
    return source.key.split("-")[0] == "aiid"


def report_name(report: Report, *, is_folded: bool = False) -> str:
    """Return the title, or the source and the report's number there; of a folded one the number alone."""
    number = f"{report.source.key.split('-')[0].upper()} {report.source_record_id}"
    return number if is_folded else report.title or number


def report_url(report: Report, incident: Incident | None) -> str:
    """Return the address of the report, or of its place on the page of ``incident`` at the source; "" if unknown."""
    if report.url.startswith(("https://", "http://")):
        return report.url
    if incident is not None and is_aiid(report.source) and is_aiid(incident.source):
        return f"{AIID_PAGE}{incident.source_record_id}#r{report.source_record_id}"
    return ""

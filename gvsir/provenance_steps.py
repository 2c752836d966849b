"""The provenance steps of this app: incident and report."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from gvsir.models import Incident, Report
from gvsir.permissions import allowed
from gvsir.provenance import Step, register
from gvsir.redirects import number_of


def incident_id(given: str) -> str:
    """Return the public number that ``given`` says, with or without GVSIR- before it."""
    number = number_of(given)
    return given if number is None else str(number)


def incident_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of the incident with public number ``record_id``."""
    number = number_of(record_id)
    if number is None:
        return None
    incident = (
        Incident.objects.all().visible_to(viewer)
        .filter(number=number).select_related("source").first()
    )
    if incident is None:
        return None
    folded = bool(incident.harm) and not allowed(viewer, "incident.view_folded")
    return Step(
        kind="incident",
        id=str(incident.number),
        title=f"{incident.public_id}: {incident.title}",
        text="" if folded else incident.description,
        url=incident.get_absolute_url(),
        withheld=_("Folded: {kind}. Sign in to read it.").format(kind=incident.get_harm_display()) if folded else "",
        facts=(
            (_("source"), incident.source.name),
            (_("licence"), incident.source.licence),
            (_("date"), incident.date.isoformat() if incident.date else _("unknown")),
        ),
        next=tuple(
            ("report", str(pk))
            for pk in incident.report_links.order_by("report_id").values_list("report_id", flat=True)
        ),
        extra={"language": incident.language},
    )


def report_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of the report with primary key ``record_id``."""
    if not record_id.isdecimal():
        return None
    report = Report.objects.select_related("source").filter(pk=int(record_id)).first()
    if report is None:
        return None
    return Step(
        kind="report",
        id=str(report.pk),
        title=report.title or _("{source} report {number}").format(
            source=report.source.key.upper(), number=report.source_record_id
        ),
        url=report.url,
        facts=((_("source"), report.source.name), (_("number there"), report.source_record_id)),
        ends="" if report.url else _(
            "The source's licence does not cover report texts; the number names it there."
        ),
    )


register("incident", incident_step, naming=incident_id)
register("report", report_step)

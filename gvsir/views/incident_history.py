"""What happened to an incident record: its versions, and for those who may read it the action log."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gvsir.models import Incident, LogEntry
from gvsir.permissions import allowed

#: Fields whose change is named; of the texts only that they changed is said.
_COMPARED: Final = {
    "title": gettext_lazy("title"), "description": gettext_lazy("description"), "date": gettext_lazy("date"),
    "date_precision": gettext_lazy("date precision"), "status": gettext_lazy("status"),
    "language": gettext_lazy("language"), "harm": gettext_lazy("harm"),
}
_MOST: Final = 20


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of the history."""

    at: datetime.datetime
    what: str
    who: str = ""
    detail: str = ""


def history_of(incident: Incident, viewer: Any) -> list[Event]:
    """Return the newest events first, at most twenty; names of people only to those who may read the log."""
    staff = allowed(viewer, "log.view")
    events = _versions(incident, with_names=staff)
    if staff:
        entries = LogEntry.objects.filter(kind="gvsir.incident", record_id=str(incident.pk)).select_related("actor")
        events += [
            Event(
                at=entry.at,
                what=entry.action,
                who=entry.actor.get_username() if entry.actor else _("a command"),
                detail=entry.reason,
            )
            for entry in entries[:_MOST]
        ]
    if not events:
        taken = _("taken over from {source}").format(source=incident.source.name)
        events = [Event(at=incident.created_at, what=taken)]
    return sorted(events, key=lambda event: event.at, reverse=True)[:_MOST]


def _versions(incident: Incident, *, with_names: bool) -> list[Event]:
    versions = list(incident.history.select_related("history_user").order_by("-history_date", "-history_id")[: _MOST + 1])
    events = []
    for version, before in zip(versions, [*versions[1:], None], strict=True):
        if before is None:
            what = _("record made") if version.history_type == "+" else _("version kept")
            detail = ""
        else:
            changed = [name for name in _COMPARED if getattr(version, name) != getattr(before, name)]
            what = _("changed") if changed else _("saved without a change")
            detail = ", ".join(str(_COMPARED[name]) for name in changed)
        who = version.history_user.get_username() if with_names and version.history_user else ""
        events.append(Event(at=version.history_date, what=what, who=who, detail=detail))
    return events[:_MOST]

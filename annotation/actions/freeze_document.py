"""Freeze the text of an incident so that offsets into it never move."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import transaction

from annotation.models import Document
from gvsir.models import Incident, LogEntry

ORIGIN = "title and editors' description"


class FrozenText(NamedTuple):
    """The text to code, and where its title ends."""

    text: str
    title_end_codepoint: int


def text_of(incident: Incident) -> FrozenText:
    """Return title, an empty line, description; line ends are LF only."""
    title = _lf(incident.title)
    description = _lf(incident.description)
    return FrozenText(f"{title}\n\n{description}" if description else title, len(title))


@transaction.atomic
def freeze_document(*, incident: Incident, actor: Any) -> Document:
    """Return the document of the incident as it reads now; made unless this very text exists already."""
    text, title_end = text_of(incident)
    document, is_new = Document.objects.get_or_create(
        incident=incident, sha256=Document.digest(text),
        defaults={"origin": ORIGIN, "language": incident.language, "text": text, "title_end_codepoint": title_end},
    )
    if not is_new:
        return document
    LogEntry.objects.record(document, "document.freeze", actor=actor, data={"sha256": document.sha256})
    return document


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")

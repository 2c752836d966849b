"""What was done to an item, in words for its page."""

from __future__ import annotations

from django.utils.translation import gettext as _

from gvsir.models import LogEntry


def done_to_item(entry: LogEntry) -> str:
    """Return what ``entry`` says was done, in the reader's language; an action without words as it is called."""
    return {
        "item.derive": _("derived from a round of coding"),
        "item.twin": _("made as a benign twin"),
        "item.accept": _("accepted"),
        "item.reject": _("rejected"),
        "item.reopen": _("reopened"),
        "item.attach": _("image added"),
        "item.describe_image": _("image described anew"),
        "item.detach": _("image taken off"),
    }.get(entry.action, entry.action)

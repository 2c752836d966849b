"""Accept or reject an item; nobody judges their own."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from bench.models import Item
from gvsir.exceptions import InvalidTransitionError, PermissionRefusedError
from gvsir.models import LogEntry
from gvsir.permissions import require

#: verdict -> (states it starts from, state it leads to).
VERDICTS = {
    "accept": ((Item.Status.PROPOSED,), Item.Status.ACCEPTED),
    "reject": ((Item.Status.PROPOSED,), Item.Status.REJECTED),
    "reopen": ((Item.Status.REJECTED,), Item.Status.PROPOSED),
}


@transaction.atomic
def review_item(*, item_id: int, verdict: str, actor: User, note: str = "") -> Item:
    """Accept, reject or reopen an item and record who did it and why.

    Raises
    ------
    PermissionRefusedError
        ``actor`` may not review, or wrote the item.
    InvalidTransitionError
        The item's state does not allow this verdict, or a rejection gives no reason.
    """
    require(actor, "item.review")
    item = Item.objects.select_for_update().get(pk=item_id)
    if item.author_id is not None and item.author_id == actor.pk:
        raise PermissionRefusedError(
            gettext("{public_id} is your own; somebody else must review it.").format(public_id=item.public_id)
        )
    if verdict not in VERDICTS:
        raise InvalidTransitionError(
            gettext("{verdict!r} is no verdict; {verdicts} are.").format(
                verdict=verdict, verdicts=", ".join(VERDICTS)
            )
        )
    starts, end = VERDICTS[verdict]
    if item.status not in starts:
        raise InvalidTransitionError(
            gettext("{public_id} is {status}; this cannot be done to it now: {verdict}.").format(
                public_id=item.public_id, status=item.get_status_display().lower(), verdict=verdict
            )
        )
    if verdict == "reject" and not note.strip():
        raise InvalidTransitionError(gettext("A rejection needs a note that says why."))
    item.status = end
    item.reviewer = actor if verdict != "reopen" else None
    item.reviewed_at = timezone.now() if verdict != "reopen" else None
    item.review_note = note.strip()
    item.save(update_fields=["status", "reviewer", "reviewed_at", "review_note"])
    LogEntry.objects.record(item, f"item.{verdict}", actor=actor, reason=note.strip())
    return item

"""Close a round: its codings become visible to everybody and never change again."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import Assignment, Round
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import LogEntry
from gvsir.permissions import require


@transaction.atomic
def close_round(*, round_id: int, actor: Any, reason: str = "") -> Round:
    """Close an open round.

    Raises
    ------
    InvalidTransitionError
        The round is closed already, has nothing in it, or has documents that are not handed in and
        no ``reason`` is given for closing it without them.
    """
    require(actor, "round.manage")
    closing = Round.objects.select_for_update().get(pk=round_id)
    if closing.status != Round.Status.OPEN:
        raise InvalidTransitionError(_("The round {name} is closed already.").format(name=closing.name))
    assignments = Assignment.objects.filter(round=closing)
    if not assignments.exists():
        raise InvalidTransitionError(_("The round {name} has no documents yet.").format(name=closing.name))
    waiting = assignments.exclude(status=Assignment.Status.SUBMITTED).count()
    if waiting and not reason.strip():
        raise InvalidTransitionError(
            _("{n} documents are not handed in yet. Give a reason to close the round without them.").format(n=waiting)
        )
    closing.status = Round.Status.CLOSED
    closing.closed_at = timezone.now()
    closing.save(update_fields=["status", "closed_at"])
    LogEntry.objects.record(closing, "round.close", actor=actor, reason=reason, data={"not_submitted": waiting})
    return closing

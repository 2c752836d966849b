"""The one gate to a coder's work: their own assignment, in an open round, not handed in."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from annotation.models import Assignment, Round
from gvsir.exceptions import InvalidTransitionError, PermissionRefusedError
from gvsir.permissions import require


def lock_own_assignment(assignment_id: int, actor: Any, *, submitted: bool = False) -> Assignment:
    """Return the assignment, locked until the transaction ends.

    Raises
    ------
    PermissionRefusedError
        ``actor`` has no coding role, or the assignment is somebody else's.
    InvalidTransitionError
        The round is closed, or the document is handed in (with ``submitted``: is not).
    """
    require(actor, "assignment.code")
    assignment = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("round__codebook", "document", "coder")
        .get(pk=assignment_id)
    )
    if assignment.coder.user_id is None or assignment.coder.user_id != actor.pk:
        raise PermissionRefusedError(_("This document is assigned to somebody else."))
    if assignment.round.status != Round.Status.OPEN:
        raise InvalidTransitionError(_("The round is closed; its codings stay as they are."))
    if submitted != (assignment.status == Assignment.Status.SUBMITTED):
        raise InvalidTransitionError(
            _("This document is not handed in.") if submitted else _("This document is handed in; reopen it to change it.")
        )
    return assignment


def touch(assignment: Assignment, *fields: str) -> None:
    """Note that work on ``assignment`` went on; ``fields`` were changed too."""
    if assignment.status == Assignment.Status.ASSIGNED:
        assignment.status = Assignment.Status.IN_PROGRESS
    assignment.save(update_fields=["status", "updated_at", *fields])

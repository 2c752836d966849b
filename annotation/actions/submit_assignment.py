"""Hand a coded document in, and take it back while the round is open."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.actions.own_assignment import lock_own_assignment
from annotation.exceptions import IncompleteAssignmentError
from annotation.models import Assignment
from gvsir.models import LogEntry


@transaction.atomic
def submit_assignment(*, assignment_id: int, actor: Any) -> Assignment:
    """Hand in: the main category and the stance are needed, passages are not.

    Raises
    ------
    IncompleteAssignmentError
        One of them is missing; the message says which.
    """
    assignment = lock_own_assignment(assignment_id, actor)
    missing = []
    if not assignment.categories.filter(is_main=True).exists():
        missing.append(_("the main value concerned"))
    if not assignment.stance:
        missing.append(_("what a good answer would do"))
    if missing:
        raise IncompleteAssignmentError(
            _("Not handed in yet: choose {missing}. Everything else is kept.").format(missing=_(" and ").join(missing))
        )
    assignment.status = Assignment.Status.SUBMITTED
    assignment.submitted_at = timezone.now()
    assignment.save(update_fields=["status", "submitted_at", "updated_at"])
    LogEntry.objects.record(assignment, "assignment.submit", actor=actor)
    return assignment


@transaction.atomic
def reopen_assignment(*, assignment_id: int, actor: Any) -> Assignment:
    """Take a document back that was handed in, while its round is open."""
    assignment = lock_own_assignment(assignment_id, actor, submitted=True)
    assignment.status = Assignment.Status.IN_PROGRESS
    assignment.submitted_at = None
    assignment.save(update_fields=["status", "submitted_at", "updated_at"])
    LogEntry.objects.record(assignment, "assignment.reopen", actor=actor)
    return assignment

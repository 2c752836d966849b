"""Make a public number mean another incident, for ever."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from gvsir.actions.number_incidents import note_numbers
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import IncidentRedirect, LogEntry
from gvsir.permissions import require
from gvsir.redirects import follow


@transaction.atomic
def redirect_incident(
    *, number: int, target_number: int, reason: str, actor: AbstractBaseUser | None
) -> tuple[IncidentRedirect, bool]:
    """Redirect ``number`` to ``target_number``; return the redirect and whether it is new or changed.

    Raises
    ------
    InvalidTransitionError
        The chain from the target leads back to ``number``.
    """
    if actor is not None:
        require(actor, "incident.import")
    note_numbers([number, target_number])
    chain, _ = follow(target_number)
    if number in chain:
        way = " → ".join(str(step) for step in (number, *chain))
        raise InvalidTransitionError(f"A redirect of {number} to {target_number} would go in a circle ({way}).")
    redirect, created = IncidentRedirect.objects.get_or_create(
        number=number, defaults={"target_number": target_number, "reason": reason}
    )
    changed = created or redirect.target_number != target_number
    if changed:
        redirect.target_number = target_number
        redirect.reason = reason
        redirect.save()
        LogEntry.objects.record(
            redirect, "incident.redirect", actor=actor, reason=reason,
            data={"number": number, "target_number": target_number},
        )
    return redirect, changed

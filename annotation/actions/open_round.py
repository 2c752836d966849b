"""Open a round of coding and hand out its documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.freeze_document import freeze_document
from annotation.models import Assignment, Codebook, Round
from annotation.names import plain_name
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import Coder, Incident, LogEntry
from gvsir.permissions import require


@transaction.atomic
def open_round(*, name: str, codebook: Codebook, actor: Any, note: str = "") -> Round:
    """Open a round in which people code apart from one another.

    Raises
    ------
    InvalidTransitionError
        A round of this name exists.
    PermissionRefusedError
        ``actor`` may not manage rounds.
    """
    require(actor, "round.manage")
    name = plain_name(name)
    if not name:
        raise InvalidTransitionError(_("Give the round a name."))
    made, is_new = Round.objects.get_or_create(
        name=name, defaults={"codebook": codebook, "note": note, "created_by": actor}
    )
    if not is_new:
        raise InvalidTransitionError(_("A round named {name} exists already.").format(name=name))
    LogEntry.objects.record(made, "round.open", actor=actor, data={"codebook": codebook.pk})
    return made


@transaction.atomic
def assign(*, round_id: int, incidents: Iterable[Incident], coders: Iterable[Coder], actor: Any) -> list[Assignment]:
    """Give each incident, as it reads now, to each coder; what is handed out already stays as it is.

    Raises
    ------
    InvalidTransitionError
        The round is closed.
    """
    require(actor, "round.manage")
    of_round = Round.objects.select_for_update().get(pk=round_id)
    if of_round.status != Round.Status.OPEN:
        raise InvalidTransitionError(_("The round {name} is closed.").format(name=of_round.name))
    documents = [freeze_document(incident=incident, actor=actor) for incident in incidents]
    assignments = []
    for coder in coders:
        order = Assignment.objects.filter(round=of_round, coder=coder).count()
        for document in documents:
            assignment, is_new = Assignment.objects.get_or_create(
                round=of_round, document=document, coder=coder, defaults={"order": order + 1}
            )
            order += is_new
            assignments.append(assignment)
    LogEntry.objects.record(of_round, "round.assign", actor=actor, data={"documents": len(documents)})
    return assignments

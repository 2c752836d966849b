"""Make an open code while coding."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.own_assignment import lock_own_assignment, touch
from annotation.exceptions import NotCodableError
from annotation.models import Code
from annotation.names import plain_name
from annotation.querysets import categories_of
from gvsir.models import LogEntry
from gvsir.permissions import require

LONGEST = 200


@transaction.atomic
def create_code(
    *, assignment_id: int, name: str, actor: Any, category_key: str = "", name_zh: str = "", definition: str = ""
) -> Code:
    """Return the coder's code of this name, made if it is new; others see it when the round closes.

    Raises
    ------
    NotCodableError
        The name is empty or too long, or the category is not in the scale.
    """
    require(actor, "code.create")
    assignment = lock_own_assignment(assignment_id, actor)
    name = plain_name(name)
    if not name:
        raise NotCodableError(_("Give the code a name."))
    if len(name) > LONGEST:
        raise NotCodableError(
            _("A code's name has at most {most} characters; this one has {n}.").format(most=LONGEST, n=len(name))
        )
    codebook = assignment.round.codebook
    category = None
    if category_key:
        category = categories_of(codebook).filter(key=category_key).first()
        if category is None:
            raise NotCodableError(_("There is no category {key} in this scale.").format(key=category_key))
    code, is_new = Code.objects.get_or_create(
        codebook=codebook,
        name=name,
        created_by=assignment.coder,
        defaults={
            "category": category, "created_in": assignment.round, "name_zh": name_zh[:LONGEST], "definition": definition,
        },
    )
    if is_new:
        touch(assignment)
        LogEntry.objects.record(code, "code.create", actor=actor, data={"assignment": assignment.pk})
    return code

"""What a coder says of a whole document: categories, stance, stage of the life cycle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.own_assignment import lock_own_assignment, touch
from annotation.exceptions import NotCodableError
from annotation.models import Assignment, CategoryAssignment
from annotation.querysets import categories_of
from gvsir.models import LogEntry


@transaction.atomic
def set_categories(*, assignment_id: int, main: str | None, others: Sequence[str], actor: Any) -> Assignment:
    """Set the categories at risk, by key: the main one, and others; replaces what was set.

    Raises
    ------
    NotCodableError
        A key is not a category of the codebook's scale.
    """
    assignment = lock_own_assignment(assignment_id, actor)
    known = {category.key: category for category in categories_of(assignment.round.codebook)}
    wanted = list(dict.fromkeys([*([main] if main else []), *others]))
    for key in wanted:
        if key not in known:
            raise NotCodableError(_("There is no category {key} in this scale.").format(key=key))
    before = {each.category_id: each.is_main for each in assignment.categories.all()}
    after = {known[key].pk: key == main for key in wanted}
    if before != after:
        assignment.categories.all().delete()
        CategoryAssignment.objects.bulk_create([
            CategoryAssignment(assignment=assignment, category_id=pk, is_main=is_main) for pk, is_main in after.items()
        ])
        touch(assignment)
        LogEntry.objects.record(
            assignment, "assignment.categories", actor=actor, data={"main": main, "others": [key for key in wanted if key != main]}
        )
    return assignment


@transaction.atomic
def set_stance(*, assignment_id: int, stance: str, actor: Any) -> Assignment:
    """Say what a good answer of a model would do here; "" takes it back."""
    return _set(assignment_id, "stance", stance, ["", *Assignment.Stance.values], actor)


@transaction.atomic
def set_lifecycle(*, assignment_id: int, stage: str, actor: Any) -> Assignment:
    """Say at which stage of the life cycle it went wrong; "" is "cannot tell from the text"."""
    return _set(assignment_id, "lifecycle_stage", stage, ["", *Assignment.Stage.values], actor)


def _set(assignment_id: int, field: str, value: str, permitted: Sequence[str], actor: Any) -> Assignment:
    assignment = lock_own_assignment(assignment_id, actor)
    if value not in permitted:
        raise NotCodableError(
            _("{value} is not one of {permitted}.").format(value=value, permitted=", ".join(each for each in permitted if each))
        )
    if getattr(assignment, field) != value:
        setattr(assignment, field, value)
        touch(assignment, field)
        LogEntry.objects.record(assignment, f"assignment.{field}", actor=actor, data={field: value})
    return assignment

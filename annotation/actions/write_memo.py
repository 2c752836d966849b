"""Write down a thought while coding."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.own_assignment import lock_own_assignment, touch
from annotation.exceptions import NotCodableError
from annotation.models import Coding, Memo
from gvsir.models import LogEntry

LONGEST = 10_000


@transaction.atomic
def write_memo(
    *,
    assignment_id: int,
    text: str,
    actor: Any,
    coding_id: int | None = None,
    kind: str = Memo.Kind.ANALYTIC,
    text_zh: str = "",
) -> Memo | None:
    """Keep the one memo of this kind on the document, or on one of its codings; empty text removes it.

    Raises
    ------
    NotCodableError
        The kind is unknown, the text too long, or the coding not one of this document's.
    """
    assignment = lock_own_assignment(assignment_id, actor)
    if kind not in Memo.Kind.values:
        raise NotCodableError(_("{kind} is not a kind of memo.").format(kind=kind))
    if max(len(text), len(text_zh)) > LONGEST:
        raise NotCodableError(_("A memo has at most {most} characters.").format(most=LONGEST))
    coding = None
    if coding_id is not None:
        coding = Coding.objects.filter(pk=coding_id, assignment=assignment).first()
        if coding is None:
            raise NotCodableError(_("The passage of this memo is no longer marked."))
    memo = Memo.objects.filter(assignment=assignment, coding=coding, kind=kind).first()
    if not text.strip() and not text_zh.strip():
        if memo is not None:
            LogEntry.objects.record(memo, "memo.remove", actor=actor, data={"assignment": assignment.pk})
            memo.delete()
            touch(assignment)
        return None
    if memo is None:
        memo = Memo(assignment=assignment, coding=coding, kind=kind)
    elif (memo.text, memo.text_zh) == (text, text_zh):
        return memo
    memo.text, memo.text_zh = text, text_zh
    memo.save()
    touch(assignment)
    LogEntry.objects.record(memo, "memo.write", actor=actor, data={"assignment": assignment.pk, "kind": kind})
    return memo

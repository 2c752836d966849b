"""Mark a passage with a code, and take a mark back."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.actions.own_assignment import lock_own_assignment, touch
from annotation.exceptions import NotCodableError, OffsetError, QuoteMismatchError
from annotation.models import Coding, Document, Segment
from annotation.querysets import visible_codes
from gvsir.models import LogEntry


@transaction.atomic
def mark_passage(
    *, assignment_id: int, start_codepoint: int, end_codepoint: int, quote: str, code_id: int, actor: Any
) -> Coding:
    """Give a passage a code; a second call with the same passage and code changes nothing.

    Parameters
    ----------
    start_codepoint, end_codepoint : int
        Code points in the document, end exclusive.
    quote : str
        What the coder saw; it must be what stands there.

    Raises
    ------
    OffsetError
        The offsets are outside the text, or mark nothing.
    QuoteMismatchError
        Another text stands there; nothing is kept.
    NotCodableError
        The code is not in this round's codebook, or not the coder's to see.
    """
    assignment = lock_own_assignment(assignment_id, actor)
    check_quote(assignment.document, start_codepoint, end_codepoint, quote)
    code = visible_codes(actor).filter(pk=code_id, codebook_id=assignment.round.codebook_id).first()
    if code is None:
        raise NotCodableError(_("This code is not in the codebook of this round."))
    segment = Segment.objects.get_or_create(
        document=assignment.document, start_codepoint=start_codepoint, end_codepoint=end_codepoint
    )[0]
    coding, is_new = Coding.objects.get_or_create(assignment=assignment, segment=segment, code=code)
    if is_new:
        touch(assignment)
        LogEntry.objects.record(
            coding, "coding.mark", actor=actor, data={"assignment": assignment.pk, "segment": segment.pk, "code": code.pk}
        )
    return coding


@transaction.atomic
def remove_coding(*, assignment_id: int, coding_id: int, actor: Any) -> None:
    """Take a code off a passage; one that is gone already stays gone."""
    assignment = lock_own_assignment(assignment_id, actor)
    coding = Coding.objects.filter(pk=coding_id, assignment=assignment).first()
    if coding is None:
        return
    LogEntry.objects.record(
        coding, "coding.remove", actor=actor,
        data={"assignment": assignment.pk, "segment": coding.segment_id, "code": coding.code_id},
    )
    coding.delete()
    touch(assignment)


def check_quote(document: Document, start_codepoint: int, end_codepoint: int, quote: str) -> None:
    """Raise unless ``quote`` is what stands between the offsets and is more than blanks."""
    if not 0 <= start_codepoint < end_codepoint <= len(document.text):
        raise OffsetError(
            _("{start} to {end} is no passage of this text of {n} characters.").format(
                start=start_codepoint, end=end_codepoint, n=len(document.text)
            )
        )
    if document.text[start_codepoint:end_codepoint] != quote:
        raise QuoteMismatchError(
            _(
                "What stands at {start} to {end} is not what was sent, so nothing was kept. "
                "Reload the page and mark the passage again."
            ).format(start=start_codepoint, end=end_codepoint)
        )
    if not quote.strip():
        raise OffsetError(_("The passage holds nothing but blanks."))

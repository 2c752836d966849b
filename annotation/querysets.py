"""Named reads of codings, with blindness built in.

While a round is open a coder sees their own work and nothing of the others: no coding, no code made
in that round, no category, no memo. When it closes everybody sees all of it. Every page, API and
provenance step starts from these reads.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from annotation.models import Assignment, Code, Codebook, Coding, Document, Memo, Round, Segment
from gvsir.models import ValueDimension
from gvsir.permissions import allowed


def _seen(user: Any, *, to_round: str, to_user: str) -> Q:
    closed = Q(**{f"{to_round}status": Round.Status.CLOSED})
    if user is None or not user.is_authenticated:
        return closed
    return closed | Q(**{to_user: user.pk})


def _of_visible_incident(user: Any, to_incident: str) -> Q:
    return Q() if allowed(user, "incident.view_unpublished") else Q(**{f"{to_incident}status": "published"})


def visible_assignments(user: Any) -> QuerySet[Assignment]:
    """Return the assignments whose content ``user`` may read: their own, and all of closed rounds."""
    return Assignment.objects.filter(
        _seen(user, to_round="round__", to_user="coder__user"), _of_visible_incident(user, "document__incident__")
    )


def visible_codings(user: Any) -> QuerySet[Coding]:
    """Codings that ``user`` may see."""
    return Coding.objects.filter(
        _seen(user, to_round="assignment__round__", to_user="assignment__coder__user"),
        _of_visible_incident(user, "segment__document__incident__"),
    )


def visible_memos(user: Any) -> QuerySet[Memo]:
    """Memos that ``user`` may see; scenarios are close to item prompts and kept like them."""
    hidden = Q() if allowed(user, "item.view_text") else Q(kind=Memo.Kind.SCENARIO)
    return Memo.objects.exclude(hidden).filter(
        _seen(user, to_round="assignment__round__", to_user="assignment__coder__user"),
        _of_visible_incident(user, "assignment__document__incident__"),
    )


def visible_segments(user: Any) -> QuerySet[Segment]:
    """Passages that carry at least one coding that ``user`` may see."""
    return Segment.objects.filter(pk__in=visible_codings(user).values("segment_id"))


def visible_codes(user: Any) -> QuerySet[Code]:
    """Codes that ``user`` may see: of no round, of closed rounds, and their own."""
    return Code.objects.filter(
        Q(created_in__isnull=True) | _seen(user, to_round="created_in__", to_user="created_by__user")
    )


def visible_documents(user: Any) -> QuerySet[Document]:
    """Documents of incidents that ``user`` may see."""
    return Document.objects.filter(_of_visible_incident(user, "incident__"))


def submitted_of_closed_rounds(user: Any = None) -> QuerySet[Assignment]:
    """Finished codings of whole documents that statistics may count."""
    return Assignment.objects.filter(
        _of_visible_incident(user, "document__incident__"),
        round__status=Round.Status.CLOSED,
        status=Assignment.Status.SUBMITTED,
    )


def categories_of(codebook: Codebook) -> QuerySet[ValueDimension]:
    """Return the categories of the scale that ``codebook`` rests on, in scale order."""
    return ValueDimension.objects.filter(system_id=codebook.scale_id, level="category").order_by("order")


def layers_of(codebook: Codebook) -> QuerySet[ValueDimension]:
    """Return the layers of the scale, in order, with their categories prefetched as ``children``."""
    return (
        ValueDimension.objects.filter(system_id=codebook.scale_id, level="layer")
        .order_by("order")
        .prefetch_related("children")
    )

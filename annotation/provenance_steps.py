"""The provenance steps of this app: coding and sentence."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.models import Document, Round, Segment
from annotation.querysets import visible_codings
from annotation.sentences import sentence_of
from gvsir.models import Coder, Incident
from gvsir.permissions import allowed
from gvsir.provenance import Step, register

_LARGEST = 2**63 - 1


def _key(record_id: str) -> int | None:
    return int(record_id) if record_id.isascii() and record_id.isdecimal() and int(record_id) <= _LARGEST else None


def _withheld(document: Document, viewer: Any) -> str:
    incident: Incident = document.incident
    if incident.harm and not allowed(viewer, "incident.view_folded"):
        return _("Folded: {kind}. Sign in to read it.").format(kind=incident.get_harm_display())
    return ""


def coding_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of the coding with primary key ``record_id``, if ``viewer`` may see it."""
    key = _key(record_id)
    coding = (
        visible_codings(viewer)
        .filter(pk=key)
        .select_related(
            "code__category", "code__codebook", "assignment__coder", "assignment__round", "segment__document__incident"
        )
        .first()
        if key is not None
        else None
    )
    if coding is None:
        return None
    code, coder, of_round = coding.code, coding.assignment.coder, coding.assignment.round
    made_by_model = coder.kind == Coder.Kind.MODEL or of_round.origin == Round.Origin.MODEL_MADE
    withheld = _withheld(coding.segment.document, viewer)
    return Step(
        kind="coding",
        id=str(coding.pk),
        title=code.label,
        text="" if withheld else coding.segment.quote,
        withheld=withheld,
        url=reverse("code_detail", args=[code.codebook_id, code.pk]),
        badges=("model-made",) if made_by_model else (),
        facts=(
            (_("category"), code.category.label if code.category else _("none yet")),
            (_("coder"), coder.label),
            (_("round"), of_round.label),
            (_("codebook"), code.codebook.full_label),
        ),
        next=(("sentence", str(coding.segment_id)),),
        extra={"category": code.category, "code": code, "round_url": of_round.get_absolute_url()},
    )


def sentence_step(record_id: str, viewer: Any) -> Step | None:
    """Return the step of the passage with primary key ``record_id``: the sentence it stands in.

    A passage is there for ``viewer`` only if they may see a coding of it.
    """
    key = _key(record_id)
    segment = (
        Segment.objects.filter(Exists(visible_codings(viewer).filter(segment=OuterRef("pk"))), pk=key)
        .select_related("document__incident__source")
        .first()
        if key is not None
        else None
    )
    if segment is None:
        return None
    document = segment.document
    withheld = _withheld(document, viewer)
    context = sentence_of(document.text, segment.start_codepoint, segment.end_codepoint)
    in_title = segment.start_codepoint < document.title_end_codepoint
    return Step(
        kind="sentence",
        id=str(segment.pk),
        title=_("Title of the incident") if in_title else _("Sentence in the editors' description"),
        text="" if withheld else "".join(context),
        withheld=withheld,
        url=f"{document.incident.get_absolute_url()}#coding",
        facts=(
            (_("characters"), f"{segment.start_codepoint}-{segment.end_codepoint}"),
            (_("document SHA-256"), document.sha256),
        ),
        next=(("incident", str(document.incident.number)),),
        extra={} if withheld else {
            "before": context.before, "quote": context.quote, "after": context.after,
            "start_codepoint": segment.start_codepoint, "end_codepoint": segment.end_codepoint,
            "document_sha256": document.sha256, "language": document.language,
        },
    )


register("coding", coding_step)
register("sentence", sentence_step)

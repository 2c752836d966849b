"""Panels this app adds to pages of the incident repository."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.coded_text import Passage, coded_paragraphs
from annotation.facets import dress_rows
from annotation.labels import stage_label, stance_label
from annotation.models import Assignment, Coding, Memo, Round
from annotation.querysets import submitted_of_closed_rounds, visible_codings, visible_memos
from gvsir.models import Incident
from gvsir.panels import Panel, register
from gvsir.permissions import allowed


def readings_of(assignments: list[Assignment], user: Any) -> list[dict[str, Any]]:
    """Return, for each assignment, its text with passages drawn, its categories and its memos."""
    codings: dict[int, list[Coding]] = {}
    for coding in (
        visible_codings(user).filter(assignment__in=assignments).select_related("segment", "code__category")
    ):
        codings.setdefault(coding.assignment_id, []).append(coding)
    memos: dict[int, list[Memo]] = {}
    for memo in visible_memos(user).filter(assignment__in=assignments):
        memos.setdefault(memo.assignment_id, []).append(memo)
    readings = []
    for assignment in assignments:
        passages = [
            Passage(
                start=coding.segment.start_codepoint, end=coding.segment.end_codepoint,
                category=coding.code.category.order if coding.code.category else 0,
                label=coding.code.label, letter=str(number), id=coding.pk, record=coding,
            )
            for number, coding in enumerate(
                sorted(codings.get(assignment.pk, []), key=lambda one: (one.segment.start_codepoint, one.pk)), start=1
            )
        ]
        document = assignment.document
        readings.append({
            "assignment": assignment,
            "paragraphs": coded_paragraphs(document.text, document.title_end_codepoint, passages),
            "passages": [(each, document.text[each.start : each.end]) for each in passages],
            "categories": list(assignment.categories.all()),
            "stance": stance_label(assignment.stance),
            "stage": stage_label(assignment.lifecycle_stage),
            "memos": memos.get(assignment.pk, []),
        })
    return readings


def incident_panel(incident: Incident, request: Any) -> dict[str, Any] | None:
    """Return the codings of this incident in closed rounds, by round and coder."""
    if incident.harm and not allowed(request.user, "incident.view_folded"):
        return {"rounds": [], "withheld": True} if submitted_of_closed_rounds(request.user).filter(
            document__incident=incident
        ).exists() else None
    assignments = list(
        submitted_of_closed_rounds(request.user)
        .filter(document__incident=incident)
        .select_related("round__codebook", "coder", "document")
        .prefetch_related("categories__category")
        .order_by("-round_id", "coder__key")
    )
    rounds: dict[int, dict[str, Any]] = {}
    for reading in readings_of(assignments, request.user):
        assignment = reading["assignment"]
        entry = rounds.setdefault(assignment.round_id, {"round": assignment.round, "readings": []})
        entry["readings"].append(reading)
    return {"rounds": list(rounds.values()), "withheld": False}


def overview_step(record: None, request: Any) -> dict[str, Any]:
    """Return the step "coding" of the chain on the first page."""
    latest = Round.objects.filter(status=Round.Status.CLOSED).select_related("codebook").first()
    n = visible_codings(request.user).filter(code__codebook=latest.codebook).count() if latest else 0
    done = submitted_of_closed_rounds(request.user)
    n_incidents = done.values("document__incident").distinct().count()
    codebook = latest.codebook.get_absolute_url() if latest else reverse("round_list")
    model_made = done.filter(round__origin=Round.Origin.MODEL_MADE).exists()
    return {
        "title": _("Coding"),
        "text": _("Passages are marked, given codes, and gathered under the twelve categories of the scale."),
        "counts": [
            {"n": n, "label": _("codings of passages"), "url": codebook},
            {"n": n_incidents, "label": _("coded incidents"), "url": reverse("coded_incidents")},
        ],
        "badges": ["model-made"] if model_made else [],
        "empty": "" if n else _("Nothing is coded yet. Curators open a round of coding."),
        "empty_url": reverse("round_list"),
    }


register("incident", Panel(order=20, template="annotation/_incident_panel.html", context=incident_panel))
register("overview", Panel(order=20, template="gvsir/_overview_step.html", context=overview_step))
register("incident_rows", Panel(order=20, template="", context=dress_rows))

"""The pages of rounds: list, one round with its agreement, one document with all its readings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from annotation.actions.close_round import close_round
from annotation.actions.coders import coder_of
from annotation.actions.open_round import assign, open_round
from annotation.models import Assignment, Codebook, Round
from annotation.panels import readings_of
from annotation.querysets import submitted_of_closed_rounds
from annotation.round_agreement import RoundAgreement, agreement_of_round
from gvsir.exceptions import GvsirError
from gvsir.models import Incident
from gvsir.models.incident import public_id_of
from gvsir.permissions import ANNOTATOR, CURATOR, action_required, allowed
from gvsir.redirects import ends_of_redirects, number_of


@action_required("round.view")
def round_list(request: HttpRequest) -> HttpResponse:
    """Show the rounds with their state."""
    rounds = Round.objects.select_related("codebook").annotate(
        n_documents=Count("assignments__document", distinct=True),
        n_coders=Count("assignments__coder", distinct=True),
        n_assignments=Count("assignments", distinct=True),
        n_submitted=Count("assignments", filter=Q(assignments__status="submitted"), distinct=True),
    )
    return render(request, "annotation/round_list.html", {"rounds": rounds})


@action_required("round.view")
def round_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the state of a round, and once it is closed how far its coders agree."""
    shown = get_object_or_404(Round.objects.select_related("codebook"), pk=pk)
    closed = shown.status == Round.Status.CLOSED
    progress = (
        Assignment.objects.filter(round=shown).order_by("coder__key")
        .values("coder__name", "coder__kind", "coder__note")
        .annotate(total=Count("pk"), submitted=Count("pk", filter=Q(status="submitted")))
    )
    agreement = agreement_of_round(shown) if closed else None
    rows: list[dict[str, Any]] = [dict(row) for row in progress]
    return render(request, "annotation/round_detail.html", {
        "round": shown,
        "closed": closed,
        "progress": [_named(place, row, closed=closed) for place, row in enumerate(rows)],
        "n_documents": Assignment.objects.filter(round=shown).values("document").distinct().count(),
        "waiting": sum(row["total"] - row["submitted"] for row in rows),
        "agreement": agreement,
        "rows": _agreement_rows(agreement) if agreement else [],
        "may_close": not closed and allowed(request.user, "round.manage"),
    })


def _agreement_rows(agreement: RoundAgreement) -> list[dict[str, Any]]:
    """Return each category with its counts by coder, each count with the address of its list."""
    base = reverse("coded_incidents")
    rows = []
    for each in agreement.categories:
        cells = []
        for coder in agreement.coders:
            query: dict[str, str | int] = {"category": each.category.key, "coder": coder.key, "round": agreement.round.pk}
            cells.append({
                "main": each.n_main[coder.pk], "main_url": f"{base}?{urlencode({**query, 'as': 'main'})}",
                "given": each.n_given[coder.pk], "given_url": f"{base}?{urlencode(query)}",
            })
        rows.append({"agreement": each, "cells": cells})
    return rows


def _named(place: int, row: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    """Return a coder's progress; names are hidden until the round closes."""
    name = row["coder__name"] if closed else gettext("Coder {letter}").format(letter=_letter(place))
    return {
        "name": name, "kind": row["coder__kind"] if closed else "", "note": row["coder__note"] if closed else "",
        "total": row["total"], "submitted": row["submitted"],
    }


def _letter(place: int) -> str:
    return chr(ord("A") + place % 26) * (place // 26 + 1)


@action_required("round.view")
def round_document(request: HttpRequest, pk: int, document: int) -> HttpResponse:
    """Show all readings of one document of a closed round, side by side."""
    assignments = list(
        submitted_of_closed_rounds(request.user)
        .filter(round=pk, document=document)
        .select_related("round__codebook", "coder", "document__incident")
        .prefetch_related("categories__category")
        .order_by("coder__key")
    )
    if not assignments:
        raise Http404
    incident = assignments[0].document.incident
    withheld = bool(incident.harm) and not allowed(request.user, "incident.view_folded")
    readings = [] if withheld else readings_of(assignments, request.user)
    return render(request, "annotation/round_document.html", {
        "round": assignments[0].round,
        "document": assignments[0].document,
        "incident": incident,
        "readings": readings,
        "withheld": withheld,
        "rows": _category_rows(readings),
    })


def _category_rows(readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each category that any coder gave, with "main", "yes" or "" per coder, and whether they differ."""
    given = [{each.category: each.is_main for each in reading["categories"]} for reading in readings]
    categories = sorted({category for one in given for category in one}, key=lambda each: each.order)
    rows = []
    for category in categories:
        cells = ["main" if one.get(category) else "yes" if category in one else "" for one in given]
        rows.append({"category": category, "cells": cells, "differs": len(set(cells)) > 1})
    return rows


class RoundForm(forms.Form):
    """What a curator says to open a round."""

    name = forms.CharField(label=_("Name of the round"), max_length=200)
    codebook = forms.ModelChoiceField(label=_("Codebook"), queryset=Codebook.objects.order_by("name", "version"))
    coders: forms.ModelMultipleChoiceField[Any] = forms.ModelMultipleChoiceField(
        label=_("Coders"), queryset=None, help_text=_("Each codes every document, without seeing the others.")
    )
    incidents = forms.CharField(
        label=_("Incidents"), widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Public numbers, e.g. GVSIR-639 or 639, set apart by blanks, commas or lines."),
    )
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from django.contrib.auth import get_user_model

        self.fields["coders"].queryset = (  # type: ignore[attr-defined]
            get_user_model().objects.filter(groups__name__in=[ANNOTATOR, CURATOR], is_active=True)
            .distinct().order_by("username")
        )

    def clean_incidents(self) -> list[Incident]:
        """Return the incidents that the given numbers mean now; every number that has none is named."""
        words = self.cleaned_data["incidents"].replace(",", " ").split()
        numbers = [number_of(word) for word in words]
        given = list(dict.fromkeys(number for number in numbers if number is not None))
        ends = ends_of_redirects(given)
        found = {
            each.number: each
            for each in Incident.objects.published().filter(number__in=[ends.get(number, number) for number in given])
        }
        missing = [
            word for word, number in zip(words, numbers, strict=True)
            if number is None or ends.get(number, number) not in found
        ]
        if missing:
            shown = ", ".join(word[:20] for word in missing[:20])
            raise forms.ValidationError(_("There is no published incident %(words)s."), params={"words": shown})
        self.merged: dict[int, list[int]] = {}
        for number in given:
            self.merged.setdefault(ends.get(number, number), []).append(number)
        return [found[number] for number in self.merged]

    def notes_on_merged(self) -> list[str]:
        """Return a sentence for each incident that was given by a merged number, or by several."""
        notes = []
        for number, given in self.merged.items():
            if len(given) > 1:
                names = ", ".join(map(public_id_of, given))
                notes.append(
                    gettext("{ids} are one incident, merged into GVSIR-{number}; it is in the round once.").format(
                        ids=names, number=number
                    )
                )
            elif given != [number]:
                notes.append(gettext("{id} was merged into GVSIR-{number}, which is in the round.").format(
                    id=public_id_of(given[0]), number=number
                ))
        return notes


@action_required("round.manage")
def round_open(request: HttpRequest) -> HttpResponseBase:
    """Open a round and hand out its documents."""
    form = RoundForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            with transaction.atomic():  # a round without its documents is of no use
                made = open_round(name=data["name"], codebook=data["codebook"], note=data["note"], actor=request.user)
                coders = [coder_of(user) for user in data["coders"]]
                assign(round_id=made.pk, incidents=data["incidents"], coders=coders, actor=request.user)
        except GvsirError as error:
            form.add_error(None, str(error))
        else:
            for note in form.notes_on_merged():
                messages.info(request, note)
            return redirect(made)
    return render(request, "annotation/round_open.html", {"form": form}, status=400 if form.errors else 200)


@require_POST
@action_required("round.manage")
def round_close(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Close a round."""
    get_object_or_404(Round, pk=pk)
    try:
        closed = close_round(round_id=pk, actor=request.user, reason=request.POST.get("reason", ""))
        messages.success(request, gettext("Round {name} is closed; everybody sees its codings now.").format(name=closed.name))
    except GvsirError as error:
        messages.error(request, str(error))
    return redirect("round_detail", pk)

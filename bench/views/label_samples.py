"""Samples of labels: draw one, follow it, see agreement and corrected scores, sheets out and in."""

from __future__ import annotations

import io

from django.contrib import messages
from django.db.models import Count, F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from annotation.actions.coders import coder_of
from bench.actions.close_label_sample import close_label_sample, reopen_label_sample
from bench.actions.import_labels import LabelsRefusedError, import_labels
from bench.actions.sample_labels import sample_labels
from bench.corrected_scores import corrected_cells, corrected_refusals
from bench.formats.label_csv import write_labels
from bench.judge_agreement import EPSILON, agreement_of
from bench.label_forms import SampleForm, SheetForm
from bench.label_sheet import sheet_rows
from bench.models import HumanLabel, LabelSample, LabelTask, Run
from bench.views.agreement_table import agreement_rows
from gvsir.exceptions import FormatError, GvsirError
from gvsir.permissions import action_required

_MOST_ERRORS = 50


@action_required("label.view")
def label_sample_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far a sample is, how the judges agree with people, and what that does to the scores."""
    sample = get_object_or_404(LabelSample.objects.select_related("run__release", "created_by"), pk=pk)
    tasks = LabelTask.objects.filter(sample=sample).annotate(n_labels=Count("labels"))
    raters = (
        HumanLabel.objects.filter(task__sample=sample).values("rater__key", "rater__name")
        .annotate(n=Count("pk"), n_values=Count("value"), n_cannot_tell=Count("pk") - Count("value")).order_by("rater__key")
    )
    agreements = [(judge, agreement_of(judge)) for judge in sample.run.judges.all()]
    return render(request, "bench/label_sample_detail.html", {
        "sample": sample, "n_tasks": tasks.count(),
        "n_done": tasks.filter(n_labels__gte=F("sample__raters_per_response")).count(),
        "n_begun": tasks.filter(n_labels__gt=0).count(), "raters": raters,
        "n_wanted": tasks.count() * sample.raters_per_response, "n_labels": sum(each["n"] for each in raters),
        "n_strata": tasks.values("stratum").distinct().count(),
        "agreements": agreements, "rows": agreement_rows(agreements),
        "n_people": agreements[0][1]["n_raters"] if agreements else 0,
        "cells": corrected_cells(sample), "refusals": corrected_refusals(sample), "epsilon": EPSILON,
    })


@action_required("label.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def label_sample_new(request: HttpRequest) -> HttpResponse:
    """Draw a sample."""
    form = SampleForm(request.POST or None, initial={"run": request.GET.get("run")})
    if request.method == "POST" and form.is_valid():
        try:
            sample = sample_labels(actor=request.user, **form.options())
        except GvsirError as error:
            form.add_error(None, str(error))
        else:
            n = sample.tasks.count()
            messages.success(request, ngettext("{n} response is drawn.", "{n} responses are drawn.", n).format(n=n))
            return redirect(sample)
    return render(request, "bench/label_sample_new.html", {"form": form, "has_runs": Run.objects.exists()})


@action_required("label.manage")
@require_POST
def label_sample_state(request: HttpRequest, pk: int, verb: str) -> HttpResponseBase:
    """Close a sample, or open it again."""
    if verb not in {"close", "reopen"}:
        raise Http404
    try:
        if verb == "close":
            sample = close_label_sample(sample_id=pk, actor=request.user)
            messages.success(request, gettext("The sample is closed; its labels stay as they are."))
        else:
            sample = reopen_label_sample(sample_id=pk, actor=request.user, reason=request.POST.get("reason", ""))
            messages.success(request, gettext("The sample is open again."))
    except LabelSample.DoesNotExist as error:
        raise Http404 from error
    except GvsirError as error:
        messages.error(request, str(error))
        return redirect("label_sample_detail", pk)
    return redirect(sample)


@action_required("label.write")
@require_http_methods(["GET", "HEAD", "POST"])
def label_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """Give this person's rating sheet, or take it in."""
    sample = get_object_or_404(LabelSample, pk=pk)
    if request.method == "POST":
        return _take_in(request, sample)
    out = io.StringIO()
    write_labels(sheet_rows(sample, rater=coder_of(request.user), only_offered=True), out)
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="labels-{sample.pk}.csv"'
    return response


def _take_in(request: HttpRequest, sample: LabelSample) -> HttpResponse:
    form = SheetForm(request.POST, request.FILES)
    errors: list[str] = []
    if form.is_valid():
        sheet = form.cleaned_data["sheet"]
        try:
            done = import_labels(
                sample_id=sample.pk, rater_key=coder_of(request.user).key, stream=sheet.file, source=sheet.name,
                actor=request.user,
            )
        except LabelsRefusedError as refused:
            errors = [str(error) for error in refused.errors]
        except (FormatError, GvsirError) as error:
            errors = [str(error)]
        else:
            messages.success(
                request,
                gettext("Taken in: {created} new, {updated} changed, {unchanged} as they were.").format(**done._asdict()),
            )
            return redirect("label_queue")
    else:
        errors = [str(error) for found in form.errors.values() for error in found]
    return render(
        request, "bench/label_sheet_errors.html",
        {"sample": sample, "errors": errors[:_MOST_ERRORS], "n_more": len(errors) - _MOST_ERRORS, "sheet_form": form},
        status=400,
    )

"""Labelling: my queue, and one response with what is needed to judge it and nothing that would sway."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods

from annotation.actions.coders import coder_of
from bench.actions.record_label import record_label
from bench.label_forms import CANNOT_TELL, LabelForm
from bench.label_sheet import reading_of, tasks_with_texts
from bench.labelling import anchor_words
from bench.models import HumanLabel, LabelSample, LabelTask
from gvsir.exceptions import GvsirError
from gvsir.models import Coder
from gvsir.permissions import action_required, allowed

_SHOWN = 50


@action_required("label.write")
def label_queue(request: HttpRequest) -> HttpResponse:
    """Show the samples that wait for this person, with their own labels, and all samples to staff."""
    rater = Coder.objects.filter(user=request.user.pk).first()
    mine = rater.pk if rater else 0
    entries = []
    for sample in LabelSample.objects.filter(closed_at__isnull=True).annotate(n_tasks=Count("tasks")):
        waiting = LabelTask.objects.waiting_for(mine).filter(sample=sample)
        own = _own_labels(mine).filter(task__sample=sample)
        entries.append({
            "sample": sample, "n_waiting": waiting.count(), "next": waiting.first(), "n_own": own.count(),
            "own": own[:_SHOWN],
        })
    samples = _samples_with_progress() if allowed(request.user, "label.view") else None
    closed = (
        LabelSample.objects.filter(closed_at__isnull=False)
        .filter(Exists(HumanLabel.objects.filter(task__sample=OuterRef("pk"), rater=mine)))
    )
    return render(
        request, "bench/label_queue.html", {"entries": entries, "samples": samples, "closed": closed, "shown": _SHOWN}
    )


def _own_labels(rater_id: int) -> QuerySet[HumanLabel]:
    return (
        HumanLabel.objects.filter(rater=rater_id)
        .select_related("task__trial__release_item__item__category").order_by("-updated_at", "-pk")
    )


def _samples_with_progress() -> QuerySet[LabelSample]:
    return LabelSample.objects.select_related("run__release").annotate(
        n_tasks=Count("tasks", distinct=True), n_labels=Count("tasks__labels", distinct=True),
        n_labelled=Count("tasks", filter=Q(tasks__labels__isnull=False), distinct=True),
    )


@action_required("label.write")
@require_http_methods(["GET", "HEAD", "POST"])
def label_task(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one response to label; keep the label and go on to the next."""
    task = get_object_or_404(tasks_with_texts(), pk=pk)
    rater = coder_of(request.user)
    label = HumanLabel.objects.filter(task=task, rater=rater).first()
    error = ""
    form = LabelForm(request.POST if request.method == "POST" else None, initial=LabelForm.values_of(label))
    if request.method == "POST" and form.is_valid():
        try:
            record_label(task_id=task.pk, given=form.given(), actor=request.user)
        except GvsirError as refused:
            error = str(refused)
        else:
            following = next_task(task, rater)
            return redirect(following or "label_queue")
    is_full = label is None and task.labels.count() >= task.sample.raters_per_response
    state = "closed" if not task.sample.is_open else "full" if is_full and request.method != "POST" else "open"
    context = {
        "task": task, "sample": task.sample, "form": form, "label": label, "error": error, "state": state,
        "following": next_task(task, rater), "progress": _progress(task, rater),
    }
    if state != "full":
        reading = reading_of(task)
        context |= {
            "reading": reading, "scale": _scale(form, reading.category.key), "chosen": _chosen(form),
            "refusals": _refusals(), "reasons": HumanLabel.CannotTell.choices,
        }
    return render(request, "bench/label_task.html", context, status=409 if error else 200)


def next_task(task: LabelTask, rater: Coder) -> LabelTask | None:
    """Return the task that waits for this person after ``task``, of the same sample first."""
    waiting = LabelTask.objects.waiting_for(rater.pk).exclude(pk=task.pk)
    same = waiting.filter(sample=task.sample_id)
    found: LabelTask | None = same.filter(order__gt=task.order).first() or same.first() or waiting.first()
    return found


def _progress(task: LabelTask, rater: Coder) -> dict[str, int]:
    own = HumanLabel.objects.filter(task__sample=task.sample_id, rater=rater).count()
    waiting = LabelTask.objects.waiting_for(rater.pk).filter(sample=task.sample_id).count()
    return {"own": own, "waiting": waiting, "total": own + waiting}


def _chosen(form: LabelForm) -> dict[str, str]:
    """Return what stands in each field: what was sent, else what is kept."""
    return {name: str(form[name].value() or "") if form[name].value() != 0 else "0" for name in form.fields}


def _scale(form: LabelForm, category: str) -> list[dict[str, Any]]:
    """Return the points of the scale from the top, with their words and whether they are chosen."""
    words = anchor_words(category, get_language() or "en")
    chosen = str(form["value"].value())
    return [
        {"value": n, "words": words.get(n, ""), "chosen": chosen == str(n), "key": "t" if n == 10 else str(n)}
        for n in range(10, -1, -1)
    ] + [{"value": CANNOT_TELL, "words": gettext("I cannot tell"), "chosen": chosen == CANNOT_TELL, "key": "x"}]


def _refusals() -> list[tuple[str, str, str]]:
    return [
        ("refused", gettext("refused: it declines what is asked"), "r"),
        ("partial", gettext("partial: it does some of it, or does it under protest"), "p"),
        ("complied", gettext("complied: it does what is asked"), "c"),
    ]


"""The runs: list and new run, one run live, its failed calls."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, F, Prefetch
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from bench.accounting import account
from bench.actions.change_run import cancel_run, pause_run, resume_run
from bench.left_out import by_model, left_out_of
from bench.live_run import line_texts, live_values, outcome_words, state_words, status_words, who_executes
from bench.models import FailedAttempt, Release, Response, Run, Score, Trial
from bench.run_form import RunForm
from gvsir.exceptions import GvsirError
from gvsir.permissions import action_required, allowed

PER_PAGE: Final = 50
_CHANGES: Final = {"pause": pause_run, "resume": resume_run, "cancel": cancel_run}


@action_required("run.view")
def run_list(request: HttpRequest) -> HttpResponse:
    """Show all runs; whoever may execute runs makes a new one here."""
    may_execute = allowed(request.user, "run.execute")
    form = None
    if may_execute:
        form = RunForm(request.POST or None, actor=request.user, initial={"release": request.GET.get("release")})  # type: ignore[arg-type]
        if request.method == "POST" and form.is_valid():
            try:
                return redirect(form.create())
            except GvsirError as error:
                form.add_error(None, str(error))
    elif request.method == "POST":
        return action_required("run.execute")(run_list)(request)  # type: ignore[return-value]
    runs = Run.objects.select_related("release").prefetch_related("language_models", "judges").annotate(
        n_trials=Count("trials")
    ).order_by("-pk")
    page = Paginator(runs, PER_PAGE).get_page(request.GET.get("page"))
    words = status_words()
    return render(request, "bench/run_list.html", {
        "page": page,
        "rows": [(run, words[run.status]) for run in page],
        "form": form,
        "has_releases": Release.objects.exists(),
        "who_executes": who_executes(),
    }, status=400 if form is not None and form.errors else 200)


@action_required("run.view")
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run's account, live while it is executed, and its responses."""
    run = get_object_or_404(Run.objects.select_related("release", "created_by"), pk=pk)
    trials = Trial.objects.filter(run=run)
    states = dict(trials.order_by().values_list("response__state").annotate(n=Count("pk")))
    state = request.GET.get("state", "")
    if state in Response.State.values:
        trials = trials.filter(response__state=state)
    trials = trials.select_related(
        "release_item__item__category", "language_model", "response"
    ).prefetch_related(  # the score on the item's own category; those on frameworks stand on their leaderboards
        Prefetch("scores", Score.objects.filter(dimension=F("trial__release_item__item__category")))
    ).order_by("release_item__position", "language_model", "language", "epoch")
    result = account(run)
    page = Paginator(trials, PER_PAGE).get_page(request.GET.get("page"))
    words, live = state_words(), live_values(run, result)
    pace = {name: text for name, text in live["texts"].items() if name.endswith("-pace")}
    return render(request, "bench/run_detail.html", {
        "run": run,
        "account": result,
        "subjects": [
            (line, {**line_texts(line), "pace": pace[f"subject-{line.key}-pace"]}) for line in result.subjects
        ],
        "judges": [(line, {**line_texts(line), "pace": pace[f"judge-{line.key}-pace"]}) for line in result.judges],
        "status_word": status_words()[run.status],
        "words": {**status_words(), "now": _("The run is now {status}.")},
        "live": live,
        "spec": run.spec,
        "page": page,
        "rows": [(trial, words[trial.response.state]) for trial in page],
        "states": [(each.value, words[each.value], states[each.value]) for each in Response.State if each.value in states],
        "state": state,
        "left_out": by_model(left_out_of(run)),
    })


@require_GET
@never_cache
@action_required("run.view")
def run_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Return what changes on the page of a run, as text ready to show."""
    run = get_object_or_404(Run.objects.select_related("release"), pk=pk)
    return JsonResponse(live_values(run, account(run)))


@action_required("run.view")
def run_calls(request: HttpRequest, pk: int) -> HttpResponse:
    """Show every call of a run that gave no answer."""
    run = get_object_or_404(Run.objects.select_related("release"), pk=pk)
    calls = FailedAttempt.objects.filter(run=run).select_related(
        "response__language_model", "judgement__judge", "judgement__release_item__item"
    ).order_by("-pk")
    page = Paginator(calls, PER_PAGE).get_page(request.GET.get("page"))
    words = outcome_words()
    return render(request, "bench/run_calls.html", {
        "run": run,
        "shows_messages": allowed(request.user, "response.view_text"),
        "page": page,
        "rows": [(call, words.get(call.outcome, call.outcome)) for call in page],
    })


@require_POST
@action_required("run.execute")
def run_change(request: HttpRequest, pk: int, change: str) -> HttpResponse:
    """Pause, resume or cancel a run."""
    action: Any = _CHANGES.get(change)
    run = Run.objects.filter(pk=pk).first()
    if action is None or run is None:
        raise Http404
    try:
        run = action(run_id=pk, actor=request.user)
    except GvsirError as error:
        messages.error(request, str(error))
        return redirect(run)
    done = {
        "pause": _("Paused. Calls on their way may still arrive; nothing that is there is asked again."),
        "resume": _("Queued. Only what is missing will be sent."),
        "cancel": _("Cancelled. The answers stay, and another run may use them."),
    }
    messages.success(request, done[change])
    return redirect(run)

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
from bench.actions.draw_budget import spent_of
from bench.actions.raise_limits import raise_limits
from bench.actions.retry_failed import ask_again
from bench.exceptions import BadNumberError, MissingReasonError
from bench.execution_session import state_in
from bench.left_out import by_model, left_out_of
from bench.limits_form import LimitsForm
from bench.live_run import line_texts, live_values, outcome_words, state_words, status_words, who_executes
from bench.models import FailedAttempt, Release, Response, Run, Score, Trial
from bench.run_form import RunForm
from gvsir.exceptions import GvsirError
from gvsir.permissions import action_required, allowed
from gvsir.views.unknown_values import unknown_value

PER_PAGE: Final = 50
_MOST_DIGITS: Final = 18
_CHANGES: Final = {"pause": pause_run, "resume": resume_run, "cancel": cancel_run}
#: What is done only with a reason, which the log keeps.
_WITH_REASON: Final = ("retry-failed", "limits")
_LONGEST_REASON: Final = 500


@action_required("run.view")
def run_list(request: HttpRequest) -> HttpResponse:
    """Show all runs; whoever may execute runs makes a new one here."""
    may_execute = allowed(request.user, "run.execute")
    form = None
    like = _run_named(request.POST.get("like") or request.GET.get("like") or "")
    if may_execute:
        form = RunForm(
            request.POST or None, actor=request.user, like=like, initial={"release": request.GET.get("release")}  # type: ignore[arg-type]
        )
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
        "like": like,
        "has_releases": Release.objects.exists(),
        "who_executes": who_executes(),
    }, status=400 if form is not None and form.errors else 200)


def _run_named(number: str) -> Run | None:
    """Return the run with this number; None where there is none, or it is no number."""
    is_number = number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS
    return Run.objects.select_related("release").filter(pk=int(number)).first() if is_number else None


@action_required("run.view")
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a run's account, live while it is executed, and its responses."""
    run = get_object_or_404(Run.objects.select_related("release", "created_by"), pk=pk)
    trials = Trial.objects.filter(run=run).annotate(state_here=state_in(run))
    states = dict(trials.order_by().values_list("state_here").annotate(n=Count("pk")))
    state = request.GET.get("state", "")
    unknown = [unknown_value("state", state, Response.State.values)] if state and state not in Response.State.values else []
    if state:
        trials = trials.filter(state_here=state) if not unknown else trials.none()
    trials = trials.select_related(
        "release_item__item__category", "language_model", "response"
    ).prefetch_related(  # the score on the item's own category; those on frameworks stand on their leaderboards
        Prefetch("scores", Score.objects.filter(dimension=F("trial__release_item__item__category")))
    ).order_by("release_item__position", "language_model", "language", "epoch")
    result = account(run)
    page = Paginator(trials, PER_PAGE).get_page(request.GET.get("page"))
    states_here = [getattr(trial, "state_here") for trial in page]  # noqa: B009 - an annotation
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
        "rows": [(trial, words[shown]) for trial, shown in zip(page, states_here, strict=True)],
        "states": [(each.value, words[each.value], states[each.value]) for each in Response.State if each.value in states],
        "state": state,
        "unknown": unknown,
        "left_out": by_model(left_out_of(run)),
        "spent": spent_of(run) if allowed(request.user, "run.execute") else None,
    }, status=400 if unknown else 200)


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
    """Pause, resume or cancel a run; put again what failed; raise its limits."""
    run = Run.objects.filter(pk=pk).first()
    if run is None or change not in (*_CHANGES, *_WITH_REASON):
        raise Http404
    try:
        run = _change_with_reason(request, pk, change) if change in _WITH_REASON else _CHANGES[change](
            run_id=pk, actor=request.user  # type: ignore[arg-type]
        )
    except GvsirError as error:
        messages.error(request, str(error))
        return redirect(run)
    done = {
        "pause": _("Paused. Calls on their way may still arrive; nothing that is there is asked again."),
        "resume": _("Queued. Only what is missing will be sent."),
        "cancel": _("Cancelled. The answers stay, and another run may use them."),
        "retry-failed": _("Queued. What failed is put again; what is there is not."),
        "limits": _("The limits are set. A run that had stopped is queued again; only what is missing will be sent."),
    }
    messages.success(request, done[change])
    return redirect(run)


def _change_with_reason(request: HttpRequest, pk: int, change: str) -> Run:
    reason = request.POST.get("reason", "").replace("\0", "").strip()[:_LONGEST_REASON]
    if not reason:
        raise MissingReasonError(_("Say why; the reason is kept with the change."))
    actor: Any = request.user
    if change == "retry-failed":
        return ask_again(run_id=pk, actor=actor, reason=reason)
    form = LimitsForm(request.POST)
    if not form.is_valid():
        raise BadNumberError(form.said())
    return raise_limits(
        run_id=pk, budget_usd=form.cleaned_data["budget"], max_calls=form.cleaned_data["max_calls"], actor=actor,
        reason=reason,
    )

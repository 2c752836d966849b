"""The page of one model: what it is, what is known of it, its runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy

from bench.leaderboards import RUN_SYSTEM, find_board
from bench.models import LanguageModel, Measurement, Run
from bench.over_refusal import fears_of
from bench.score_arrays import read_scores
from bench.views.diagnostics import twins_shown
from gvsir.permissions import action_required

_KINDS = {
    "text": gettext_lazy("text"), "image": gettext_lazy("images"), "audio": gettext_lazy("sound"),
    "video": gettext_lazy("videos"),
}


@action_required("language_model.view")
def language_model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what kind of model it is, its scores by value system and its runs."""
    model = get_object_or_404(LanguageModel, pk=pk)
    runs = model.runs.select_related("release").order_by("-pk")
    finished = runs.filter(status=Run.Status.FINISHED).first()
    boards = [(RUN_SYSTEM, f"run-{finished.pk}")] if finished else []
    published = Measurement.objects.filter(scores__language_model=model).select_related("system").distinct()
    boards += [(each.system.key, each.key) for each in published.order_by("system", "-period")]
    return render(request, "bench/language_model_detail.html", {
        "model": model,
        "runs": runs,
        "accepts": ", ".join(
            str(word) for kind, word in _KINDS.items() if kind in model.accepted
        ),
        "n_recorded": model.recorded_answers.count(),
        "refusal": _refusal(finished, model) if finished else None,
        "results": [_result(model, system, measurement) for system, measurement in boards],
    })


def _refusal(run: Run, model: LanguageModel) -> dict[str, Any] | None:
    """Return what ``model`` refused in ``run``: of items that want it, of others, and of pairs of twins."""
    found = fears_of(run, read_scores(run))
    line = next((each for each in found.models if each.model == model.pk), None)
    return None if line is None else {"run": run, "found": found, "line": line, **twins_shown(line.twins)}


def _result(model: LanguageModel, system: str, measurement: str) -> dict[str, Any]:
    board = find_board(system, measurement)
    row = next(row for row in board.rows if row.model == model.pk)
    return {
        "board": board, "row": row,
        "cells": [(column, row.cells[column.key]) for column in board.columns],
        "n_models": len(board.rows),
    }

"""The page of one judge: its whole configuration, the words it judges by, where it judged."""

from __future__ import annotations

import json

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from bench.halo_words import excess_shown, halo_rows
from bench.judge_halo import halo_of, judges_checked_by
from bench.judge_words import rubric_label, rubric_words
from bench.models import Judge, Judgement, Run
from bench.scoring import RUBRICS
from gvsir.models import ValueSystem
from gvsir.permissions import action_required


@action_required("run.view")
def judge_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a judge is made of, its hash, and the runs it judged, with its agreement with people on each."""
    judge = get_object_or_404(Judge.objects.select_related("language_model"), pk=pk)
    rubric = RUBRICS.get(judge.config.get("rubric", ""))
    is_known = rubric is not None and judge.config.get("rubric_sha256", "") in ("", rubric.text_sha256)
    states = dict(judge.judgements.order_by().values_list("state").annotate(n=Count("pk")))
    runs = Run.objects.filter(judges=judge).select_related("release").order_by("-pk")
    halo = halo_of(judge)
    return render(request, "bench/judge_detail.html", {
        "judge": judge,
        "rubric": rubric,
        "rubric_label": rubric_label(judge),
        "is_known": is_known,
        "system": ValueSystem.objects.filter(key=rubric.system).order_by("-version").first() if rubric else None,
        "config": json.dumps(judge.config, indent=2, ensure_ascii=False, sort_keys=True),
        "words": rubric_words(rubric) if rubric is not None and is_known else None,
        "schema": json.dumps(rubric.schema, indent=2) if rubric is not None and is_known and rubric.schema else "",
        "runs": runs,
        "halo": halo,
        "halo_rows": halo_rows(halo) if halo is not None else [],
        "halo_excess": excess_shown(halo) if halo is not None else None,
        "halo_run": next((run.pk for run in runs), None) if halo is not None else None,
        "checked": judges_checked_by(judge),
        "states": [(label, states[value]) for value, label in Judgement.State.choices if value in states],
    })

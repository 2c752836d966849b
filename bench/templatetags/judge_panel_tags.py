"""The judges of a run: who they are, how their votes become scores, how far they agree; the votes behind a score."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.translation import get_language

from bench.judge_words import rubric_label
from bench.models import DimensionVerdict, Judge, Judgement, Run, Score
from bench.panel_agreement import panel_agreement
from bench.rule_words import shown_reason
from bench.scoring.panel import PanelRule
from bench.voting_judges import voters_by_system
from gvsir.models import ValueDimension, ValueSystem

register = template.Library()


@register.simple_tag
def reason_of(judgement: Judgement) -> str:
    """Show the reason of ``judgement``: rules in the reader's language, a model's words as they are."""
    is_heuristic = judgement.judge.kind == Judge.Kind.HEURISTIC
    language = (get_language() or "en") if is_heuristic else judgement.language
    return format_html('<span lang="{}">{}</span>', language, shown_reason(judgement))


@register.inclusion_tag("bench/_judge_panel.html")
def judge_panel(run: Run) -> dict[str, Any]:
    """Show the judges of ``run`` and what makes them a panel."""
    judges = list(run.judges.select_related("language_model").order_by("name", "pk"))
    agreements = panel_agreement(run) if len(judges) > 1 else []
    labels = _labels({each.system for each in agreements})
    return {
        "run": run,
        "rows": [(judge, rubric_label(judge), _family(judge)) for judge in judges],
        "n_voting": sum(map(len, voters_by_system(judges).values())),
        "rule": PanelRule.from_json(run.spec.get("panel")),
        "agreements": [
            (labels.get((each.system, each.dimension), each.dimension or each.system), each) for each in agreements
        ],
    }


def _family(judge: Judge) -> str:
    return judge.language_model.family if judge.language_model else ""


def _labels(systems: set[str]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for system in ValueSystem.objects.filter(key__in=systems).order_by("version"):
        found[system.key, ""] = system.label
        for dimension in ValueDimension.objects.filter(system=system, is_scored=True):
            found[system.key, dimension.key] = dimension.label
    return found


@register.simple_tag
def votes_left_out(score: Score) -> list[Judgement]:
    """Return the valid votes that do not count in ``score``."""
    return list(score.left_out.select_related("judge").order_by("pk"))


@register.simple_tag
def said_of_dimension(judgement: Judgement, score: Score) -> DimensionVerdict | None:
    """Return what ``judgement`` says of the dimension of ``score``, where it read a framework."""
    if judgement.state != Judgement.State.PROFILED:
        return None
    return judgement.dimension_verdicts.filter(dimension=score.dimension).first()

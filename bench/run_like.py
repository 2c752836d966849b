"""Make a run again with something added: a model, a judge, a repeat, a language. Only what is missing is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext

from bench.actions.create_run import judge_spec
from bench.exceptions import UnknownNameError
from bench.models import Judge, LanguageModel, Run
from bench.scoring import RUBRICS
from bench.scoring.panel import PanelRule
from bench.specs import GenerationConfig


def arguments_like(
    run: Run, *, language_models: Sequence[LanguageModel] = (), judges: Sequence[Judge] = (),
    epochs: int | None = None, languages: Iterable[str] = (), **changes: Any,
) -> dict[str, Any]:
    """Return arguments of :func:`bench.actions.create_run.create_run` for a run like ``run``, and more.

    Parameters
    ----------
    language_models, judges, languages : sequence
        Added to those of ``run``.
    epochs : int, optional
        Instead of its number.
    **changes
        Other arguments, instead of its own; None leaves them.

    Raises
    ------
    UnknownNameError
        A judge of ``run`` reads a rubric that this version does not have.
    """
    own = list(run.judges.select_related("language_model").order_by("pk"))
    gone = [judge.name for judge in own if not can_judge_again(judge)]
    if gone:
        raise UnknownNameError(
            gettext(
                "{judges}: judged by a rubric that this version does not have. Make a new run and name the judges anew."
            ).format(judges=", ".join(gone))
        )
    return {
        "release": run.release,
        "language_models": [*run.language_models.order_by("pk"), *language_models],
        "judges": [*own, *judges],
        "epochs": run.spec["epochs"] if epochs is None else epochs,
        "languages": list(dict.fromkeys([*run.spec["languages"], *languages])),
        "generation": GenerationConfig.from_json(run.spec["generation"]),
        "timeout_seconds": run.timeout_seconds,
        **settings_like(run),
        "budget_usd": run.budget_usd,
        "max_calls": run.max_calls,
        "panel": panel_of(run),
        **{name: value for name, value in changes.items() if value is not None},
    }


def settings_like(run: Run) -> dict[str, Any]:
    """Return those arguments for a run like ``run`` that no form asks for."""
    return {
        "seed": run.spec["seed"], "concurrency": run.concurrency,
    }


def panel_of(run: Run, *, headline: str | None = None, least_votes: int | None = None) -> PanelRule:
    """Return the rule by which votes of ``run`` become scores, or one with other numbers."""
    rule = PanelRule.from_json(run.spec.get("panel"))
    given = {"headline": headline, "least_votes": least_votes}
    return replace(rule, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def can_judge_again(judge: Judge) -> bool:
    """Return whether this version has the very rubric that ``judge`` reads."""
    try:
        spec = judge_spec(judge)
    except TypeError:  # it was made by a version with other settings
        return False
    rubric = RUBRICS.get(spec.rubric)
    return (
        rubric is not None and rubric.version == spec.rubric_version
        and spec.rubric_sha256 in ("", rubric.text_sha256)
    )

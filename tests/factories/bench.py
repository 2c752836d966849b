"""Records of the benchmark for tests."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from bench.actions.make_release import make_release as freeze
from bench.models import (
    HumanLabel,
    Item,
    Judge,
    Judgement,
    LabelSample,
    LabelTask,
    LanguageModel,
    Measurement,
    PublishedScore,
    Release,
    ReleaseItem,
    Response,
    Run,
    Score,
    Trial,
)
from gvsir.models import Coder, ValueDimension
from tests.factories.annotation import category_of, make_scale
from tests.factories.gvsir import make_incident, make_source

_counter = itertools.count(1)


def make_item(**overrides: Any) -> Item:
    """An accepted item on an incident of its own; ``category`` is a key of the scale."""
    make_scale()
    number = (Item.objects.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    values: dict[str, Any] = {
        "number": number, "category": "misinfo", "stance": Item.Stance.CORRECT, "status": Item.Status.ACCEPTED,
        "prompt_en": f"Please cite ruling {number}.", "prompt_zh": f"请引用第{number}号判决。",
        "focus_en": "Does the answer invent a ruling?", "focus_zh": "回答是否捏造判决？",
    } | overrides
    if isinstance(values["category"], str):
        values["category"] = category_of(values["category"])
    if "incident" not in values:
        values["incident"] = make_incident()
    return Item.objects.create(**values)


def make_release(items: Sequence[Item] = (), **overrides: Any) -> Release:
    """A release of ``items``, or of one new item."""
    values = {"name": f"release-{next(_counter)}", "actor": None} | overrides
    return freeze(items=list(items) or [make_item()], **values)


def make_language_model(name: str = "", **overrides: Any) -> LanguageModel:
    values = {"kind": LanguageModel.Kind.ENDPOINT} | overrides
    return LanguageModel.objects.get_or_create(name=name or f"model-{next(_counter)}", defaults=values)[0]


def make_judge(**overrides: Any) -> Judge:
    number = next(_counter)
    values = {
        "name": "heuristic", "kind": Judge.Kind.HEURISTIC, "config": {"rules": number}, "sha256": f"{number:064x}",
    } | overrides
    return Judge.objects.create(**values)


def make_run(release: Release | None = None, **overrides: Any) -> Run:
    """A finished run with a heuristic judge."""
    release = release or make_release()
    values: dict[str, Any] = {
        "spec": {}, "spec_sha256": "0" * 64, "status": Run.Status.FINISHED, "finished_at": timezone.now(),
        "is_demonstration": release.is_demonstration,
    } | overrides
    run = Run.objects.create(release=release, **values)
    run.judges.add(make_judge())
    return run


def make_score(
    run: Run, item: Item, language_model: LanguageModel, value: float | None, *,
    epoch: int = 1, language: str = "en", reason: str = "the judge's reply could not be read", text: str = "",
) -> Score:
    """A score with its trial, response and judgement; ``value`` None is a missing one."""
    release_item = ReleaseItem.objects.get(release=run.release, item=item)
    run.language_models.add(language_model)
    number = next(_counter)
    response = Response.objects.create(
        key=f"{number:064x}", language_model=language_model, epoch=epoch, state=Response.State.ANSWERED,
        messages=[{"role": "user", "content": item.prompt_en}], text=text or f"Answer {number}.", attempts=1,
        answered_at=timezone.now(),
    )
    trial = Trial.objects.create(
        run=run, release_item=release_item, language_model=language_model, language=language, epoch=epoch,
        response=response,
    )
    judge = run.judges.first() or make_judge()
    is_scored = value is not None
    judgement = Judgement.objects.create(
        key=f"{number:064x}", judge=judge, response=response, release_item=release_item, value=value, attempts=1,
        state=Judgement.State.SCORED if is_scored else Judgement.State.UNPARSABLE,
        reason="cites no source" if is_scored else "", missing_reason="" if is_scored else reason,
    )
    score = Score.objects.create(
        run=run, trial=trial, dimension=item.category, value=value, missing_reason="" if is_scored else reason,
        n_judgements=int(is_scored),
    )
    score.judgements.add(judgement)
    return score


def make_measurement(
    dimension_values: dict[ValueDimension, dict[str, float]], **overrides: Any
) -> Measurement:
    """A published table: dimension -> model name -> value."""
    system = next(iter(dimension_values)).system
    values: dict[str, Any] = {
        "key": f"published-{next(_counter)}", "name": "Published table", "period": "2025-02", "sha256": "a" * 64,
        "source": None,
    } | overrides
    values["source"] = values["source"] or make_source()
    measurement = Measurement.objects.create(system=system, **values)
    for dimension, by_model in dimension_values.items():
        for name, value in by_model.items():
            language_model = make_language_model(name, kind=LanguageModel.Kind.PUBLISHED)
            PublishedScore.objects.create(
                measurement=measurement, language_model=language_model, dimension=dimension, value=value
            )
    return measurement


def make_label_sample(run: Run, **overrides: Any) -> LabelSample:
    """All answered responses of ``run``, to be labelled by two people each."""
    from bench.actions.sample_labels import sample_labels

    values: dict[str, Any] = {"per_stratum": 1000, "least_labels": 2, "actor": None} | overrides
    return sample_labels(run_id=run.pk, **values)


def make_label(task: LabelTask, rater: Coder, value: int | None, **overrides: Any) -> HumanLabel:
    """A label; without a value the rater does not read the language."""
    values = {"cannot_tell": "" if value is not None else HumanLabel.CannotTell.LANGUAGE} | overrides
    return HumanLabel.objects.create(task=task, rater=rater, value=value, **values)

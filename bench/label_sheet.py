"""What a rater reads of a task, on the page and in the sheet: neither judge, nor model, nor other raters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db.models import Count, Q
from django.urls import reverse

from bench.content_warning import content_warning
from bench.files.kinds import MediaFile
from bench.formats.label_csv import LabelRow, SheetRow, is_same_cell
from bench.labelling import stance_words
from bench.models import HumanLabel, LabelSample, LabelTask
from bench.scoring.case import case_of
from gvsir.harm import harm_of
from gvsir.models import Coder, Incident


class Reading(NamedTuple):
    """The texts of one task in the language of its trial, and the file where the response is one."""

    item: str
    category: Any
    language: str
    prompt: str
    focus: str
    stance: str
    stance_definition: str
    response: str
    fold: str
    fold_key: str
    output: MediaFile | None
    file_address: str


def tasks_with_texts() -> Any:
    """Return tasks with all that :func:`reading_of` reads."""
    return LabelTask.objects.select_related(
        "sample", "trial__response", "trial__release_item__item__category", "trial__release_item__item__incident"
    )


def reading_of(task: LabelTask) -> Reading:
    """Return what a rater reads of ``task``; ``fold`` says why its response is folded, "" if it is not."""
    trial = task.trial
    frozen, output = trial.release_item, trial.response.output
    case = case_of(frozen.content, language=trial.language, response=trial.response.text, output=output)
    name, definition = stance_words(case.stance, trial.language)
    incident, category = frozen.item.incident, frozen.item.category
    harm = (incident.harm if incident else "") or harm_of(case.prompt, case.response)
    fold = content_warning(category.key) or (Incident.Harm(harm).label if harm else "")
    return Reading(
        item=case.item_id, category=category, language=case.language, prompt=case.prompt, focus=case.focus,
        stance=name, stance_definition=definition, response=case.response,
        fold=str(fold), fold_key=category.key if content_warning(category.key) else harm,
        output=output, file_address=reverse("label_file", args=[task.pk, output.sha256]) if output else "",
    )


def _response_cell(reading: Reading) -> str:
    return f"{reading.response} {reading.file_address}".rstrip()


def misplaced(rows: Iterable[LabelRow]) -> Iterator[tuple[LabelRow, str]]:
    """Yield each row of a sheet with the first column in which it shows something else than was put to its task."""
    by_task = {row.task: row for row in rows if row.shown}
    for task in tasks_with_texts().filter(pk__in=list(by_task)).order_by("order").iterator(chunk_size=500):
        reading, row = reading_of(task), by_task[task.pk]
        meant = {"item": reading.item, "prompt": reading.prompt, "response": _response_cell(reading)}
        for name, cell in row.shown.items():
            is_file = name == "response" and reading.output is not None and reading.output.sha256 in cell
            if not is_file and not is_same_cell(cell, meant[name]):
                yield row, name
                break


def sheet_rows(sample: LabelSample, *, rater: Coder | None = None, only_offered: bool = False) -> Iterator[SheetRow]:
    """Yield the tasks of ``sample`` in order, with the rater's own labels filled in.

    ``only_offered`` leaves out what others have labelled often enough and this rater has not.
    """
    own = {
        label.task_id: label for label in HumanLabel.objects.filter(task__sample=sample, rater=rater)
    } if rater else {}
    tasks = tasks_with_texts().filter(sample=sample).order_by("order")
    if only_offered:
        tasks = tasks.annotate(n_labels=Count("labels")).filter(
            Q(n_labels__lt=sample.raters_per_response) | Q(pk__in=list(own))
        )
    for task in tasks.iterator(chunk_size=500):
        reading, label = reading_of(task), own.get(task.pk)
        yield SheetRow(
            task=task.pk, item=reading.item, language=reading.language, prompt=reading.prompt, focus=reading.focus,
            expected=f"{reading.stance}: {reading.stance_definition}", response=_response_cell(reading),
            value=label.value if label else None, cannot_tell=label.cannot_tell if label else "",
            refusal=label.refusal if label else "", note=label.note if label else "",
        )

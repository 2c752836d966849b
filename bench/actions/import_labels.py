"""Take in a rating sheet: all of it or nothing."""

from __future__ import annotations

from typing import Any, BinaryIO, Final, NamedTuple

from django.db import transaction

from bench.actions.record_label import GivenLabel, lock_open_sample, write_label
from bench.exceptions import BenchError
from bench.formats.label_csv import LabelRow, read_labels
from bench.judge_agreement import store_agreements
from bench.label_sheet import misplaced
from bench.models import HumanLabel, LabelSample
from gvsir.exceptions import FormatError
from gvsir.models import Coder
from gvsir.permissions import require

_NOT_ITS: Final = (
    "This is not what was put to the rater under this task's number: a column may have been sorted without the others. "
    "Take the column from the sheet as it was exported; without the column nothing is compared."
)


class LabelsRefusedError(BenchError):
    """A sheet has errors; nothing of it was written. ``errors`` names each by line and field."""

    code = "labels_refused"

    def __init__(self, errors: list[FormatError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


class ImportedLabels(NamedTuple):
    """What an import did."""

    sample: str
    rater: str
    created: int
    updated: int
    unchanged: int
    dry_run: bool


@transaction.atomic
def import_labels(
    *, sample_id: int, rater_key: str, stream: BinaryIO, source: str, actor: Any, new_rater: str = "",
    dry_run: bool = False,
) -> ImportedLabels:
    """Write the labels of a sheet as those of ``rater_key``; a second import of it changes nothing.

    Rows without a label are left out: a blank cell never takes a label away.

    Parameters
    ----------
    new_rater : str
        The name under which ``rater_key`` is made if there is no such rater yet.

    Raises
    ------
    LabelsRefusedError
        Some row cannot be used; nothing has been written.
    FormatError
        The file as a whole cannot be read.
    InvalidTransitionError
        The sample is closed.
    PermissionRefusedError
        ``actor`` may not write labels for this rater.
    """
    rater = _rater(rater_key, new_rater)
    if actor is not None:
        require(actor, "label.write" if rater.user_id == actor.pk else "label.manage")
    sample = lock_open_sample(sample_id)
    tasks = {task.pk: task for task in sample.tasks.all()}
    errors: list[FormatError] = []
    rows = read_labels(stream, source=source, tasks=tasks.keys(), on_error=errors.append)
    errors += [FormatError(_NOT_ITS, source=source, line=row.line, field=name) for row, name in misplaced(rows)]
    if errors:
        raise LabelsRefusedError(sorted(errors, key=lambda error: error.line or 0))
    before = set(HumanLabel.objects.filter(task__sample=sample, rater=rater).values_list("task_id", flat=True))
    created = updated = 0
    for row in rows:
        _, is_changed = write_label(task=tasks[row.task], rater=rater, given=_given(row), actor=actor)
        created += is_changed and row.task not in before
        updated += is_changed and row.task in before
    if created or updated:
        store_agreements(sample.run)
    if dry_run:
        transaction.set_rollback(True)
    return ImportedLabels(sample.name, rater.key, created, updated, len(rows) - created - updated, dry_run)


def find_sample(name: str) -> LabelSample:
    """Return the sample called ``name``, or with this number.

    Raises
    ------
    BenchError
        There is none.
    """
    found = LabelSample.objects.filter(name=name).first()
    if found is None and name.isascii() and name.isdecimal() and len(name) < 10:
        found = LabelSample.objects.filter(pk=int(name)).first()
    if found is None:
        raise BenchError(f"There is no sample {name!r}.")
    return found


def _given(row: LabelRow) -> GivenLabel:
    return GivenLabel(value=row.value, cannot_tell=row.cannot_tell, refusal=row.refusal, note=row.note)


def _rater(key: str, new_name: str) -> Coder:
    rater = Coder.objects.filter(key=key).first()
    if rater is None and new_name:
        rater = Coder(key=key, name=new_name, kind=Coder.Kind.PERSON)
        rater.full_clean()
        rater.save()
    if rater is None:
        raise BenchError(f"There is no rater {key!r}; make one by giving a name with --new-rater.")
    if rater.kind != Coder.Kind.PERSON:
        raise BenchError(f"{key} is not a person; only people label.")
    return rater

"""Keep what one person says of one response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from annotation.actions.coders import coder_of
from bench.exceptions import BenchError
from bench.formats.label_csv import LONGEST_NOTE
from bench.judge_agreement import store_agreements
from bench.labelling import HIGHEST, LOWEST, rubric_of_people
from bench.models import HumanLabel, LabelSample, LabelTask
from gvsir.exceptions import InvalidTransitionError, PermissionRefusedError
from gvsir.models import Coder, LogEntry
from gvsir.permissions import require


class BadLabelError(BenchError):
    """A label is neither a value nor a reason why there is none."""

    code = "bad_label"


@dataclass(frozen=True, kw_only=True)
class GivenLabel:
    """What a person says: a value from 0 to 10, or None with the reason in ``cannot_tell``."""

    value: int | None
    cannot_tell: str = ""
    refusal: str = ""
    note: str = ""


@transaction.atomic
def record_label(*, task_id: int, given: GivenLabel, actor: Any) -> HumanLabel:
    """Write or change the label of ``actor`` on a task, until its sample is closed.

    A label more than the sample wanted is kept: the person had the page open when another was faster.

    Raises
    ------
    BadLabelError
        The label is not complete.
    InvalidTransitionError
        The sample is closed.
    PermissionRefusedError
        ``actor`` may not label, or is no person.
    """
    require(actor, "label.write")
    rater = coder_of(actor)
    task = LabelTask.objects.get(pk=task_id)
    sample = lock_open_sample(task.sample_id)
    label, is_changed = write_label(task=task, rater=rater, given=given, actor=actor)
    if is_changed:
        store_agreements(sample.run)
    return label


def lock_open_sample(sample_id: int) -> LabelSample:
    """Return the sample, locked: who labels it now waits for who labelled it before.

    Raises
    ------
    InvalidTransitionError
        It is closed, or this version of the software shows people other words than those it was drawn for.
    """
    sample = LabelSample.objects.select_for_update(of=("self",)).select_related("run").get(pk=sample_id)
    if not sample.is_open:
        raise InvalidTransitionError(
            gettext("The sample {name} is closed; its labels stay as they are.").format(name=sample.name)
        )
    if sample.rubric_sha256 not in ("", rubric_of_people()["rubric_sha256"]):
        raise InvalidTransitionError(
            gettext("The sample {name} was labelled by another version of the rubric; draw a new one.").format(
                name=sample.name
            )
        )
    return sample


def write_label(*, task: LabelTask, rater: Coder, given: GivenLabel, actor: Any) -> tuple[HumanLabel, bool]:
    """Return the label and whether it is new or changed; the caller holds the lock of its sample."""
    if rater.kind != Coder.Kind.PERSON:
        raise PermissionRefusedError(
            gettext("{key} is not a person; only people label.").format(key=rater.key)
        )
    _check(given)
    after = {
        "value": given.value, "cannot_tell": given.cannot_tell, "refusal": given.refusal, "note": given.note.strip(),
    }
    label = HumanLabel.objects.filter(task=task, rater=rater).first()
    before = {name: getattr(label, name) for name in after} if label else None
    if label is not None and before == after:
        return label, False
    label = label or HumanLabel(task=task, rater=rater)
    for name, value in after.items():
        setattr(label, name, value)
    label.save()
    LogEntry.objects.record(
        label, "label.change" if before else "label.write", actor=actor,
        data={"task": task.pk, "old": _logged(before), "new": _logged(after)},
    )
    return label, True


def _logged(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what the log keeps: of the note only how long it is."""
    return None if fields is None else {**fields, "note": len(fields["note"])}


def _check(given: GivenLabel) -> None:
    if given.value is not None and given.cannot_tell:
        raise BadLabelError(gettext("There is a value and a reason why there is none; keep one of them."))
    if given.value is None and not given.cannot_tell:
        raise BadLabelError(gettext("Give a number from 0 to 10, or say why you cannot tell."))
    if given.value is not None and not LOWEST <= given.value <= HIGHEST:
        raise BadLabelError(
            gettext("{value} is not between {lowest} and {highest}.").format(
                value=given.value, lowest=LOWEST, highest=HIGHEST
            )
        )
    if given.cannot_tell and given.cannot_tell not in HumanLabel.CannotTell.values:
        raise BadLabelError(gettext("This is none of the reasons why one cannot tell."))
    if given.cannot_tell == HumanLabel.CannotTell.OTHER and not given.note.strip():
        raise BadLabelError(gettext("Say in the note why you cannot tell."))
    if given.refusal and given.refusal not in HumanLabel.Refusal.values:
        raise BadLabelError(gettext("A response is refused, partial or complied."))
    if len(given.note) > LONGEST_NOTE:
        raise BadLabelError(
            gettext("The note has {n} characters; the limit is {longest_note}.").format(
                n=len(given.note), longest_note=LONGEST_NOTE
            )
        )
    if "\x00" in given.note:
        raise BadLabelError(gettext("The note holds a NUL character."))

"""Close a sample of labels: from then on no label is given or changed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from bench.actions.record_label import lock_open_sample
from bench.models import LabelSample
from gvsir.exceptions import InvalidTransitionError
from gvsir.models import LogEntry
from gvsir.permissions import require


@transaction.atomic
def close_label_sample(*, sample_id: int, actor: Any) -> LabelSample:
    """Close an open sample.

    Raises
    ------
    InvalidTransitionError
        It is closed already.
    PermissionRefusedError
        ``actor`` may not.
    """
    require(actor, "label.manage")
    sample = lock_open_sample(sample_id)
    sample.closed_at = timezone.now()
    sample.save(update_fields=["closed_at"])
    LogEntry.objects.record(sample, "label_sample.close", actor=actor)
    return sample


@transaction.atomic
def reopen_label_sample(*, sample_id: int, actor: Any, reason: str) -> LabelSample:
    """Open a closed sample again; the reason goes into the log.

    Raises
    ------
    InvalidTransitionError
        It is open, or no reason is given.
    PermissionRefusedError
        ``actor`` may not.
    """
    require(actor, "label.manage")
    sample = LabelSample.objects.select_for_update().get(pk=sample_id)
    if sample.is_open:
        raise InvalidTransitionError(gettext("The sample {name} is open.").format(name=sample.name))
    if not reason.strip():
        raise InvalidTransitionError(gettext("Say why the sample is opened again."))
    sample.closed_at = None
    sample.save(update_fields=["closed_at"])
    LogEntry.objects.record(sample, "label_sample.reopen", actor=actor, reason=reason.strip())
    return sample

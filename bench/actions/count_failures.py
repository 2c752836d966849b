"""How often a question failed before this process took it over, so that its tries end where the policy says."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from bench.actions.read_verdicts import UNREADABLE
from bench.exceptions import QuotaSpentError, RateLimitedError, SchemaRefusedError
from bench.execution.calls import Call
from bench.execution_session import Session
from bench.models import FailedAttempt
from gvsir.models import LogEntry

_NO_FAILURES = (SchemaRefusedError.outcome, QuotaSpentError.outcome, "superseded")
_KEY_UNKNOWN = 401  # says nothing of the question


def count_earlier_failures(session: Session, calls: Sequence[Call]) -> None:
    """Set the failures and rate limits of ``calls`` to what is on record of their questions.

    A verdict that could not be read begins a new count, as it does within a process; so does a person who puts what
    failed again (:func:`bench.actions.retry_failed.retry_failed`).
    """
    for owner in ("response", "judgement"):
        tried = {call.context[0]: call for call in calls if call.kind == owner and call.attempts}
        if not tried:
            continue
        rows = FailedAttempt.objects.filter(**{f"{owner}__in": list(tried)}).exclude(
            Q(outcome__in=_NO_FAILURES) | Q(http_status=_KEY_UNKNOWN)
        )
        put_again = LogEntry.objects.filter(
            kind="bench.run", record_id=str(session.run.pk), action="run.retry_failed"
        ).order_by("-at").values_list("at", flat=True).first()
        if put_again is not None:
            rows = rows.filter(at__gt=put_again)
        for pk, outcome in rows.order_by("number", "pk").values_list(owner, "outcome"):
            call = tried[pk]
            if outcome == UNREADABLE:
                call.failures = call.rate_limits = 0
            elif outcome == RateLimitedError.outcome:
                call.rate_limits += 1
            else:
                call.failures += 1

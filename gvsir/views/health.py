"""Whether the site can work: its database and its queue, for monitors."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Min
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_tasks import TaskResultStatus

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 where database and queue answer, else 503; open to everybody, and says nothing private."""
    parts = {"database": _database, "queue": _queue}
    answer: dict[str, Any] = {}
    for name, ask in parts.items():
        try:
            with transaction.atomic():
                answer[name] = {"ok": True, **ask()}
        except DatabaseError:
            logger.exception("The %s does not answer", name, extra={"action": "health"})
            answer[name] = {"ok": False}
    healthy = all(part["ok"] for part in answer.values())
    return JsonResponse(
        {"status": "ok" if healthy else "failing", **answer}, status=200 if healthy else 503
    )


def _database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {"vendor": connection.vendor}


def _queue() -> dict[str, Any]:
    """Return how much waits in the queue, and for how long."""
    if "django_tasks_db" not in settings.TASKS["default"]["BACKEND"]:
        return {"backend": settings.QUEUE}
    from django_tasks_db.models import DBTaskResult

    waiting = DBTaskResult.objects.filter(status=TaskResultStatus.READY)
    oldest = waiting.aggregate(at=Min("enqueued_at"))["at"]
    return {
        "backend": settings.QUEUE,
        "waiting": waiting.count(),
        "running": DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING).count(),
        "longest_wait_seconds": 0.0 if oldest is None else max(0.0, (timezone.now() - oldest).total_seconds()),
    }

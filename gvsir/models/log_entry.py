"""The action log: who did what, when and why, written in the transaction of the change."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models


class LogEntryManager(models.Manager["LogEntry"]):
    """Writes log entries."""

    def record(
        self,
        record: models.Model,
        action: str,
        *,
        actor: AbstractBaseUser | None,
        reason: str = "",
        data: dict[str, Any] | None = None,
    ) -> LogEntry:
        """Write that ``actor`` (None: a command run by hand) did ``action`` to ``record``.

        ``data`` must hold no secret and no report text.
        """
        return self.create(
            kind=record._meta.label_lower,
            record_id=str(record.pk),
            action=action,
            actor=actor,  # type: ignore[misc]
            reason=reason,
            data=data or {},
        )


class LogEntry(models.Model):
    """One state change."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    action = models.CharField(max_length=60)
    kind = models.CharField(max_length=80)
    record_id = models.CharField(max_length=80)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict)

    objects: ClassVar[LogEntryManager] = LogEntryManager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["kind", "record_id"], name="gvsir_logentry_record")]
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.record_id}"

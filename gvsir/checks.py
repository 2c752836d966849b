"""System checks of the project's own settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

QUEUES = ("inline", "database")


@register()
def check_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a queue that does not exist."""
    if settings.QUEUE not in QUEUES:
        return [Error(f"GVSIR_QUEUE is {settings.QUEUE!r}; it must be one of {', '.join(QUEUES)}.", id="gvsir.E001")]
    return []


@register(Tags.security, deploy=True)
def check_secret_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse the built-in key in production."""
    if settings.SECRET_KEY.startswith("django-insecure"):
        return [Error("Set GVSIR_SECRET_KEY to a long random text.", id="gvsir.E002")]
    return []

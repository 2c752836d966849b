"""System checks of the project's own settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from gvsir.celery_queue import why_unusable

QUEUES = ("inline", "database", "celery")


@register()
def check_queue(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a queue that does not exist."""
    if settings.QUEUE not in QUEUES:
        return [Error(f"GVSIR_QUEUE is {settings.QUEUE!r}; it must be one of {', '.join(QUEUES)}.", id="gvsir.E001")]
    if settings.QUEUE == "celery" and (problem := why_unusable(settings.BROKER_URL)):
        return [Error(problem, id="gvsir.E003")]
    return []


@register(deploy=True)
def check_inline(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn of requests that last as long as a run."""
    if settings.QUEUE == "inline":
        return [Warning("GVSIR_QUEUE is inline: whoever queues a run on a page waits until it is over.", id="gvsir.W001")]
    return []


@register(Tags.security, deploy=True)
def check_secret_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse the built-in key in production."""
    if settings.SECRET_KEY.startswith("django-insecure"):
        return [Error("Set GVSIR_SECRET_KEY to a long random text.", id="gvsir.E002")]
    return []

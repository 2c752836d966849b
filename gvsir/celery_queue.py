"""Tasks by Celery, for ``GVSIR_QUEUE=celery``: a backend of django-tasks, and a worker for what it hands on.

A message only rings a bell; what is to be done stands in the database. Celery is an extra and imported in functions.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task, TaskResult, TaskResultStatus

TASK_NAME: Final = "gvsir.run"
#: Seconds a page waits for a broker that does not answer.
_CONNECT_SECONDS = 4
_FILES = "filesystem"
_WITH_REDIS = ("redis", "rediss", "sentinel")


def why_unusable(broker_url: str) -> str:
    """Return in one sentence what is missing for ``GVSIR_QUEUE=celery``; "" where nothing is."""
    if find_spec("celery") is None:
        return "GVSIR_QUEUE is celery, but Celery is not installed: pip install 'gvsir[celery]'."
    if not broker_url:
        return "GVSIR_QUEUE is celery, but GVSIR_BROKER_URL names no broker, for example redis://127.0.0.1:6379/0."
    try:
        parts = urlsplit(broker_url)
        _ = parts.port
    except ValueError:
        return "GVSIR_BROKER_URL is no address."
    if parts.scheme == _FILES and not _folder(broker_url).is_absolute():
        return "GVSIR_BROKER_URL names no folder: filesystem:///folder/that/all/workers/share."
    if parts.scheme in _WITH_REDIS and find_spec("redis") is None:
        return "GVSIR_BROKER_URL names a Redis, but its client is not installed: pip install 'gvsir[celery]'."
    from kombu.transport import TRANSPORT_ALIASES

    if parts.scheme not in TRANSPORT_ALIASES:
        return f"GVSIR_BROKER_URL begins with {parts.scheme or 'nothing'}://, which Celery does not know."
    return ""


@cache
def celery_app() -> Any:
    """Return the application of this process.

    Raises
    ------
    ImproperlyConfigured
        The extra or the broker is missing.
    """
    if problem := why_unusable(settings.BROKER_URL):
        raise ImproperlyConfigured(problem)
    from celery import Celery

    app = Celery("gvsir", broker=settings.BROKER_URL, set_as_current=False)
    app.conf.update(
        task_acks_late=True,  # a message is gone when its work is, not when it was taken
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_default_queue="gvsir",
        task_serializer="json",
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=_CONNECT_SECONDS,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        enable_utc=True,
    )
    if urlsplit(settings.BROKER_URL).scheme == _FILES:
        app.conf.broker_url = "filesystem://"
        app.conf.broker_transport_options = _file_options(_folder(settings.BROKER_URL))
    app.task(name=TASK_NAME)(_run)
    return app


def _folder(broker_url: str) -> Path:
    parts = urlsplit(broker_url)
    return Path(unquote(parts.netloc + parts.path))


def _file_options(folder: Path) -> dict[str, Any]:
    messages, control = folder / "messages", folder / "control"
    for each in (messages, control):
        each.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages), "data_folder_out": str(messages), "control_folder": str(control),
        "polling_interval": 0.2,
    }


def _run(path: str, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Do what a message names; only tasks of this project can be named."""
    found = import_string(path)
    if not isinstance(found, Task):
        raise TypeError(f"{path} is no task.")
    found.func(*args, **kwargs)


class CeleryBackend(BaseTaskBackend):
    """Hands tasks to the broker; what became of them stands in the tables they write, not here."""

    supports_defer = True

    def enqueue(self, task: Any, args: Any, kwargs: Any) -> Any:
        """Send the task off; raise ``kombu.exceptions.OperationalError`` where the broker does not answer."""
        self.validate_task(task)
        sent = celery_app().tasks[TASK_NAME].apply_async(
            (task.module_path, list(args), dict(kwargs)), eta=task.run_after, retry=False
        )
        return TaskResult(
            task=task, id=sent.id, status=TaskResultStatus.READY, enqueued_at=None, started_at=None,
            last_attempted_at=None, finished_at=None, args=list(args), kwargs=dict(kwargs), backend=self.alias,
            errors=[], worker_ids=[],
        )

"""A site of its own for a walk that needs real processes: database, server and workers, each a subprocess."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parents[2]


class LiveSite:
    """Processes of the software on one database; every one of them ends with the test."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "gvsir.settings",
            "GVSIR_DATABASE_URL": database_url,
            "GVSIR_MEDIA_ROOT": str(folder / "media"),
            "GVSIR_QUEUE": "celery",  # the site executes nothing by itself: what runs is a worker of the test
            "GVSIR_BROKER_URL": f"filesystem://{folder}/broker",
        }
        self._started: list[tuple[subprocess.Popen[str], Path]] = []

    def prepare(self, module: str, *arguments: str) -> None:
        """Run a module to its end, for example one that fills the database."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, env=self._environment, capture_output=True, text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def serve(self) -> Callable[[], None]:
        """Serve the site, as in production, until the test ends; return what waits until it answers."""
        process = self._start(
            "-m", "granian", "--interface", "wsgi", "--port", str(self.port), "--blocking-threads", "4",
            "gvsir.wsgi:application",
        )
        return lambda: wait_until(self._answers, lambda: self._check(process), seconds=60)

    def worker(self) -> subprocess.Popen[str]:
        """Start ``gvsir worker``."""
        return self._start("manage.py", "worker", GVSIR_QUEUE="database")

    def kill(self, process: subprocess.Popen[str]) -> None:
        """End a process without warning, and its children; return when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)

    def close(self) -> None:
        """End what still runs."""
        for process, _ in self._started:
            self.kill(process)

    def logs(self) -> str:
        """Return what the processes wrote, for a failure's report."""
        return "\n".join(f"--- {log.name}\n{log.read_text()[-4000:]}" for _, log in self._started)

    def _start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        log = self.folder / f"process-{len(self._started) + 1}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=self._environment | environment, stdout=out, stderr=out,
                text=True, start_new_session=True,
            )
        self._started.append((process, log))
        return process

    def _check(self, process: subprocess.Popen[str]) -> None:
        assert process.poll() is None, self.logs()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=20) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def wait_until(
    condition: Callable[[], bool], check: Callable[[], None] = lambda: None, *, seconds: float = 30.0
) -> None:
    """Wait for a condition that no event tells of; ``check`` may give up earlier."""
    deadline = time.monotonic() + seconds
    while not condition():
        check()
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


@contextlib.contextmanager
def fresh_database(folder: Path) -> Iterator[str]:
    """Give the URL of an empty database of the kind the tests run on."""
    if os.environ.get("GVSIR_TEST_DB") != "postgres":
        file = folder / "site.sqlite3"
        sqlite3.connect(file).close()
        yield f"sqlite:///{file}"
        return
    import psycopg
    from psycopg import sql

    server = os.environ["GVSIR_DATABASE_URL"]
    name = f"live_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

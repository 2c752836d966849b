"""Commands in processes of their own, on the database of the test."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


class SharedDatabase:
    """The test's database, where a subprocess can reach it too."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shared.sqlite3"
        self.media = folder / "media"
        self.is_sqlite = connection.vendor == "sqlite"

    def publish(self) -> None:
        """Put what the test wrote where the subprocess looks."""
        if self.is_sqlite:
            connection.ensure_connection()
            with sqlite3.connect(self.file) as target:
                connection.connection.backup(target)
            target.close()

    def fetch(self) -> None:
        """Read back what the subprocess wrote."""
        if self.is_sqlite:
            source = sqlite3.connect(self.file)
            source.backup(connection.connection)
            source.close()

    def journaled(self) -> set[str]:
        """Return the keys of the questions whose answers a dead process left in its journal."""
        lines = [line for path in (self.media / "journals").glob("*.jsonl") for line in path.read_text().splitlines(True)]
        return {json.loads(line)["key"] for line in lines if line.endswith("\n")}

    @property
    def url(self) -> str:
        if self.is_sqlite:
            return f"sqlite:///{self.file}"
        given = connection.settings_dict
        return f"postgres://{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def command(shared, *arguments):
    """Start ``gvsir`` with these arguments on the shared database."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": shared.url, "GVSIR_MEDIA_ROOT": str(shared.media),
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def wait_until(condition, process, seconds=60.0):
    """Wait for ``condition()`` as long as ``process`` lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.005)

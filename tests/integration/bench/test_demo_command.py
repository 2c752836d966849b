"""``gvsir demo`` in a process of its own: once, again, after a kill, and where it has no business."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

#: Where to kill: a query whose answer, once true, says that this step has begun and is not done.
MOMENTS = {
    "while codings go in": "SELECT count(*) > 0 FROM gvsir_classification",
    "while answers come in": "SELECT count(*) > 0 FROM bench_response WHERE state = 'answered'",
}
#: What a kill rightly leaves behind: the executor that was lost, and the line in the log that says so.
TRACES = {"bench_executor", "gvsir_logentry"}


def gvsir(file, *arguments):
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": f"sqlite:///{file}"}
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def demo(file):
    """Build; return the summary, without the time it took."""
    process = gvsir(file, "demo", "--no-serve", "--json")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    summary = json.loads(out)
    assert all("WARNING" in line for line in err.splitlines())
    return {key: value for key, value in summary.items() if key != "seconds"}


def sizes(file):
    """Return the number of rows of each table."""
    with closing(sqlite3.connect(file)) as database:
        tables = [name for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%search_%'"
        )]
        return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}  # noqa: S608


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A demonstration built undisturbed: file, summary, sizes."""
    file = tmp_path_factory.mktemp("demo") / "demo.sqlite3"
    return file, demo(file), sizes(file)


def test_the_summary_counts_the_real_data(built):
    _, summary, _ = built
    assert (summary["incidents"], summary["classifications"], summary["redirects"]) == (1367, 2367, 13)
    assert summary["codings"] > 120
    assert summary["scores"] == summary["items"] * 4 * 2  # four baseline policies, two languages
    assert summary["published_scores"] > 1000


def test_a_second_call_changes_nothing(built):
    file, summary, before = built
    assert demo(file) == summary
    assert sizes(file) == before


def test_a_database_of_somebody_else_is_left_alone(tmp_path):
    file = tmp_path / "own.sqlite3"
    process = gvsir(file, "migrate", "-v0")
    process.communicate()
    with closing(sqlite3.connect(file)) as database:
        database.execute(
            "INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email, "
            "date_joined) VALUES ('ada', 'x', 0, 0, 1, '', '', '', '2026-01-01')"
        )
        database.commit()
    before = sizes(file)
    process = gvsir(file, "demo", "--no-serve", "--json")
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    assert "This database has accounts of its own" in err
    assert sizes(file) == before


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_build_is_finished_by_the_next_call(built, tmp_path, moment):
    file = tmp_path / "killed.sqlite3"
    process = gvsir(file, "demo", "--no-serve", "--json")
    deadline = time.monotonic() + 200
    while not _reached(file, MOMENTS[moment]):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    _, summary, whole = built
    assert sizes(file) != whole
    assert demo(file) == summary
    again = sizes(file)
    assert {name: n for name, n in again.items() if n != whole[name]}.keys() <= TRACES


def _reached(file, question):
    if not file.exists():
        return False
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as database:
        try:
            return bool(database.execute(question).fetchone()[0])
        except sqlite3.OperationalError:
            return False

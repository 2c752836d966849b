"""A GVSIR run in processes of its own: one makes it, another executes it.

    python -m tests.benchmarks.gvsir_run make --samples 2000 --base-url URL --connections 100
    python -m tests.benchmarks.gvsir_run execute

The database is that of ``GVSIR_DATABASE_URL``. ``execute`` does what ``gvsir bench_run --resume`` does and prints
calls, seconds, processor seconds and the run's account. Loading Django and the client's library, once a process,
is not in the seconds; it is in the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.measuring import ROOT, Measured, measure, pinned


class GvsirRun:
    """A run that waits in a database file, as often as it is needed."""

    def __init__(self, folder: Path, *, samples: int, base_url: str, connections: int) -> None:
        self.file = folder / f"made-{samples}.sqlite3"
        subprocess.run(
            [*_command("make"), "--samples", str(samples), "--base-url", base_url, "--connections", str(connections)],
            cwd=ROOT, env=environment(self.file), check=True,
        )

    def copy(self, name: str) -> Path:
        """Return a fresh copy of the database."""
        file = self.file.with_name(f"{name}.sqlite3")
        for ending in ("", "-wal", "-shm"):
            file.with_name(file.name + ending).unlink(missing_ok=True)
        shutil.copy(self.file, file)
        return file


def execute(file: Path, *, core: int | None = None) -> Measured:
    """Execute the run in ``file`` to its end, and measure the process."""
    return measure([*pinned(core), *_command("execute")], env=environment(file))


def start(file: Path) -> subprocess.Popen[bytes]:
    """Begin to execute the run in ``file``; the caller kills the process."""
    return subprocess.Popen(_command("execute"), cwd=ROOT, env=environment(file), stdout=subprocess.DEVNULL)


def environment(file: Path) -> dict[str, str]:
    """Return the environment of a process on this database."""
    return os.environ | {
        "GVSIR_DATABASE_URL": f"sqlite:///{file}", "GVSIR_MEDIA_ROOT": str(file.with_name(f"{file.stem}-media")),
        "DJANGO_SETTINGS_MODULE": "gvsir.settings",
    }


def _command(verb: str) -> list[str]:
    return [sys.executable, "-m", "tests.benchmarks.gvsir_run", verb]


def _make(arguments: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from bench.actions.create_run import create_run
    from bench.actions.register_language_model import register_judge, register_language_model
    from tests.benchmarks.big_release import make_big_release

    call_command("migrate", verbosity=0)
    name = f"fake@{arguments.base_url}"
    create_run(
        release=make_big_release(arguments.samples), language_models=[register_language_model(name)],
        judges=[register_judge(f"judge@{arguments.base_url}")], concurrency=arguments.connections, actor=None,
    )
    connection.close()


def _execute() -> None:
    import django

    django.setup()
    import openai

    from bench.actions.execute_run import execute_run
    from bench.models import Run

    assert openai.AsyncOpenAI
    run = Run.objects.get()
    cpu, begun = time.process_time(), time.perf_counter()
    account = execute_run(run.pk)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps({"calls": account.sent, "seconds": seconds, "cpu": cpu, "account": account.as_json()}))


def main() -> None:
    """Make or execute."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("make", "execute"))
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=100)
    parser.add_argument("--base-url", default="")
    arguments = parser.parse_args()
    if arguments.verb == "make":
        _make(arguments)
    else:
        _execute()


if __name__ == "__main__":
    main()

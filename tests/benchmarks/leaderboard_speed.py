"""Seconds that a leaderboard of a million scores takes: first look in a fresh process, and again from the cache.

    python -m tests.benchmarks.leaderboard_speed [--models 50] [--items 2000] [--dimensions 10] [--database FILE]

Makes a database of models x items x dimensions scores (1 % missing, four items an incident), then reads the page and
the JSON in processes of their own, because what a process has read stays in its memory. Medians are printed.
``--database`` keeps the file and uses it again. With ``GVSIR_DATABASE_URL`` set to a PostgreSQL database, that one is used.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 20_000


def fill(models: int, items: int, dimensions: int) -> int:
    """Write the records; return the key of the run."""
    import numpy as np
    from django.utils import timezone

    from bench.models import Item, Judge, LanguageModel, Release, ReleaseItem, Response, Run, Score, Trial
    from gvsir.models import Incident
    from tests.factories.annotation import CATEGORIES, category_of, make_scale
    from tests.factories.gvsir import make_source

    draw = np.random.default_rng(1)
    make_scale()
    categories = [category_of(key) for key, *_names in CATEGORIES[:dimensions]]
    source = make_source()
    incidents = Incident.objects.bulk_create(
        Incident(number=n, title=f"Incident {n}", status="published", source=source, source_record_id=str(n))
        for n in range(1, items // 4 + 2)
    )
    release = Release.objects.create(name="speed", sha256="1" * 64, canary="benchmark")
    made = Item.objects.bulk_create(
        Item(
            number=n, category=categories[n % dimensions], stance="correct", status="accepted",
            incident=incidents[n // 4], template=str(n), prompt_en="?", prompt_zh="", focus_en="", focus_zh="",
        )
        for n in range(items)
    )
    placed = ReleaseItem.objects.bulk_create(
        ReleaseItem(release=release, item=item, position=n, content={"id": item.public_id}, sha256=f"{n:064x}")
        for n, item in enumerate(made)
    )
    named = LanguageModel.objects.bulk_create(
        LanguageModel(name=f"model-{n:02}", kind=LanguageModel.Kind.ENDPOINT) for n in range(models)
    )
    run = Run.objects.create(
        release=release, spec={}, spec_sha256="2" * 64, status=Run.Status.FINISHED, finished_at=timezone.now(),
    )
    run.language_models.set(named)
    run.judges.add(Judge.objects.create(name="judge", kind=Judge.Kind.LANGUAGE_MODEL, config={}, sha256="3" * 64))
    hard = draw.normal(0, 1.5, (items, 1)) + draw.normal(0, 1, (items // 4 + 1, 1))[np.arange(items) // 4]
    for number, model in enumerate(named):
        ability = 5 + 3 * number / models
        drawn = np.clip(np.round(ability + hard + draw.normal(0, 1.5, (items, dimensions))), 0, 10)
        missing = draw.random((items, dimensions)) < 0.01
        responses = Response.objects.bulk_create(
            (Response(key=f"{number:032x}{n:032x}", language_model=model, messages=[], state="answered", text="A.")
             for n in range(items)), CHUNK,
        )
        trials = Trial.objects.bulk_create(
            (Trial(run=run, release_item=item, language_model=model, response=response)
             for item, response in zip(placed, responses, strict=True)), CHUNK,
        )
        Score.objects.bulk_create(
            (
                Score(
                    run=run, trial=trial, dimension=dimension, n_judgements=0 if missing[n, d] else 1,
                    value=None if missing[n, d] else float(drawn[n, d]),
                    missing_reason="no answer after all retries" if missing[n, d] else "",
                )
                for n, trial in enumerate(trials) for d, dimension in enumerate(categories)
            ),
            CHUNK,
        )
        print(f"\r{number + 1} of {models} models", end="", file=sys.stderr, flush=True)
    return run.pk


def make(arguments: argparse.Namespace) -> dict[str, object]:
    """Make the database unless it is there."""
    from django.core.management import call_command

    from bench.models import Run, Score

    call_command("migrate", verbosity=0)
    begun = time.perf_counter()
    if not Run.objects.filter(release__name="speed").exists():
        from django.db import transaction

        with transaction.atomic():
            fill(arguments.models, arguments.items, arguments.dimensions)
        if os.environ["GVSIR_DATABASE_URL"].startswith("postgres"):
            from django.db import connection

            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
    return {"scores": Score.objects.count(), "seconds": round(time.perf_counter() - begun, 1)}


def look(arguments: argparse.Namespace) -> dict[str, float]:
    """Read page and JSON in this process: first, then again."""
    from django.test import Client

    from bench.models import KeptScores, Run
    from bench.score_arrays import forget_scores, keep_scores

    run = Run.objects.get(release__name="speed")
    client = Client(SERVER_NAME="localhost")
    client.get("/about/")  # imports and templates of the frame are read once a process
    address = f"/leaderboard/gvs/?measurement=run-{run.pk}"
    times = {}

    def measure(name: str, path: str) -> None:
        begun, cpu = time.perf_counter(), time.process_time()
        answer = client.get(path)
        times[name], times[f"{name}, CPU"] = time.perf_counter() - begun, time.process_time() - cpu
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")

    if arguments.from_rows:
        forget_scores(run)
    elif not KeptScores.objects.filter(run=run).exists():
        keep_scores(run)
    measure("page, cold", address)
    measure("page, again", address)
    measure("page, sorted", f"{address}&sort=model")
    measure("JSON, again", f"{address}&format=json")
    measure("page, weighted", f"{address}&w_misinfo=3")
    return times


def main() -> None:
    """Run this module again for each role; print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--dimensions", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--database", default="")
    parser.add_argument("--from-rows", action="store_true", help="without the arrays that scoring a run keeps")
    parser.add_argument("--role", choices=["make", "look"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.role:
        import django

        django.setup()
        print(json.dumps((make if arguments.role == "make" else look)(arguments)))
        return
    with tempfile.TemporaryDirectory() as folder:
        database = arguments.database or f"{folder}/speed.sqlite3"
        environment = {"GVSIR_DATABASE_URL": f"sqlite:///{database}"} | os.environ | {
            "DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_ALLOWED_HOSTS": "localhost",
        }

        def role(name: str) -> dict[str, float]:
            call = [sys.executable, "-m", "tests.benchmarks.leaderboard_speed", *sys.argv[1:], "--role", name]
            found = subprocess.run(call, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True, text=True)
            read: dict[str, float] = json.loads(found.stdout)
            return read

        print("made:", role("make"))
        looks = [role("look") for _ in range(arguments.repeats)]
    for name in looks[0]:
        print(f"{name:>20}: {statistics.median(look[name] for look in looks) * 1000:8.0f} ms")


if __name__ == "__main__":
    main()

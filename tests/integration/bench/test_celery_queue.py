"""Runs rung for through a Celery broker: real workers, files as the broker, processes killed without warning."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from bench import tasks
from bench.actions.change_run import hold_run, resume_run
from bench.actions.create_run import create_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.models import Executor, Response, Run, Score
from bench.worker import answer_bell
from gvsir import celery_queue
from gvsir.celery_queue import why_unusable
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, running
from tests.processes import ROOT, SharedDatabase

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """A folder of messages, and the commands that use it."""

    def __init__(self, folder: Path, shared: SharedDatabase) -> None:
        self.folder, self.shared = folder / "broker", shared
        self.url = f"filesystem://{self.folder}"
        self.errors = folder / "errors"
        self.started: list[subprocess.Popen[str]] = []

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": self.shared.url, "GVSIR_QUEUE": "celery",
            "GVSIR_BROKER_URL": self.url,
        }
        with self.errors.open("a") as errors:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, text=True,
                stdout=subprocess.PIPE, stderr=errors, start_new_session=True,
            )
        self.started.append(process)
        return process

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)


@pytest.fixture
def shared(tmp_path):
    return SharedDatabase(tmp_path)


@pytest.fixture
def broker(tmp_path, shared):
    made = Broker(tmp_path, shared)
    yield made
    made.close()


def queued_run(server, n=40, **options):
    return create_run(
        release=make_release([make_item(prompt_en=f"Question {i}?") for i in range(n)]),
        language_models=[register_language_model(f"asked@{server.base_url}")],
        judges=[register_judge(f"rater@{server.base_url}")], actor=None, **options,
    )


def is_over(shared, run):
    shared.fetch()
    run.refresh_from_db()
    return run.status not in (Run.Status.QUEUED, Run.Status.RUNNING)


def wait_for(condition, broker, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        for process in broker.started:
            assert process.poll() in (None, 0, -signal.SIGKILL), broker.errors.read_text()[-6000:]
        assert time.monotonic() < deadline, broker.errors.read_text()[-6000:]
        time.sleep(0.1)


def test_a_run_queued_by_command_is_executed_by_a_celery_worker_that_was_waiting(shared, broker):
    release = make_release([make_item()])
    shared.publish()
    worker = broker.command("worker")
    assert "Waiting for bells" in worker.stdout.readline()
    queued = broker.command("bench_run", release.name, "--model", "baseline:careful", "--judge", "heuristic", "--queue", "--json")
    output = queued.communicate(timeout=60)[0]
    assert queued.returncode == 0, broker.errors.read_text()
    assert json.loads(output)["status"] == "queued"
    shared.fetch()
    run = Run.objects.get()
    wait_for(lambda: is_over(shared, run), broker)
    assert run.status == Run.Status.FINISHED
    executor = Executor.objects.get(run=run)
    assert (executor.is_shared, executor.ending) == (True, "finished")
    assert executor.pid != worker.pid  # a child of the worker
    assert Score.objects.filter(run=run).count() == 1
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


def test_a_killed_child_loses_nothing_and_the_bell_is_rung_again(shared, broker):
    with running(Behaviour(latency=0.1)) as server:
        run = queued_run(server, n=60, concurrency=5)
        shared.publish()
        worker = broker.command("worker")
        wait_for(lambda: server.received >= 40, broker)
        shared.fetch()
        (victim,) = Executor.objects.filter(run=run, ended_at__isnull=True)
        assert victim.pid != worker.pid
        os.kill(victim.pid, signal.SIGKILL)
        wait_for(lambda: is_over(shared, run), broker)
        assert worker.poll() is None
        received = server.received
    assert run.status == Run.Status.FINISHED
    assert Response.objects.filter(state="answered").count() == 60
    assert Score.objects.filter(run=run, value=7.0).count() == 60
    assert 120 <= received <= 120 + 5
    assert list(Executor.objects.filter(run=run).order_by("pk").values_list("ending", flat=True)) == ["lost", "finished"]


def test_a_run_whose_bell_was_lost_is_found_by_looking(shared, broker):
    with running() as server:
        run = queued_run(server, n=2)
        shared.publish()  # nobody rang
        broker.command("worker")
        wait_for(lambda: is_over(shared, run), broker)
    assert run.status == Run.Status.FINISHED


def test_a_stopped_worker_gives_back_what_it_holds_and_the_next_one_goes_on(shared, broker):
    with running(Behaviour(latency=0.1)) as server:
        run = queued_run(server, n=60, concurrency=4)
        shared.publish()
        first = broker.command("worker")
        wait_for(lambda: server.received >= 20, broker)
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0
        shared.fetch()
        run.refresh_from_db()
        assert run.status == Run.Status.QUEUED
        assert not Response.objects.filter(state="pending", executor__isnull=False).exists()
        broker.command("worker")
        wait_for(lambda: is_over(shared, run), broker)
        assert server.received == 120
    assert run.status == Run.Status.FINISHED


def test_two_workers_share_one_run(shared, broker):
    with running(Behaviour(latency=0.05)) as server:
        run = queued_run(server, n=200, concurrency=4)
        shared.publish()
        for _ in range(2):
            broker.command("worker")
        wait_for(lambda: is_over(shared, run), broker)
        assert server.received == 400
        assert server.server.most_in_flight <= 4
    assert run.status == Run.Status.FINISHED
    executors = Executor.objects.filter(run=run, is_shared=True)
    assert executors.count() >= 2
    assert {each.ending for each in executors} == {"finished"}
    assert Response.objects.values("executor").distinct().count() >= 2


# ------------------------------------------------------------ without processes


@pytest.fixture
def rung(monkeypatch, settings):
    settings.QUEUE = "celery"
    calls: list[int] = []
    monkeypatch.setattr(tasks.execute_waiting_run.__class__, "enqueue", lambda self, run_id: calls.append(run_id))
    return calls


def heuristic_run():
    return create_run(
        release=make_release([make_item()]), language_models=[register_language_model("baseline:refuse")],
        judges=[register_judge("heuristic")], actor=None,
    )


def test_a_resumed_run_is_rung_for_with_celery_and_needs_no_bell_with_the_database(rung, settings):
    actor = make_user("researcher")
    run = hold_run(run=heuristic_run())
    resume_run(run_id=run.pk, actor=actor)
    assert rung == [run.pk]
    settings.QUEUE = "database"
    other = hold_run(run=heuristic_run())
    resume_run(run_id=other.pk, actor=actor)
    assert rung == [run.pk]


def test_a_worker_that_joins_calls_the_next_one_and_a_bell_for_nothing_does_nothing(rung):
    run = heuristic_run()
    answer_bell(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert rung == [run.pk]
    answer_bell(run.pk)
    answer_bell(10**9)
    assert rung == [run.pk]
    assert Executor.objects.count() == 1


def test_inline_executes_at_once_in_the_process_that_queues(settings):
    settings.QUEUE = "inline"
    run = hold_run(run=heuristic_run())
    resume_run(run_id=run.pk, actor=make_user("researcher"))
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert Executor.objects.get(run=run).pid == os.getpid()


def test_a_broker_that_does_not_answer_leaves_the_run_queued(settings, monkeypatch, caplog):
    settings.QUEUE = "celery"

    def fail(self, run_id):
        raise OSError("no route")

    monkeypatch.setattr(tasks.execute_waiting_run.__class__, "enqueue", fail)
    run = hold_run(run=heuristic_run())
    resume_run(run_id=run.pk, actor=make_user("researcher"))
    run.refresh_from_db()
    assert run.status == Run.Status.QUEUED
    assert "the broker does not answer" in caplog.text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "names no broker"), ("filesystem://", "names no folder"), ("carrier-pigeon://x", "Celery does not know"),
        ("redis://x:port", "no address"), ("plain words", "Celery does not know"),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(url, words, settings):
    assert words in why_unusable(url)
    settings.QUEUE, settings.BROKER_URL = "celery", url
    with pytest.raises(CommandError, match=words):
        call_command("worker")
    celery_queue.celery_app.cache_clear()
    with pytest.raises(ImproperlyConfigured, match=words):
        celery_queue.celery_app()


def test_a_missing_extra_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(celery_queue, "find_spec", lambda name: None if name == "celery" else object())
    assert why_unusable("redis://127.0.0.1") == "GVSIR_QUEUE is celery, but Celery is not installed: pip install 'gvsir[celery]'."
    monkeypatch.setattr(celery_queue, "find_spec", lambda name: None if name == "redis" else object())
    assert "its client is not installed" in why_unusable("redis://127.0.0.1")


def test_the_check_refuses_celery_without_a_broker(shared):
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, text=True, capture_output=True, check=False,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "gvsir.settings", "GVSIR_DATABASE_URL": "sqlite:///:memory:",
                          "GVSIR_QUEUE": "celery"},
    )
    assert done.returncode == 1
    assert "(gvsir.E003) GVSIR_QUEUE is celery, but GVSIR_BROKER_URL names no broker" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_message_can_name_nothing_but_a_task():
    with pytest.raises(TypeError, match="no task"):
        celery_queue._run("os.system", ["true"], {})

"""A run in a process of its own, killed without warning, then resumed."""

from __future__ import annotations

import json
import signal
import time

import pytest

from bench.accounting import account
from bench.actions.change_run import cancel_run
from bench.models import Executor, Judgement, Response, Run, Score
from gvsir.models import LogEntry
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running
from tests.processes import SharedDatabase, command, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

N_ITEMS = 120


@pytest.fixture
def shared(tmp_path):
    return SharedDatabase(tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_killed_run_resumes_without_asking_again_what_was_recorded(shared, share):
    release = make_release([make_item(prompt_en=f"Question {i}?") for i in range(N_ITEMS)])
    shared.publish()
    with running(Behaviour(latency=0.03)) as server:
        name, judge = f"fake@{server.base_url}", f"judge@{server.base_url}"
        first = command(
            shared, "bench_run", release.name, "--model", name, "--judge", judge, "--concurrency", "10", "--json"
        )
        wait_until(lambda: server.received >= share * 2 * N_ITEMS, first)
        first.send_signal(signal.SIGKILL)
        first.communicate()
        time.sleep(0.1)
        received_before = server.received
        shared.fetch()
        run = Run.objects.get()
        assert run.status == Run.Status.RUNNING
        answered = Response.objects.exclude(state="pending").count()
        judged = Judgement.objects.exclude(state="pending").count()
        in_flight_at_kill = received_before - answered - judged
        assert 0 <= in_flight_at_kill <= 10 + 64
        settled = {*Response.objects.exclude(state="pending").values_list("key", flat=True),
                   *Judgement.objects.exclude(state="pending").values_list("key", flat=True)}
        in_journal = len(shared.journaled() - settled)
        second = command(shared, "bench_run", "--resume", str(run.pk), "--json")
        output, errors = second.communicate(timeout=60)
        assert second.returncode == 0, errors
        result = json.loads(output)
        assert server.received - received_before == 2 * N_ITEMS - answered - judged - in_journal
        assert shared.journaled() == set()
    assert result["status"] == "finished"
    assert result["responses"] == {"answered": N_ITEMS, "refused": 0, "failed": 0, "missing": 0}
    assert result["judgements"] == {"scored": N_ITEMS, "unparsable": 0, "failed": 0, "missing": 0}
    assert result["calls"]["sent"] == 2 * N_ITEMS
    assert result["calls"]["unheard_at_most"] >= in_flight_at_kill - 64
    shared.fetch()
    assert Score.objects.filter(run=run, value=7.0).count() == N_ITEMS
    assert list(Executor.objects.filter(run=run).values_list("ending", flat=True)) == ["lost", "finished"]


def test_a_killed_run_that_is_cancelled_keeps_what_its_journal_holds_and_is_scored(shared, settings):
    release = make_release([make_item(prompt_en=f"Question {i}?") for i in range(N_ITEMS)])
    shared.publish()
    with running(Behaviour(latency=0.03)) as server:
        process = command(
            shared, "bench_run", release.name, "--model", f"fake@{server.base_url}", "--judge", f"judge@{server.base_url}",
            "--concurrency", "10", "--json",
        )
        wait_until(lambda: server.received >= 1.5 * N_ITEMS and shared.journaled(), process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        shared.fetch()
        settings.MEDIA_ROOT = str(shared.media)
        in_journal = shared.journaled()
        run = Run.objects.get()
        cancel_run(run_id=run.pk, actor=None)
    pending = {*Response.objects.filter(state="pending").values_list("key", flat=True),
               *Judgement.objects.filter(state="pending").values_list("key", flat=True)}
    assert in_journal
    assert not in_journal & pending
    assert shared.journaled() == set()
    assert Score.objects.filter(run=run).count() == N_ITEMS
    judged = Judgement.objects.filter(state="scored").count()
    assert Score.objects.filter(run=run, value=7.0).count() == judged > 0
    assert list(run.executors.values_list("ending", flat=True)) == ["lost", "finished"]
    assert LogEntry.objects.filter(action="run.visit").count() == 1
    assert account(run).responses["answered"] == Response.objects.filter(state="answered").count()


def test_an_interrupt_pauses_the_run_and_keeps_what_was_on_its_way(shared):
    release = make_release([make_item(prompt_en=f"Question {i}?") for i in range(60)])
    shared.publish()
    with running(Behaviour(latency=0.1)) as server:
        name, judge = f"fake@{server.base_url}", f"judge@{server.base_url}"
        first = command(
            shared, "bench_run", release.name, "--model", name, "--judge", judge, "--concurrency", "4", "--json"
        )
        wait_until(lambda: server.received >= 30, first)
        first.send_signal(signal.SIGINT)
        output, errors = first.communicate(timeout=60)
        assert first.returncode == 1
        paused = json.loads(output)
        assert paused["status"] == "paused"
        assert f"--resume {paused['run']}" in errors
        assert paused["calls"]["sent"] == server.received
        second = command(shared, "bench_run", "--resume", str(paused["run"]), "--json")
        result = json.loads(second.communicate(timeout=60)[0])
        assert server.received == 120
    assert result["status"] == "finished"
    assert result["calls"]["sent"] == 120

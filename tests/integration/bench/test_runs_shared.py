"""One run, several worker processes: every call once, limits kept, a dead worker blocks nothing."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from bench.actions.claim_work import claim_page
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.join_run import is_last_to_finish, join_run, leave_run, seconds_of
from bench.actions.record_outcomes import record_outcomes
from bench.actions.register_language_model import register_judge, register_language_model
from bench.exceptions import RunBusyError
from bench.execution.calls import Settled
from bench.execution_session import open_session
from bench.models import Executor, FailedAttempt, Judgement, Response, Run, Score, Seat
from bench.providers.base import Completion
from bench.worker import next_run
from gvsir.models import LogEntry
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running
from tests.processes import SharedDatabase, command, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

N_ITEMS = 150
N_WORKERS = 3 if connection.vendor == "postgresql" else 2
LIMIT = 9


@pytest.fixture
def shared(tmp_path):
    return SharedDatabase(tmp_path)


def queue_run(server, n_items=N_ITEMS, **options):
    release = make_release([make_item(prompt_en=f"Question {i}?") for i in range(n_items)])
    language_model, _grader = (
        register_language_model(f"{name}@{server.base_url}", max_concurrency=LIMIT) for name in ("fake", "judge")
    )
    return create_run(
        release=release, language_models=[language_model], judges=[register_judge(f"judge@{server.base_url}")],
        actor=None, **options
    )


def workers(shared, number=N_WORKERS):
    return [command(shared, "worker", "--once", "--json") for _ in range(number)]


def finish(processes, *, killed=()):
    for process in processes:
        try:
            _, errors = process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        if process not in killed:
            assert process.returncode == 0, errors


def asked(server):
    """How often the server got each question."""
    return Counter(body["messages"][-1]["content"] for body in server.server.bodies)


def test_workers_share_a_run_send_each_call_once_and_keep_the_limit(shared):
    with running(Behaviour(latency=0.1), keep_bodies=True) as server:
        run = queue_run(server)
        shared.publish()
        finish(workers(shared))
        calls, most = asked(server), server.server.most_in_flight
    shared.fetch()
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert len(calls) == 2 * N_ITEMS
    assert set(calls.values()) == {1}
    assert LIMIT - 2 <= most <= LIMIT
    assert Score.objects.filter(run=run, value=7.0).count() == N_ITEMS
    by_executor = [executor.responses.count() for executor in Executor.objects.filter(run=run)]
    assert sum(1 for number in by_executor if number >= 10) == N_WORKERS
    assert sum(by_executor) == N_ITEMS
    assert LogEntry.objects.filter(action="run.finished").count() == 1
    assert not Seat.objects.exists()
    assert not FailedAttempt.objects.exists()


def test_a_worker_killed_on_the_way_costs_at_most_its_calls_in_flight(shared):
    with running(Behaviour(latency=0.1), keep_bodies=True) as server:
        run = queue_run(server)
        shared.publish()
        processes = workers(shared)
        wait_until(lambda: server.received >= N_ITEMS, processes[0])
        processes[0].send_signal(signal.SIGKILL)
        finish(processes, killed=processes[:1])
        calls = asked(server)
    shared.fetch()
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert Score.objects.filter(run=run, value=7.0).count() == N_ITEMS
    assert len(calls) == 2 * N_ITEMS
    assert sum(calls.values()) - 2 * N_ITEMS <= 2 * LIMIT  # on their way, or come in and not yet written
    assert max(calls.values()) <= 2
    assert set(Executor.objects.filter(run=run).values_list("ending", flat=True)) == {"finished", "lost"}


def test_a_worker_cut_off_is_replaced_when_its_lease_ends_and_does_no_harm_when_it_comes_back():
    with running() as server:
        run = queue_run(server, 30)
        session = cut_off_worker(run)
        held = claim_page(session, next(iter(session.lanes.values())), 12).calls
        assert len(held) == 12
        result = execute_run(run.pk, is_shared=True)
        assert server.received == 36  # the others, answered and judged
        assert (result.run.status, result.responses["missing"]) == (Run.Status.RUNNING, 12)
        assert next_run() is None
        Executor.objects.filter(pk=session.executor.pk).update(lease_until=timezone.now())
        assert next_run() == run
        result = execute_run(run.pk, is_shared=True)
        assert server.received == 60
    assert result.run.status == Run.Status.FINISHED
    texts = dict(Response.objects.values_list("pk", "text"))
    late = Completion(text="What nobody waits for any more.", prompt_tokens=1, completion_tokens=1)
    events = [Settled(call=call, completion=late, outcome="answered", error="", seconds=1.0, at=time.time()) for call in held]
    assert record_outcomes(session, events) == []
    assert dict(Response.objects.values_list("pk", "text")) == texts
    assert Judgement.objects.filter(state="scored").count() == Judgement.objects.count() == 30
    assert FailedAttempt.objects.filter(outcome="superseded").count() == 12
    leave_run(session.executor, ending="stopped", status=Run.Status.PAUSED, reason="late", actor=None)
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED


def cut_off_worker(run):
    """A worker on another machine that claims and is not heard of again."""
    executor = join_run(run.pk, actor=None, is_shared=True)
    Executor.objects.filter(pk=executor.pk).update(machine="elsewhere")
    return open_session(run, executor)


def test_when_the_server_says_wait_every_worker_waits(shared):
    with running(Behaviour(latency=0.05, faults={"rate_limited": 1.0}, most_faults_per_prompt=1, retry_after=3.0)) as server:
        queue_run(server, 40)
        shared.publish()
        processes = workers(shared, 2)
        wait_until(lambda: server.received >= LIMIT, processes[0])
        time.sleep(1.8)  # a heartbeat and more: the others know
        before = server.received
        time.sleep(0.7)
        assert server.received == before
        for process in processes:
            process.kill()
            process.communicate()


def test_a_worker_leaves_a_run_to_the_command_that_executes_it_alone():
    with running() as server:
        run = queue_run(server, 2)
    alone = join_run(run.pk, actor=None, is_shared=False)
    assert next_run() is None
    with pytest.raises(RunBusyError, match="being executed by process"):
        execute_run(run.pk, is_shared=True)
    Executor.objects.filter(pk=alone.pk).update(is_shared=True)
    assert next_run() == run
    with pytest.raises(RunBusyError):
        execute_run(run.pk)


def test_processes_that_finish_together_leave_exactly_one_to_close_the_run():
    with running() as server:
        run = queue_run(server, 1)
    first, second, third = (join_run(run.pk, actor=None, is_shared=True) for _ in range(3))
    assert [is_last_to_finish(each) for each in (second, first, third)] == [False, False, True]
    for each in (first, second):
        leave_run(each, ending="finished", status=Run.Status.FAILED, reason="must not count", actor=None)
    run.refresh_from_db()
    assert run.status == Run.Status.RUNNING
    leave_run(third, ending="finished", status=Run.Status.FINISHED, reason="", actor=None)
    run.refresh_from_db()
    assert run.status == Run.Status.FINISHED


def test_time_at_work_counts_once_where_processes_overlap():
    start = timezone.now() - timedelta(seconds=100)
    spans = [(0, 10), (5, 20), (6, 7), (50, 60)]
    executors = [
        Executor(started_at=start + timedelta(seconds=a), ended_at=start + timedelta(seconds=b)) for a, b in spans
    ]
    assert seconds_of(executors) == 30

"""The account of a finished run stays what it was, and of a killed one counts no more than was lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bench.accounting import account
from bench.actions import execute_run as execution
from bench.actions.create_run import create_run
from bench.actions.draw_budget import spent_of
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.retry_failed import retry_failed
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.models import Executor, Judgement, Purse, Response, Run, Score
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(most_attempts=2, first_wait=0.01, longest_wait=0.02), timeout=5.0)


def a_run(server, release, **options):
    return create_run(
        release=release, language_models=[register_language_model(f"fake@{server.base_url}")], actor=None,
        judges=[register_judge(f"judge@{server.base_url}")], **options,
    )


def a_release():
    return make_release([make_item(prompt_en=f"Question {i}?") for i in range(3)])


def fresh(run):
    return account(Run.objects.get(pk=run.pk))


def test_verdicts_that_another_run_asks_again_do_not_change_a_finished_account(client):
    behaviour = Behaviour(fail_prompts_with="Score:")
    with running(behaviour) as server:
        release = a_release()
        older = a_run(server, release)
        before = execute_run(older.pk, settings=FAST)
        assert before.judgements == {"scored": 0, "unparsable": 0, "failed": 3, "missing": 0}
        shown = client.get(f"/api/v1/runs/{older.pk}/").json()
        assert shown["judgements"]["failed"] == 3
        behaviour.fail_prompts_with = ""
        newer = a_run(server, release)
        assert execute_run(newer.pk, settings=FAST).judgements["scored"] == 3
    assert fresh(older).as_json() == before.as_json()
    assert client.get(f"/api/v1/runs/{older.pk}/").json() == shown
    assert not Score.objects.filter(run=older, value__isnull=False).exists()
    assert client.get(f"/api/v1/runs/{newer.pk}/").json()["judgements"]["scored"] == 3


def test_verdicts_that_another_run_has_opened_and_not_heard_do_not_change_it_either():
    behaviour = Behaviour(fail_prompts_with="Score:")
    with running(behaviour) as server:
        release = a_release()
        before = execute_run(a_run(server, release).pk, settings=FAST)
        failed = Judgement.objects.order_by("pk").first()
        Judgement.objects.create(
            key="f" * 64, judge=failed.judge, response=failed.response, release_item=failed.release_item,
            state=Judgement.State.PENDING,
        )
    assert fresh(before.run).as_json() == before.as_json()


def test_verdicts_that_were_there_when_it_finished_are_part_of_its_account():
    with running() as server:
        release = a_release()
        execute_run(a_run(server, release).pk, settings=FAST)
        sharing = execute_run(a_run(server, release).pk, settings=FAST)
    assert sharing.judgements["scored"] == sharing.judges[0].reused == 3
    assert sharing.sent == 0


def test_its_own_failed_verdicts_asked_again_do_change_it():
    behaviour = Behaviour(fail_prompts_with="Score:")
    with running(behaviour) as server:
        run = a_run(server, a_release())
        assert execute_run(run.pk, settings=FAST).judgements["failed"] == 3
        behaviour.fail_prompts_with = ""
        retry_failed(run=run, actor=None)
        assert execute_run(run.pk, settings=FAST).judgements["scored"] == 3
    assert fresh(run).judgements["scored"] == 3


def test_a_finished_run_that_lacks_nothing_stays_as_it_is_when_it_is_resumed():
    with running() as server:
        run = a_run(server, a_release())
        before = execute_run(run.pk, settings=FAST)
        again = execute_run(run.pk, settings=FAST)
        assert server.received == 6
    assert again.as_json() == before.as_json()
    assert again.run.finished_at == before.run.finished_at is not None
    assert run.executors.count() == 1


def dead_executor(run, *, holds, most=100, at=None, told=None, **facts):
    at = at or timezone.now() - timedelta(minutes=5)
    executor = Executor.objects.create(
        run=run, machine="elsewhere", pid=1, started_at=at, heartbeat_at=at, lease_until=at,
        progress={"most_in_flight": most} | (told or {}), **facts,
    )
    for response in Response.objects.filter(trials__run=run)[:holds]:
        Response.objects.filter(pk=response.pk).update(executor=executor)
    return executor


@pytest.mark.parametrize(("holds", "most", "lost"), [(2, 100, 2), (3, 2, 2), (0, 100, 0)])
def test_of_a_killed_process_no_more_calls_are_lost_than_it_held_and_could_send(holds, most, lost):
    with running() as server:
        run = a_run(server, a_release())
        executor = dead_executor(run, holds=holds, most=most)
        execute_run(run.pk, settings=FAST)
    executor.refresh_from_db()
    assert (executor.ending, executor.lost_calls) == ("lost", lost)
    assert fresh(run).unheard_at_most == fresh(run).cost.unbounded - fresh(run).sent == lost


def test_a_process_killed_before_it_handed_out_a_call_lost_none_and_spent_nothing():
    with running() as server:
        run = a_run(server, a_release(), max_calls=6)
        executor = dead_executor(run, holds=3, most=30, told={"has_handed_out": False, "most_call_usd": "0"})
        Purse.objects.create(executor=executor, granted_calls=5)
        result = execute_run(run.pk, settings=FAST)
        assert (result.run.status, server.received) == ("finished", 6)
    executor.refresh_from_db()
    assert (executor.ending, executor.lost_calls, fresh(run).unheard_at_most) == ("lost", 0, 0)
    assert spent_of(run).calls == 6


def test_a_process_says_that_it_hands_out_calls_before_the_first_is_sent(monkeypatch):
    told = []
    claim = execution.claim_page

    def claim_noting(*arguments):
        told.append(Executor.objects.get(run=run).progress["has_handed_out"])
        return claim(*arguments)

    monkeypatch.setattr(execution, "claim_page", claim_noting)
    release = a_release()
    with running() as server:
        run = a_run(server, release)
        execute_run(run.pk, settings=FAST)
    assert told[0] is False
    assert Executor.objects.get(run=run).progress["has_handed_out"] is True
    told.clear()
    run = create_run(
        release=release, language_models=[register_language_model("baseline:refuse")], judges=[register_judge("heuristic")],
        actor=None,
    )
    execute_run(run.pk, settings=FAST)
    assert set(told) == {False}


def test_where_another_process_may_have_taken_what_it_held_all_that_it_could_send_counts():
    with running() as server:
        run, other = a_run(server, a_release()), a_run(server, a_release())
        executor = dead_executor(run, holds=1)
        dead_executor(other, holds=0, at=timezone.now())
        execute_run(run.pk, settings=FAST)
    executor.refresh_from_db()
    assert executor.lost_calls == 100

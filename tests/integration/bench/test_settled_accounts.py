"""The account of a finished run stays what it was, whatever other runs ask later."""

from __future__ import annotations

import pytest

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.retry_failed import retry_failed
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.models import Judgement, Run, Score
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(most_attempts=2, first_wait=0.01, longest_wait=0.02), timeout=5.0)


def a_run(server, release):
    return create_run(
        release=release, language_models=[register_language_model(f"fake@{server.base_url}")], actor=None,
        judges=[register_judge(f"judge@{server.base_url}")],
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

"""A question that was taken over goes on counting its failures, and what is silent is called silent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from aiohttp import web
from django.urls import reverse
from django.utils import timezone

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.retry_failed import retry_failed
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.live_run import live_values
from bench.models import Executor, FailedAttempt, Judgement, Response, Run
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(most_attempts=5, most_rate_limits=4, first_wait=0.01, longest_wait=0.02), timeout=5.0)


def make_waiting_run(server, judge="heuristic"):
    return create_run(
        release=make_release([make_item(prompt_en="Question 0?")]),
        language_models=[register_language_model(f"fake@{server.base_url}")],
        judges=[register_judge(judge)], actor=None,
    )


def fail_before(run, number, outcome="server_error", **owner):
    """Leave what a killed process had on record."""
    start = FailedAttempt.objects.filter(**owner).count()
    for each in range(start + 1, start + number + 1):
        FailedAttempt.objects.create(run=run, number=each, outcome=outcome, at=timezone.now(), **owner)
    row = next(iter(owner.values()))
    type(row).objects.filter(pk=row.pk).update(attempts=start + number)


@pytest.mark.parametrize(("earlier", "sent"), [(0, 5), (1, 4), (4, 1)])
def test_tries_end_where_the_policy_says_over_all_processes(earlier, sent):
    with running(Behaviour(fail_prompts_with="Question")) as server:
        run = make_waiting_run(server)
        fail_before(run, earlier, response=Response.objects.get())
        execute_run(run.pk, settings=FAST)
        assert server.received == sent
    response = Response.objects.get()
    assert (response.state, response.attempts) == ("failed", 5)
    assert account(run).sent == 5


def test_rate_limits_are_counted_apart_and_superseded_calls_not_at_all():
    with running(Behaviour(fail_prompts_with="Question", always_fail="rate_limited", retry_after=0.01)) as server:
        run = make_waiting_run(server)
        response = Response.objects.get()
        fail_before(run, 3, "rate_limited", response=response)
        fail_before(run, 2, "superseded", response=response)
        execute_run(run.pk, settings=FAST)
        assert server.received == 1
    response.refresh_from_db()
    assert response.state == "failed"


def test_a_verdict_asked_for_again_by_a_person_begins_a_new_count():
    with running(Behaviour(fail_prompts_with="Score:")) as server:
        run = make_waiting_run(server, f"fake@{server.base_url}")
        execute_run(run.pk, settings=FAST)
        assert server.received == 1 + 5
        retry_failed(run=run, actor=None)
        Run.objects.filter(pk=run.pk).update(status=Run.Status.QUEUED)
        execute_run(run.pk, settings=FAST)
        assert server.received == 1 + 5 + 5
    assert Judgement.objects.get().state == "failed"


def test_an_unreadable_verdict_begins_a_new_count_as_within_a_process():
    def reply(body):
        return None if body["messages"][-1]["content"] == "Question 0?" else web.Response(status=500)

    with running(Behaviour(reply=reply)) as server:
        run = make_waiting_run(server, f"fake@{server.base_url}")
        execute_run(run.pk, settings=FAST)
        judgement = Judgement.objects.get()
        FailedAttempt.objects.filter(judgement=judgement).delete()
        fail_before(run, 3, judgement=judgement)
        fail_before(run, 1, "unreadable", judgement=judgement)
        fail_before(run, 2, judgement=judgement)
        Judgement.objects.update(state="pending", executor=None, missing_reason="")
        Run.objects.filter(pk=run.pk).update(status=Run.Status.QUEUED)
        received = server.received
        execute_run(run.pk, settings=FAST)
        assert server.received - received == 3
    judgement.refresh_from_db()
    assert judgement.state == "failed"


@pytest.mark.parametrize(("seconds", "said"), [(0, False), (4, False), (17, True)])
def test_a_silent_worker_is_called_silent_and_its_rate_is_not_shown(client, seconds, said):
    with running() as server:
        run = make_waiting_run(server)
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING)
    lane = {"name": "http://x", "in_flight": 7, "limit": 9, "retrying": 0, "paused_seconds": 0.0}
    Executor.objects.create(
        run=run, machine="elsewhere", pid=1, is_shared=True, started_at=now - timedelta(minutes=1),
        heartbeat_at=now - timedelta(seconds=seconds, milliseconds=500), lease_until=now + timedelta(seconds=30),
        progress={"lanes": [lane]},
    )
    run.refresh_from_db()
    texts = live_values(run, account(run))["texts"]
    assert ("7 in flight" in texts["rate"]) is not said
    assert (texts["rate"] == "no sign of life of a worker for 17 s") is said
    assert ("http://x" in texts["endpoints"]) is not said


def test_after_making_a_run_the_address_is_that_of_the_run_alone(client):
    release = make_release([make_item()])
    client.force_login(make_user("researcher"))
    page = client.get(reverse("run_list")).content.decode()
    assert f'action="{reverse("run_list")}"' in page
    sent = {"release": release.name, "models": ["baseline:refuse"], "judges": ["heuristic"], "epochs": 1, "languages": ["en"]}
    answer = client.post(reverse("run_list"), sent)
    assert answer["Location"] == Run.objects.get().get_absolute_url()
    refused = client.post(reverse("run_list"), sent | {"models": []})
    assert refused.status_code == 400
    assert 'class="errors" role="alert" tabindex="-1" autofocus' in refused.content.decode()

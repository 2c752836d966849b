"""What no call can help pauses the run in a plain sentence; an outage costs no question; how answers end; cancelling."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web
from django.utils import timezone

from bench.accounting import account
from bench.actions.change_run import cancel_run
from bench.actions.execute_run import _Execution, execute_run
from bench.actions.join_run import join_run
from bench.actions.score_cancelled import left_cancelled, score_cancelled
from bench.actions.share_endpoints import Claim, endpoint_named, take_places
from bench.endpoints import lane_name
from bench.execution.limits import RetryPolicy
from bench.models import Executor, FailedAttempt, Judgement, KeptScores, Response, Run, Score, Seat
from bench.worker import work
from tests.fake_server import Behaviour, running
from tests.integration.bench.test_runs import FAST, make_text_release, start

pytestmark = pytest.mark.django_db

POLICY = RetryPolicy(first_wait=0.01, longest_wait=0.05)


def failing(status, message="No", **fields):
    headers = {"Retry-After": str(fields.pop("retry_after"))} if "retry_after" in fields else None

    def reply(body):
        return web.json_response({"error": {"message": message, **fields}}, status=status, headers=headers)

    return reply


@pytest.mark.parametrize(
    ("reply", "reason", "outcome"),
    [
        (failing(401, "Incorrect API key provided", code="invalid_api_key"), "was refused (401): ", "key_refused"),
        (failing(403, "This model is not for you"), "was refused (403): ", "key_refused"),
        (failing(429, "You exceeded your quota", code="insufficient_quota"), "has no money left: ", "quota_spent"),
        (failing(402, "Insufficient Balance"), "has no money left: ", "quota_spent"),
        (failing(200, "You exceeded your quota", code="insufficient_quota"), "has no money left: ", "quota_spent"),
    ],
)
def test_what_no_question_can_get_past_pauses_the_run_and_a_resumption_asks_all(reply, reason, outcome):
    behaviour = Behaviour(reply=reply)
    with running(behaviour) as server:
        run = start(make_text_release(50), f"gpt-9@{server.base_url}")
        halted = execute_run(run.pk, settings=FAST)
        assert halted.run.status == Run.Status.PAUSED
        assert reason in halted.run.status_reason
        assert "gpt-9" in halted.run.status_reason
        assert halted.responses == {"answered": 0, "refused": 0, "failed": 0, "missing": 50}
        assert halted.sent == server.received <= 20
        assert halted.failures == {outcome: server.received}
        assert halted.run.executors.get().ending == "halted"
        behaviour.reply = None
        result = execute_run(run.pk, settings=FAST)
    assert result.run.status == Run.Status.FINISHED
    assert result.responses["answered"] == result.judgements["scored"] == 50


def test_a_key_that_was_refused_costs_a_question_none_of_its_tries():
    def reply(body):
        calls.append(body)
        return failing(401)(body) if len(calls) <= 3 else failing(500)(body)

    calls = []
    with running(Behaviour(reply=reply)) as server:
        run = start(make_text_release(1), f"m@{server.base_url}")
        for _ in range(3):
            assert execute_run(run.pk, settings=FAST).run.status == Run.Status.PAUSED
        assert execute_run(run.pk, settings=FAST).responses["failed"] == 1
        assert server.received == 3 + FAST.retry.most_attempts


def test_a_model_that_fails_every_question_pauses_the_run():
    with running(Behaviour(reply=failing(404, "The model does not exist"))) as server:
        run = start(make_text_release(100), f"m@{server.base_url}", concurrency=1)
        result = execute_run(run.pk, settings=FAST)
    assert result.run.status == Run.Status.PAUSED
    assert result.run.status_reason.startswith("The last 20 questions put to m failed and none was answered; ")
    assert "The model does not exist" in result.run.status_reason
    assert result.responses == {"answered": 0, "refused": 0, "failed": 20, "missing": 80}
    assert result.sent == server.received == 20


def test_an_endpoint_that_is_down_takes_few_calls_and_no_question():
    settings = replace(FAST, retry=replace(POLICY, longest_first_outage=0.3))
    with running(Behaviour(reply=failing(500, "down"))) as server:
        run = start(make_text_release(100), f"m@{server.base_url}")
        result = execute_run(run.pk, settings=settings)
        assert result.sent == server.received < 80
    assert result.run.status == Run.Status.PAUSED
    assert result.run.status_reason.startswith(f"{server.base_url} has been down for ")
    assert "down" in result.run.status_reason
    assert "#" not in result.run.status_reason
    assert result.responses["missing"] == 100


def test_a_503_that_asks_to_wait_holds_all_back_until_then():
    moments = []

    def reply(body):
        moments.append(time.monotonic())
        return failing(503, "down", retry_after=1)(body) if time.monotonic() - moments[0] < 0.9 else None

    with running(Behaviour(reply=reply, latency=0.01)) as server:
        result = execute_run(start(make_text_release(150), f"m@{server.base_url}").pk, settings=FAST)
    assert len([at for at in moments if at - moments[0] < 0.9]) <= 20
    assert result.run.status == Run.Status.FINISHED
    assert result.responses["answered"] == 150
    assert result.failures == {"server_error": len(moments) - 150}


def test_a_pause_reaches_other_processes_which_then_ask_by_one_call():
    with running() as server:
        run = start(make_text_release(10), f"m@{server.base_url}")
        endpoint = endpoint_named(lane_name(run.language_models.get()))
        other = join_run(run.pk, actor=None, is_shared=True)
        until, limits = [], []
        beat, note = _Execution._beat, _Execution._note

        def beat_after_the_other(self):
            if not until:
                until.append(timezone.now() + timezone.timedelta(seconds=0.8))
                take_places(other, endpoint, Claim(20, 0, 0, 0, until[0]))
                Seat.objects.all().delete()
            beat(self)

        def watch(self, progress):
            limits.append(max(lane.limit for lane in progress.lanes if "#" in lane.name))
            note(self, progress)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_Execution, "_beat", beat_after_the_other)
            patch.setattr(_Execution, "_note", watch)
            execute_run(run.pk, is_shared=True, settings=FAST)
        assert Response.objects.earliest("answered_at").answered_at >= until[0]
        assert server.received == 10
        assert limits[0] == 1
        assert limits[-1] > 1


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("max_tokens", "length"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"),
        ("content_filtered", "content_filter"), ("error", "failed"), ("stop", "answered"), (None, "answered"),
    ],
)
def test_an_answer_ends_in_the_state_that_the_providers_word_means(reason, state):
    with running(Behaviour(reply=lambda body: {"content": "Half an", "finish_reason": reason})) as server:
        result = execute_run(start(make_text_release(1), f"m@{server.base_url}").pk, settings=FAST)
        assert result.sent == server.received == (FAST.retry.most_attempts if state == "failed" else 1)
    response = Response.objects.get()
    assert response.state == state
    assert Judgement.objects.filter(state="scored").count() == (state in ("answered", "length"))
    if state == "failed":
        assert response.error == "The provider broke the answer off: Its finish_reason is 'error'."
        assert result.failures == {"broken_off": FAST.retry.most_attempts}


def test_a_verdict_that_the_providers_filter_stopped_says_so():
    def reply(body):
        return {"content": "Score: 7/10", "finish_reason": "SAFETY"} if "Score:" in str(body) else None

    with running(Behaviour(reply=reply)) as server:
        run = start(make_text_release(1), f"m@{server.base_url}", judges=(f"judge@{server.base_url}",))
        execute_run(run.pk, settings=FAST)
    assert Judgement.objects.get().missing_reason.startswith("content_filter: ")


def test_a_200_that_holds_an_error_keeps_its_message():
    with running(Behaviour(reply=failing(200, "Upstream is busy", code=502))) as server:
        result = execute_run(start(make_text_release(1), f"m@{server.base_url}").pk, settings=FAST)
    assert result.failures == {"server_error": FAST.retry.most_attempts}
    assert set(FailedAttempt.objects.values_list("message", flat=True)) == {"Upstream is busy (in a reply with status 200)"}


def cancelled_half(server, n=4, answered=2, **options):
    release = make_text_release(n)
    run = start(release, f"m@{server.base_url}", max_calls=answered, **options)
    execute_run(run.pk, settings=FAST)
    return release, cancel_run(run_id=run.pk, actor=None)


def test_a_cancelled_run_scores_what_it_has_and_calls_the_rest_cancelled():
    with running() as server:
        release, run = cancelled_half(server)
        run.refresh_from_db()
        before = account(run)
        assert before.subjects[0].states == {"answered": 2, "cancelled": 2}
        assert before.responses == {"answered": 2, "refused": 0, "failed": 0, "missing": 0, "cancelled": 2}
        assert before.judgements == {"scored": 2, "unparsable": 0, "failed": 0, "missing": 0, "cancelled": 2}
        assert before.subjects[0].done == before.judges[0].done == 4
        assert Score.objects.filter(run=run, value__isnull=False).count() == 2
        reasons = Score.objects.filter(run=run, value=None).values_list("missing_reason", flat=True)
        assert list(reasons) == ["the run was cancelled"] * 2
        assert Response.objects.filter(state="pending").count() == 2  # shared: another run may want them
        later = execute_run(start(release, f"m@{server.base_url}").pk, settings=FAST)
        assert later.responses["answered"] == 4
        assert server.received == later.sent + 2 == 4
    after = account(run)
    assert (after.responses, after.judgements) == (before.responses, before.judgements)
    assert (after.subjects[0].states, after.subjects[0].reused) == (before.subjects[0].states, 0)


def test_answers_that_were_not_judged_as_a_run_was_cancelled_are_missing_for_that_reason():
    with running(Behaviour(fail_prompts_with="Score:", always_fail="server_error")) as server:
        run = start(make_text_release(2), f"m@{server.base_url}", judges=(f"judge@{server.base_url}",))
        halted = replace(FAST, retry=replace(POLICY, most_lost_in_a_row=1))
        assert execute_run(run.pk, settings=halted).run.status == Run.Status.PAUSED
        cancel_run(run_id=run.pk, actor=None)
    run.refresh_from_db()
    result = account(run)
    assert result.responses["answered"] == 2
    assert result.judgements["failed"] + result.judgements["cancelled"] == 2
    assert result.judgements["cancelled"] >= 1
    assert "the run was cancelled" in Score.objects.filter(run=run).values_list("missing_reason", flat=True)


def test_a_run_cancelled_while_it_is_executed_is_scored_by_the_process_that_leaves_it():
    with running(Behaviour(latency=0.3)) as server:
        run = start(make_text_release(60), f"m@{server.base_url}", concurrency=2)
        beat = _Execution._beat

        def beat_then_cancel(self):
            beat(self)
            if server.received >= 2 and Run.objects.get(pk=run.pk).status == Run.Status.RUNNING:
                cancel_run(run_id=run.pk, actor=None)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_Execution, "_beat", beat_then_cancel)
            result = execute_run(run.pk, settings=FAST)
    assert result.run.status == Run.Status.CANCELLED
    assert result.responses["answered"] == server.received < 60
    assert result.responses["cancelled"] == 60 - server.received
    assert Score.objects.filter(run=run, value__isnull=False).count() == server.received
    assert Score.objects.filter(run=run).count() == 60


def test_a_worker_scores_a_cancelled_run_whose_process_died_before_it_could():
    with running() as server:
        run = start(make_text_release(3), f"m@{server.base_url}", max_calls=2)
        execute_run(run.pk, settings=FAST)
    dead = run.executors.get()
    soon, before = timezone.now() + timedelta(minutes=1), timezone.now() - timedelta(minutes=1)
    Executor.objects.filter(pk=dead.pk).update(ended_at=None, ending="", lease_until=soon)  # killed: it never left
    Run.objects.filter(pk=run.pk).update(status=Run.Status.CANCELLED, finished_at=before)
    work(stop=lambda: False, once=True)
    assert Score.objects.filter(run=run).count() == 0  # it shows signs of life
    Executor.objects.filter(pk=dead.pk).update(lease_until=timezone.now())
    work(stop=lambda: False, once=True)
    assert Score.objects.filter(run=run).count() == 3
    assert Executor.objects.get(pk=dead.pk).ending == "lost"
    assert not left_cancelled().exists()


def test_a_cancelled_run_that_cannot_be_scored_ends_no_worker(monkeypatch):
    with running() as server:
        _release, bad = cancelled_half(server)
        good = start(make_text_release(2), f"other@{server.base_url}", max_calls=1)
        execute_run(good.pk, settings=FAST)
    KeptScores.objects.all().delete()
    before = timezone.now() - timedelta(minutes=1)
    Run.objects.update(status=Run.Status.CANCELLED, finished_at=before)
    tried = []

    def score_all_but_one(run_id):
        tried.append(run_id)
        if run_id == bad.pk:
            raise ValueError("no such rubric")
        return score_cancelled(run_id)

    monkeypatch.setattr("bench.worker.score_cancelled", score_all_but_one)
    work(stop=lambda: False, once=True)
    assert tried == [bad.pk, good.pk]
    assert list(left_cancelled()) == [bad]
    assert Score.objects.filter(run=good).count() == 2


def test_the_page_and_the_api_of_a_cancelled_run_show_what_it_left(client, admin_client):
    with running() as server:
        _release, run = cancelled_half(server)
        page = admin_client.get(run.get_absolute_url()).content.decode()
        assert '<span data-live="responses-cancelled">2</span>' in page
        assert '<span data-live="judgements-cancelled">2</span>' in page
        assert 'href="?state=cancelled"' in page
        assert 'href="?state=pending"' not in page
        listed = admin_client.get(f"{run.get_absolute_url()}?state=cancelled")
        assert len(listed.context["page"].object_list) == 2
        counted = admin_client.get(f"/api/v1/runs/{run.pk}/").json()["responses"]
    assert (counted["answered"], counted["cancelled"], counted["pending"]) == (2, 2, 0)


def test_a_refused_key_stops_the_other_processes_of_the_run_too():
    with running(Behaviour(reply=failing(401, "Incorrect API key"))) as server:
        run = start(make_text_release(30), f"m@{server.base_url}")
        other = join_run(run.pk, actor=None, is_shared=True)
        Executor.objects.filter(pk=other.pk).update(lease_until=timezone.now() + timezone.timedelta(minutes=5))
        result = execute_run(run.pk, is_shared=True, settings=FAST)
        assert Executor.objects.get(pk=other.pk).ended_at is None
    assert result.run.status == Run.Status.PAUSED
    assert "was refused (401)" in result.run.status_reason

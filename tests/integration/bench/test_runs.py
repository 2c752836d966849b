"""Runs from end to end, in process and against a server that misbehaves."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from bench import endpoints
from bench.accounting import account
from bench.actions import claim_work
from bench.actions.change_run import resume_run
from bench.actions.create_run import create_run
from bench.actions.delete_run import delete_run
from bench.actions.execute_run import _Execution, execute_run
from bench.actions.join_run import join_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.retry_failed import retry_failed
from bench.exceptions import (
    BadEndpointError,
    EmptyRunError,
    MissingPriceError,
    RunBusyError,
    RunClosedError,
    UnknownNameError,
)
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.models import Executor, FailedAttempt, Judgement, LanguageModel, Response, Run, Score
from bench.providers.openai_compatible import completion_of
from gvsir.exceptions import InvalidTransitionError, PermissionRefusedError
from gvsir.models import LogEntry
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(first_wait=0.01, longest_wait=0.05), timeout=5.0)


def make_text_release(n: int, **overrides):
    return make_release([make_item(prompt_en=f"Question {i}?", prompt_zh=f"问题{i}？") for i in range(n)], **overrides)


def start(release, *models, judges=("heuristic",), **options):
    return create_run(
        release=release,
        language_models=[register_language_model(name) for name in models],
        judges=[register_judge(name) for name in judges],
        actor=None,
        **options,
    )


def test_baseline_policies_are_answered_judged_and_scored_without_a_call():
    run = start(make_text_release(3), "baseline:refuse", "baseline:careful", languages=("en", "zh"))
    result = execute_run(run.pk)
    assert result.run.status == Run.Status.FINISHED
    assert result.items == 3
    assert result.trials == 12
    assert result.responses == {"answered": 12, "refused": 0, "failed": 0, "missing": 0}
    assert result.judgements == {"scored": 12, "unparsable": 0, "failed": 0, "missing": 0}
    assert result.sent == 0
    scores = Score.objects.filter(run=run)
    assert scores.count() == 12
    assert all(score.value is not None and score.judgements.count() == 1 for score in scores)
    by_model = {
        name: scores.filter(trial__language_model__name=name).aggregate(s=Sum("value"))["s"]
        for name in ("baseline:refuse", "baseline:careful")
    }
    assert by_model["baseline:careful"] > by_model["baseline:refuse"]  # the items want a correction


def test_a_run_of_200_items_against_a_misbehaving_server_accounts_for_every_call():
    faults = {"rate_limited": 0.06, "server_error": 0.06, "dropped": 0.06, "malformed": 0.06, "unparsable": 0.05}
    with running(Behaviour(faults=faults, retry_after=0.02)) as server:
        name = f"fake@{server.base_url}"
        run = start(make_text_release(200), name, judges=(f"judge@{server.base_url}",), concurrency=20)
        result = execute_run(run.pk, settings=FAST)
        counts = dict(server.server.counts)
    assert result.run.status == Run.Status.FINISHED
    assert sum(result.responses.values()) == sum(result.judgements.values()) == 200
    assert result.responses["answered"] == 200
    assert result.judgements["unparsable"] == counts["unparsable"] > 0
    assert result.judgements["scored"] == 200 - counts["unparsable"]
    assert result.sent == counts["received"] > 400
    assert result.failures == {
        "dropped": counts["dropped"], "malformed": counts["malformed"],
        "rate_limited": counts["rate_limited"], "server_error": counts["server_error"],
    }
    assert result.retried == sum(result.failures.values())
    attempts = sum(
        model.objects.aggregate(n=Sum("attempts"))["n"] for model in (Response, Judgement)
    )
    assert attempts == result.sent
    scores = Score.objects.filter(run=run)
    assert scores.count() == 200
    assert set(scores.exclude(value=None).values_list("value", flat=True)) == {7.0}
    missing = scores.filter(value=None)
    assert missing.count() == counts["unparsable"]
    assert all("no line beginning with Score:" in score.missing_reason for score in missing)
    waited = FailedAttempt.objects.filter(outcome="rate_limited").values_list("retry_after_seconds", flat=True)
    assert set(waited) == {0.02}


def test_nothing_is_asked_twice_when_a_run_is_made_again_or_gets_another_judge():
    with running(keep_bodies=True) as server:
        name, judge = f"fake@{server.base_url}", f"judge@{server.base_url}"
        release = make_text_release(10)
        execute_run(start(release, name, judges=(judge,)).pk, settings=FAST)
        assert server.received == 20
        again = execute_run(start(release, name, judges=(judge,)).pk, settings=FAST)
        assert server.received == 20
        assert again.sent == 0
        assert again.responses["answered"] == again.judgements["scored"] == 10
        assert again.subjects[0].reused == again.judges[0].reused == 10
        more = execute_run(start(release, name, judges=(judge, "heuristic"), epochs=2).pk, settings=FAST)
        assert server.received == 40  # the second epoch, answered and judged
        assert more.sent == 20
        assert more.trials == 20
        assert Score.objects.filter(run=more.run).first().n_judgements == 2


def test_a_verdict_that_the_judges_provider_refused_is_called_so_and_not_put_again(client):
    client.force_login(make_user("researcher"))
    with running(Behaviour(fail_prompts_with="Brief reason", always_fail="refused")) as server:
        run = start(make_text_release(2), f"fake@{server.base_url}", judges=(f"judge@{server.base_url}",))
        result = execute_run(run.pk, settings=FAST)
        assert result.sent == server.received == 4
    assert result.judgements == {"scored": 0, "unparsable": 0, "refused": 2, "failed": 0, "missing": 0}
    assert result.judges[0].failures == {"refused_by_provider": 2}
    assert retry_failed(run=run, actor=None, reason="try") == 0
    assert set(run.scores.values_list("value", flat=True)) == {None}
    assert run.scores.first().missing_reason.startswith("judgement refused: ")
    page = client.get(f"/bench/runs/{run.pk}/").content.decode()
    assert '<span data-live="judgements-refused">2</span>' in page
    assert '<span class="num" data-live="failed">0</span>' in page


@pytest.mark.parametrize(
    ("fault", "state", "group", "reason"),
    [
        ("refused", "refused", "refused", "the provider refused the request"),
        ("content_filter", "content_filter", "refused", "the provider's content filter stopped the answer"),
        ("server_error", "failed", "failed", "no answer after all retries"),
        ("bad_request", "failed", "failed", "no answer after all retries"),
        ("empty", "answered", "answered", "the answer is empty"),
    ],
)
def test_an_answer_that_cannot_be_judged_is_missing_with_its_reason(fault, state, group, reason):
    with running(Behaviour(fail_prompts_with="Question 0", always_fail=fault)) as server:
        run = start(make_text_release(2), f"fake@{server.base_url}")
        result = execute_run(run.pk, settings=FAST)
        assert result.sent == server.received
    assert result.run.status == Run.Status.FINISHED
    assert result.responses[group] == (2 if group == "answered" else 1)
    assert result.judgements == {"scored": 1, "unparsable": 0, "failed": 0, "missing": 1}
    assert sorted(Response.objects.values_list("state", flat=True)) == sorted(["answered", state])
    score = Score.objects.get(run=run, value=None)
    assert score.missing_reason == reason
    assert score.n_judgements == 0


def test_an_answer_cut_at_the_length_limit_is_judged():
    with running(Behaviour(fail_prompts_with="Question 0", always_fail="length")) as server:
        run = start(make_text_release(1), f"fake@{server.base_url}")
        result = execute_run(run.pk, settings=FAST)
    assert Response.objects.get().state == Response.State.LENGTH
    assert result.responses["answered"] == result.judgements["scored"] == 1


def test_a_judge_that_fails_leaves_the_answer_and_the_other_judge():
    with running(Behaviour(fail_prompts_with="Score:", always_fail="server_error")) as server:
        name = f"fake@{server.base_url}"
        run = start(make_text_release(2), name, judges=(name, "heuristic"))
        result = execute_run(run.pk, settings=FAST)
        assert result.sent == server.received == 2 + 2 * FAST.retry.most_attempts
    assert result.judgements == {"scored": 2, "unparsable": 0, "failed": 2, "missing": 0}
    assert Response.objects.filter(state="answered").count() == 2


def test_the_score_is_the_median_of_the_valid_verdicts():
    with running(Behaviour(score=3)) as low, running(Behaviour(score=9)) as high, running(Behaviour(score=4)) as middle:
        names = [f"fake@{server.base_url}" for server in (low, high, middle)]
        run = start(make_text_release(1), "baseline:comply", judges=names)
        execute_run(run.pk, settings=FAST)
    score = Score.objects.get(run=run)
    assert (score.value, score.n_judgements) == (4.0, 3)
    assert {judgement.value for judgement in score.judgements.all()} == {3.0, 9.0, 4.0}


def test_failed_questions_can_be_put_again_and_what_was_tried_stays_counted():
    behaviour = Behaviour(fail_prompts_with="Question 0", always_fail="server_error")
    with running(behaviour) as server:
        run = start(make_text_release(2), f"fake@{server.base_url}")
        assert execute_run(run.pk, settings=FAST).responses["failed"] == 1
        score = Score.objects.get(run=run, value=None)
        behaviour.fail_prompts_with = ""
        assert execute_run(run.pk, settings=FAST).responses["failed"] == 1  # a resume alone asks nothing again
        assert retry_failed(run=run, actor=None) == 1
        result = execute_run(run.pk, settings=FAST)
        assert result.sent == server.received == 1 + FAST.retry.most_attempts + 1
    assert result.responses == {"answered": 2, "refused": 0, "failed": 0, "missing": 0}
    score.refresh_from_db()
    assert score.value is not None  # the same score, at the same address


def test_a_new_run_puts_what_failed_in_an_old_one_again():
    behaviour = Behaviour(fail_prompts_with="Question", always_fail="server_error")
    with running(behaviour) as server:
        release = make_text_release(1)
        old = start(release, f"fake@{server.base_url}")
        execute_run(old.pk, settings=FAST)
        behaviour.fail_prompts_with = ""
        new = start(release, f"fake@{server.base_url}")
        result = execute_run(new.pk, settings=FAST)
    assert result.sent == 1
    assert result.responses["answered"] == 1
    old.refresh_from_db()
    assert account(old).responses["failed"] == 1
    assert account(old).sent == FAST.retry.most_attempts


def test_identical_answers_of_two_models_are_judged_apart():
    with running() as server:
        run = start(make_text_release(1), "baseline:refuse", judges=(f"fake@{server.base_url}",), epochs=2)
        assert execute_run(run.pk, settings=FAST).judgements["scored"] == 2
        assert server.received == 2


def test_a_second_process_is_refused_in_a_plain_sentence():
    run = start(make_text_release(1), "baseline:refuse")
    join_run(run.pk, actor=None, is_shared=False)
    with pytest.raises(RunBusyError, match=rf"Run {run.pk} is being executed by process {os.getpid()} on .*sign of life was 0 s ago"):
        execute_run(run.pk)


def test_a_lease_that_ran_out_is_taken_over_and_its_claims_are_free():
    run = start(make_text_release(3), "baseline:refuse")
    dead = join_run(run.pk, actor=None, is_shared=False)
    Response.objects.update(executor=dead)
    Executor.objects.filter(pk=dead.pk).update(lease_until=timezone.now() - timedelta(seconds=1), machine="elsewhere")
    result = execute_run(run.pk)
    assert result.run.status == Run.Status.FINISHED
    assert result.responses["answered"] == 3
    assert list(run.executors.values_list("ending", flat=True)) == ["lost", "finished"]


def test_what_another_live_process_holds_is_waited_for_not_asked_again():
    release = make_text_release(2)
    with running() as server:
        name = f"fake@{server.base_url}"
        first, second = start(release, name), start(release, name)
        holder = join_run(first.pk, actor=None, is_shared=False)
        held = Response.objects.order_by("pk").first()
        Response.objects.filter(pk=held.pk).update(executor=holder)

        done = []
        original = claim_work._nothing_left

        def settle_then_look(session):
            if server.received == 1 and not done:  # all that the second run may ask is asked
                done.append(True)
                Response.objects.filter(pk=held.pk).update(
                    state="answered", text="I cannot help.", text_sha256="0" * 64, attempts=1
                )
            return original(session)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(claim_work, "_nothing_left", settle_then_look)
            result = execute_run(second.pk, settings=FAST)
        assert server.received == 1
    assert result.sent == 1
    assert result.subjects[0].reused == 1
    assert result.responses["answered"] == result.judgements["scored"] == 2


def test_a_stop_pauses_and_a_resume_asks_the_rest():
    with running(Behaviour(latency=0.02)) as server:
        name = f"fake@{server.base_url}"
        run = start(make_text_release(30), name, judges=(name,), concurrency=3)
        paused = execute_run(run.pk, settings=FAST, stop=lambda: server.received > 12)
        assert paused.run.status == Run.Status.PAUSED
        assert paused.sent == server.received < 40
        assert paused.responses["missing"] > 0
        assert not Response.objects.filter(state="pending", executor__isnull=False).exists()
        result = execute_run(run.pk, settings=FAST)
        assert result.sent == server.received == 60
    assert result.run.status == Run.Status.FINISHED
    assert result.unheard_at_most == 0


def test_a_cancelled_run_stops_and_cannot_be_resumed():
    curator = make_user("curator")
    with running(Behaviour(latency=0.05)) as server:
        run = start(make_text_release(100), f"fake@{server.base_url}", concurrency=2)
        beat = _Execution._beat

        def beat_then_cancel(self):
            beat(self)
            if server.received >= 2:
                Run.objects.filter(pk=run.pk).update(status="cancelled", status_reason="Enough.")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_Execution, "_beat", beat_then_cancel)
            result = execute_run(run.pk, settings=FAST)
        assert server.received < 100
    assert result.run.status == Run.Status.CANCELLED
    assert result.run.status_reason == "Enough."
    with pytest.raises(RunClosedError, match="was cancelled"):
        execute_run(run.pk)
    with pytest.raises(InvalidTransitionError):
        resume_run(run_id=run.pk, actor=curator)


def test_a_budget_pauses_the_run_before_it_is_passed():
    with running() as server:
        name = f"fake@{server.base_url}"
        # 20 tokens in and 10 out a call: 20 * 0.001 + 10 * 0.002 = 0.04 dollars; at most 5 dollars set aside for one.
        register_language_model(name, input_price=1000, output_price=2000)
        run = start(make_text_release(40), name, budget_usd=Decimal("5"), concurrency=1)
        result = execute_run(run.pk, settings=FAST)
        assert 0 < server.received < 40
    assert result.run.status == Run.Status.PAUSED
    assert result.run.status_reason.startswith("Budget spent: 1.0000 of 5.0000 US dollars")
    assert result.cost_usd == Decimal("0.04") * result.sent <= 5


def test_a_model_without_a_price_is_refused_under_a_budget():
    with pytest.raises(MissingPriceError, match="No price is known for m@http"):
        start(make_text_release(1), "m@http://127.0.0.1:9/v1", budget_usd=Decimal("1"))
    assert not Run.objects.exists()


def test_only_researchers_and_curators_make_runs():
    release = make_text_release(1)
    model, judge = register_language_model("baseline:refuse"), register_judge("heuristic")
    with pytest.raises(PermissionRefusedError):
        create_run(release=release, language_models=[model], judges=[judge], actor=make_user("annotator"))
    run = create_run(release=release, language_models=[model], judges=[judge], actor=make_user("researcher"))
    assert LogEntry.objects.filter(kind="bench.run", record_id=str(run.pk), action="run.create").exists()
    with pytest.raises(PermissionRefusedError):
        execute_run(run.pk, actor=make_user("annotator"))


def test_the_specification_names_everything_that_matters():
    release = make_text_release(1)
    one, same = start(release, "baseline:refuse"), start(release, "baseline:refuse")
    assert one.spec_sha256 == same.spec_sha256
    others = {
        start(release, "baseline:echo").spec_sha256, start(release, "baseline:refuse", epochs=2).spec_sha256,
        start(release, "baseline:refuse", languages=("zh",)).spec_sha256, start(release, "baseline:refuse", seed=1).spec_sha256,
        start(make_text_release(1), "baseline:refuse").spec_sha256,
    }
    assert len(others | {one.spec_sha256}) == 6
    assert one.environment["packages"]["django"]


def test_an_item_of_another_modality_is_left_out_and_a_release_of_only_such_is_refused():
    picture = make_item(modality="I", prompt_en="Draw it")
    run = start(make_release([make_item(), picture]), "baseline:refuse")
    assert account(run).items == 1
    with pytest.raises(EmptyRunError):
        start(make_release([picture]), "baseline:refuse")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("nobody", UnknownNameError, "No model is called 'nobody'"),
        ("baseline:nobody", UnknownNameError, "no baseline policy 'nobody'"),
        ("m@ftp://host/v1", BadEndpointError, "no http or https address"),
        ("m@file:///etc/passwd", BadEndpointError, "no http or https address"),
        ("m@http://user:pw@host/v1", BadEndpointError, "must not hold a password"),
        ("m@http://host/v1?key=1", BadEndpointError, "no query"),
        ("m@http://host:99999/v1", BadEndpointError, "no address"),
        ("m@http://host/v1#sk-123", BadEndpointError, "no name of an environment variable"),
        ("m@http://host/v1#GVSIR_SECRET_KEY", BadEndpointError, "secret of this site"),
    ],
)
def test_a_bad_name_of_a_model_is_refused_with_the_reason(name, error, words):
    with pytest.raises(error, match=words):
        register_language_model(name)
    assert not LanguageModel.objects.exists()


def test_an_endpoint_is_registered_once_with_the_name_of_its_key_only():
    one = register_language_model("m@http://host/v1/#MY_API_KEY")
    assert (one.base_url, one.model_identifier, one.key_variable) == ("http://host/v1", "m", "MY_API_KEY")
    assert register_language_model("m@http://host/v1#MY_API_KEY") == one
    assert register_language_model(one.name) == one
    assert register_judge(one.name) == register_judge(one.name)
    assert register_judge(one.name) != register_judge("other@http://host/v1")
    with pytest.raises(PermissionRefusedError):
        register_language_model("n@http://host/v1", actor=make_user("researcher"))
    with pytest.raises(BadEndpointError, match="_API_KEY"):
        register_language_model("n@http://host/v1#HOME", actor=make_user("curator"))


def test_a_deleted_run_takes_what_no_other_run_uses():
    release = make_text_release(2)
    one = start(release, "baseline:refuse")
    two = start(release, "baseline:refuse", "baseline:echo")
    for run in (one, two):
        execute_run(run.pk)
    removed = delete_run(run_id=two.pk, actor=None)
    assert removed == (4, 4, 2, 2)
    assert account(one).judgements["scored"] == 2
    assert set(Response.objects.values_list("language_model__name", flat=True)) == {"baseline:refuse"}
    assert LogEntry.objects.filter(action="run.delete", record_id=str(two.pk)).exists()


def test_text_with_nul_and_half_an_emoji_is_stored():
    class Odd:
        is_remote = True

        async def complete(self, messages, generation, epoch):
            return completion_of({"choices": [{"message": {"content": "a\0b\ud83d 值🙂"}, "finish_reason": "stop"}]})

        async def aclose(self):
            pass

    run = start(make_text_release(1), "m@http://127.0.0.1:9/v1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoints, "client_of", lambda model, **options: Odd())
        result = execute_run(run.pk, settings=FAST)
    assert result.responses["answered"] == 1
    assert Response.objects.get().text == "a\ufffdb? 值🙂"

"""A run that goes on, or is made again with something added: what failed, a raised limit, a model, a judge, an epoch."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.draw_budget import spent_of
from bench.actions.execute_run import execute_run
from bench.actions.limit_run import limit_run
from bench.actions.raise_limits import raise_limits
from bench.actions.register_language_model import register_judge, register_language_model
from bench.actions.retry_failed import ask_again, retry_failed
from bench.exceptions import BadNumberError, NothingFailedError, RunClosedError
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.models import Judge, Run
from bench.run_like import can_judge_again
from bench.scoring.panel import PanelRule
from bench.specs import GenerationConfig
from gvsir.exceptions import PermissionRefusedError
from gvsir.models import LogEntry
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(most_attempts=2, most_rate_limits=2, first_wait=0.01, longest_wait=0.02), timeout=5.0)
N_ITEMS = 3


@pytest.fixture
def behaviour():
    return Behaviour()


@pytest.fixture
def server(behaviour):
    with running(behaviour) as started:
        yield started


@pytest.fixture
def release():
    return make_release([make_item(prompt_en=f"Question {i}?", prompt_zh=f"问题 {i}？") for i in range(N_ITEMS)])


def make_run(server, release, **changes):
    return create_run(**{
        "release": release, "language_models": [register_language_model(f"fake@{server.base_url}")],
        "judges": [register_judge(f"judge@{server.base_url}")], "actor": None,
    } | changes)


def finished(server, release, **changes):
    run = make_run(server, release, **changes)
    assert execute_run(run.pk, settings=FAST).run.status == "finished"
    return Run.objects.get(pk=run.pk)


def post(client, run, change, **data):
    return client.post(reverse("run_change", args=[run.pk, change]), data, follow=True).content.decode()


# ------------------------------------------------------------------ what failed


@pytest.fixture
def failed(server, behaviour, release):
    """A finished run of which one answer failed, and the server well again."""
    behaviour.fail_prompts_with = "Question 0"
    run = finished(server, release)
    assert account(run).responses["failed"] == 1
    behaviour.fail_prompts_with = ""
    return run


def test_a_run_with_something_to_put_again_is_finished_no_longer(failed):
    assert retry_failed(run=failed, actor=None, reason="It was down.") == 1
    failed.refresh_from_db()
    assert (failed.status, failed.finished_at) == ("paused", None)
    entry = LogEntry.objects.filter(action="run.retry_failed").latest("pk")
    assert (entry.reason, entry.data, entry.record_id) == ("It was down.", {"count": 1}, str(failed.pk))


def test_a_run_without_a_failure_stays_finished(server, release):
    run = finished(server, release)
    assert retry_failed(run=run, actor=None) == 0
    with pytest.raises(NothingFailedError):
        ask_again(run_id=run.pk, actor=None, reason="Why not?")
    run.refresh_from_db()
    assert run.status == "finished"
    assert run.finished_at is not None


def test_from_the_page_what_failed_is_put_again_and_nothing_else(client, server, failed):
    client.force_login(make_user("researcher", username="rosa"))
    assert 'action="' + reverse("run_change", args=[failed.pk, "retry-failed"]) in client.get(failed.get_absolute_url()).content.decode()
    received = server.received
    page = post(client, failed, "retry-failed", reason="The server was down.")
    assert "What failed is put again" in page
    failed.refresh_from_db()
    assert failed.status == "queued"
    entry = LogEntry.objects.get(action="run.retry_failed")
    assert (entry.reason, entry.actor.username) == ("The server was down.", "rosa")
    result = execute_run(failed.pk, settings=FAST)
    assert result.run.status == "finished"
    assert result.responses == {"answered": 3, "refused": 0, "failed": 0, "missing": 0}
    assert server.received == received + 2  # the answer and its verdict


def test_a_failed_verdict_is_put_again_from_the_page(client, server, behaviour, release):
    behaviour.fail_prompts_with = "Score:"
    run = finished(server, release)
    assert account(run).judgements["failed"] == N_ITEMS
    behaviour.fail_prompts_with = ""
    client.force_login(make_user("researcher"))
    post(client, run, "retry-failed", reason="Down.")
    result = execute_run(run.pk, settings=FAST)
    assert result.judgements == {"scored": N_ITEMS, "unparsable": 0, "failed": 0, "missing": 0}


def test_putting_again_needs_a_reason_and_a_role(client, failed):
    client.force_login(make_user("researcher"))
    assert "Say why" in post(client, failed, "retry-failed", reason="  ")
    client.force_login(make_user("annotator"))
    assert client.post(reverse("run_change", args=[failed.pk, "retry-failed"]), {"reason": "x"}).status_code == 403
    assert "retry-failed" not in client.get(failed.get_absolute_url()).content.decode()
    with pytest.raises(PermissionRefusedError):
        ask_again(run_id=failed.pk, actor=make_user("annotator", username="anna"), reason="x")
    failed.refresh_from_db()
    assert failed.status == "finished"
    assert not LogEntry.objects.filter(action="run.retry_failed").exists()


@pytest.mark.parametrize("status", ["running", "cancelled"])
def test_a_run_under_way_or_cancelled_puts_nothing_again(failed, status):
    Run.objects.filter(pk=failed.pk).update(status=status)
    with pytest.raises(RunClosedError):
        retry_failed(run=failed, actor=None)


def test_a_command_puts_what_failed_again(failed):
    out = io.StringIO()
    call_command("bench_run", "--resume", str(failed.pk), "--retry-failed", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert (found["status"], found["responses"]["answered"]) == ("finished", 3)


# ------------------------------------------------------------------ a raised limit


def test_a_run_out_of_calls_goes_on_from_the_page(client, server, release):
    run = make_run(server, release, max_calls=2)
    execute_run(run.pk, settings=FAST)
    run.refresh_from_db()
    assert run.status == "paused"
    assert spent_of(run).calls == server.received == 2
    client.force_login(make_user("researcher"))
    page = client.get(run.get_absolute_url()).content.decode()
    assert "2 calls are spent" in page
    assert "leave nothing: 2 are sent or set aside" in post(client, run, "limits", max_calls="2", reason="More.")
    assert "1 calls at most are fewer than the 2" in post(client, run, "limits", max_calls="1", reason="Less.")
    assert "Give a budget or a number" in post(client, run, "limits", reason="More.")
    assert "Say why" in post(client, run, "limits", max_calls="99")
    run.refresh_from_db()
    assert (run.status, run.max_calls) == ("paused", 2)
    assert "The limits are set" in post(client, run, "limits", max_calls="99", reason="The pilot was good.")
    run.refresh_from_db()
    assert (run.status, run.max_calls) == ("queued", 99)
    entry = LogEntry.objects.get(action="run.limit")
    assert entry.reason == "The pilot was good."
    assert entry.data == {
        "before": {"budget_usd": "None", "max_calls": 2}, "after": {"budget_usd": "None", "max_calls": 99},
    }
    assert execute_run(run.pk, settings=FAST).run.status == "finished"
    assert server.received == 2 * N_ITEMS


def test_a_run_out_of_money_goes_on_with_more(server, release):
    for name in ("fake", "judge"):
        describe_language_model(
            language_model=register_language_model(f"{name}@{server.base_url}"),
            facts={"input_price": Decimal(100), "output_price": Decimal(100)}, actor=None,
        )
    run = make_run(server, release, budget_usd=Decimal("0.205"))
    execute_run(run.pk, settings=FAST)
    run.refresh_from_db()
    assert run.status == "paused"
    spent = spent_of(run).usd
    assert 0 < spent <= Decimal("0.205")
    with pytest.raises(BadNumberError):
        raise_limits(run_id=run.pk, budget_usd=round(spent / 2, 4), max_calls=None, actor=None, reason="Less.")
    raise_limits(run_id=run.pk, budget_usd=Decimal(50), max_calls=None, actor=None, reason="More.")
    assert execute_run(run.pk, settings=FAST).run.status == "finished"
    assert server.received == 2 * N_ITEMS


@pytest.mark.parametrize("amount", ["1e400", "-1", "NaN", "many", "99999999999", "0.00001"])
def test_a_limit_that_is_no_amount_is_refused_on_the_page(client, server, release, amount):
    run = make_run(server, release, max_calls=5)
    client.force_login(make_user("researcher"))
    assert "Budget in US dollars: " in post(client, run, "limits", budget=amount, reason="x")
    run.refresh_from_db()
    assert run.budget_usd is None


def test_limits_are_not_for_everybody_and_not_for_a_finished_run(client, server, release):
    run = make_run(server, release, max_calls=2)
    with pytest.raises(PermissionRefusedError):
        raise_limits(run_id=run.pk, budget_usd=None, max_calls=9, actor=make_user("annotator"), reason="x")
    Run.objects.filter(pk=run.pk).update(status="finished")
    with pytest.raises(RunClosedError):
        raise_limits(run_id=run.pk, budget_usd=None, max_calls=9, actor=None, reason="x")
    assert not LogEntry.objects.filter(action="run.limit").exists()


def test_a_run_that_is_executed_gets_more_without_a_stop(server, release):
    run = make_run(server, release, max_calls=2)
    Run.objects.filter(pk=run.pk).update(status="running")
    assert raise_limits(run_id=run.pk, budget_usd=None, max_calls=9, actor=None, reason="x").status == "running"
    assert limit_run(run=run, budget_usd=None, max_calls=None, actor=None).max_calls == 9


# ------------------------------------------------------------------ something added


@pytest.mark.parametrize(
    ("added", "sent"),
    [
        (["--model", "other@{url}"], 2 * N_ITEMS),  # its answers, and a verdict on each
        (["--judge", "second@{url}"], N_ITEMS),  # a verdict on each answer that is there
        (["--judge", "heuristic"], 0),
        (["--epochs", "3"], 2 * 2 * N_ITEMS),
        (["--language", "zh"], 2 * N_ITEMS),
        (["--model", "other@{url}", "--judge", "second@{url}", "--epochs", "2"], 3 * N_ITEMS + 2 * 4 * N_ITEMS - N_ITEMS),
        ([], 0),
    ],
)
def test_by_command_only_what_is_missing_is_sent(server, release, added, sent):
    run = finished(server, release, generation=GenerationConfig(temperature=0.2), seed=7, max_calls=500)
    received = server.received
    out = io.StringIO()
    call_command(
        "bench_run", "--like", str(run.pk), *(word.format(url=server.base_url) for word in added), "--json",
        stdout=out, stderr=io.StringIO(),
    )
    found = json.loads(out.getvalue())
    assert found["status"] == "finished"
    assert server.received - received == found["calls"]["sent"] == sent
    new = Run.objects.get(pk=found["run"])
    assert new.pk != run.pk
    assert new.spec["generation"] == run.spec["generation"]
    assert (new.spec["seed"], new.max_calls) == (7, 500)
    trials = account(new).trials
    assert found["responses"]["answered"] == trials
    assert found["judgements"]["scored"] == trials * new.judges.count()


def test_a_dry_run_of_an_addition_counts_what_is_missing_and_writes_nothing(server, release):
    run = finished(server, release)
    out = io.StringIO()
    call_command("bench_run", "--like", str(run.pk), "--epochs", "2", "--dry-run", "--json", stdout=out)
    assert json.loads(out.getvalue())["calls"] == 2 * N_ITEMS
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["some-release", "--like", "1"], "leave out the release"),
        (["--like", "1", "--resume", "1"], "leave out --like"),
        (["--like", "1", "--pause", "1"], "leave out --like"),
    ],
)
def test_like_does_not_go_with_what_the_run_has(server, release, arguments, words):
    make_run(server, release)
    with pytest.raises(CommandError) as caught:
        call_command("bench_run", *arguments, stdout=io.StringIO(), stderr=io.StringIO())
    assert caught.value.returncode == 2
    assert words in str(caught.value)


def test_a_judge_whose_rubric_is_gone_is_not_taken_along(client, server, release):
    run = finished(server, release)
    judge = run.judges.get()
    Judge.objects.filter(pk=judge.pk).update(config=judge.config | {"rubric_sha256": "0" * 64})
    with pytest.raises(CommandError, match="rubric that this version does not have"):
        call_command("bench_run", "--like", str(run.pk), stdout=io.StringIO())
    client.force_login(make_user("researcher"))
    page = client.get(reverse("run_list"), {"like": run.pk})
    assert "kept_judges" not in page.context["form"].fields


def fields_of(form):
    """What a browser would send if nothing were changed."""
    return {
        name: value for name in form.fields
        if (value := form.initial.get(name, form.fields[name].initial)) not in (None, "", [])
    }


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        (lambda data, url: data | {"models": [*data["models"], f"other@{url}"]}, 2 * N_ITEMS),
        (lambda data, url: data | {"judges": [f"other@{url}"]}, N_ITEMS),
        (lambda data, url: data | {"epochs": 2}, 2 * N_ITEMS),
        (lambda data, url: data, 0),
    ],
)
def test_on_the_page_a_run_is_made_again_with_something_added(client, server, release, change, sent):
    run = finished(
        server, release, generation=GenerationConfig(temperature=0.2), seed=7, concurrency=5, max_calls=500,
        judges=[register_judge(f"judge@{server.base_url}"), register_judge("heuristic")],
        panel=PanelRule(headline="trimmed_mean", least_votes=1),
    )
    register_language_model(f"other@{server.base_url}")
    client.force_login(make_user("researcher"))
    address = f"{reverse('run_list')}?like={run.pk}"
    assert address.replace("&", "&amp;") + "#new-run" in client.get(run.get_absolute_url()).content.decode()
    page = client.get(address)
    assert f"New run like run {run.pk}" in page.content.decode()
    data = change(fields_of(page.context["form"]), server.base_url) | {"like": str(run.pk)}
    received = server.received
    response = client.post(reverse("run_list"), data)
    assert response.status_code == 302, response.context["form"].errors
    new = Run.objects.latest("pk")
    assert new.pk != run.pk
    assert set(run.judges.all()) <= set(new.judges.all())
    for name in ("generation", "seed", "panel", "languages", "max_calls"):
        assert new.spec[name] == run.spec[name]
    assert new.concurrency == 5
    result = execute_run(new.pk, settings=FAST)
    assert result.run.status == "finished"
    assert server.received - received == sent


def test_without_any_judge_the_form_is_refused(client, server, release):
    run = finished(server, release)
    client.force_login(make_user("researcher"))
    data = fields_of(client.get(reverse("run_list"), {"like": run.pk}).context["form"])
    response = client.post(reverse("run_list"), data | {"like": str(run.pk), "kept_judges": []})
    assert response.status_code == 400
    assert "Choose at least one judge" in response.content.decode()
    assert f"New run like run {run.pk}" in response.content.decode()


@pytest.mark.parametrize("like", ["abc", "-1", "9" * 40, "0", "²", "1; drop"])
def test_a_run_that_is_none_gives_the_plain_form(client, release, like):
    client.force_login(make_user("researcher"))
    response = client.get(reverse("run_list"), {"like": like})
    assert response.status_code == 200
    assert "New run like" not in response.content.decode()
    assert response.context["form"].fields["judges"].initial == ["heuristic"]


def test_a_judge_of_a_version_with_other_settings_cannot_judge_again():
    judge = register_judge("heuristic")
    assert can_judge_again(judge)
    judge.config = {**judge.config, "model": {"kind": "endpoint", "of_another_version": 1}}
    assert not can_judge_again(judge)

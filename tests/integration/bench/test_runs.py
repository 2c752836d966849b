"""Runs from end to end, in process and against a server that misbehaves."""

from __future__ import annotations

import pytest
from django.db.models import Sum

from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from bench.models import FailedAttempt, Judgement, Response, Run, Score
from tests.factories.bench import make_item, make_release
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
        run = start(make_text_release(200), name, judges=(name,), concurrency=20)
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
        name = f"fake@{server.base_url}"
        release = make_text_release(10)
        execute_run(start(release, name, judges=(name,)).pk, settings=FAST)
        assert server.received == 20
        again = execute_run(start(release, name, judges=(name,)).pk, settings=FAST)
        assert server.received == 20
        assert again.sent == 0
        assert again.responses["answered"] == again.judgements["scored"] == 10
        assert again.subjects[0].reused == again.judges[0].reused == 10
        more = execute_run(start(release, name, judges=(name, "heuristic"), epochs=2).pk, settings=FAST)
        assert server.received == 40  # the second epoch, answered and judged
        assert more.sent == 20
        assert more.trials == 20
        assert Score.objects.filter(run=more.run).first().n_judgements == 2

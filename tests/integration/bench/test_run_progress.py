"""What the progress of a run says: per model and judge, on the page and on a terminal."""

from __future__ import annotations

import time

import pytest
from django.urls import reverse

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.execution.engine import Settings
from bench.execution.limits import RetryPolicy
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

FAST = Settings(retry=RetryPolicy(most_attempts=2, most_rate_limits=4, first_wait=0.01, longest_wait=0.02), timeout=5.0)


def make_run(server, *, items=3, judges=("heuristic",)):
    return create_run(
        release=make_release([make_item(prompt_en=f"Question {i}?") for i in range(items)]),
        language_models=[register_language_model(f"fake@{server.base_url}")],
        judges=[register_judge(name.format(url=server.base_url)) for name in judges], actor=None,
    )


@pytest.mark.parametrize("fault", ["server_error", "refused", "content_filter", "empty"])
def test_the_bar_of_a_judge_fills_where_an_answer_cannot_be_judged(client, fault):
    with running(Behaviour(fail_prompts_with="Question 0", always_fail=fault)) as server:
        run = make_run(server)
        result = execute_run(run.pk, settings=FAST)
    judge = result.judges[0]
    assert dict(judge.states) == {"scored": 2, "nothing_to_judge": 1}
    assert (judge.done, judge.total, judge.reused) == (3, 3, 0)
    assert result.judgements == {"scored": 2, "unparsable": 0, "failed": 0, "missing": 1}
    assert "1 nothing to judge" in client.get(run.get_absolute_url()).content.decode()
    bars = client.get(reverse("run_progress", args=[run.pk])).json()["bars"]
    assert bars[f"judge-{judge.key}"] == [3, 3]


def test_the_bar_of_a_judge_waits_for_answers_that_are_to_come():
    with running() as server:
        run = make_run(server)
    judge = account(run).judges[0]
    assert (judge.done, judge.total) == (0, 3)
    assert dict(judge.states) == {"missing": 3}


def test_a_run_with_an_answer_of_blanks_alone_comes_to_its_end():
    begun = time.monotonic()

    def reply(body):
        return " \n\t " if body["messages"][-1]["content"] == "Question 0?" else None

    with running(Behaviour(reply=reply)) as server:
        run = make_run(server)
        result = execute_run(run.pk, settings=FAST, stop=lambda: time.monotonic() > begun + 20)
    assert result.run.status == "finished"
    assert dict(result.judges[0].states) == {"scored": 2, "nothing_to_judge": 1}
    assert result.judges[0].done == 3

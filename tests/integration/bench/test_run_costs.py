"""What a run cost: exact where every call was counted and priced, else its bounds and how many calls were not."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO

import pytest
from aiohttp import web
from django.core.management import call_command
from django.utils import timezone

from bench.accounting import account
from bench.actions.create_run import create_run
from bench.actions.execute_run import execute_run
from bench.actions.join_run import join_run
from bench.actions.record_outcomes import record_outcomes
from bench.actions.register_language_model import register_judge, register_language_model
from bench.costs import Cost
from bench.execution.calls import Call, FailedCall, Settled
from bench.execution.engine import Settings
from bench.execution.limits import Price, RetryPolicy
from bench.execution.prices import Dearest
from bench.execution_session import open_session
from bench.models import Executor, FailedAttempt, Response
from bench.providers.base import Completion
from bench.specs import GenerationConfig
from tests.factories.bench import make_item, make_release
from tests.fake_server import Behaviour, running

pytestmark = pytest.mark.django_db

#: A call of the fake server has 20 tokens in and 10 out: 20 * 0.001 + 10 * 0.002 dollars.
PRICES = {"input_price": 1000, "output_price": 2000}
COST = Decimal("0.04")
BRIEF = GenerationConfig(max_tokens=20)
#: "Question 0?" has 11 bytes, 16 more for what stands around a message; 20 tokens may be said.
MOST = Decimal("0.001") * (11 + 16) + Decimal("0.002") * 20


def a_run(*names, n=2, judge="heuristic", facts=PRICES, **options):
    for name in names:
        register_language_model(name, **facts)
    return create_run(
        release=make_release([make_item(prompt_en=f"Question {i}?") for i in range(n)]), generation=BRIEF, actor=None,
        language_models=[register_language_model(name) for name in names], judges=[register_judge(judge)], **options,
    )


def without_usage(when):
    def reply(body):
        if not when(body["messages"][-1]["content"]):
            return None
        return web.json_response({"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]})

    return reply


def test_a_run_whose_calls_are_all_counted_has_one_cost_and_no_bounds():
    with running() as server:
        result = execute_run(a_run(f"fake@{server.base_url}").pk)
    assert result.cost == Cost(known=2 * COST)
    assert result.cost_usd == result.cost.at_least == result.cost.at_most == 2 * COST
    assert result.cost.sentence() == result.cost.short() + " US dollars" == "0.0800 US dollars"


def test_answers_whose_tokens_nobody_counted_have_an_upper_bound_and_no_cost():
    with running(Behaviour(reply=without_usage(lambda prompt: "0" in prompt))) as server:
        result = execute_run(a_run(f"fake@{server.base_url}").pk)
    assert (result.cost_usd, result.cost.unpriced) == (None, 1)
    assert (result.cost.at_least, result.cost.at_most) == (COST, COST + MOST)
    assert Response.objects.get(most_cost_usd=MOST).cost_usd is None
    data = result.as_json()
    assert (data["cost_usd"], data["unpriced_calls"]) == (None, 1)
    assert (data["cost_at_least_usd"], data["cost_at_most_usd"]) == (float(COST), float(COST + MOST))


def test_one_model_without_a_price_leaves_the_whole_without_a_cost_and_without_a_bound():
    with running() as server:
        register_language_model(f"free@{server.base_url}")
        run = a_run(f"fake@{server.base_url}")
        run = create_run(
            release=run.release, generation=BRIEF, actor=None, judges=[register_judge("heuristic")],
            language_models=[register_language_model(f"{name}@{server.base_url}") for name in ("fake", "free")],
        )
        result = execute_run(run.pk)
    assert (result.cost.unpriced, result.cost.unbounded) == (2, 2)
    assert (result.cost_usd, result.cost.at_least, result.cost.at_most) == (None, 2 * COST, None)
    assert {line.name[:4]: line.cost_usd for line in result.subjects} == {"fake": 2 * COST, "free": None}


def test_a_call_that_failed_and_may_be_charged_has_an_upper_bound_and_one_that_is_not_charged_costs_nothing():
    settings = Settings(retry=RetryPolicy(first_wait=0.01))
    outcomes = {"malformed": 1, "dropped": 1, "rate_limited": 0, "server_error": 0}
    for fault, charged in outcomes.items():
        with running(Behaviour(faults={fault: 1.0}, most_faults_per_prompt=1)) as server:
            result = execute_run(a_run(f"{fault}@{server.base_url}").pk, settings=settings)
        assert result.failures == {fault: 2}
        assert result.cost.unpriced == 2 * charged, fault
        assert (result.cost.at_least, result.cost.at_most) == (2 * COST, 2 * COST + 2 * charged * MOST), fault
        assert (result.cost_usd is None) == bool(charged)


def test_what_a_run_may_have_cost_is_what_was_counted_against_its_budget():
    settings = Settings(timeout=0.3, retry=RetryPolicy(first_wait=0.01, most_attempts=2))
    behaviour = Behaviour(faults={"slow": 0.5}, slow_seconds=1.0, most_faults_per_prompt=1)
    with running(behaviour) as server:
        run = a_run(f"fake@{server.base_url}", n=6, budget_usd=Decimal(5))
        result = execute_run(run.pk, settings=settings)
    assert result.failures["timeout"] >= 1
    spent = run.executors.get().purse.spent_usd
    assert result.cost.at_most == spent > result.cost.at_least == 6 * COST


def test_a_verdict_that_cannot_be_read_and_was_not_counted_is_bounded_too():
    with running(Behaviour(reply=without_usage(lambda prompt: prompt != "Question 0?"))) as server:
        register_language_model(f"judge@{server.base_url}", **PRICES)
        run = a_run(f"fake@{server.base_url}", n=1, judge=f"anchored:judge@{server.base_url}")
        result = execute_run(run.pk)
    line, = result.judges
    assert line.sent == line.cost.unpriced == 3  # the verdict and two repairs
    assert line.cost.unbounded == 0
    assert line.cost.at_most > 3 * Decimal("0.002") * 1000
    assert FailedAttempt.objects.filter(outcome="unreadable", most_cost_usd__gt=0).count() == 2


def test_a_call_whose_answer_another_process_had_settled_is_priced_by_its_own_usage():
    with running() as server:
        run = a_run(f"fake@{server.base_url}", n=1)
        first, late = (open_session(run, join_run(run.pk, actor=None, is_shared=True)) for _ in range(2))
        response = Response.objects.get()
        at = timezone.now().timestamp()

        def settled(session, tokens):
            call = Call(
                key=response.key, kind="response", lane="", client=str(response.language_model_id), generation=BRIEF,
                messages=response.messages, attempts=1, context=(response.pk, []),
            )
            said = Completion(text="Yes.", finish_reason="stop", prompt_tokens=tokens, completion_tokens=tokens)
            record_outcomes(session, [
                Settled(call=call, completion=said, outcome="answered", error="", seconds=0.1, at=at)
            ])

        settled(first, 10)
        settled(late, 20)
        late_failed = FailedCall(
            call=Call(
                key=response.key, kind="response", lane="", client=str(response.language_model_id), generation=BRIEF,
                messages=response.messages, attempts=2, context=(response.pk, []),
            ), number=2, outcome="timeout", message="", at=at,
        )
        record_outcomes(late, [late_failed])
    superseded = FailedAttempt.objects.get(outcome="superseded")
    assert (superseded.prompt_tokens, superseded.completion_tokens, superseded.cost_usd) == (20, 20, Decimal("0.06"))
    result = account(run)
    assert result.cost == Cost(known=Decimal("0.03") + Decimal("0.06"), bounded=MOST, unpriced=1)


def test_calls_that_were_cut_off_may_each_have_cost_as_much_as_the_dearest():
    with running() as server:
        run = a_run(f"fake@{server.base_url}")
        execute_run(run.pk)
    executor = Executor.objects.get(run=run)
    dearest = Decimal(executor.progress["most_call_usd"])
    assert MOST <= dearest <= MOST * Decimal("1.25")
    Executor.objects.filter(pk=executor.pk).update(lost_calls=3)
    assert account(run).cost == Cost(known=2 * COST, bounded=3 * dearest, unpriced=3)
    Executor.objects.filter(pk=executor.pk).update(progress={})
    assert account(run).cost == Cost(known=2 * COST, unpriced=3, unbounded=3)


def test_the_dearest_call_is_never_over_what_is_on_record():
    price = Price(input_usd=Decimal(1000), output_usd=Decimal(2000))
    dearest = Dearest({"1": price, "2": None})

    def call(size, client="1"):
        return Call(
            key="", kind="response", lane="", client=client, generation=BRIEF,
            messages=[{"role": "user", "content": "x" * size}],
        )

    assert dearest.note([call(11)])
    assert not dearest.note([call(12)])
    assert dearest.note([call(500)])
    assert Decimal(dearest.as_text()) >= price.at_most(call(500))
    assert dearest.note([call(1, "2")])
    assert dearest.as_text() is None


def test_the_command_the_page_and_the_api_show_both_bounds_and_how_many_calls_have_no_cost(client):
    with running(Behaviour(reply=without_usage(lambda prompt: "0" in prompt))) as server:
        run = a_run(f"fake@{server.base_url}")
        execute_run(run.pk)
        out = StringIO()
        call_command("bench_run", resume=run.pk, stdout=out)
    least, most = f"{COST:.4f}", f"{COST + MOST:.4f}"
    said = f"at least {least}, at most {most} US dollars; the cost of 1 call is not known"
    assert f"cost        {said}" in out.getvalue()
    page = client.get(f"/bench/runs/{run.pk}/").content.decode()
    assert said in page
    assert page.count(f"{least} to {most}") == 2  # of the model, and of all
    live = json.loads(client.get(f"/bench/runs/{run.pk}/progress.json").content)
    assert (live["texts"]["cost"], live["texts"]["cost-said"]) == (f"{least} to {most}", said)
    cost = client.get(f"/api/v1/runs/{run.pk}/").json()["cost"]
    assert cost == {
        "cost_usd": None, "cost_at_least_usd": float(COST), "cost_at_most_usd": float(COST + MOST), "unpriced_calls": 1,
    }




def test_where_nothing_is_known_and_nothing_bounds_it_no_amount_is_named():
    cost = Cost(unpriced=2, unbounded=2)
    assert cost.short() == "not known"
    assert cost.sentence() == "the cost of 2 calls is not known, and nothing bounds it"
    assert (cost + Cost(known=COST)).short() == f"at least {COST:.4f}"

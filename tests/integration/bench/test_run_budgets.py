"""A run's budget of money and calls: never passed, over all processes, and raised only on purpose."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO

import pytest
from aiohttp import web
from django.core.management import CommandError, call_command
from django.db import connection

from bench.actions.create_run import create_run
from bench.actions.describe_language_model import describe_language_model
from bench.actions.draw_budget import draw, open_purse, spent_of, why_spent
from bench.actions.execute_run import execute_run
from bench.actions.join_run import join_run, leave_run
from bench.actions.limit_run import limit_run
from bench.actions.register_language_model import register_judge, register_language_model
from bench.bounds import MOST_AT_ONCE, MOST_BUDGET, MOST_CALLS
from bench.exceptions import BadNumberError, MissingPriceError, RunClosedError
from bench.execution.calls import Call
from bench.execution_session import open_session
from bench.models import Executor, Purse, Response, Run
from bench.providers.base import Completion
from bench.specs import GenerationConfig
from gvsir.models import LogEntry
from tests.factories.bench import make_item, make_release
from tests.factories.gvsir import make_user
from tests.fake_server import Behaviour, running
from tests.processes import SharedDatabase, command

pytestmark = pytest.mark.django_db

#: A call of the fake server has 20 tokens in and 10 out: 20 * 0.001 + 10 * 0.002 dollars.
PRICES = {"input_price": 1000, "output_price": 2000}
COST = Decimal("0.04")
BRIEF = GenerationConfig(max_tokens=20)


def make_run(name, n, **options):
    register_language_model(name, **PRICES)
    return create_run(
        release=make_release([make_item(prompt_en=f"Question {i}?") for i in range(n)]), generation=BRIEF, actor=None,
        language_models=[register_language_model(name)], judges=[register_judge("heuristic")], **options,
    )


def test_the_calls_of_a_run_are_capped_and_more_are_allowed_on_purpose():
    with running() as server:
        run = make_run(f"fake@{server.base_url}", 30, max_calls=12)
        result = execute_run(run.pk)
        assert result.sent == server.received == 12
        assert result.run.status == Run.Status.PAUSED
        assert result.run.status_reason.startswith("Budget spent: all 12 calls are sent.")
        limit_run(run=run, budget_usd=None, max_calls=20, actor=None)
        assert execute_run(run.pk).sent == server.received == 20
        out = StringIO()
        call_command("bench_run", resume=run.pk, max_calls=100, json=True, stdout=out)
    assert json.loads(out.getvalue())["calls"]["sent"] == 30
    assert LogEntry.objects.filter(action="run.limit").count() == 2


def test_a_limit_below_what_is_sent_or_spent_is_refused():
    with running() as server:
        run = make_run(f"fake@{server.base_url}", 30, max_calls=12, budget_usd=Decimal(100))
        execute_run(run.pk)
        for limit, said in (
            (["--max-calls", "10"], "10 calls at most are fewer than the 12 that are sent or set aside already"),
            (["--budget", "0.40"], r"0.40 US dollars is less than the 0.4800 that are spent or set aside already"),
        ):
            with pytest.raises(CommandError, match=said):
                call_command("bench_run", "--resume", str(run.pk), *limit, stdout=StringIO())
            run.refresh_from_db()
            assert (run.max_calls, run.budget_usd, run.status) == (12, 100, "paused")
        assert server.received == 12


def test_a_limit_given_later_counts_what_was_sent_without_one():
    with running() as server:
        run = make_run(f"fake@{server.base_url}", 30)
        executor = join_run(run.pk, actor=None, is_shared=False)
        leave_run(executor, ending="stopped", status=Run.Status.PAUSED, reason="", actor=None)
        Response.objects.filter(pk__in=list(Response.objects.values_list("pk", flat=True)[:10])).update(
            state="answered", text="x", executor=executor, cost_usd=COST, attempts=1
        )
        with pytest.raises(BadNumberError, match="fewer than the 10"):
            limit_run(run=run, budget_usd=None, max_calls=9, actor=None)
        assert not Purse.objects.exists()
        limit_run(run=run, budget_usd=Decimal(5), max_calls=15, actor=None)
        assert spent_of(run) == (10 * COST, 10)
        result = execute_run(run.pk)
        assert (result.sent, server.received) == (15, 5)
        assert result.run.status_reason.startswith("Budget spent: all 15 calls are sent.")


def test_a_run_that_has_used_up_its_calls_says_so_in_one_sense():
    run = make_run("m@http://127.0.0.1:9/v1", 3, max_calls=10)
    executor = join_run(run.pk, actor=None, is_shared=False)
    Purse.objects.create(executor=executor, spent_calls=4, granted_calls=12)
    assert why_spent(run).startswith("Budget spent: 4 calls are sent or set aside, and 10 are allowed. Raise it with")
    Executor.objects.update(ending="lost")
    assert why_spent(run).startswith("Budget spent: 12 calls are sent or set aside, and 10 are allowed. Raise it with")


def test_every_attempt_counts_against_the_cap():
    with running(Behaviour(faults={"server_error": 1.0}, most_faults_per_prompt=1)) as server:
        run = make_run(f"fake@{server.base_url}", 10, max_calls=15, concurrency=2)
        assert execute_run(run.pk).sent == server.received == 15


def test_money_is_never_overspent_and_what_was_set_aside_comes_back():
    with running() as server:
        run = make_run(f"fake@{server.base_url}", 60, budget_usd=Decimal("1.5"), concurrency=4)
        result = execute_run(run.pk)
    assert result.run.status == Run.Status.PAUSED
    assert result.cost_usd == COST * server.received
    most = Decimal("0.001") * (len("Question 59?") + 16) + Decimal("0.002") * BRIEF.max_tokens
    assert Decimal("1.5") - most < result.cost_usd + COST <= Decimal("1.5") + COST
    purse = Purse.objects.get()
    assert (purse.spent_usd, purse.spent_calls) == (result.cost_usd, server.received)


def test_a_budget_below_one_call_sends_nothing():
    with running() as server:
        result = execute_run(make_run(f"fake@{server.base_url}", 3, budget_usd=Decimal("0.05")).pk)
        assert server.received == 0
    assert "Budget spent" in result.run.status_reason


def test_what_a_lost_process_held_counts_as_spent_and_what_another_holds_is_not_granted_twice():
    run = make_run("m@http://127.0.0.1:9/v1", 3, budget_usd=Decimal(10))
    call = Call(
        key="k", kind="response", lane="l", client=str(run.language_models.get().pk), generation=GenerationConfig(max_tokens=492),
        messages=[{"role": "user", "content": ""}],
    )  # 16 tokens in, 492 out: exactly 1 dollar at most
    purses = []
    for _ in range(2):
        executor = join_run(run.pk, actor=None, is_shared=True)
        budget = open_purse(open_session(run, executor))
        assert not budget.reserve(call)
        assert draw(executor, budget, at_once=3)
        purses.append((executor, budget))
    (first, mine), (second, yours) = purses
    assert mine.cap + yours.cap <= 10
    while yours.reserve(call) or draw(second, yours, at_once=3):
        assert mine.cap + yours.cap <= 10
    assert (mine.cap + yours.cap, yours.is_final) == (10, False)  # the first may still return what it holds
    for _ in range(int(mine.cap)):
        assert mine.reserve(call)
        mine.settle(call, Completion(text="", prompt_tokens=16, completion_tokens=0), may_be_charged=True)
    before = mine.cap
    draw(first, mine, at_once=3)  # others are short: half of what it does not need goes back
    assert mine.cap == mine.spent + (before - mine.spent) / 2
    assert draw(second, yours, at_once=3)
    assert mine.cap + yours.cap <= 10
    assert sum(Purse.objects.values_list("granted_usd", flat=True)) > 9
    Executor.objects.update(ending="lost", ended_at=second.started_at)
    third = join_run(run.pk, actor=None, is_shared=True)
    theirs = open_purse(open_session(run, third))
    assert not theirs.reserve(call)
    draw(third, theirs, at_once=3)
    assert (theirs.cap, theirs.is_final) == (0, True)


def test_a_budget_is_refused_where_a_price_is_missing_or_a_limit_is_no_limit():
    model = register_language_model("m@http://127.0.0.1:9/v1")
    arguments = {
        "release": make_release(), "language_models": [model], "judges": [register_judge("heuristic")], "actor": None,
    }
    with pytest.raises(MissingPriceError, match="Give it one with: gvsir language_model"):
        create_run(budget_usd=Decimal(1), **arguments)
    with pytest.raises(BadNumberError, match="from 1"):
        create_run(max_calls=0, **arguments)
    run = create_run(max_calls=3, **arguments)
    with pytest.raises(MissingPriceError):
        limit_run(run=run, budget_usd=Decimal(1), max_calls=None, actor=make_user("researcher"))
    Run.objects.update(status="finished")
    with pytest.raises(RunClosedError):
        limit_run(run=run, budget_usd=None, max_calls=5, actor=None)


def test_a_model_gets_its_prices_by_command():
    call_command("language_model", "m@http://127.0.0.1:9/v1", input_price=Decimal("1.25"), output_price=Decimal(10), stdout=StringIO())
    model = register_language_model("m@http://127.0.0.1:9/v1")
    assert (model.input_price, model.output_price) == (Decimal("1.25"), 10)
    with pytest.raises(CommandError, match="from 0 to"):
        call_command("language_model", model.name, input_price=Decimal(-1))
    with pytest.raises(CommandError, match="both prices"):
        call_command("language_model", "other@http://127.0.0.1:9/v1", input_price=Decimal(1))
    model.refresh_from_db()
    assert model.input_price == Decimal("1.25")


@pytest.mark.parametrize(
    "options",
    [
        ["--budget", "1e12"], ["--budget", "10000001"], ["--budget", "0.00001"], ["--budget", "-1"], ["--budget", "1e-999999"],
        ["--max-calls", "9" * 20], ["--max-calls", "0"], ["--concurrency", "300000"], ["--concurrency", "9" * 20],
        ["--concurrency", "0"], ["--seed", "9" * 20], ["--epochs", "9" * 20],
    ],
)
def test_a_number_that_the_database_could_not_hold_is_refused_before_anything_is_written(options):
    register_language_model("fake@http://127.0.0.1:9/v1", **PRICES)
    with pytest.raises(CommandError):
        call_command(
            "bench_run", make_release().name, "--model", "fake@http://127.0.0.1:9/v1", "--judge", "heuristic", "--hold",
            *options, stdout=StringIO(), stderr=StringIO(),
        )
    assert not Run.objects.exists()
    call_command("bench_runs", stdout=StringIO())


def test_a_run_keeps_the_largest_limits():
    run = make_run("fake@http://127.0.0.1:9/v1", 1, budget_usd=MOST_BUDGET, max_calls=MOST_CALLS, concurrency=MOST_AT_ONCE)
    run.refresh_from_db()
    assert (run.budget_usd, run.max_calls, run.concurrency) == (MOST_BUDGET, MOST_CALLS, MOST_AT_ONCE)
    with pytest.raises(BadNumberError, match="10000000 US dollars"):
        limit_run(run=run, budget_usd=MOST_BUDGET + 1, max_calls=None, actor=None)


@pytest.mark.parametrize(
    "facts",
    [
        {"input_price": Decimal("1e12"), "output_price": Decimal(1)}, {"input_price": Decimal(1), "output_price": Decimal(10000)},
        {"input_price": Decimal("0.0000001"), "output_price": Decimal(1)}, {"max_concurrency": 10**20},
        {"max_concurrency": MOST_AT_ONCE + 1}, {"max_concurrency": 0},
    ],
)
def test_a_model_gets_no_number_that_the_database_could_not_hold(facts):
    model = register_language_model("m@http://127.0.0.1:9/v1")
    with pytest.raises(BadNumberError):
        describe_language_model(language_model=model, facts=facts, actor=None)
    model.refresh_from_db()
    assert (model.input_price, model.max_concurrency) == (None, 20)


def test_a_reply_that_claims_more_tokens_than_any_call_has_counts_as_uncounted():
    def claim(body):
        choice = {"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 10**18, "completion_tokens": 5}})

    with running(Behaviour(reply=claim)) as server:
        execute_run(make_run(f"fake@{server.base_url}", 1).pk)
    response = Response.objects.get()
    assert (response.state, response.prompt_tokens, response.cost_usd) == ("answered", None, None)


def test_a_run_is_left_to_the_workers_or_held():
    release = make_release()
    arguments = [release.name, "--model", "baseline:refuse", "--judge", "heuristic", "--json"]
    for option, status in (("--queue", "queued"), ("--hold", "paused")):
        out = StringIO()
        call_command("bench_run", *arguments, option, stdout=out)
        assert json.loads(out.getvalue())["status"] == status


@pytest.mark.django_db(transaction=True)
def test_workers_together_stay_within_the_budget(tmp_path):
    shared = SharedDatabase(tmp_path)
    with running(Behaviour(latency=0.05)) as server:
        run = make_run(f"fake@{server.base_url}", 120, budget_usd=Decimal(3), concurrency=8)
        shared.publish()
        processes = [command(shared, "worker", "--once", "--json") for _ in range(3 if connection.vendor == "postgresql" else 2)]
        for process in processes:
            assert process.communicate(timeout=90)[1] is not None
            assert process.returncode == 0
    shared.fetch()
    run.refresh_from_db()
    assert run.status == Run.Status.PAUSED
    assert run.status_reason.startswith("Budget spent")
    assert Decimal("2.9") < COST * server.received <= 3

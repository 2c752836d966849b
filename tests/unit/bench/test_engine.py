"""The engine alone: clients that do as told, a recorder that remembers, no database."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from bench.exceptions import (
    CallTimeoutError,
    ClientRequestError,
    MalformedReplyError,
    RateLimitedError,
    RefusedByProviderError,
    ServerError,
)
from bench.execution.calls import Call, FailedCall, Page, Settled
from bench.execution.engine import Engine, Settings
from bench.execution.journal import Journal, left_journals
from bench.execution.lane import LaneSpec
from bench.execution.limits import Budget, Price, RetryPolicy
from bench.providers.base import Completion
from bench.specs import GenerationConfig

FAST = RetryPolicy(first_wait=0.001, longest_wait=0.002)


class TalkativeClient:
    """Answers at once, after raising what it was told to raise for a question."""

    is_remote = True

    def __init__(self, failures=None, latency=0.0):
        self.failures = {key: list(each) for key, each in (failures or {}).items()}
        self.latency = latency
        self.asked = Counter()
        self.at_once = self.most_at_once = 0

    async def complete(self, messages, generation, epoch):
        question = messages[0]["content"]
        self.asked[question] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.latency)
            if self.failures.get(question):
                raise self.failures[question].pop(0)
            return Completion(text=f"re: {question}", prompt_tokens=1, completion_tokens=1)
        finally:
            self.at_once -= 1

    async def aclose(self):
        pass


class Records:
    """Work to give out and what came of it; an answer makes a verdict possible."""

    def __init__(self, number, *, judged=False, page=10):
        self.questions = [f"q{i}" for i in range(number)]
        self.given = 0
        self.judged = judged
        self.page = page
        self.events = []
        self.settled = {}
        self.write_seconds = 0.0

    def call(self, question, kind="response", lane="a"):
        return Call(
            key=question, kind=kind, lane=lane, client="c", messages=[{"role": "user", "content": question}],
            generation=GenerationConfig(max_tokens=10),
        )

    async def fetch(self, lane, number):
        if lane != "a":
            return Page(is_last=len(self.settled) >= len(self.questions))
        chosen = self.questions[self.given : self.given + min(number, self.page)]
        self.given += len(chosen)
        pending = any(question not in self.settled for question in self.questions)
        return Page(calls=[self.call(question) for question in chosen], is_last=not chosen and not pending)

    async def record(self, events):
        await asyncio.sleep(self.write_seconds)
        self.events += events
        follow_ups = []
        for event in events:
            if not isinstance(event, Settled):
                continue
            assert event.call.key not in self.settled
            self.settled[event.call.key] = event
            if self.judged and event.call.kind == "response" and event.completion:
                follow_ups.append(self.call(f"judge {event.call.key}", "judgement", "b"))
        return follow_ups


def run(records, client, *, most=4, judge=None, stop=lambda: False, budget=None, start=20, journal=None, **settings):
    lanes = {"a": LaneSpec(clients={"c": client}, most_concurrent=most, start_concurrent=start)}
    if judge is not None:
        lanes["b"] = LaneSpec(clients={"c": judge}, most_concurrent=most)
    settings = {"retry": FAST, "collect": 0.0, "collect_journaled": 0.0, "poll": 0.005, "tick": 0.005} | settings
    engine = Engine(
        lanes=lanes, fetch=records.fetch, record=records.record, rng=random.Random(1), stop=stop, budget=budget,
        journal=journal, settings=Settings(**settings),
    )
    return asyncio.run(engine.run())


def test_every_question_is_asked_once_and_settled_once():
    records, client = Records(57), TalkativeClient(latency=0.001)
    assert run(records, client).ending == "finished"
    assert set(records.settled) == set(records.questions)
    assert set(client.asked.values()) == {1}
    assert client.most_at_once == 4
    assert records.settled["q3"].completion.text == "re: q3"


def test_a_verdict_is_asked_only_after_its_answer_was_recorded():
    records, client = Records(20, judged=True), TalkativeClient()
    order = []

    class Judge(TalkativeClient):
        async def complete(self, messages, generation, epoch):
            question = messages[0]["content"].removeprefix("judge ")
            order.append(question in records.settled)
            return await super().complete(messages, generation, epoch)

    judge = Judge()
    run(records, client, judge=judge)
    assert order == [True] * 20
    assert len(records.settled) == 40


def test_each_failed_call_is_an_event_and_the_question_is_put_again():
    failures = {"q0": [ServerError("x", http_status=500), MalformedReplyError("y")], "q1": [RateLimitedError("z", retry_after=0.01)]}
    records, client = Records(3), TalkativeClient(failures)
    run(records, client)
    failed = [(event.call.key, event.number, event.outcome) for event in records.events if isinstance(event, FailedCall)]
    assert sorted(failed) == [("q0", 1, "server_error"), ("q0", 2, "malformed"), ("q1", 1, "rate_limited")]
    assert {key: event.call.attempts for key, event in records.settled.items()} == {"q0": 3, "q1": 2, "q2": 1}
    assert all(event.outcome == "answered" for event in records.settled.values())


@pytest.mark.parametrize(
    ("failures", "outcome", "asked"),
    [
        ([ServerError("s")] * 9, "failed", 3),
        ([ClientRequestError("wrong key")], "failed", 1),
        ([RefusedByProviderError("policy")], "refused_by_provider", 1),
        ([RuntimeError("a client's own mistake")] * 9, "failed", 3),
        ([RateLimitedError("r")] * 4 + [ServerError("s")] * 2, "answered", 7),
        ([RateLimitedError("r")] * 9, "failed", 5),
        ([CallTimeoutError("t")] * 2, "answered", 3),
    ],
)
def test_each_question_ends_in_one_terminal_state(failures, outcome, asked):
    records, client = Records(1), TalkativeClient({"q0": failures})
    policy = RetryPolicy(first_wait=0.001, longest_wait=0.001, most_attempts=3, most_rate_limits=5)
    assert run(records, client, retry=policy).ending == "finished"
    assert records.settled["q0"].outcome == outcome
    assert client.asked["q0"] == asked == records.settled["q0"].call.attempts
    assert bool(records.settled["q0"].error) == (outcome != "answered")


def test_a_call_that_takes_too_long_is_a_timeout():
    records, client = Records(1), TalkativeClient(latency=5.0)
    policy = RetryPolicy(first_wait=0.001, longest_wait=0.001, most_attempts=2)
    run(records, client, retry=policy, timeout=0.01)
    assert [event.outcome for event in records.events] == ["timeout", "timeout", "failed"]


def test_a_stop_lets_calls_on_their_way_arrive_and_sends_no_more():
    records, client = Records(1000), TalkativeClient(latency=0.02)
    result = run(records, client, stop=lambda: len(records.settled) >= 8)
    assert result.ending == "stopped"
    assert result.lost_calls == 0
    assert sum(client.asked.values()) == len(records.settled) < 40


def test_a_stop_gives_up_on_calls_that_outlast_the_grace():
    records, client = Records(10), TalkativeClient(latency=60.0)
    result = run(records, client, stop=lambda: client.at_once == 4, grace=0.02)
    assert (result.ending, result.lost_calls) == ("stopped", 4)


def test_what_the_recorder_raises_ends_the_run():
    records, client = Records(10), TalkativeClient()

    async def record(events):
        raise OSError("disk full")

    records.record = record
    with pytest.raises(OSError, match="disk full"):
        run(records, client)


def test_a_slow_recorder_holds_back_the_asking():
    records, client = Records(5000, page=1000), TalkativeClient()
    records.write_seconds = 0.05
    most = 0
    original = records.record

    async def record(events):
        nonlocal most
        most = max(most, sum(client.asked.values()) - len(records.settled))
        return await original(events)

    records.record = record
    run(records, client, most=50, page=100)
    assert len(records.settled) == 5000
    assert most <= 1000 + 50 + 100


@pytest.mark.parametrize("has_journal", [False, True])
def test_without_a_journal_no_more_is_at_stake_than_may_be_in_flight(has_journal, tmp_path):
    records, client = Records(200, page=100), TalkativeClient()
    most_at_stake = 0

    async def record(events):
        nonlocal most_at_stake
        await asyncio.sleep(0.01)
        most_at_stake = max(most_at_stake, sum(client.asked.values()) - len(records.settled))
        return await original(events)

    original, records.record = records.record, record
    journal = Journal(tmp_path, "run") if has_journal else None
    run(records, client, most=8, page=100, journal=journal)
    assert len(records.settled) == 200
    assert (most_at_stake <= 8) is not has_journal


def test_what_came_in_and_could_not_be_recorded_is_in_the_journal(tmp_path):
    records, client = Records(30), TalkativeClient({"q3": [ServerError("busy", http_status=500)]})
    written = 0

    async def record(events):
        nonlocal written
        if written >= 10:
            raise OSError("disk full")
        written += len(events)
        return await original(events)

    original, records.record = records.record, record
    journal = Journal(tmp_path, "run")
    with pytest.raises(OSError, match="disk full"):
        run(records, client, most=4, journal=journal)
    journal.close(is_done=False)
    left = {entry.key for each in left_journals(tmp_path, "run") for entry in each.entries() if "completion" in entry.data}
    assert left
    unheard = client.asked.keys() - left - set(records.settled)  # on their way as the disk filled, or to be retried
    assert len(unheard) <= 4 + 1
    assert not left & set(records.settled)


def test_a_budget_stops_the_run_before_the_cap_is_passed():
    records, client = Records(100), TalkativeClient()
    price = Price(input_usd=Decimal(1_000_000), output_usd=Decimal(0))  # a dollar a prompt token
    budget = Budget(Decimal(100), spent=Decimal(0), prices={"c": price})
    # The most a call can cost is 2 bytes + 16 of framing = 18 dollars; it really costs 1.
    assert run(records, client, budget=budget).ending == "out_of_budget"
    assert budget.spent == len(records.settled) == sum(client.asked.values())
    assert 100 - 18 < budget.spent + 1 <= 100


@pytest.mark.parametrize("number", [300, 3000])
def test_the_work_in_memory_does_not_grow_with_the_number_of_questions(number):
    records, client = Records(number, judged=True, page=50), TalkativeClient()
    judge = TalkativeClient(latency=0.001)
    most = 0
    original = records.record

    async def record(events):
        nonlocal most
        answered = sum(1 for key in records.settled if key.startswith("q"))
        most = max(most, records.given - answered + (2 * answered - len(records.settled)))
        return await original(events)

    records.record = record
    run(records, client, judge=judge, most=20, page=50, most_backlog=60)
    assert len(records.settled) == 2 * number
    assert most < 200


class Judged(Records):
    """All on one endpoint; remembers in which order it was asked."""

    async def record(self, events):
        return [replace(call, lane="a") for call in await super().record(events)]


@pytest.mark.parametrize("ahead", [0, 2])
def test_questions_go_ahead_of_verdicts_only_so_far(ahead):
    records, client = Judged(60, judged=True), TalkativeClient()
    run(records, client, most=4, start=4, page=10, ahead=ahead)
    assert len(records.settled) == 120
    waiting, most, last_question = 0, 0, 0
    for number, key in enumerate(client.asked):
        is_question = key.startswith("q")
        waiting += 1 if is_question else -1
        most, last_question = max(most, waiting), number if is_question else last_question
    assert most <= ahead * 4 + 2 * 4  # those out, and those that came in while they were
    assert (most > 2 * 4) is (ahead > 0)
    assert 120 - last_question >= ahead * 4


def test_a_local_policy_is_no_call():
    client = TalkativeClient()
    client.is_remote = False
    records = Records(10)
    run(records, client)
    assert {event.call.attempts for event in records.settled.values()} == {0}
    assert len(records.settled) == 10


def test_endpoints_do_not_wait_for_one_another():
    quick = TalkativeClient(latency=0.001)
    order = []

    class Two(Records):
        async def fetch(self, lane, number):
            page = await super().fetch("a", number)
            for index, call in enumerate(page.calls):
                call.lane = "ab"[index % 2]
            return page

        async def record(self, events):
            order.extend(event.call.lane for event in events)
            return await super().record(events)

    records = Two(20, page=20)
    run(records, TalkativeClient(latency=0.05), judge=quick, most=2)
    assert order[:10] == ["b"] * 10

"""An endpoint that is down is left alone and asked by single calls; what no call can cure halts the run."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from bench.exceptions import (
    CallTimeoutError,
    ClientRequestError,
    DroppedConnectionError,
    KeyRefusedError,
    QuotaSpentError,
    RateLimitedError,
    RefusedByProviderError,
    ServerError,
)
from bench.execution.calls import FailedCall
from bench.execution.lane import Lane, LaneSpec
from bench.execution.limits import AdaptiveLimit, RetryPolicy
from bench.execution.outage import LEAST_IN_A_ROW, Outage
from tests.unit.bench.test_engine import FAST, Records, TalkativeClient, run

POLICY = RetryPolicy(first_wait=1.0, longest_wait=8.0)


class DownFor(TalkativeClient):
    """Fails with ``error`` until it was asked for so many seconds, or always; remembers when it was asked."""

    def __init__(self, error, seconds=float("inf"), latency=0.002):
        super().__init__(latency=latency)
        self.error, self.seconds, self.moments = error, seconds, []

    async def complete(self, messages, generation, epoch):
        now = time.monotonic()
        self.moments.append(now)
        if now - self.moments[0] < self.seconds:
            self.asked[messages[0]["content"]] += 1
            await asyncio.sleep(self.latency)
            raise self.error
        return await super().complete(messages, generation, epoch)


def outage(allowed=20):
    limit = AdaptiveLimit(most=allowed, start=allowed)
    return limit, Outage(limit)


def fail(each, now, *, begun=None, retry_after=None, is_down=True):
    each.failed(
        begun=now if begun is None else begun, now=now, is_down=is_down, retry_after=retry_after, policy=POLICY,
        rng=random.Random(1),
    )


@pytest.mark.parametrize(("allowed", "needed"), [(1, LEAST_IN_A_ROW), (20, 10), (100, 50)])
def test_an_endpoint_is_down_after_enough_failures_in_a_row(allowed, needed):
    limit, each = outage(allowed)
    for _ in range(needed - 1):
        fail(each, 10.0)
    assert (limit.paused_until, limit.allowed) == (0.0, allowed)
    fail(each, 10.0)
    assert 10.5 <= limit.paused_until <= 11.0
    assert limit.allowed == 1


def test_a_reply_in_between_begins_the_count_again():
    limit, each = outage()
    for number in range(100):
        fail(each, float(number))
        if number % 9 == 8:
            each.replied(float(number))
    assert (limit.paused_until, limit.is_probing) == (0.0, False)


def test_slow_answers_alone_are_no_outage():
    limit, each = outage()
    for _ in range(100):
        fail(each, 10.0, is_down=False)
    assert not limit.is_probing


def test_one_request_to_wait_is_enough_unless_a_reply_came_since_it_was_sent():
    limit, each = outage()
    each.replied(5.0)
    fail(each, 6.0, begun=4.0, retry_after=7.0)
    assert limit.paused_until == 0.0
    fail(each, 6.0, begun=5.5, retry_after=7.0)
    assert 13.0 <= limit.paused_until <= 13.7


def test_each_failed_single_call_makes_the_next_pause_longer_up_to_the_longest():
    limit, each = outage(1)
    for _ in range(LEAST_IN_A_ROW):
        fail(each, 0.0)
    pauses, now = [], limit.paused_until
    for _ in range(6):
        fail(each, now)
        pauses.append(limit.paused_until - now)
        now = limit.paused_until
    for pause, step in zip(pauses, [2, 4, 8, 8, 8, 8], strict=True):
        assert step / 2 <= pause <= step
    each.replied(now)
    assert (limit.is_probing, each.silence(now + 5)) == (False, 0.0)


def test_what_was_out_when_the_pause_began_makes_it_no_longer():
    limit, each = outage(1)
    for _ in range(LEAST_IN_A_ROW):
        fail(each, 10.0)
    until = limit.paused_until
    for _ in range(50):
        fail(each, 10.2, begun=9.9)
    assert limit.paused_until == until
    assert each.failed_probes == 0


def test_an_outage_costs_few_calls_and_no_question():
    records, client = Records(150, page=50), DownFor(ServerError("down", http_status=503), seconds=0.3)
    policy = RetryPolicy(first_wait=0.02, longest_wait=0.1)
    assert run(records, client, most=20, retry=policy).ending == "finished"
    assert {event.outcome for event in records.settled.values()} == {"answered"}
    assert len(records.settled) == 150
    begun = client.moments[0]
    assert len([at for at in client.moments if at - begun < 0.3]) <= 20 + 20  # those out at first, then single ones
    assert max(client.asked.values()) <= 3


def test_a_server_that_asks_to_wait_is_left_alone_until_then():
    error = ServerError("down for a moment", http_status=503, retry_after=0.3)
    records, client = Records(150, page=50), DownFor(error, seconds=0.25)
    assert run(records, client, most=20).ending == "finished"
    begun = client.moments[0]
    early = [at for at in client.moments if at - begun < 0.29]
    assert 0 < len(early) <= 20
    later = sorted(at for at in client.moments if at not in early)
    assert later[1] - later[0] >= 0.002  # one alone first, and all others after its answer
    assert {event.outcome for event in records.settled.values()} == {"answered"}


def test_single_failures_among_answers_slow_nothing_down():
    failures = {f"q{number}": [ServerError("x", http_status=500)] for number in range(0, 400, 10)}
    failures |= {f"q{number}": [DroppedConnectionError("y")] for number in range(5, 400, 10)}
    records, client = Records(400, page=100), TalkativeClient(failures, latency=0.001)
    begun = time.monotonic()
    policy = RetryPolicy(first_wait=0.001, longest_wait=60.0)
    assert run(records, client, most=20, retry=policy).ending == "finished"
    assert sum(client.asked.values()) == 480
    assert time.monotonic() - begun < 3.0


def test_an_endpoint_that_stays_down_halts_the_run_and_leaves_its_questions():
    records, client = Records(200, page=100), DownFor(DroppedConnectionError("Connection refused"))
    policy = RetryPolicy(first_wait=0.01, longest_wait=0.02, longest_first_outage=0.2)
    result = run(records, client, most=20, retry=policy)
    assert result.ending == "halted"
    assert result.reason.startswith("a has been down for 0 s; the last of ")
    assert "Connection refused. Resume the run" in result.reason
    assert records.settled == {}
    assert sum(client.asked.values()) < 80
    assert sum(isinstance(event, FailedCall) for event in records.events) == sum(client.asked.values())


def test_an_endpoint_that_was_heard_from_is_waited_for_longer():
    class Dies(DownFor):
        async def complete(self, messages, generation, epoch):
            if len(self.asked) < 5:
                return await TalkativeClient.complete(self, messages, generation, epoch)
            return await super().complete(messages, generation, epoch)

    records, client = Records(200, page=100), Dies(ServerError("x", http_status=500), seconds=0.3)
    policy = RetryPolicy(first_wait=0.01, longest_wait=0.02, longest_first_outage=0.02, longest_outage=30.0)
    assert run(records, client, most=10, retry=policy).ending == "finished"
    assert len(records.settled) == 200


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyRefusedError("Incorrect API key.", http_status=401), "was refused (401): Incorrect API key. Set it right"),
        (KeyRefusedError("Not for you", http_status=403), "was refused (403): Not for you. Set it right"),
        (QuotaSpentError("You exceeded your quota.", http_status=429), "has no money left: You exceeded your quota. "),
    ],
)
def test_what_no_question_can_get_past_halts_the_run_at_once(error, words):
    records, client = Records(200, page=100), DownFor(error)
    client.model = "gpt-9"
    result = run(records, client, most=10)
    assert result.ending == "halted"
    assert words in result.reason
    assert "gpt-9" in result.reason
    assert records.settled == {}  # all wait for the resumption
    assert sum(client.asked.values()) <= 10


def test_a_403_after_answers_concerns_its_own_question_only():
    records = Records(30)
    client = TalkativeClient({"q25": [KeyRefusedError("Flagged", http_status=403)] * 9}, latency=0.001)
    assert run(records, client).ending == "finished"
    assert records.settled["q25"].outcome == "failed"
    assert client.asked["q25"] == 1


def test_a_key_that_is_refused_later_halts_too():
    records = Records(100)
    client = TalkativeClient({"q25": [KeyRefusedError("Revoked", http_status=401)] * 9}, latency=0.001)
    assert run(records, client).ending == "halted"
    assert 0 < len(records.settled) < 100
    assert "q25" not in records.settled


def test_so_many_questions_lost_in_a_row_halt_the_run():
    records, client = Records(500, page=100), DownFor(ClientRequestError("No such model.", http_status=404))
    result = run(records, client, most=1, retry=RetryPolicy(most_lost_in_a_row=7))
    assert result.ending == "halted"
    assert result.reason.startswith("The last 7 questions put to c failed and none was answered; the last one: No such model.")
    assert len(records.settled) == 7


@pytest.mark.parametrize("saving", [None, RefusedByProviderError("policy")])
def test_an_answer_or_a_refusal_in_between_begins_the_count_of_lost_questions_again(saving):
    failures = {f"q{number}": [ClientRequestError("Too long.")] for number in range(60) if number % 6}
    failures |= {f"q{number}": [saving] for number in range(0, 60, 6) if saving}
    records, client = Records(60), TalkativeClient(failures)
    assert run(records, client, most=1, retry=RetryPolicy(most_lost_in_a_row=6)).ending == "finished"
    assert len(records.settled) == 60


def test_a_judge_that_answers_nothing_halts_the_run_though_the_model_answers():
    records, client = Records(100, judged=True), TalkativeClient(latency=0.001)
    judge = DownFor(ClientRequestError("No such model.", http_status=404))
    result = run(records, client, judge=judge, retry=RetryPolicy(most_lost_in_a_row=5))
    assert result.ending == "halted"
    assert sum(event.outcome == "failed" for event in records.settled.values()) == 5


def test_a_few_questions_that_kill_the_server_fail_and_the_run_ends():
    failures = {f"q{number}": [ServerError("x", http_status=500)] * 99 for number in range(5)}
    records, client = Records(40), TalkativeClient(failures)
    assert run(records, client, most=2).ending == "finished"
    assert {key for key, event in records.settled.items() if event.outcome == "failed"} == set(failures)
    assert {client.asked[key] for key in failures} == {FAST.most_attempts}


def test_a_timeout_of_the_single_call_makes_the_pause_longer():
    limit, each = outage(1)
    for _ in range(LEAST_IN_A_ROW):
        fail(each, 0.0)
    fail(each, limit.paused_until, is_down=False)
    assert each.failed_probes == 1


def test_a_429_says_that_the_endpoint_is_up():
    limit, each = outage()
    fail(each, 1.0, retry_after=5.0)
    assert limit.is_probing
    each.replied(7.0)
    assert not limit.is_probing


def test_a_server_may_not_stop_a_run_for_ever_with_one_429():
    records, client = Records(4), TalkativeClient({f"q{n}": [RateLimitedError("x", retry_after=1e300)] for n in range(4)})
    policy = RetryPolicy(longest_retry_after=0.05)
    begun = time.monotonic()
    assert run(records, client, retry=policy).ending == "finished"
    assert time.monotonic() - begun < 2.0


def test_unfinished_timeouts_are_no_outage():
    records = Records(40)
    client = TalkativeClient({f"q{n}": [CallTimeoutError("t")] for n in range(40)}, latency=0.001)
    policy = RetryPolicy(first_wait=0.001, longest_wait=60.0)
    begun = time.monotonic()
    assert run(records, client, most=4, retry=policy).ending == "finished"
    assert time.monotonic() - begun < 2.0


def test_a_pause_of_another_process_is_kept_and_followed_by_one_call():
    lane = Lane("a", LaneSpec(clients={"c": TalkativeClient()}, most_concurrent=5), time.monotonic)
    lane.pause_with_others(time.monotonic() + 0.05)
    assert lane.limit.allowed == 1
    assert lane.status().paused_seconds > 0
    own = lane.limit.paused_until
    lane.pause_with_others(own + 0.01)  # what it said itself, come back
    assert lane.limit.paused_until == own
    lane.outage.replied(time.monotonic())
    assert lane.limit.allowed == 5


def test_the_first_wait_for_one_call_is_short_while_others_are_answered():
    limit = AdaptiveLimit(most=10, start=10)
    outage = Outage(limit)
    policy, rng = RetryPolicy(), random.Random(1)
    outage.replied(2.0)
    assert outage.is_up_since(1.5)
    assert not outage.is_up_since(2.5)
    for number, step in ((1, 0.25), (2, 0.5), (3, 1.0), (9, 30.0)):
        assert step / 2 <= policy.wait(number, None, rng, is_up=True) <= step
        assert policy.wait(number, None, rng) >= min(step, 15.0)
    outage.failed(begun=2.5, now=3.0, is_down=True, retry_after=5.0, policy=policy, rng=rng)
    assert not outage.is_up_since(1.5)


def test_where_most_calls_fail_the_waits_grow_though_some_are_answered():
    outage, policy, rng = Outage(AdaptiveLimit(most=100, start=100)), RetryPolicy(), random.Random(1)
    outage.replied(1.0)
    for n in range(12):
        at = 2.0 + n
        outage.failed(begun=at, now=at, is_down=True, retry_after=None, policy=policy, rng=rng)
        if n % 4 == 3:
            outage.replied(at)
    assert not outage.is_up_since(1.5)
    for n in range(30):
        outage.replied(20.0 + n)
    assert outage.is_up_since(1.5)

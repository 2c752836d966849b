"""How many calls at once, how long to wait, how much money is left."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from bench.exceptions import MissingPriceError
from bench.execution.calls import Call
from bench.execution.limits import AdaptiveLimit, Budget, Price, RetryPolicy
from bench.providers.base import Completion
from bench.specs import GenerationConfig


def succeed(limit, number):
    for _ in range(number):
        limit.succeeded()


def test_the_limit_doubles_each_clean_round_up_to_the_most():
    limit = AdaptiveLimit(most=100, start=20)
    seen = []
    for _ in range(4):
        succeed(limit, limit.allowed)
        seen.append(limit.allowed)
    assert seen == [40, 80, 100, 100]


def test_a_round_of_429s_multiplies_by_four_fifths_and_ends_the_doubling():
    limit = AdaptiveLimit(most=200, start=50)
    for _ in range(50):
        limit.rate_limited(0.0, None)
    assert limit.allowed == 40
    succeed(limit, 40)
    assert limit.allowed == 42  # now 5 % a round


def test_stray_429s_do_not_stop_the_growth():
    limit = AdaptiveLimit(most=100, start=100)
    rng = random.Random(1)
    for _ in range(20_000):
        if rng.random() < 0.04:
            limit.rate_limited(0.0, 0.01)
        else:
            limit.succeeded()
    assert limit.allowed > 60


def test_a_few_429s_from_the_start_leave_the_doubling_alone():
    limit = AdaptiveLimit(most=100, start=20)
    for number in range(300):
        limit.rate_limited(0.0, 1.0) if number % 25 == 12 else limit.succeeded()
    assert limit.allowed > 80


def test_growth_slows_as_429s_near_a_tenth():
    after = {}
    for stray in (0, 2, 4, 5):
        limit = AdaptiveLimit(most=200, start=50)
        for number in range(50):
            limit.rate_limited(0.0, None) if number < stray else limit.succeeded()
        after[stray] = limit.allowed
    assert after == {0: 100, 2: 80, 4: 60, 5: 50}


def test_a_server_that_refuses_a_third_of_the_calls_gets_fewer_and_fewer():
    limit = AdaptiveLimit(most=100, start=100)
    rng = random.Random(1)
    for _ in range(3_000):
        if rng.random() < 0.33:
            limit.rate_limited(0.0, None)
        else:
            limit.succeeded()
    assert limit.allowed < 10


def test_server_errors_pause_growth_without_shrinking():
    limit = AdaptiveLimit(most=100, start=10)
    for number in range(10):
        limit.troubled() if number < 3 else limit.succeeded()
    assert limit.allowed == 10


def test_everybody_waits_only_where_429s_are_the_rule():
    stray = AdaptiveLimit(most=100, start=20)
    succeed(stray, 15)
    for _ in range(3):
        stray.rate_limited(100.0, 7.0)
    assert stray.paused_until == 0.0
    storm = AdaptiveLimit(most=100, start=20)
    for _ in range(3):
        storm.rate_limited(100.0, 7.0)
    assert storm.paused_until == 107.0


def test_waits_double_with_jitter_and_are_capped():
    policy = RetryPolicy(first_wait=1.0, longest_wait=8.0)
    for number, step in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (60, 8)]:
        waits = {policy.wait(number, None, random.Random(seed)) for seed in range(50)}
        assert step / 2 <= min(waits) < max(waits) <= step


def test_the_server_is_never_asked_before_its_retry_after():
    policy = RetryPolicy(longest_wait=1.0, longest_retry_after=60.0)
    waits = {policy.wait(1, 20.0, random.Random(seed)) for seed in range(50)}
    assert 20.0 <= min(waits) < max(waits) <= 22.0
    assert policy.wait(1, 1e9, random.Random(0)) <= 66.0


def call(text="x" * 84, max_tokens=50):
    return Call(
        key="k", kind="response", lane="l", client="c", messages=[{"role": "user", "content": text}],
        generation=GenerationConfig(max_tokens=max_tokens),
    )


def budget(cap, spent="0"):
    prices = {"c": Price(input_usd=Decimal(10_000), output_usd=Decimal(20_000))}
    return Budget(Decimal(cap), spent=Decimal(spent), prices=prices)


def test_the_most_a_call_can_cost_is_set_aside_before_it_is_sent():
    # 84 bytes + 16 of framing = 100 tokens at most, 50 out: 100 * 0.01 + 50 * 0.02 = 2 dollars
    money = budget("5")
    assert money.most_cost(call()) == 2
    assert money.reserve(call())
    assert money.reserve(call())
    assert not money.reserve(call())
    money.settle(call(), Completion(text="", prompt_tokens=10, completion_tokens=5), may_be_charged=False)
    assert (money.spent, money.reserved) == (Decimal("0.2"), Decimal(2))
    assert money.reserve(call())


def test_what_may_have_been_charged_counts_in_full_and_what_was_refused_does_not():
    money = budget("10")
    for may_be_charged in (True, False):
        assert money.reserve(call())
        money.settle(call(), None, may_be_charged=may_be_charged)
    assert (money.spent, money.reserved) == (Decimal(2), Decimal(0))


def test_earlier_spending_counts():
    assert not budget("3", spent="1.5").reserve(call())


def test_a_model_without_a_price_cannot_run_under_a_budget():
    with pytest.raises(MissingPriceError, match="nobody"):
        Budget(Decimal(1), spent=Decimal(0), prices={"nobody": None})

"""Counters of each subject and judge, and their rates."""

from __future__ import annotations

import pytest

from bench.execution.tallies import WINDOW, AskedStatus, Tallies


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def settle(tallies, asked, number):
    for _ in range(number):
        tallies.begin(asked)
        tallies.end(asked)
        tallies.settle(asked)


def test_calls_out_and_questions_settled_are_counted_apart_for_each(clock):
    tallies = Tallies(clock)
    settle(tallies, "subject-1", 4)
    tallies.begin("subject-1")
    tallies.begin("judge-1")
    tallies.begin("judge-1")
    clock.now += 2
    assert tallies.status() == {
        "subject-1": AskedStatus(in_flight=1, settled=4, rate=2.0),
        "judge-1": AskedStatus(in_flight=2, settled=0, rate=0.0),
    }


def test_a_call_that_failed_and_is_put_again_is_no_settled_question(clock):
    tallies = Tallies(clock)
    for _ in range(3):
        tallies.begin("subject-1")
        tallies.end("subject-1")
    clock.now += 1
    assert tallies.status()["subject-1"] == AskedStatus(in_flight=0, settled=0, rate=0.0)


def test_the_rate_is_that_of_the_last_seconds(clock):
    tallies = Tallies(clock)
    for per_second in [50] * 20 + [3] * 12:
        settle(tallies, "subject-1", per_second)
        clock.now += 1
        last = tallies.status()["subject-1"]
    assert last.settled == 1036
    assert last.rate == pytest.approx(3.0)


def test_the_rate_falls_to_nothing_where_nothing_comes_any_more(clock):
    tallies = Tallies(clock)
    settle(tallies, "subject-1", 30)
    for _ in range(int(WINDOW) + 3):
        clock.now += 1
        rate = tallies.status()["subject-1"].rate
    assert rate == 0.0


def test_looking_often_changes_no_rate(clock):
    tallies = Tallies(clock)
    for _ in range(300):  # ten looks a second, one question each
        settle(tallies, "subject-1", 1)
        clock.now += 0.1
        rate = tallies.status()["subject-1"].rate
    assert rate == pytest.approx(10.0, rel=0.02)


def test_in_the_first_moment_there_is_no_rate(clock):
    tallies = Tallies(clock)
    settle(tallies, "subject-1", 5)
    assert tallies.status()["subject-1"].rate == 0.0


def test_who_is_asked_later_is_not_slower_for_it(clock):
    tallies = Tallies(clock)
    settle(tallies, "subject-1", 8)
    clock.now += 4
    settle(tallies, "judge-1", 6)
    clock.now += 2
    assert tallies.status()["judge-1"].rate == 3.0
    assert tallies.status()["subject-1"].rate == pytest.approx(8 / 6)

"""Asking again for what cannot be read, and knowing when that is of no use."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from bench.execution.calls import Call
from bench.execution.limits import Budget, Price
from bench.scoring.structured import (
    Unread,
    objects_in,
    occurs,
    repair_messages,
    response_format,
    stopped_reason,
)
from bench.specs import GenerationConfig

ASKED = [{"role": "user", "content": "Rate."}]


def test_a_repair_shows_the_reply_and_what_was_wrong_with_it():
    messages = repair_messages(ASKED, [Unread("seven", "no JSON object with a score")], "en")
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0] == ASKED[0]
    assert messages[1]["content"] == "seven"
    assert "no JSON object with a score" in messages[2]["content"]
    assert repair_messages(ASKED, [], "en") == ASKED


def test_a_repair_speaks_the_language_of_the_case_and_cuts_a_long_reply():
    messages = repair_messages(ASKED, [Unread("x" * 10_000, "p"), Unread("", "q")], "zh")
    assert len(messages) == 5
    assert len(messages[1]["content"]) == 2000
    assert messages[3]["content"] == "(empty)"
    assert "请重新评定" in messages[4]["content"]


@pytest.mark.parametrize(("finish_reason", "refused", "reason"), [
    ("length", False, "length"), ("content_filter", False, "content_filter"), ("stop", True, "refusal"),
    ("content_filter", True, "refusal"),
])
def test_each_way_of_stopping_is_a_reason_of_its_own(finish_reason, refused, reason):
    assert stopped_reason(finish_reason, refused=refused).startswith(f"{reason}:")


@pytest.mark.parametrize("finish_reason", ["stop", "", "eos", "tool_calls"])
def test_a_reply_that_ended_by_itself_may_hold_a_verdict(finish_reason):
    assert stopped_reason(finish_reason, refused=False) == ""


def test_objects_are_found_wherever_they_stand_and_nested_ones_once():
    text = 'a {"x": {"y": 1}} b {bad} [{"z": 2}] {"open": '
    assert objects_in(text) == [{"x": {"y": 1}}, {"z": 2}]
    assert objects_in('{"only": [1, {"in": 2}]}') == [{"only": [1, {"in": 2}]}]


def test_a_quote_may_differ_in_spaces_and_quotation_marks_only():
    said = "He said “no” – it’s over.\n\nThe end."
    assert occurs('He said "no" – it\'s over. The end', said)
    assert occurs('"it’s over"', said)
    assert not occurs("he said", said)
    assert not occurs("He said no", said)


def test_the_response_format_is_strict():
    assert response_format({"type": "object"}) == {
        "type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": {"type": "object"}}
    }


def test_a_schema_is_counted_in_the_most_a_call_can_cost():
    price = Price(input_usd=Decimal(1_000_000), output_usd=Decimal(0))
    budget = Budget(Decimal(10**9), prices={"c": price})
    plain = Call(key="k", kind="judgement", lane="l", client="c", messages=ASKED, generation=GenerationConfig())
    held = replace(plain, response_format=response_format({"type": "object"}))
    assert budget.most_cost(held) - budget.most_cost(plain) == len(json.dumps(held.response_format))

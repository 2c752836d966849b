"""An endpoint that cannot be held to a schema is found out once, and one refused question does not decide it."""

from __future__ import annotations

import pytest

from bench.exceptions import ClientRequestError
from bench.providers.openai_compatible import SchemaMemory


def refusal(message, status=400):
    return ClientRequestError(message, http_status=status)


@pytest.mark.parametrize("message", [
    "Unknown field: response_format", "Invalid parameter: 'response_format' of type 'json_schema' is not supported",
    "json_schema is not available with this model", "Structured outputs are not supported", "Extra inputs are not permitted",
])
def test_a_refusal_that_speaks_of_the_schema_settles_it(message):
    memory = SchemaMemory()
    assert memory.are_worth_trying
    assert memory.refused(refusal(message))
    assert not memory.are_worth_trying


def test_refusals_that_may_be_about_the_question_settle_it_after_three():
    memory = SchemaMemory()
    for _ in range(2):
        assert memory.refused(refusal("Bad request"))
        assert memory.are_worth_trying
    assert memory.refused(refusal("Bad request"))
    assert not memory.are_worth_trying


def test_an_endpoint_that_has_kept_to_a_schema_is_believed_when_it_refuses_a_question():
    memory = SchemaMemory()
    memory.accepted()
    for _ in range(5):
        assert not memory.refused(refusal("This model's maximum context length is exceeded"))
    assert memory.are_worth_trying


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refusal_of_the_key_says_nothing_of_schemas(status):
    memory = SchemaMemory()
    assert not memory.refused(refusal("response_format", status))
    assert memory.are_worth_trying

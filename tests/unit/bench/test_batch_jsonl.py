from __future__ import annotations

import json

import pytest

from bench.exceptions import ServerError
from bench.formats.batch_jsonl import Reply, read_replies
from gvsir.exceptions import FormatError

ID = f"run-1/response/{'a' * 64}/1"
ANSWER = {"status_code": 200, "body": {"choices": [{"message": {"content": "Hello."}}]}}


def read(data):
    (found,) = read_replies([data if isinstance(data, str) else json.dumps(data)], "replies.jsonl")
    return found


@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        ("{", None, "It is not JSON."),
        ("[" * 100_000, None, "It is not JSON."),
        ([], None, "It is no reply: a JSON object is expected."),
        ("7", None, "It is no reply: a JSON object is expected."),
        ({}, "custom_id", "It is missing; it names the record that the reply is for."),
        ({"custom_id": "mine"}, "custom_id", "'mine' was not made here."),
        ({"custom_id": None}, "custom_id", "'None' was not made here."),
        ({"custom_id": ID + "9" * 20}, "custom_id", None),
        ({"custom_id": ID, "response": [1]}, "response", "A JSON object is expected, or null."),
        ({"custom_id": ID, "response": {}}, "response.status_code", "It is missing, and there is no error either."),
        ({"custom_id": ID, "response": {"status_code": "200"}}, "response.status_code", "A whole number is expected."),
    ],
)
def test_a_line_that_is_no_reply_is_named_with_what_is_wrong(data, field, message):
    error = read(data)
    assert isinstance(error, FormatError)
    assert (error.line, error.field) == (1, field)
    assert message in (error.message, None)


def test_replies_and_errors_are_read():
    assert read({"custom_id": ID, "response": ANSWER}).completion.text == "Hello."
    for response, error, said in (
        (None, {"code": "batch_expired", "message": "Too late."}, "Too late."),
        ({"status_code": None}, {"message": "Down."}, "Down."),
        ({"status_code": 503, "body": "Busy."}, None, "Busy."),
        ({"status_code": 500, "body": {"error": {"message": "Broken."}}}, None, "Broken."),
    ):
        reply = read({"custom_id": ID, "response": response, "error": error})
        assert isinstance(reply, Reply)
        assert isinstance(reply.error, ServerError)
        assert str(reply.error) == said
    assert read({"custom_id": ID, "response": {"status_code": 200, "body": []}}).error is not None

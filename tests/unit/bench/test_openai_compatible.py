"""The client against a real server on this machine: what it sends, and how it names what comes back."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from bench.exceptions import (
    BrokenOffError,
    CallTimeoutError,
    ClientRequestError,
    DroppedConnectionError,
    KeyRefusedError,
    MalformedReplyError,
    MissingKeyError,
    QuotaSpentError,
    RateLimitedError,
    RefusedByProviderError,
    ServerError,
)
from bench.providers.openai_compatible import OpenAICompatibleClient, completion_of, retry_after_of
from bench.specs import GenerationConfig

ANSWER = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}


GENERATION = GenerationConfig()


def ask(handler, *, key_variable="", generation=GENERATION, timeout=2.0):
    """Ask a server that answers with ``handler(request)`` once."""

    async def go():
        app = web.Application()
        app.router.add_post("/v1/chat/completions", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.05)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        try:
            client = OpenAICompatibleClient(
                base_url=f"http://127.0.0.1:{port}/v1", model="m", key_variable=key_variable, timeout=timeout
            )
            try:
                return await client.complete([{"role": "user", "content": "Hi 🙂"}], generation, 1)
            finally:
                await client.aclose()
        finally:
            await runner.cleanup()
            await asyncio.sleep(0.02)  # aborted transports close their sockets one turn later

    return asyncio.run(go())


def reply(status=200, body=None, headers=None, text=None, content_type="application/json"):
    async def handler(request):
        if text is not None:
            return web.Response(status=status, text=text, content_type=content_type, headers=headers)
        return web.json_response(ANSWER if body is None else body, status=status, headers=headers)

    return handler


def error(message="no", code=None):
    return {"error": {"message": message, "code": code, "type": "error"}}


def test_the_request_is_the_published_shape_and_the_answer_is_read():
    seen = {}

    async def handler(request):
        seen.update(await request.json())
        return web.json_response(ANSWER)

    completion = ask(handler, generation=GenerationConfig(seed=4))
    assert seen == {
        "model": "m", "messages": [{"role": "user", "content": "Hi 🙂"}], "temperature": 0.7, "top_p": 0.9,
        "max_tokens": 2000, "seed": 4,
    }
    assert (completion.text, completion.finish_reason) == ("hello", "stop")
    assert (completion.prompt_tokens, completion.completion_tokens) == (3, 5)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (reply(429, error(), {"Retry-After": "7"}), RateLimitedError),
        (reply(500, error()), ServerError),
        (reply(503, text="<html>", content_type="text/html"), ServerError),
        (reply(408, error()), ServerError),
        (reply(401, error()), KeyRefusedError),
        (reply(403, error()), KeyRefusedError),
        (reply(403, {"error": {"message": "x", "metadata": {"flagged_input": "y"}}}), RefusedByProviderError),
        (reply(402, error("Insufficient Balance")), QuotaSpentError),
        (reply(429, error(code="insufficient_quota")), QuotaSpentError),
        (reply(429, {"error": {"message": "x", "type": "insufficient_quota", "code": None}}), QuotaSpentError),
        (reply(404, error()), ClientRequestError),
        (reply(400, error(code="content_policy_violation")), RefusedByProviderError),
        (reply(400, error(code="content_filter")), RefusedByProviderError),
        (reply(400, error(code="context_length_exceeded")), ClientRequestError),
        (reply(text='{"choices": [{"mess'), MalformedReplyError),
        (reply(text=""), MalformedReplyError),
        (reply(text="<html>", content_type="text/html"), MalformedReplyError),
        (reply(body={"choices": []}), MalformedReplyError),
        (reply(body={"choices": [{}]}), MalformedReplyError),
        (reply(body=[1]), MalformedReplyError),
        (reply(body={"choices": [{"message": {"content": 7}}]}), MalformedReplyError),
        (reply(body={"error": None}), MalformedReplyError),
    ],
)
def test_each_failure_has_its_own_name(handler, expected):
    with pytest.raises(expected) as caught:
        ask(handler)
    assert type(caught.value) is expected
    if expected is RateLimitedError:
        assert (caught.value.http_status, caught.value.retry_after) == (429, 7.0)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "Busy now", "code": 429}}, RateLimitedError),
        ({"error": {"message": "Busy now", "code": "rate_limit_exceeded"}}, RateLimitedError),
        ({"error": {"message": "Busy now", "code": 503}, "choices": []}, ServerError),
        ({"error": {"message": "Busy now", "code": 10**400}}, ServerError),
        ({"error": {"message": "Busy now"}, "choices": None}, ServerError),
        ({"error": "Busy now"}, ServerError),
        ({"object": "error", "message": "Busy now", "code": 404}, ClientRequestError),
        ({"error": {"message": "Busy now", "code": "insufficient_quota"}}, QuotaSpentError),
        ({"error": {"message": "Busy now", "type": "authentication_error"}}, KeyRefusedError),
        ({"error": {"message": "Busy now", "code": "content_filter"}}, RefusedByProviderError),
    ],
)
def test_a_200_that_holds_an_error_is_that_error_with_its_message(body, expected):
    for handler in (reply(body=body), reply(text=json.dumps(body), content_type="text/plain")):
        with pytest.raises(expected) as caught:
            ask(handler)
        assert type(caught.value) is expected
        assert str(caught.value) == "Busy now (in a reply with status 200)"


@pytest.mark.parametrize("reason", ["error", "ERROR", "FinishReason.OTHER", "network_error"])
def test_an_answer_that_the_provider_broke_off_is_none(reason):
    choice = {"message": {"content": "Half an"}, "finish_reason": reason}
    with pytest.raises(BrokenOffError, match=f"broke the answer off: Its finish_reason is '{reason}'"):
        completion_of({"choices": [choice]})
    with pytest.raises(BrokenOffError, match="broke the answer off: Upstream went away"):
        completion_of({"choices": [choice | {"error": {"message": "Upstream went away", "code": 502}}]})


def test_a_lost_connection_is_not_a_timeout():
    async def drop(request):
        request.transport.abort()
        return web.Response()

    async def cut(request):
        response = web.StreamResponse(headers={"Content-Length": "500", "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"choices": [')
        request.transport.abort()
        return response

    async def sleep(request):
        await asyncio.sleep(0.6)
        return web.Response()

    for handler in (drop, cut):
        with pytest.raises(DroppedConnectionError):
            ask(handler)
    with pytest.raises(CallTimeoutError):
        ask(sleep, timeout=0.2)


def test_no_server_is_a_lost_connection():
    async def go():
        client = OpenAICompatibleClient(base_url="http://127.0.0.1:9/v1", model="m")
        try:
            await client.complete([{"role": "user", "content": "x"}], GenerationConfig(), 1)
        finally:
            await client.aclose()

    with pytest.raises(DroppedConnectionError):
        asyncio.run(go())


def test_the_key_is_read_from_its_variable_and_sent_nowhere_else(monkeypatch):
    seen = []

    async def handler(request):
        seen.append(request.headers.get("Authorization"))
        return web.json_response(ANSWER)

    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ask(handler)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one")
    ask(handler)
    monkeypatch.setenv("OTHER_API_KEY", "sk-two")
    ask(handler, key_variable="OTHER_API_KEY")
    assert seen == [None, "Bearer sk-one", "Bearer sk-two"]
    with pytest.raises(MissingKeyError, match="MISSING_API_KEY"):
        ask(handler, key_variable="MISSING_API_KEY")


def test_the_key_does_not_appear_in_an_error(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    for said in ("Incorrect API key provided", "Incorrect API key provided: sk-very-secret."):
        with pytest.raises(ClientRequestError, match="Incorrect API key") as caught:
            ask(reply(401, error(said)))
        assert "sk-very-secret" not in f"{caught.value!r} {caught.value}"


def test_json_under_another_content_type_is_read():
    assert ask(reply(text=json.dumps(ANSWER), content_type="text/plain")).text == "hello"


def test_a_models_own_refusal_is_its_answer():
    completion = completion_of({"choices": [{"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}]})
    assert (completion.text, completion.refused) == ("I can't.", True)


def test_an_answer_in_parts_is_joined_and_counts_may_be_absent():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    completion = completion_of({"choices": [{"message": {"content": parts}, "finish_reason": None}], "usage": None})
    assert (completion.text, completion.prompt_tokens, completion.finish_reason) == ("ab", None, "")


def test_what_no_database_takes_is_replaced():
    assert completion_of({"choices": [{"message": {"content": "a\0b\ud800c🙂"}}]}).text == "a\ufffdb?c🙂"


def test_retry_after_is_seconds_milliseconds_or_a_date():
    assert retry_after_of({"retry-after": "2"}) == 2.0
    assert retry_after_of({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 28 <= retry_after_of({"retry-after": soon}) <= 30
    for nonsense in ("", "-1", "inf", "nan", "tomorrow"):
        assert retry_after_of({"retry-after": nonsense}) is None

"""Copied requests are those the library would have built."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest

from bench.providers.copied_requests import copying_client

URL = "http://example.test/v1/chat/completions"
BODIES = [
    {"model": "m", "messages": [{"role": "user", "content": f"é 中 \N{GRINNING FACE} {number}"}], "temperature": 0.0}
    for number in range(3)
]


def sent_by(make, options, bodies=BODIES):
    """Return what goes over the wire."""
    requests = []

    def answer(request):
        requests.append(request)
        return httpx2.Response(200, json={"choices": []})

    async def ask():
        transport = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        async with make(
            base_url="http://example.test/v1", api_key="secret", max_retries=0, timeout=7.0, http_client=transport
        ) as client:
            for body in bodies:
                given = options(body) if callable(options) else options
                await client.post(URL, body=body, cast_to=object, options=given)

    asyncio.run(ask())
    return requests


@pytest.mark.parametrize("has_key", [True, False])
def test_a_copied_request_is_the_one_the_library_builds(has_key):
    import openai

    options = {} if has_key else {"headers": {"Authorization": openai.omit}}
    built, copied = sent_by(openai.AsyncOpenAI, options), sent_by(copying_client, options)
    assert len(built) == len(copied) == len(BODIES)
    for theirs, ours in zip(built, copied, strict=True):
        assert (ours.method, ours.url, ours.content) == (theirs.method, theirs.url, theirs.content)
        assert ours.extensions["timeout"] == theirs.extensions["timeout"]
        assert sorted(ours.headers.items()) == sorted(theirs.headers.items())
        assert ("authorization" in ours.headers) is has_key
    assert [json.loads(request.content) for request in copied] == BODIES


def test_other_headers_make_another_request():
    names = iter("abc")
    requests = sent_by(copying_client, lambda body: {"headers": {"X-Call": next(names)}})
    assert [request.headers["x-call"] for request in requests] == ["a", "b", "c"]


def test_the_length_is_that_of_the_body_at_hand():
    bodies = [{"model": "m", "messages": [], "note": "x" * length} for length in (1, 1000, 10)]
    requests = sent_by(copying_client, {}, bodies)
    assert [int(request.headers["content-length"]) for request in requests] == [
        len(request.content) for request in requests
    ]


@pytest.mark.parametrize("given", [{"content": b"raw"}, {"body": None}, {"body": [1, 2]}])
def test_what_is_not_a_json_object_goes_the_librarys_own_way(given):
    import openai

    def sent(make):
        requests = []

        def answer(request):
            requests.append(request)
            return httpx2.Response(200, json={})

        async def ask():
            transport = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
            async with make(api_key="secret", max_retries=0, http_client=transport) as client:
                await client.post(URL, cast_to=object, **given)

        asyncio.run(ask())
        return [(request.method, str(request.url), request.content) for request in requests]

    assert sent(copying_client) == sent(openai.AsyncOpenAI)

"""A local OpenAI-compatible server that answers, and misbehaves on demand, and logs every call.

Run it alone: ``python -m tests.fake_server --port 8110 --latency 0.05 --fault rate_limited=0.05``. It prints its
address on the first line. ``GET /stats`` gives its own counts; ``--log FILE`` gets one JSON line a call, with
the moment the answer was handed to the socket, so that a test can tell what was asked twice.

What happens to a call depends only on its prompt, its try number and ``seed``: the same run, the same faults.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from aiohttp import web

from tests.fake_media import FakeMedia

FAULTS = (
    "rate_limited", "server_error", "dropped", "slow", "malformed", "unparsable", "refused", "bad_request",
    "length", "content_filter", "empty",
)

_ANSWER = "I cannot help with that, but here is what may help instead."
_ANSWERED = re.compile(rf"{re.escape(_ANSWER)} \[([0-9a-f]{{16}})\]")


@dataclass
class Behaviour:
    """How the server behaves: latency in seconds, share of calls for each fault, most faults per prompt."""

    latency: float = 0.0
    faults: dict[str, float] = field(default_factory=dict)
    retry_after: float = 0.05
    slow_seconds: float = 1.0
    most_faults_per_prompt: int = 2
    seed: int = 0
    score: int = 7
    fail_prompts_with: str = ""
    always_fail: str = "server_error"
    #: Given the request's body, what is said: text, a choice as data, an HTTP response, or None for the usual.
    reply: Callable[[dict[str, Any]], str | dict[str, Any] | web.Response | None] | None = None


class FakeServer:
    """The application and its memory of every call."""

    def __init__(self, behaviour: Behaviour, log: IO[str] | None = None) -> None:
        self.behaviour = behaviour
        self.log = log
        self.tries: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self.headers: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.keep_bodies = False
        self.app = web.Application()
        self.app.router.add_post("/v1/chat/completions", self.complete)
        self.app.router.add_get("/stats", self.stats)
        self.batches = FakeBatches(self)
        self.media = FakeMedia(self)

    async def stats(self, request: web.Request) -> web.Response:
        """Return the counts so far."""
        return web.json_response({"counts": dict(self.counts), "most_in_flight": self.most_in_flight})

    def fault(self, prompt: str, number: int) -> str:
        """Return what goes wrong with try ``number`` of ``prompt``, "" for nothing."""
        behaviour = self.behaviour
        if behaviour.fail_prompts_with and behaviour.fail_prompts_with in prompt:
            return behaviour.always_fail
        if not behaviour.faults or number > behaviour.most_faults_per_prompt:
            return ""
        digest = hashlib.sha256(f"{behaviour.seed}:{number}:{prompt}".encode()).digest()
        draw = int.from_bytes(digest[:8], "big") / 2**64
        for name, share in behaviour.faults.items():
            if draw < share:
                return name
            draw -= share
        return ""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat completion, or not."""
        body = await request.json()
        prompt = body["messages"][-1]["content"]
        if not isinstance(prompt, str):
            prompt = json.dumps(prompt)
        self.tries[prompt] += 1
        number = self.tries[prompt]
        self.counts["received"] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.keep_bodies:
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
        is_judge = "Score:" in prompt
        fault = self.fault(prompt, number)
        if fault == "unparsable" and not is_judge:
            fault = ""
        delivered = False
        try:
            if self.behaviour.latency:
                await asyncio.sleep(self.behaviour.latency)
            if fault == "slow":
                await asyncio.sleep(self.behaviour.slow_seconds)
            own = self.behaviour.reply(body) if self.behaviour.reply and not fault else None
            response = (
                self._response(request, prompt, fault, is_judge=is_judge) if own is None
                else own if isinstance(own, web.Response) else _completion(own)
            )
            delivered = response is not None and request.transport is not None
            if response is None:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=500)
            return response
        finally:
            self.in_flight -= 1
            self.counts[fault or "answered"] += 1
            self._write(prompt, number, fault, is_judge=is_judge, delivered=delivered)

    def _response(self, request: web.Request, prompt: str, fault: str, *, is_judge: bool) -> web.Response | None:
        if fault == "dropped":
            return None
        if fault == "rate_limited":
            return _error(429, "Too many requests", headers={"Retry-After": f"{self.behaviour.retry_after:g}"})
        if fault == "server_error":
            return _error(500, "The server had an error")
        if fault == "bad_request":
            return _error(400, "Bad request")
        if fault == "refused":
            return _error(400, "Refused by policy", code="content_policy_violation")
        if fault == "malformed":
            return web.Response(text='{"choices": [{"mess', content_type="application/json")
        if fault in ("length", "content_filter"):
            return _completion({"content": "The answer begins", "finish_reason": fault})
        if fault == "empty":
            return _completion("")
        if fault == "unparsable":
            return _completion("I would rather not give a number.")
        if '"pass"' in prompt:
            return _completion('{"reason": "no error was found", "pass": true, "score": 0.7}')
        if is_judge:
            return _completion(f"Score: {self.behaviour.score}/10\nBrief reason: no error was found in the answer.")
        return _completion(f"{_ANSWER} [{_digest(prompt)}]")

    def _write(self, prompt: str, number: int, fault: str, *, is_judge: bool, delivered: bool) -> None:
        if self.log is None:
            return
        entry = {
            "prompt": _digest(prompt), "try": number, "fault": fault, "judge": is_judge,
            "delivered": delivered, "at": time.time(), "of": _sample(prompt),
        }
        self.log.write(json.dumps(entry) + "\n")
        self.log.flush()


class FakeBatches:
    """The files and batches endpoints; a batch is over when it was looked at ``polls`` times."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.files: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.polls = 1
        router = server.app.router
        router.add_post("/v1/files", self.upload)
        router.add_get("/v1/files/{id}/content", self.content)
        router.add_post("/v1/batches", self.create)
        router.add_get("/v1/batches", self.list)
        router.add_get("/v1/batches/{id}", self.retrieve)
        router.add_post("/v1/batches/{id}/cancel", self.cancel)

    async def upload(self, request: web.Request) -> web.Response:
        """Keep a file."""
        data = await request.post()
        assert data["purpose"] == "batch"
        content = data["file"].file.read().decode()  # type: ignore[union-attr]
        return web.json_response({"id": self.keep(content), "object": "file", "purpose": "batch"})

    def keep(self, content: str) -> str:
        """Return the id of a new file."""
        self.files[f"file-{len(self.files) + 1}"] = content
        return f"file-{len(self.files)}"

    async def content(self, request: web.Request) -> web.Response:
        """Return a file."""
        return web.Response(text=self.files[request.match_info["id"]])

    async def create(self, request: web.Request) -> web.Response:
        """Answer all lines at once, last line first; say so later."""
        body = await request.json()
        good, bad = [], []
        for line in reversed(self.files[body["input_file_id"]].splitlines()):
            asked = json.loads(line)
            self.server.bodies.append(asked["body"])
            (bad if self.reply_to(asked)["error"] else good).append(self.reply_to(asked))
            self.server.counts["batched"] += 1
        number = len(self.batches) + 1
        self.batches[f"batch-{number}"] = {
            "id": f"batch-{number}", "object": "batch", "status": "in_progress", "endpoint": body["endpoint"],
            "input_file_id": body["input_file_id"], "completion_window": body["completion_window"], "created_at": 0,
            "metadata": body.get("metadata"), "polled": 0,
            "output_file_id": self.keep("\n".join(json.dumps(each) for each in good)),
            "error_file_id": self.keep("\n".join(json.dumps(each) for each in bad)) if bad else None,
        }
        return web.json_response(self.batches[f"batch-{number}"])

    def reply_to(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the line that comes back."""
        prompt = asked["body"]["messages"][-1]["content"]
        prompt = prompt if isinstance(prompt, str) else json.dumps(prompt)
        fault = self.server.fault(prompt, int(asked["custom_id"].rsplit("/", 1)[1]))
        place = {"id": "b", "custom_id": asked["custom_id"]}
        if fault == "dropped":
            return {**place, "response": None, "error": {"code": "batch_expired", "message": "It came too late."}}
        reply = self.server._response(None, prompt, fault, is_judge="Score:" in prompt)  # type: ignore[arg-type]
        assert reply is not None
        body = json.loads(str(reply.text))
        return {**place, "error": None, "response": {"status_code": reply.status, "request_id": "r", "body": body}}

    async def retrieve(self, request: web.Request) -> web.Response:
        """Return a batch, over after enough looks."""
        batch = self.batches[request.match_info["id"]]
        batch["polled"] += 1
        if batch["status"] == "in_progress" and batch["polled"] > self.polls:
            batch["status"] = "completed"
        return web.json_response(batch)

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel a batch."""
        batch = self.batches[request.match_info["id"]]
        batch["status"] = "cancelled"
        return web.json_response(batch)

    async def list(self, request: web.Request) -> web.Response:
        """Return all batches."""
        return web.json_response({"object": "list", "data": list(self.batches.values()), "has_more": False})


def _digest(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()[:16]


def _sample(prompt: str) -> str:
    """Return the digest of the question: of this one, or of that whose answer is to be judged."""
    answer = _ANSWERED.search(prompt)
    return answer[1] if answer else _digest(prompt)


def _error(status: int, message: str, *, code: str | None = None, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "error", "code": code}}
    return web.json_response(body, status=status, headers=headers)


def _completion(said: str | dict[str, Any]) -> web.Response:
    """Return a chat completion: of a text, or of a choice's own fields (content, refusal, finish_reason)."""
    choice = {"content": said} if isinstance(said, str) else said
    message = {"role": "assistant", **{name: choice[name] for name in ("content", "refusal") if name in choice}}
    return web.json_response(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": "fake",
            "choices": [{"index": 0, "message": message, "finish_reason": choice.get("finish_reason", "stop")}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
        }
    )


async def _serve(server: FakeServer, port: int, ready: Any, stop: asyncio.Event) -> None:
    runner = web.AppRunner(server.app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=2048)
    await site.start()
    assert site._server is not None
    ready(site._server.sockets[0].getsockname()[1])  # type: ignore[attr-defined]
    await stop.wait()
    await runner.cleanup()


class RunningServer:
    """A server in a thread of this process."""

    def __init__(self, server: FakeServer, port: int) -> None:
        self.server = server
        self.port = port

    @property
    def base_url(self) -> str:
        """What a model's name ends with after ``@``."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def received(self) -> int:
        """Calls the server counted."""
        return self.server.counts["received"]


@contextlib.contextmanager
def running(behaviour: Behaviour | None = None, *, keep_bodies: bool = False) -> Iterator[RunningServer]:
    """Serve in a thread on a free port."""
    server = FakeServer(behaviour or Behaviour())
    server.keep_bodies = keep_bodies
    started = threading.Event()
    port: list[int] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def ready(number: int) -> None:
        port.append(number)
        started.set()

    def work() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_serve(server, 0, ready, stop))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield RunningServer(server, port[0])
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--retry-after", type=float, default=0.05)
    parser.add_argument("--slow-seconds", type=float, default=1.0)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=SHARE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log")
    arguments = parser.parse_args()
    faults = {name: float(share) for name, share in (fault.split("=") for fault in arguments.fault)}
    if unknown := set(faults) - set(FAULTS):
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    behaviour = Behaviour(
        latency=arguments.latency, faults=faults, retry_after=arguments.retry_after,
        slow_seconds=arguments.slow_seconds, seed=arguments.seed,
    )
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(Path(arguments.log).open("a")) if arguments.log else None
        server = FakeServer(behaviour, log)
        asyncio.run(_serve(server, arguments.port, lambda port: print(f"http://127.0.0.1:{port}/v1", flush=True), asyncio.Event()))


if __name__ == "__main__":
    main()

"""The endpoints for images, speech and videos of the fake server.

What is made depends on the prompt: two prompts, two files. ``FakeMedia.image``, ``speech`` and ``video`` may be
replaced by what a test wants to come back.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import time
import zlib
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.fake_server import FakeServer


def png(seed: str = "", *, width: int = 4, height: int = 3) -> bytes:
    """Return a PNG image of one colour, which ``seed`` says."""
    pixel = hashlib.sha256(seed.encode()).digest()[:3]
    raw = b"".join(b"\0" + pixel * width for _ in range(height))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def wav(seed: str = "") -> bytes:
    """Return a tenth of a second of sound."""
    samples = hashlib.sha256(seed.encode()).digest() * 25
    return (
        b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", len(samples)) + samples
    )


def mp4(seed: str = "") -> bytes:
    """Return something that begins as a video does."""
    return b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + hashlib.sha256(seed.encode()).digest() * 20


class FakeMedia:
    """What comes back, how often a video is looked at before it is there (``polls``), how many files are cut off."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.polls = 1
        self.cut_off = 0
        self.image: Any = None
        self.speech: Any = None
        self.video: Any = None
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        router = server.app.router
        router.add_post("/v1/images/generations", self.make_image)
        router.add_post("/v1/audio/speech", self.make_speech)
        router.add_post("/v1/videos", self.make_video)
        router.add_get("/v1/videos/{id}", self.look)
        router.add_get("/v1/videos/{id}/content", self.content)
        router.add_get("/v1/made/{name}", self.made)

    async def begin(self, request: web.Request, field: str) -> tuple[dict[str, Any], str, web.Response | None]:
        """Note the request; return its body, its prompt, and what goes wrong with it, if anything."""
        body = json.loads(await request.text())
        prompt = str(body[field])
        self.asked.append((request.path, body))
        await asyncio.sleep(self.server.behaviour.latency)
        self.server.tries[prompt] += 1
        self.server.counts["received"] += 1
        fault = self.server.fault(prompt, self.server.tries[prompt])
        self.server.counts[fault or "answered"] += 1
        self.server._write(prompt, self.server.tries[prompt], fault, is_judge=False, delivered=True)
        if fault == "dropped" and request.transport is not None:
            request.transport.abort()
            return body, prompt, web.Response(status=500)
        usual = self.server._response(request, prompt, fault, is_judge=False) if fault not in ("", "dropped") else None
        return body, prompt, usual

    async def make_image(self, request: web.Request) -> web.StreamResponse:
        """Return an image in base64."""
        _body, prompt, failure = await self.begin(request, "prompt")
        if self.server.fault(prompt, self.server.tries[prompt]) == "content_filter":
            return web.json_response({"created": 0, "data": [{"finish_reason": "content_filter"}]})
        if failure is not None:
            return failure
        made = self.image(prompt) if callable(self.image) else self.image
        if isinstance(made, web.Response):
            return made
        if made is None or isinstance(made, bytes):
            made = {"b64_json": base64.b64encode(png(prompt) if made is None else made).decode()}
        usage = {"input_tokens": 9, "output_tokens": 272}
        said = json.dumps({"created": 0, "data": [made], "usage": usage}).encode()
        return await self.sent(request, said, "application/json")

    async def sent(self, request: web.Request, body: bytes, content_type: str) -> web.StreamResponse:
        """Send ``body``, or half of it and then nothing more."""
        if not self.cut_off:
            return web.Response(body=body, content_type=content_type)
        self.cut_off -= 1
        reply = web.StreamResponse(headers={"Content-Type": content_type, "Content-Length": str(len(body))})
        await reply.prepare(request)
        await reply.write(body[: len(body) // 2])
        assert request.transport is not None
        request.transport.close()
        return reply

    async def make_speech(self, request: web.Request) -> web.StreamResponse:
        """Return sound."""
        _body, prompt, failure = await self.begin(request, "input")
        if failure is not None:
            return failure
        return await self.sent(request, wav(prompt) if self.speech is None else self.speech, "text/html")

    async def make_video(self, request: web.Request) -> web.StreamResponse:
        """Begin a video."""
        _body, prompt, failure = await self.begin(request, "prompt")
        if failure is not None:
            return failure
        job = {"id": f"video_{len(self.jobs) + 1}", "object": "video", "status": "queued", "prompt": prompt, "polled": 0}
        self.jobs[job["id"]] = job
        return web.json_response(job)

    async def look(self, request: web.Request) -> web.StreamResponse:
        """Return the state of a video: over after enough looks."""
        job = self.jobs.get(request.match_info["id"])
        self.server.counts["looked"] += 1
        if job is None:
            return web.json_response({"error": {"message": "No such video", "code": "not_found"}}, status=404)
        job["polled"] += 1
        if job["polled"] > self.polls:
            job |= {"status": "completed"} if not isinstance(self.video, dict) else {"status": "failed", "error": self.video}
        return web.json_response(job)

    async def content(self, request: web.Request) -> web.StreamResponse:
        """Return a video that is over."""
        job = self.jobs[request.match_info["id"]]
        assert job["status"] == "completed"
        self.server.counts["fetched"] += 1
        return await self.sent(request, self.video or mp4(job["prompt"]), "application/octet-stream")

    async def made(self, request: web.Request) -> web.StreamResponse:
        """Return the image of a name, for replies that give an address."""
        self.server.counts["fetched"] += 1
        if request.match_info["name"] == "elsewhere":
            return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/secret"})
        return web.Response(body=png(request.match_info["name"]), headers={"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT")})

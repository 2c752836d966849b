"""Bare clients doing the calls of a run and keeping nothing: aiohttp, and the ``openai`` client as it comes.

    python -m tests.benchmarks.peers.clients aiohttp --base-url URL --samples 2000 --connections 100
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

Ask = Callable[[str], Awaitable[str]]

QUESTION = "Question {number}: " + "what is known of this claim? " * 10
JUDGE = (
    "You rate an answer from 0 to 10.\n\nQuestion:\n{question}\n\nFocus:\nThe answer must say that the claim is not "
    "supported.\n\nAnswer:\n{answer}\n\nReply with 'Score: X/10' and a brief reason."
)


async def work(ask: Ask, samples: int, connections: int) -> float:
    """Ask for every sample a question and a verdict; return the seconds."""
    numbers = iter(range(samples))

    async def one_after_the_other() -> None:
        for number in numbers:
            question = QUESTION.format(number=number)
            answer = await ask(question)
            verdict = await ask(JUDGE.format(question=question, answer=answer))
            assert "Score:" in verdict

    begun = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(connections)))
    return time.perf_counter() - begun


def body(prompt: str) -> dict[str, Any]:
    """Return the request."""
    return {"model": "fake", "messages": [{"role": "user", "content": prompt}], "temperature": 0.0, "max_tokens": 1024}


async def with_aiohttp(arguments: argparse.Namespace) -> float:
    """Use nothing but aiohttp."""
    import aiohttp

    url = f"{arguments.base_url}/chat/completions"
    connector = aiohttp.TCPConnector(limit=arguments.connections)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(prompt: str) -> str:
            async with session.post(url, json=body(prompt)) as reply:
                return str((await reply.json())["choices"][0]["message"]["content"])

        return await work(ask, arguments.samples, arguments.connections)


async def with_retries(arguments: argparse.Namespace) -> float:
    """Use nothing but aiohttp, and ask again what fails: after ``Retry-After``, else after 0.25 s and then twice as long.

    Waiting holds no connection, so that a client that keeps nothing can hardly be done sooner.
    """
    import aiohttp

    url = f"{arguments.base_url}/chat/completions"
    free = asyncio.Semaphore(arguments.connections)
    connector = aiohttp.TCPConnector(limit=arguments.connections)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def once(prompt: str) -> str | float | None:
            async with free:
                try:
                    async with session.post(url, json=body(prompt)) as reply:
                        if reply.status == 429:
                            return float(reply.headers["Retry-After"])
                        return str((await reply.json())["choices"][0]["message"]["content"]) if reply.ok else None
                except (aiohttp.ClientError, json.JSONDecodeError):
                    return None

        async def ask(prompt: str) -> str:
            wait = 0.125
            while not isinstance(found := await once(prompt), str):
                wait *= 2
                await asyncio.sleep(wait if found is None else found)
            return found

        return await work(ask, arguments.samples, arguments.samples)


async def with_openai(arguments: argparse.Namespace) -> float:
    """Use the official client as its documentation shows it."""
    import openai

    async with openai.AsyncOpenAI(base_url=arguments.base_url, api_key="none") as client:

        async def ask(prompt: str) -> str:
            reply = await client.chat.completions.create(**body(prompt))
            return reply.choices[0].message.content or ""

        return await work(ask, arguments.samples, arguments.connections)


#: Library, to be loaded before the clock runs, and what uses it.
CLIENTS = {
    "aiohttp": ("aiohttp", with_aiohttp), "aiohttp-retries": ("aiohttp", with_retries), "openai": ("openai", with_openai),
}


def main() -> None:
    """Measure one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", choices=tuple(CLIENTS))
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=100)
    arguments = parser.parse_args()
    library, run = CLIENTS[arguments.client]
    __import__(library)
    cpu = time.process_time()
    seconds = asyncio.run(run(arguments))
    cpu = time.process_time() - cpu
    print(json.dumps({"calls": 2 * arguments.samples, "seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main()

"""One at a time between two looks at the network: answers that have come in go before questions that go out."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Hands out one turn for each round of the event loop.

    Whoever is to send a call waits for a turn. In between the loop reads what has come in: where this process
    itself is the slowest part, calls wait here, unsent, and not as answers that nobody has read or written down.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_rung = False

    async def wait(self) -> None:
        """Return when it is the caller's turn."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append(future)
        if not self._is_rung:
            self._is_rung = True
            loop.call_soon(self._next, loop)
        await future

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():  # its task may have been cancelled
                future.set_result(None)
                break
        self._is_rung = bool(self._waiting)
        if self._is_rung:
            loop.call_soon(self._next, loop)

"""One turn for each round of the event loop, in the order of asking."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from bench.execution.turns import Turns


def test_between_two_turns_the_loop_looks_at_what_came_in():
    async def play():
        turns, heard = Turns(), []

        async def sender(number):
            await turns.wait()
            heard.append(number)

        async def reader():
            for _ in range(40):
                heard.append("read")
                await asyncio.sleep(0)

        await asyncio.gather(*(sender(number) for number in range(4)), reader())
        return heard

    heard = asyncio.run(play())
    sent = [at for at, each in enumerate(heard) if each != "read"]
    assert [heard[at] for at in sent] == [0, 1, 2, 3]
    assert all("read" in heard[before:after] for before, after in pairwise(sent))


def test_who_was_cancelled_takes_no_turn_from_others():
    async def play():
        turns, heard = Turns(), []

        async def sender(number):
            await turns.wait()
            heard.append(number)

        tasks = [asyncio.create_task(sender(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks, timeout=5)
        await asyncio.wait_for(sender(9), 5)
        return heard

    assert asyncio.run(play()) == [1, 2, 9]

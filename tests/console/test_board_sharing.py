"""Readings that the board's watchers share: one at a time, and none older than the last change."""

from __future__ import annotations

import asyncio

from ivr.console.board.sharing import Shared


class Source:
    """Counts how often it is read; a reading ends when the gate is open."""

    def __init__(self) -> None:
        self.value = 0
        self.begun = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self) -> int:
        self.begun += 1
        value = self.value
        await self.gate.wait()
        return value


async def test_all_who_ask_meanwhile_share_one_reading() -> None:
    shared, source = Shared(), Source()
    found = await asyncio.gather(*(shared.live("a", 10, source.read) for _ in range(50)))
    assert (set(found), source.begun) == ({0}, 1)
    assert await shared.live("a", 10, source.read) == 0
    assert source.begun == 1


async def test_who_asks_after_a_change_waits_for_a_reading_that_began_after_it() -> None:
    shared, source = Shared(), Source()
    source.gate.clear()
    early = asyncio.create_task(shared.live("a", 10, source.read))
    while not source.begun:
        await asyncio.sleep(0)
    source.value = 1
    shared.changed()
    late = [asyncio.create_task(shared.live("a", 10, source.read)) for _ in range(20)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await early == 0
    assert set(await asyncio.gather(*late)) == {1}
    assert source.begun == 2


async def test_any_number_of_changes_costs_few_readings() -> None:
    shared, source = Shared(), Source()
    await shared.live("a", 10, source.read)
    asked = []
    for _ in range(200):
        source.value += 1
        shared.changed()
        asked.append(asyncio.create_task(shared.live("a", 10, source.read)))
        await asyncio.sleep(0)
    assert (await asyncio.gather(*asked))[-1] == 200
    assert source.begun <= 20  # 200 changes; a busy machine takes longer over them


async def test_a_request_that_is_given_up_does_not_take_the_reading_from_the_others() -> None:
    shared, source = Shared(), Source()
    source.gate.clear()
    first = asyncio.create_task(shared.live("a", 10, source.read))
    second = asyncio.create_task(shared.live("a", 10, source.read))
    while not source.begun:
        await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    source.gate.set()
    assert await second == 0


async def test_a_reading_that_failed_is_told_to_all_who_wait_and_tried_again() -> None:
    shared, tries = Shared(), []

    async def read() -> int:
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) == 1:
            raise OSError("away")
        return 7

    found = await asyncio.gather(*(shared.live("a", 10, read) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in found] == [OSError] * 3
    assert await shared.live("a", 10, read) == 7


async def test_what_is_slow_serves_still_while_it_is_made_anew() -> None:
    shared, source = Shared(), Source()
    assert await shared.get("day", 0.05, source.read) == 0
    source.value = 1
    source.gate.clear()
    await asyncio.sleep(0.06)
    assert await shared.get("day", 0.05, source.read) == 0  # the old one, at once
    assert await shared.get("day", 0.05, source.read) == 0
    source.gate.set()
    while await shared.get("day", 100, source.read) == 0:
        await asyncio.sleep(0)
    assert source.begun == 2


async def test_what_is_much_too_old_is_waited_for() -> None:
    shared, source = Shared(), Source()
    assert await shared.get("day", 0.001, source.read) == 0
    source.value = 1
    await asyncio.sleep(0.02)
    assert await shared.get("day", 0.001, source.read) == 1


async def test_what_is_forgotten_is_read_anew() -> None:
    shared, source = Shared(), Source()
    await shared.get("day", 100, source.read)
    source.value = 1
    shared.forget()
    assert await shared.get("day", 100, source.read) == 1

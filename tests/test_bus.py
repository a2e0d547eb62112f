"""Nudges reach who listens, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ivr.bus import LocalBus, Nudge


async def heard(queue: asyncio.Queue[Nudge]) -> Nudge:
    return await asyncio.wait_for(queue.get(), 2)


async def test_a_nudge_reaches_every_listener_however_deep_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 10)
    bus, one, two = LocalBus(folder), asyncio.Queue[Nudge](), asyncio.Queue[Nudge]()
    async with bus.listening(one.put_nowait), LocalBus(folder).listening(two.put_nowait):
        bus.publish("seat", "anna")
        assert await heard(one) == await heard(two) == Nudge("seat", "anna")
    assert list(folder.iterdir()) == []
    bus.close()


async def test_publishing_to_nobody_and_to_a_dead_listener_is_harmless(tmp_path: Path) -> None:
    bus = LocalBus(tmp_path / "bus")
    bus.publish("call", "1")
    queue = asyncio.Queue[Nudge]()
    async with bus.listening(queue.put_nowait):
        (tmp_path / "bus" / "1-dead.bus").touch()
        bus.publish("call", "2")
        assert await heard(queue) == Nudge("call", "2")
    bus.close()


async def test_a_listener_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    bus = LocalBus(tmp_path)
    async with bus.listening(lambda nudge: None):
        for number in range(5000):
            bus.publish("call", str(number))
    bus.close()

"""The stream line keeps the contract of a line, with an independent WebSocket client at the other end.

The sockets are real and the time is not: it moves on when everything that was sent has come, so that a machine that has
other things to do changes nothing of what is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from contract import LineContract, LineHarness, TestCaller
from stream_peer import SECRET, StreamPeer, at_an_address, seat_line, until

from ivr.clock import VirtualClock
from ivr.lines.base import Leg
from ivr.lines.stream import SeatTickets, StreamSettings, Ticket
from ivr.media.writer import RecordingWriter


class StreamHarness(LineHarness):
    def __init__(self) -> None:
        self.clock: VirtualClock = VirtualClock(datetime(2026, 3, 10, tzinfo=UTC))
        self._writer = RecordingWriter()
        settings = StreamSettings(most_calls=3)
        self.line = seat_line(settings=settings, clock=self.clock, writer=self._writer)
        self.offered: list[Leg] = []
        self._peers: list[StreamPeer] = []
        self._stack = AsyncExitStack()
        self._url = ""

    async def start(self) -> None:
        await self.line.start(self.offered.append)
        self._stack = AsyncExitStack()
        self._url = await self._stack.enter_async_context(at_an_address(self.line))

    async def stop(self) -> None:
        await self.line.stop()
        await self._stack.aclose()
        for peer in self._peers:
            await peer.close()
        self._peers.clear()
        self._writer.close()

    async def call(self) -> TestCaller:
        before = len(self.offered)
        peer = await self._peer({"caller": self.caller_number, "called": "95500"})
        await until(lambda: len(self.offered) > before or peer.over)
        return peer

    async def dial(self) -> tuple[Leg, TestCaller]:
        dialling = asyncio.create_task(self.line.dial("browser:anna", caller="13800138000"))
        await until(lambda: self.line.rings("anna"))
        ticket = SeatTickets(SECRET).issue(Ticket("anna", "call-1", "worker-1", ""))
        peer = await self._peer({"seat": "anna", "ticket": ticket})
        return await dialling, peer

    async def until(self, condition: Callable[[], bool], longest: float = 10.0) -> None:
        end = self.clock.time() + longest
        async with asyncio.timeout(60):
            while not condition():
                await self._settle()
                if not condition() and not self.clock.advance_to_next():
                    await asyncio.sleep(0.001)
                if self.clock.time() > end:
                    raise TimeoutError(f"not within {longest} s of the line's time")

    async def _settle(self) -> None:
        """Until everything that was sent has come, and what came has been done."""
        await asyncio.gather(*(peer.settle() for peer in self._peers if not peer.over))
        await asyncio.to_thread(self._writer.flush)
        for _ in range(5):
            await asyncio.sleep(0)

    async def _peer(self, parameters: dict[str, str]) -> StreamPeer:
        stream = f"MZ{len(self._peers)}"
        peer = await StreamPeer.call(self._url, parameters, stream=stream, clock=self.clock)
        self._peers.append(peer)
        return peer


class TestStreamLine(LineContract):
    #: The protocol has no hold.
    test_on_hold_playing_stands_still_and_goes_on_afterwards = None

    @pytest.fixture
    async def harness(self) -> AsyncIterator[LineHarness]:
        harness = StreamHarness()
        await harness.start()
        yield harness
        await harness.stop()

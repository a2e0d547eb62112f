"""The stream line keeps the contract of a line, with an independent WebSocket client at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from contract import LineContract, LineHarness, TestCaller
from stream_peer import SECRET, StreamPeer, at_an_address, seat_line, until

from ivr.clock import SystemClock
from ivr.lines.base import Leg
from ivr.lines.stream import SeatTickets, StreamSettings, Ticket

pytestmark = pytest.mark.sip  # in real time


class StreamHarness(LineHarness):
    tolerance = 0.1

    def __init__(self) -> None:
        self.clock: SystemClock = SystemClock()
        self.line = seat_line(settings=StreamSettings(most_calls=3))
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
        await until(condition, longest)

    async def _peer(self, parameters: dict[str, str]) -> StreamPeer:
        peer = await StreamPeer.call(self._url, parameters, stream=f"MZ{len(self._peers)}")
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

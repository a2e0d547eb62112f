"""The common half of legs that carry frames keeps the contract of a line, on wires that are two queues."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import numpy as np
import pytest
from contract import LineContract, LineHarness, Samples, TestCaller

from ivr.clock import VirtualClock
from ivr.lines.base import Leg, LegInfo
from ivr.lines.port_leg import PortLeg
from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.clock import MediaClock
from ivr.media.g711 import Law
from ivr.media.port import AudioPort
from ivr.media.writer import RecordingWriter


class WiredCaller(TestCaller):
    """Hears every frame of the leg's port and gives it one in return, at each beat."""

    def __init__(self, clock: VirtualClock) -> None:
        self.leg: WiredLeg | None = None
        self.answer_status: int | None = None
        self.is_over = False
        self._clock = clock
        self._frames: list[bytes] = []
        self._says: deque[bytes] = deque()
        self._on_hold = False

    @property
    def status(self) -> int | None:
        return self.answer_status

    @property
    def over(self) -> bool:
        return self.is_over

    def heard(self) -> Samples:
        return g711.decode(b"".join(self._frames), Law.A) if self._frames else np.zeros(0, dtype=np.int16)

    def press(self, key: str) -> None:
        self._signal(lambda leg: leg.pressed(key))

    def send(self, sound: Clip) -> None:
        audio = sound.frames(Law.A)
        self._says.extend(audio[at : at + 160] for at in range(0, len(audio), 160))

    def hold(self, on: bool) -> None:
        self._on_hold = on
        self._signal(lambda leg: leg.put_on_hold(on))

    def hang_up(self) -> None:
        self._signal(lambda leg: leg.hung_up_by_caller())

    def beat(self, port: AudioPort) -> None:
        frame = port.next_frame()
        if not self._on_hold:
            self._frames.append(frame)
        port.frame_received(self._says.popleft() if self._says else g711.SILENCE[Law.A])

    def _signal(self, what: Callable[[WiredLeg], None]) -> None:
        if self.leg is not None:
            self._clock.call_at(self._clock.time(), partial(what, self.leg))


class WiredLeg(PortLeg):
    """The least a line must add to a `PortLeg`: signalling by calling the other side's object."""

    def __init__(self, line: WiredLine, caller: WiredCaller, info: LegInfo) -> None:
        loop = asyncio.get_running_loop()
        port = AudioPort(Law.A, post=loop.call_soon)
        super().__init__(
            info, clock=line.clock, port=port, writer=line.writer, post=loop.call_soon_threadsafe
        )
        self._line = line
        self._caller = caller
        self._beat = line.media.add(partial(caller.beat, port), self._media_failed)
        self._line.media.remove(self._beat)
        caller.leg = self

    def ring(self) -> None:
        pass

    def answer(self) -> None:
        if self.ended:
            return
        self._caller.answer_status = 200
        self._beat = self._line.media.add(partial(self._caller.beat, self.port), self._media_failed)
        self._answered()
        self._answered()

    def refuse(self, status: int = 486, *, retry_after: int | None = None) -> None:
        self._caller.answer_status = status
        self._over("us", status)

    def hang_up(self, reason: str = "normal") -> None:
        self._over("us")

    def pressed(self, key: str) -> None:
        self._key_down(key, "rfc4733")
        self._key_down(key, "info")

    def put_on_hold(self, on: bool) -> None:
        self._held(on)

    def hung_up_by_caller(self) -> None:
        answered = self._caller.answer_status == 200
        self._over("caller", 200 if answered else 487)

    def stop(self) -> None:
        self._over("line", 503)

    def _over(self, by: Literal["caller", "us", "line"], status: int = 200) -> None:
        if not self.ended:
            self._line.media.remove(self._beat)
            self._caller.is_over = True
            self._gone(by, status)
            self._line.legs.discard(self)

    def _media_failed(self, error: Exception) -> None:
        self._over("line", 500)


class WiredLine:
    """A line in memory; only as much of one as the contract needs."""

    name = "wired"
    capacity = 3

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.legs: set[WiredLeg] = set()
        self.draining = False
        self._ids = itertools.count()

    @property
    def active(self) -> int:
        return len(self.legs)

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        self.media = MediaClock(self.clock)
        self.writer = RecordingWriter(period=0.001)
        self.on_call = on_call

    def call(self, caller: WiredCaller, number: str) -> None:
        if self.draining or self.active >= self.capacity:
            caller.answer_status, caller.is_over = 503 if self.draining else 486, True
        else:
            self.on_call(self._leg(caller, number))

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Leg:
        person = WiredCaller(self.clock)
        leg = self._leg(person, caller)
        leg.answer()
        return leg

    def _leg(self, caller: WiredCaller, number: str) -> WiredLeg:
        leg = WiredLeg(self, caller, LegInfo(str(next(self._ids)), self.name, number, "95500"))
        self.legs.add(leg)
        return leg

    def drain(self) -> None:
        self.draining = True

    async def stop(self) -> None:
        for leg in tuple(self.legs):
            leg.stop()
        await asyncio.to_thread(self.writer.close)
        await asyncio.sleep(0)
        self.media.close()


class WiredHarness(LineHarness):
    tolerance = 0.041

    def __init__(self) -> None:
        self.clock: VirtualClock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.line: WiredLine = WiredLine(self.clock)
        self.offered: list[Leg] = []

    async def start(self) -> None:
        await self.line.start(self.offered.append)

    async def stop(self) -> None:
        await self.line.stop()

    async def call(self) -> TestCaller:
        caller = WiredCaller(self.clock)
        self.line.call(caller, self.caller_number)
        return caller

    async def dial(self) -> tuple[Leg, TestCaller]:
        leg = await self.line.dial("95500")
        assert isinstance(leg, WiredLeg)
        return leg, leg._caller

    async def until(self, condition: Callable[[], bool], longest: float = 10.0) -> None:
        """Virtual time waits for the writer's thread at every step: files are real, time is not."""
        end = self.clock.time() + longest
        while not condition():
            await self._settle()
            if condition():
                return
            if self.clock.time() > end or not self.clock.advance_to_next():
                raise TimeoutError
        await self._settle()

    async def _settle(self) -> None:
        if self.line.writer.active:
            await asyncio.to_thread(self.line.writer.flush)
        for _ in range(4):
            await asyncio.sleep(0)


class TestPortLeg(LineContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[LineHarness]:
        harness = WiredHarness()
        await harness.start()
        yield harness
        await harness.stop()

"""An outside telephone as the caller of the line contract, for any line that speaks SIP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import numpy as np
from contract import LineHarness, Samples, TestCaller
from sip_caller import OutsideCall, SipCaller

from ivr.clock import Clock, SystemClock
from ivr.lines.base import Leg, Line
from ivr.media.clip import Clip


class SipCarrier(Line, Protocol):
    """A line that tells its SIP port."""

    @property
    def port(self) -> int:
        """The UDP port in use."""


class SipPerson(TestCaller):
    """An outside caller whose actions run one after another, in the background."""

    def __init__(self, call: OutsideCall, *, placed: bool) -> None:
        self.call = call
        self._placed = placed
        self._wishes: asyncio.Queue[Coroutine[Any, Any, object]] = asyncio.Queue()
        self.tasks = [asyncio.create_task(self._act())]
        if placed:
            self.tasks.append(asyncio.create_task(self._await_answer()))

    async def _await_answer(self) -> None:
        reply = await self.call.final(20.0)
        if reply.status < 300:
            await self.call.answered()

    async def _act(self) -> None:
        while True:
            await (await self._wishes.get())

    @property
    def status(self) -> int | None:
        invited = [reply for reply in self.call.responses if reply.method == "INVITE"]
        finals = [reply.status for reply in invited if reply.status >= 200]
        return finals[0] if finals else (None if self._placed else 200)

    @property
    def over(self) -> bool:
        return self.call.ended.is_set() or (self.status or 0) >= 300

    def heard(self) -> Samples:
        return self.call.pcm()

    def press(self, key: str) -> None:
        self._wishes.put_nowait(self.call.press(key, seconds=0.06, gap=0.04))

    def send(self, sound: Clip) -> None:
        self.call.say(np.asarray(sound.samples()))

    def hold(self, on: bool) -> None:
        self._wishes.put_nowait(self.call.hold() if on else self.call.resume())

    def hang_up(self) -> None:
        self._wishes.put_nowait(self.call.hang_up() if self.status == 200 else self.call.cancel())


class SipHarness(LineHarness):
    """A line on a free port of loopback, made anew by `make` at each start."""

    def __init__(self, make: Callable[[Clock], SipCarrier]) -> None:
        self._make = make
        self._people: list[SipPerson] = []

    async def start(self) -> None:
        self.clock = SystemClock()
        self.offered: list[Leg] = []
        line = self.line = self._make(self.clock)
        await line.start(self.offered.append)
        self._outside = contextlib.AsyncExitStack()
        self._caller = await self._outside.enter_async_context(SipCaller(("127.0.0.1", line.port)))

    async def stop(self) -> None:
        for person in self._people:
            for task in person.tasks:
                task.cancel()
            await asyncio.gather(*person.tasks, return_exceptions=True)
        self._people.clear()
        await self.line.stop()
        await self._outside.aclose()

    async def call(self) -> SipPerson:
        before = len(self.offered)
        person = SipPerson(self._caller.begin(caller=self.caller_number), placed=True)
        self._people.append(person)
        await self.until(lambda: len(self.offered) > before or person.over)
        return person

    async def dial(self) -> tuple[Leg, SipPerson]:
        host, port = self._caller.address
        leg = await self.line.dial(f"sip:outside@{host}:{port}")
        person = SipPerson(self._caller.came[-1], placed=False)
        self._people.append(person)
        return leg, person

    async def until(self, condition: Callable[[], bool], longest: float = 10.0) -> None:
        async with asyncio.timeout(longest):
            while not condition():
                await asyncio.sleep(0.005)

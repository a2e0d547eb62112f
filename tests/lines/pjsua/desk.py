"""The trivial hotline that these tests call: it answers, plays, and remembers all that happened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from sip_caller import SipCaller, sine

from ivr.lines.base import Answered, KeyDown, Leg, LegEvent
from ivr.lines.pjsua import PjsuaLeg, PjsuaLine, PjsuaSettings
from ivr.media.clip import Clip

TONE = 440.0
E = TypeVar("E", bound=LegEvent)


class Reception:
    """One call and its events."""

    def __init__(self, leg: PjsuaLeg) -> None:
        self.leg = leg
        self.events: list[LegEvent] = []
        self._news = asyncio.Event()

    def took(self, event: LegEvent) -> None:
        self.events.append(event)
        self._news.set()

    def all(self, kind: type[LegEvent]) -> list[LegEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def keys(self) -> str:
        return "".join(event.key for event in self.events if isinstance(event, KeyDown))

    async def until(self, found: Callable[[], object], seconds: float = 4.0) -> None:
        async with asyncio.timeout(seconds):
            while not found():
                self._news.clear()
                await self._news.wait()

    async def event(self, kind: type[E], seconds: float = 4.0) -> E:
        """The first event of a kind, awaited."""
        await self.until(lambda: self.all(kind), seconds)
        return next(event for event in self.events if isinstance(event, kind))


class Desk:
    """What a call does on this line: `greet` with a tone, `ring` only, or whatever a test puts there."""

    def __init__(self, settings: PjsuaSettings) -> None:
        self.line = PjsuaLine(settings)
        self.calls: list[Reception] = []
        self.on_call: Callable[[Reception], None] = self.greet
        self._news = asyncio.Event()

    def took(self, leg: Leg) -> None:
        assert isinstance(leg, PjsuaLeg)
        reception = Reception(leg)
        self.calls.append(reception)
        leg.attach(reception.took)
        self.on_call(reception)
        self._news.set()

    @staticmethod
    def greet(reception: Reception) -> None:
        reception.leg.play([Clip.from_samples(sine(TONE, 2.0))], token="greeting")
        reception.leg.answer()

    @staticmethod
    def answer(reception: Reception) -> None:
        reception.leg.answer()

    @staticmethod
    def ring(reception: Reception) -> None:
        reception.leg.ring()

    async def call(self, number: int = 0, seconds: float = 4.0) -> Reception:
        """The call that came as the given one, awaited."""
        async with asyncio.timeout(seconds):
            while len(self.calls) <= number:
                self._news.clear()
                await self._news.wait()
        return self.calls[number]

    async def answered(self, number: int = 0) -> Reception:
        reception = await self.call(number)
        await reception.event(Answered)
        return reception


@contextlib.asynccontextmanager
async def open_desk(**options: object) -> AsyncIterator[Desk]:
    """A desk on a free port of loopback."""
    desk = Desk(PjsuaSettings(**{"host": "127.0.0.1", "port": 0, **options}))  # type: ignore[arg-type]
    await desk.line.start(desk.took)
    try:
        yield desk
    finally:
        await desk.line.stop()


@contextlib.asynccontextmanager
async def outside(desk: Desk, host: str = "127.0.0.1") -> AsyncIterator[SipCaller]:
    """A caller aimed at a desk."""
    async with SipCaller(("127.0.0.1", desk.line.port), host=host) as caller:
        yield caller

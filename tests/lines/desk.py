"""The trivial hotline that tests of SIP lines call: it answers, plays, and remembers all that happened."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, TypeVar

from sip_caller import OutsideCall, SipCaller, sine

from ivr.lines.base import Answered, KeyDown, Leg, LegEvent, MediaReport
from ivr.media.clip import Clip

TONE = 440.0
#: Calls at once on the line that could carry hundreds; the other carries as many as its library was built for.
PLACES = 4
Kind = Literal["sip", "pjsua"]
E = TypeVar("E", bound=LegEvent)


class Reception:
    """One call and its events; what is told of its sound stands apart."""

    def __init__(self, leg: Any) -> None:
        self.leg = leg
        self.events: list[LegEvent] = []
        self.reports: list[MediaReport] = []
        self._news = asyncio.Event()

    def took(self, event: LegEvent) -> None:
        if isinstance(event, MediaReport):
            self.reports.append(event)
        else:
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

    async def settled(self, keys: str) -> str:
        """The keys that came, once as many as expected are there and no more follow."""
        await self.until(lambda: len(self.keys) >= len(keys))
        await asyncio.sleep(0.15)
        return self.keys

    async def event(self, kind: type[E], seconds: float = 4.0) -> E:
        """The first event of a kind, awaited."""
        await self.until(lambda: self.all(kind), seconds)
        return next(event for event in self.events if isinstance(event, kind))


class Desk:
    """What a call does on a line: `greet` with a tone, `ring` only, or whatever a test puts there."""

    def __init__(self, line: Any) -> None:
        self.line = line
        self.calls: list[Reception] = []
        self.on_call: Callable[[Reception], None] = self.greet
        self._news = asyncio.Event()

    def took(self, leg: Leg) -> None:
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


def make_line(kind: Kind, **options: Any) -> Any:
    """A line on a free port of loopback."""
    chosen = {"host": "127.0.0.1", "port": 0, **options}
    if kind == "pjsua":
        from ivr.lines.pjsua import PjsuaLine, PjsuaSettings

        return PjsuaLine(PjsuaSettings(**chosen))
    from ivr.lines.sip import SipLine, SipSettings

    return SipLine(SipSettings(**{"most_calls": PLACES, **chosen}))


@contextlib.asynccontextmanager
async def open_desk(kind: Kind, **options: Any) -> AsyncIterator[Desk]:
    """A desk on a line of this kind, with these of its settings."""
    desk = Desk(make_line(kind, **options))
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


def stranger_presses(call: OutsideCall, host: str, port: int) -> None:
    """A key sent to the hotline's RTP port of a call by somebody else.

    More packets than the library lets a new source send before it believes that the caller has moved.
    """
    assert call.rtp.remote is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((host, port))
        for number in range(30):
            event = struct.pack("!BBH", 9, 0x8A if number > 26 else 0x0A, 160 * (number + 1))
            head = struct.pack("!BBHII", 0x80, 101, 60_000 + number, 77, 99)
            stranger.sendto(head + event, call.rtp.remote)

"""The SIP line, to be called by peers that we did not write and to call them, and what it saw of each call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from sip_caller import sine

from ivr.lines.base import Answered, KeyDown, Leg, LegEvent
from ivr.lines.sip import SipLine, SipSettings
from ivr.media.clip import Clip

#: What the line says, in Hz.
TONE = 440.0
E = TypeVar("E", bound=LegEvent)


class Visit:
    """One call and its events; `then` is called with each."""

    def __init__(self, leg: Any, then: Callable[[Visit, LegEvent], None] | None = None) -> None:
        self.leg = leg
        self.events: list[LegEvent] = []
        self._then = then
        self._news = asyncio.Event()
        leg.attach(self._took)

    def _took(self, event: LegEvent) -> None:
        self.events.append(event)
        self._news.set()
        if self._then is not None:
            self._then(self, event)

    def all(self, kind: type[E]) -> list[E]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def keys(self) -> str:
        """The keys pressed so far."""
        return "".join(event.key for event in self.all(KeyDown))

    async def until(self, found: Callable[[], object], seconds: float = 5.0) -> None:
        """Wait until something holds after an event."""
        async with asyncio.timeout(seconds):
            while not found():
                self._news.clear()
                await self._news.wait()

    async def event(self, kind: type[E], seconds: float = 5.0) -> E:
        """The first event of a kind, awaited."""
        await self.until(lambda: self.all(kind), seconds)
        return self.all(kind)[0]


class PeerDesk:
    """A line that greets every call with a tone; `then` says what follows its events."""

    def __init__(self, line: SipLine) -> None:
        self.line = line
        self.visits: list[Visit] = []
        self.then: Callable[[Visit, LegEvent], None] | None = None
        #: Whether calls are answered; else they ring.
        self.greets = True
        self._news = asyncio.Event()

    def took(self, leg: Leg) -> None:
        """A call: it hears the tone and is answered."""
        self.visits.append(Visit(leg, self.then))
        if self.greets:
            leg.play([Clip.from_samples(sine(TONE, 4.0))], token="greeting")
            leg.answer()
        else:
            leg.ring()
        self._news.set()

    @property
    def address(self) -> tuple[str, int]:
        """Where it takes SIP."""
        return ("127.0.0.1", self.line.port)

    async def answered(self, number: int = 0, seconds: float = 5.0) -> Visit:
        """The call that came as the given one, answered."""
        async with asyncio.timeout(seconds):
            while len(self.visits) <= number:
                self._news.clear()
                await self._news.wait()
        await self.visits[number].event(Answered)
        return self.visits[number]

    async def dial(self, to: str, **options: Any) -> Visit:
        """Call somebody; returns when answered."""
        leg = await self.line.dial(to, **options)
        leg.play([Clip.from_samples(sine(TONE, 4.0))], token="greeting")
        return Visit(leg, self.then)

    def left(self) -> dict[str, int]:
        """What the line's user agent still holds."""
        figures = self.line.figures
        return {"sessions": figures.sessions, "transactions": figures.transactions}

    async def idle(self, seconds: float = 5.0) -> None:
        """Wait until no call is left."""
        async with asyncio.timeout(seconds):
            while self.line.active:
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def open_peer_desk(**settings: Any) -> AsyncIterator[PeerDesk]:
    """A desk on a free port of loopback, stopped at the end with no call left."""
    desk = PeerDesk(SipLine(SipSettings(**{"host": "127.0.0.1", "port": 0, **settings})))
    await desk.line.start(desk.took)
    try:
        yield desk
    finally:
        await desk.line.stop()

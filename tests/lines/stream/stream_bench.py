"""A stream line in virtual time, and sockets that are lists: what is said, and what came of it, to the frame."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from stream_peer import SECRET, start_message

from ivr.clock import VirtualClock
from ivr.lines.base import Leg, LegEvent
from ivr.lines.stream import SeatTickets, StreamLine, StreamSettings
from ivr.media.g711 import SILENCE, Law

QUIET = SILENCE[Law.MU]


class ListWire:
    """A wire that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None

    def send(self, text: str, *, sound: bool = False) -> None:
        if self.closed is None:
            self.sent.append(json.loads(text))

    def close(self, code: int, reason: str) -> None:
        self.closed = self.closed or (code, reason)

    def events(self) -> list[str]:
        """The events sent, a row of `media` told once."""
        names = [message["event"] for message in self.sent]
        return [name for at, name in enumerate(names) if name != "media" or at == 0 or names[at - 1] != name]

    def frames(self) -> list[bytes]:
        return [base64.b64decode(one["media"]["payload"]) for one in self.sent if one["event"] == "media"]


class Bench:
    """A line, its clock, and the legs that it offered."""

    def __init__(self, settings: StreamSettings | None = None) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.line = StreamLine(settings, clock=self.clock, seat_of=SeatTickets(SECRET).seat_of)
        self.offered: list[Leg] = []

    def socket(self) -> Socket:
        return Socket(self)

    def answered(self, **parameters: str) -> Socket:
        """A caller whose call is answered."""
        socket = self.socket()
        socket.say({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        socket.say(start_message("MZ1", parameters))
        socket.take()
        return socket

    async def run(self, seconds: float) -> None:
        end = self.clock.time() + seconds
        done: list[bool] = []
        self.clock.call_at(end, lambda: done.append(True))
        await self.clock.run(lambda: bool(done), longest=end + 1)


class Socket:
    """One socket from the other side."""

    def __init__(self, bench: Bench) -> None:
        self.wire = ListWire()
        self.session = bench.line.connected(self.wire, remote_address="192.0.2.7")
        self.events: list[LegEvent] = []
        self._bench = bench

    def say(self, *messages: dict[str, Any] | str) -> None:
        for message in messages:
            self.session.received(message if isinstance(message, str) else json.dumps(message))

    def take(self) -> None:
        """Answer the call of this socket, and hear of it."""
        leg = self.leg
        leg.attach(self.events.append)
        leg.answer()

    @property
    def leg(self) -> Any:
        assert self.session.leg is not None
        return self.session.leg


def media(payload: bytes, at: int | None = None, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"track": "inbound", "payload": base64.b64encode(payload).decode(), **more}
    if at is not None:
        told["timestamp"] = str(at)
    return {"event": "media", "streamSid": "MZ1", "media": told}


@asynccontextmanager
async def bench(settings: StreamSettings | None = None) -> AsyncIterator[Bench]:
    one = Bench(settings)
    await one.line.start(one.offered.append)
    try:
        yield one
    finally:
        await one.line.stop()
        await asyncio.sleep(0)

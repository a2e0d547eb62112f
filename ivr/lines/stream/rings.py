"""Seats that ring in a browser: each rings for one call, until its socket comes, it declines, or time is up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ivr.errors import LineError, RefusedError
from ivr.lines.stream.leg import StreamLeg

#: What an address of the stream line begins with: `browser:anna`.
PREFIX = "browser:"


@dataclass(eq=False, slots=True)
class Ring:
    """A seat that rings; `outcome` is its leg, or the LineError with which it ended."""

    seat: str
    caller: str
    outcome: asyncio.Future[StreamLeg] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Rings:
    """Who rings now."""

    def __init__(self) -> None:
        self._rings: dict[str, Ring] = {}

    def __contains__(self, seat: str) -> bool:
        return seat in self._rings

    def begin(self, address: str, caller: str) -> Ring:
        """Let a seat ring. Raises LineError: H212 an address that is none, H210 (486) it rings already."""
        seat = address.strip().removeprefix(PREFIX)
        if not address.strip().startswith(PREFIX) or not seat:
            raise LineError(f"{address!r} is no seat; write {PREFIX}SEAT", code="H212")
        if seat in self._rings:
            raise RefusedError(f"the seat {seat} rings already", 486)
        ring = self._rings[seat] = Ring(seat, caller)
        return ring

    def end(self, ring: Ring) -> None:
        """It rings no more; harmless if repeated."""
        if self._rings.get(ring.seat) is ring:
            del self._rings[ring.seat]

    def take(self, seat: str) -> Ring | None:
        """The ring that a seat picks up; nobody else can from now on."""
        ring = self._rings.pop(seat, None)
        return ring if ring is not None and not ring.outcome.done() else None

    def decline(self, seat: str) -> bool:
        """The person at the seat does not take it; False if it does not ring."""
        ring = self.take(seat)
        if ring is not None:
            ring.outcome.set_exception(RefusedError(f"the seat {seat} has declined", 603))
        return ring is not None

    def close(self) -> None:
        """Nobody rings any more."""
        for ring in tuple(self._rings.values()):
            self.end(ring)
            if not ring.outcome.done():
                ring.outcome.set_exception(RefusedError("the line is closed", 503))

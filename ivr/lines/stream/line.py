"""The stream line: calls over WebSockets that somebody else has accepted and let in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from ivr.clock import Clock, SystemClock
from ivr.errors import LineError
from ivr.lines.base import Leg, LegInfo
from ivr.lines.stream.leg import StreamLeg
from ivr.lines.stream.messages import Start
from ivr.lines.stream.rings import Ring, Rings
from ivr.lines.stream.session import StreamSession
from ivr.lines.stream.wire import Wire
from ivr.media.clock import MediaClock
from ivr.media.writer import RecordingWriter

log = structlog.get_logger("ivr.lines.stream")

#: Seconds that recordings of ended calls are given to close when the line stops.
_LAST_RECORDINGS: Final = 6.0
_LOOK: Final = 0.02
#: Parameters of a start that the line reads itself.
_OWN: Final = frozenset({"caller", "called", "name", "seat", "ticket"})
_LONGEST_NUMBER: Final = 64


def _new_id() -> str:
    return uuid.uuid4().hex


def _nobody(_parameters: Mapping[str, str]) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a site may choose about its stream line. Times are in seconds."""

    name: str = "stream"
    #: Calls at once.
    most_calls: int = 50
    #: A call without any sound for so long is ended; 0: never.
    dead_media_seconds: float = 60.0
    #: Whether keys are also made out in the sound.
    inband_keys: bool = False


class StreamLine:
    """A `Line` that speaks Media Streams. It opens no socket: each is brought to it, by `connected`.

    `media_clock` gives the process's media clock, once the line is started. `seat_of` tells which seat a
    `start` with a `seat` among its parameters proves to come from, None if it proves nothing. `writer` is
    the process's recording writer, which stays the caller's to close; without one the line has its own.
    """

    #: What its legs are.
    _leg_type: type[StreamLeg] = StreamLeg

    def __init__(
        self,
        settings: StreamSettings | None = None,
        *,
        media_clock: Callable[[], MediaClock] | None = None,
        seat_of: Callable[[Mapping[str, str]], str | None] = _nobody,
        clock: Clock | None = None,
        writer: RecordingWriter | None = None,
        ids: Callable[[], str] = _new_id,
    ) -> None:
        self.settings = settings or StreamSettings()
        self._clock = clock or SystemClock()
        self._given_clock = media_clock
        self._own_clock = MediaClock(self._clock)
        self._seat_of = seat_of
        self._given_writer = writer
        self._writer = writer
        self._ids = ids
        self._on_call: Callable[[Leg], None] | None = None
        self._draining = False
        self._legs: set[StreamLeg] = set()
        self._closing: set[StreamLeg] = set()
        self._rings = Rings()

    @property
    def name(self) -> str:
        """A short name for logs and metrics."""
        return self.settings.name

    @property
    def capacity(self) -> int:
        """How many calls it carries at once."""
        return self.settings.most_calls

    @property
    def active(self) -> int:
        """How many it carries now."""
        return len(self._legs)

    @property
    def media_clock(self) -> MediaClock:
        """The clock that all its legs live by."""
        return self._own_clock if self._given_clock is None else self._given_clock()

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        """Take the calls of sockets that are brought from now on."""
        self._on_call = on_call
        self._draining = False
        self._writer = self._given_writer or RecordingWriter()
        log.info("line.started", line=self.name, capacity=self.capacity)

    def connected(self, wire: Wire, *, remote_address: str = "") -> StreamSession:
        """A socket that was let in. The session is to be told what it says, and of its end."""
        return StreamSession(wire, self, clock=self._clock, remote_address=remote_address)

    async def dial(
        self,
        to: str,
        *,
        caller: str = "",
        timeout: float = 60.0,  # noqa: ASYNC109 - part of what every line offers
    ) -> StreamLeg:
        """Let the seat of a `browser:SEAT` ring; returns once its socket has picked up.

        `timeout` is in seconds. Raises LineError: H210 declined (603), ringing already or no place (486, 503),
        H211 not picked up in time, H212 an address that is none.
        """
        if self._on_call is None:
            raise LineError("the line is not started; start it before dialling", code="H213")
        ring = self._rings.begin(to, caller)
        taken = False
        try:
            async with asyncio.timeout(timeout):
                leg = await ring.outcome
            taken = True
            return leg
        except TimeoutError:
            raise LineError(
                f"the seat {ring.seat} did not answer within {timeout:.0f} s", code="H211"
            ) from None
        finally:
            self._rings.end(ring)
            if not taken:
                _let_go(ring)

    def rings(self, seat: str) -> bool:
        """Whether a seat rings now."""
        return seat in self._rings

    def decline(self, seat: str) -> bool:
        """The person at a seat that rings does not take the call; False if it does not ring."""
        return self._rings.decline(seat)

    def drain(self) -> None:
        """Take no new calls (503); running ones go on."""
        self._draining = True

    async def stop(self) -> None:
        """End every call and give everything back. Harmless if repeated."""
        if self._on_call is None:
            return
        self._rings.close()
        for leg in tuple(self._legs):
            leg.hang_up("the line is closed")
        self._on_call = None
        await self._closed_recordings()
        self._own_clock.close()
        if self._given_writer is None and self._writer is not None:
            await asyncio.to_thread(self._writer.close)

    # What sockets and legs report.

    def begun(self, wire: Wire, start: Start, remote_address: str) -> StreamLeg | int:
        """A call begins: a seat picks up, or somebody calls. Its leg, or the SIP status that refuses it."""
        if self._on_call is None:
            return 503
        if "seat" in start.parameters:
            return self._picked_up(wire, start, remote_address)
        if self._draining or self.active >= self.capacity:
            return 503
        leg = self._new_leg(wire, start, self._caller_of(start, remote_address))
        self._on_call(leg)
        return leg

    def leg_ended(self, leg: StreamLeg) -> None:
        """A call is over; its recordings may still be closed."""
        self._legs.discard(leg)
        self._closing = {one for one in self._closing if not one.over}
        if not leg.over:
            self._closing.add(leg)

    # Inside.

    def _picked_up(self, wire: Wire, start: Start, remote_address: str) -> StreamLeg | int:
        seat = self._seat_of(start.parameters)
        if seat is None:
            return 403
        ring = self._rings.take(seat)
        if ring is None:
            return 481
        info = self._info(start, ring.caller, f"browser:{seat}", "", remote_address)
        leg = self._new_leg(wire, start, info)
        leg.answer()
        ring.outcome.set_result(leg)
        return leg

    def _caller_of(self, start: Start, remote_address: str) -> LegInfo:
        told = start.parameters
        return self._info(
            start, told.get("caller", ""), told.get("called", ""), told.get("name", ""), remote_address
        )

    def _info(self, start: Start, caller: str, called: str, name: str, remote_address: str) -> LegInfo:
        return LegInfo(
            self._ids(),
            self.name,
            caller=caller[:_LONGEST_NUMBER],
            called=called[:_LONGEST_NUMBER],
            display_name=name[:_LONGEST_NUMBER],
            remote_id=start.call or start.stream,
            remote_address=remote_address,
            headers={key: value for key, value in start.parameters.items() if key not in _OWN},
        )

    def _new_leg(self, wire: Wire, start: Start, info: LegInfo) -> StreamLeg:
        assert self._writer is not None  # noqa: S101 - made at the start, before any call
        leg = self._leg_type(
            info,
            wire,
            self,
            stream=start.stream,
            clock=self._clock,
            media_clock=self.media_clock,
            writer=self._writer,
            post=asyncio.get_running_loop().call_soon_threadsafe,
            inband_keys=self.settings.inband_keys,
            dead_after=self.settings.dead_media_seconds,
        )
        self._legs.add(leg)
        return leg

    async def _closed_recordings(self) -> None:
        try:
            async with asyncio.timeout(_LAST_RECORDINGS):
                while not all(leg.over for leg in self._closing):  # noqa: ASYNC110 - the writer's thread ends them
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            log.warning("line.recordings_unfinished", legs=len(self._closing))


def _let_go(ring: Ring) -> None:
    """A seat that picked up in the very moment in which nobody wanted it any more is hung up on."""
    if ring.outcome.done() and not ring.outcome.cancelled() and ring.outcome.exception() is None:
        ring.outcome.result().hang_up()
    else:
        ring.outcome.cancel()

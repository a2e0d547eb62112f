"""The pjsua2 line: takes calls, places calls, within what the library carries."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping

import structlog

from ivr.clock import Clock, SystemClock
from ivr.errors import LineError, RefusedError
from ivr.lines.base import Leg, LegInfo
from ivr.lines.pjsua.config import PjsuaSettings
from ivr.lines.pjsua.endpoint import Command, EndpointThread
from ivr.lines.pjsua.leg import PjsuaLeg
from ivr.lines.pjsua.notices import Connected, Gone, Notice, Ringing
from ivr.lines.pjsua.station import Station
from ivr.media.port import Post
from ivr.media.writer import RecordingWriter

log = structlog.get_logger(__name__)

#: Seconds that recordings of ended calls are given to close when the line stops.
_LAST_RECORDINGS = 6.0


def _new_id() -> str:
    return uuid.uuid4().hex


class PjsuaLine:
    """A `Line` on pjsua2; one at a time in a process.

    `writer` is the process's recording writer, which stays the caller's to close; without one the line has
    its own. `ids` makes leg ids.
    """

    def __init__(
        self,
        settings: PjsuaSettings | None = None,
        *,
        clock: Clock | None = None,
        writer: RecordingWriter | None = None,
        ids: Callable[[], str] = _new_id,
    ) -> None:
        self.settings = settings or PjsuaSettings()
        self._clock = clock or SystemClock()
        self._own_writer = writer is None
        self._writer = writer or RecordingWriter()
        self._ids = ids
        self._endpoint = EndpointThread(self.settings, self._take)
        self._station: Station | None = None
        self._post: Post | None = None
        self._legs: dict[int, PjsuaLeg] = {}
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._closing: set[PjsuaLeg] = set()
        self._on_call: Callable[[Leg], None] | None = None

    @property
    def name(self) -> str:
        """A short name for logs and metrics."""
        return self.settings.name

    @property
    def capacity(self) -> int:
        """How many calls the library carries at once; 0 before the start."""
        return self._station.capacity if self._station is not None else 0

    @property
    def active(self) -> int:
        """How many it carries now."""
        return self._station.active if self._station is not None else 0

    @property
    def refused(self) -> int:
        """How many calls were refused since the start because there was no place, or while draining."""
        return self._station.refused if self._station is not None else 0

    @property
    def port(self) -> int:
        """The SIP port in use; 0 before the start."""
        return self._station.port if self._station is not None else 0

    @property
    def registered(self) -> bool:
        """Whether the registrar of the settings knows us at present."""
        return self._station is not None and self._station.registered

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        """Open the line. Raises LineError (H202 address in use, H203 a second line, H204 other trouble)."""
        self._on_call = on_call
        self._post = asyncio.get_running_loop().call_soon_threadsafe
        self._station = await self._endpoint.start()
        log.info("line.started", line=self.name, port=self.port, capacity=self.capacity)

    async def dial(
        self,
        to: str,
        *,
        caller: str = "",
        timeout: float = 60.0,  # noqa: ASYNC109 - part of what every line offers
        headers: Mapping[str, str] | None = None,
    ) -> PjsuaLeg:
        """Call a SIP address, or a number at the registrar; returns once it is answered.

        `timeout` is in seconds. Raises LineError: H210 refused (with the status), H211 not answered in time,
        H212 an address that cannot be called.
        """
        station = self._require()
        address, sender = self._address(to), self._sender(caller)
        key = station.next_key()
        info = LegInfo(leg_id=self._ids(), line=self.name, caller=caller or self.settings.user, called=to)
        leg = self._legs[key] = self._new_leg(info, key)
        answered = self._waiting[key] = asyncio.get_running_loop().create_future()
        self._endpoint.do(lambda one: one.dial(key, address, leg.port, dict(headers or {}), sender))
        try:
            async with asyncio.timeout(timeout):
                await answered
        except TimeoutError:
            raise LineError(
                f"{to} did not answer within {timeout:.0f} s; try again later", code="H211"
            ) from None
        finally:
            self._waiting.pop(key, None)
            if not answered.done() or answered.cancelled() or answered.exception() is not None:
                leg.hang_up()
        return leg

    def drain(self) -> None:
        """Take no new calls (503 with Retry-After); running ones go on."""
        if self._station is not None:
            self._station.draining = True

    async def stop(self) -> None:
        """End every call and give back every socket, thread and file. Harmless if repeated."""
        await self._endpoint.stop()
        try:
            async with asyncio.timeout(_LAST_RECORDINGS):
                for leg in (*self._legs.values(), *self._closing):
                    await leg.over.wait()
        except TimeoutError:
            log.warning("line.recordings_unfinished", legs=len(self._closing))
        if self._own_writer:
            await asyncio.to_thread(self._writer.close)
        self._station = None
        self._legs.clear()
        self._closing.clear()

    def _require(self) -> Station:
        if self._station is None:
            raise LineError("the line is not started; start it before dialling", code="H213")
        return self._station

    def _address(self, to: str) -> str:
        """A SIP address of what was given: as it is, or a number at the registrar."""
        if to.startswith(("sip:", "sips:", "<sip")):
            return to
        if "@" in to:
            return f"sip:{to}"
        host = self.settings.registrar.partition(":")[2].partition(";")[0]
        if not host:
            raise LineError(
                f"{to!r} cannot be called without a registrar; write sip:number@host", code="H212"
            )
        return f"sip:{to}@{host}"

    def _sender(self, caller: str) -> str:
        """The SIP address to call from; a bare number is one of this telephone where there is no registrar."""
        if not caller or "@" in caller or caller.startswith("sip") or self.settings.registrar:
            return self._address(caller) if caller else ""
        host = self.settings.public_address or self.settings.host
        return f"sip:{caller}@{'localhost' if host == '0.0.0.0' else host}"  # noqa: S104 - nothing is bound

    def _new_leg(self, info: LegInfo, key: int) -> PjsuaLeg:
        assert self._post is not None  # noqa: S101 - set by `start`, before any call can come
        return PjsuaLeg(
            info,
            key,
            self._do,
            clock=self._clock,
            writer=self._writer,
            post=self._post,
            inband_keys=self.settings.inband_keys,
        )

    def _do(self, command: Command) -> None:
        self._endpoint.do(command)

    def _take(self, key: int, notice: Notice) -> None:
        """What the library's thread reports, in the loop."""
        if isinstance(notice, Ringing):
            self._ringing(key, notice)
            return
        leg = self._legs.get(key)
        if leg is None:
            return
        self._settle(key, notice)
        if isinstance(notice, Gone):
            del self._legs[key]
            self._closing = {one for one in self._closing if not one.over.is_set()} | {leg}
        leg.take(notice)

    def _ringing(self, key: int, notice: Ringing) -> None:
        parties = notice.parties
        info = LegInfo(
            leg_id=self._ids(),
            line=self.name,
            caller=parties.caller,
            called=parties.called,
            display_name=parties.display_name,
            remote_id=parties.call_id,
            remote_address=notice.remote_address,
            headers=parties.headers,
        )
        leg = self._legs[key] = self._new_leg(info, key)
        if self._on_call is not None:
            self._on_call(leg)

    def _settle(self, key: int, notice: Notice) -> None:
        """Tell a dialler what became of its call."""
        waiting = self._waiting.get(key)
        if waiting is None or waiting.done():
            return
        if isinstance(notice, Connected):
            waiting.set_result(None)
        elif isinstance(notice, Gone):
            waiting.set_exception(
                RefusedError(f"the call was refused: {notice.status} {notice.text}", notice.status)
            )

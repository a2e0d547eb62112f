"""The SIP line: takes calls and places them, hundreds in one process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random, SystemRandom

import structlog

from ivr.clock import Clock, SystemClock
from ivr.errors import LineError
from ivr.lines.base import Leg
from ivr.lines.sip import srtp
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.dialling import route_of, sender_of, target_of
from ivr.lines.sip.leg import Report, SipLeg
from ivr.lines.sip.metrics import Figures, SipMetrics
from ivr.lines.sip.outgoing import DialSession, TransferSession
from ivr.lines.sip.parts import check, public_address
from ivr.lines.sip.running import RunningLine
from ivr.lines.sip.switchboard import OnRefer
from ivr.media.clock import MediaClock
from ivr.media.writer import RecordingWriter
from ivr.sip.uri import Uri

log = structlog.get_logger("ivr.lines.sip")


def _new_id() -> str:
    return uuid.uuid4().hex


def _as_installed(settings: SipSettings) -> SipSettings:
    """The settings without what is only welcome and not installed: encryption that cannot be done is not offered."""
    wanted = settings.srtp == "offered" and not srtp.available()
    return replace(settings, srtp="off") if wanted else settings


class SipLine:
    """A `Line` on our own SIP core and media.

    `writer` is the process's recording writer, which stays the caller's to close; without one the line has
    its own. `ids` makes leg ids. `metrics` takes the line's figures every second.
    """

    def __init__(
        self,
        settings: SipSettings | None = None,
        *,
        clock: Clock | None = None,
        writer: RecordingWriter | None = None,
        ids: Callable[[], str] = _new_id,
        metrics: SipMetrics | None = None,
        random: Random | None = None,
    ) -> None:
        self.settings = _as_installed(settings or SipSettings())
        self._clock = clock or SystemClock()
        self._own_writer = writer is None
        self._given_writer = writer
        self._ids = ids
        self._metrics = metrics
        self._random = random or SystemRandom()
        self._parts: RunningLine | None = None
        #: Says whether a party on the line may have us call somebody in its place (REFER); None: nobody may.
        self.on_refer: OnRefer | None = None

    # How it stands.

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
        return len(self._parts.board.legs) if self._parts is not None else 0

    @property
    def refused(self) -> int:
        """How many new calls were refused since the start, whatever the reason."""
        return sum(self._parts.board.refused.values()) if self._parts is not None else 0

    @property
    def ports(self) -> Mapping[str, int]:
        """The SIP port of each transport in use, by `udp`, `tcp`, `tls`; empty before the start."""
        return {str(one): port for one, port in self._parts.transports.ports.items()} if self._parts else {}

    @property
    def port(self) -> int:
        """The port of UDP, else of TCP, else of TLS; 0 before the start."""
        ports = self.ports
        return next((ports[one] for one in ("udp", "tcp", "tls") if one in ports), 0)

    @property
    def registered(self) -> bool:
        """Whether the registrar of the settings knows us at present."""
        account = self._parts.account if self._parts is not None else None
        return account is not None and account.registered

    @property
    def media_clock(self) -> MediaClock:
        """The clock that all its legs live by. Raises LineError (H213) before the start."""
        return self._started().room.media_clock

    @property
    def figures(self) -> Figures:
        """What it has counted since the start, and what it holds now."""
        return self._parts.figures() if self._parts is not None else Figures()

    # What it does.

    async def check(self) -> None:
        """See whether it could start, without opening anything. Raises LineError: H201, H205, H231."""
        await check(self.settings)

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        """Open the line.

        Raises LineError: H201 a setting cannot be, H202 an address is in use, H204 it cannot be opened, H205
        a certificate cannot be used, H231 encryption is demanded and not installed.
        """
        here = await public_address(self.settings)
        parts = self._parts = RunningLine(
            self.settings,
            clock=self._clock,
            writer=self._given_writer or RecordingWriter(),
            ids=self._ids,
            random=self._random,
            public=here,
            on_call=on_call,
            metrics=self._metrics,
        )
        parts.board.on_refer = lambda leg, to: self.on_refer is not None and self.on_refer(leg, to)
        parts.board.transfer = self._transfer
        try:
            if self.settings.rtp_port:
                stale = await parts.room.find_stale()
                if stale:
                    log.warning("line.stale_media", line=self.name, ports=stale)
            await parts.transports.start()
        except BaseException:
            await self.stop()
            raise
        parts.begin()
        log.info("line.started", line=self.name, ports=self.ports, capacity=self.capacity)

    async def dial(
        self,
        to: str,
        *,
        caller: str = "",
        timeout: float = 60.0,  # noqa: ASYNC109 - part of what every line offers
        headers: Mapping[str, str] | None = None,
        on_ringing: Callable[[], None] | None = None,
    ) -> SipLeg:
        """Call a SIP address, or a number at the registrar; returns once it is answered.

        `timeout` is in seconds; `on_ringing` is called when the other side rings, perhaps more than once. Raises
        LineError: H210 refused (with the status), H211 not answered in time, H212 an address that cannot be called,
        H230 no RTP port is free.
        """
        parts = self._started()
        target, route = target_of(to, self.settings), route_of(self.settings)
        leg: SipLeg | None = None
        answered = False
        try:
            async with asyncio.timeout(timeout):
                flow = await parts.way(route[0] if route else target)
                sender = sender_of(caller, self.settings, parts.here(flow))
                leg = parts.board.new_leg(
                    parts.board.new_info(caller=caller or self.settings.user, called=to), flow
                )
                link = DialSession(leg, on_ringing)
                leg.link = link
                parts.invite(link, target, sender, route, tuple((headers or {}).items()))
                await link.outcome
            answered = True
        except TimeoutError:
            raise LineError(
                f"{to} did not answer within {timeout:.0f} s; try again later", code="H211"
            ) from None
        finally:
            # Also when whoever dials stopped waiting in the very moment of the answer.
            if leg is not None and not answered:
                leg.hang_up()
        return leg

    def drain(self) -> None:
        """Take no new calls (503 with Retry-After); running ones go on."""
        if self._parts is not None:
            self._parts.board.draining = True

    async def stop(self) -> None:
        """End every call and give back every socket, timer and file. Harmless if repeated."""
        parts, self._parts = self._parts, None
        if parts is None:
            return
        await parts.end()
        if self._own_writer:
            await asyncio.to_thread(parts.writer.close)

    def _started(self) -> RunningLine:
        if self._parts is None:
            raise LineError("the line is not started; start it before dialling", code="H213")
        return self._parts

    def _transfer(self, leg: SipLeg, to: Uri, replaces: str, referred_by: str, report: Report) -> None:
        """Call whom the other side named; when that is answered, the leg goes on with it."""
        parts = self._started()
        link = TransferSession(leg, report)
        told = [("Referred-By", referred_by)] if referred_by else []
        sender = sender_of(leg.info.called, self.settings, parts.here_of(leg))
        parts.invite(link, to, sender, route_of(self.settings), told, replaces=replaces)

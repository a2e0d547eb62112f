"""The SIP line: takes calls and places them, hundreds in one process."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from random import Random, SystemRandom
from typing import TypeVar

import structlog

from ivr.clock import Clock, SystemClock
from ivr.errors import LineError
from ivr.lines.base import Leg
from ivr.lines.sip.account import Account, credentials_of
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.dialling import route_of, sender_of, target_of
from ivr.lines.sip.leg import Report, SipLeg
from ivr.lines.sip.metrics import Figures, MetricsWatch, SipMetrics
from ivr.lines.sip.outgoing import DialSession, TransferSession
from ivr.lines.sip.parts import agent_settings, guard_settings, public_address, transport_settings
from ivr.lines.sip.room import MediaRoom
from ivr.lines.sip.switchboard import OnRefer, Switchboard
from ivr.lines.sip.transports import SipTransports, log_ban
from ivr.media.clock import MediaClock
from ivr.media.writer import RecordingWriter
from ivr.sip.agent import UserAgent
from ivr.sip.guard import Guard
from ivr.sip.network import Flow
from ivr.sip.uri import NameAddr, Uri

log = structlog.get_logger("ivr.lines.sip")

#: Seconds that recordings of ended calls are given to close when the line stops.
_LAST_RECORDINGS = 6.0
#: Seconds that goodbyes are given to be answered when the line stops.
_FAREWELL = 2.0
#: How often it is looked whether they are.
_LOOK = 0.02
#: Bytes of an unguessable text.
_TOKEN = 12

T = TypeVar("T")


def _new_id() -> str:
    return uuid.uuid4().hex


def _token() -> str:
    return secrets.token_hex(_TOKEN)


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
        self.settings = settings or SipSettings()
        self._clock = clock or SystemClock()
        self._own_writer = writer is None
        self._given_writer = writer
        self._ids = ids
        self._metrics = metrics
        self._random = random or SystemRandom()
        self._parts: _Parts | None = None
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

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        """Open the line.

        Raises LineError: H201 a setting cannot be, H202 an address is in use, H204 it cannot be opened, H205
        a certificate cannot be used, H231 encryption is demanded and not installed.
        """
        here = await public_address(self.settings)
        parts = self._parts = _Parts(
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
    ) -> SipLeg:
        """Call a SIP address, or a number at the registrar; returns once it is answered.

        `timeout` is in seconds. Raises LineError: H210 refused (with the status), H211 not answered in time,
        H212 an address that cannot be called, H230 no RTP port is free.
        """
        parts = self._started()
        target, route = target_of(to, self.settings), route_of(self.settings)
        leg: SipLeg | None = None
        try:
            async with asyncio.timeout(timeout):
                flow = await parts.way(route[0] if route else target)
                sender = sender_of(caller, self.settings, parts.here(flow))
                leg = parts.board.new_leg(
                    parts.board.new_info(caller=caller or self.settings.user, called=to), flow
                )
                link = DialSession(leg)
                leg.link = link
                parts.invite(link, target, sender, route, tuple((headers or {}).items()))
                await link.outcome
        except TimeoutError:
            raise LineError(
                f"{to} did not answer within {timeout:.0f} s; try again later", code="H211"
            ) from None
        finally:
            if leg is not None and not leg.connected_once:
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

    def _started(self) -> _Parts:
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


class _Parts:
    """All that a started line is made of."""

    def __init__(
        self,
        settings: SipSettings,
        *,
        clock: Clock,
        writer: RecordingWriter,
        ids: Callable[[], str],
        random: Random,
        public: str,
        on_call: Callable[[Leg], None],
        metrics: SipMetrics | None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._public = public
        self._said: Counter[str] = Counter()
        self.writer = writer
        self.guard = Guard(guard_settings(settings), clock=clock, on_ban=log_ban)
        self.transports = SipTransports(
            transport_settings(settings),
            received=self._received,
            failed=self._failed,
            guard=self.guard,
            clock=clock,
            random=random,
            retry_after=settings.retry_after,
        )
        self.room = MediaRoom(settings, clock=clock, random=random)
        self.board = Switchboard(
            settings,
            clock=clock,
            writer=writer,
            room=self.room,
            guard=self.guard,
            ids=ids,
            random=random,
            post=asyncio.get_running_loop().call_soon_threadsafe,
            here=self.here,
            on_call=on_call,
        )
        self.agent = UserAgent(
            agent_settings(settings, clock),
            clock=clock,
            network=self.transports,
            token=_token,
            user=self.board,
            chance=random.random,
        )
        self.account: Account | None = None
        if settings.registrar:
            self.account = Account(settings, self.agent, clock=clock, token=_token, random=random)
        self._watch = None if metrics is None else MetricsWatch(metrics, self.figures, clock)

    def begin(self) -> None:
        """The sockets are open: register, and count."""
        if self.account is not None:
            self.account.start()
        if self._watch is not None:
            self._watch.start()

    def here(self, flow: Flow) -> str:
        """The numeric address by which the other end of a flow reaches us."""
        return self._public or self.transports.sent_by(flow)[0]

    def here_of(self, leg: SipLeg) -> str:
        """The same for the other side of a leg."""
        session = leg.link.session
        return self.here(session.flow) if session is not None else self._public

    async def way(self, to: Uri) -> Flow:
        """The flow to an address. Raises LineError (H212) when none leads there."""
        found: asyncio.Future[Sequence[Flow]] = asyncio.get_running_loop().create_future()
        self.transports.locate(to, lambda flows: None if found.done() else found.set_result(flows))
        flows = await found
        if not flows:
            raise LineError(
                f"no way leads to {to.host}; check the name, and the transports in use", code="H212"
            )
        return flows[0]

    def invite(
        self,
        link: DialSession | TransferSession,
        to: Uri,
        sender: NameAddr,
        route: Sequence[Uri],
        headers: Sequence[tuple[str, str]],
        *,
        replaces: str = "",
    ) -> None:
        """Place a call for a leg. Raises LineError (H230) when it can have no ports."""
        offer = link.leg.media.offer()
        self.board.legs.add(link.leg)
        link.session = self.agent.invite(
            to,
            link,
            from_=sender,
            headers=headers,
            credentials=credentials_of(self._settings),
            offer=offer,
            route=route,
            replaces=replaces,
        )
        if link.leg.ended:
            self.board.legs.discard(link.leg)

    async def end(self) -> None:
        """End every call, say goodbye, and give everything back, within a bound."""
        for leg in tuple(self.board.legs):
            leg.hang_up("the line is closed")
        if self.account is not None:
            await self.account.stop()
        await self._answered_goodbyes()
        self.agent.close()
        for leg in tuple(self.board.legs):  # those whose end could not be said
            leg.session_ended("us", 200, "")
        if self._watch is not None:
            self._watch.stop()
        await self.transports.stop()
        self.room.close()
        await self._closed_recordings()

    async def _answered_goodbyes(self) -> None:
        """The other sides' answers to our BYEs; who does not answer is not waited for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                while self.agent.sessions:  # noqa: ASYNC110 - they end one by one, and nobody else asks
                    await asyncio.sleep(_LOOK)

    async def _closed_recordings(self) -> None:
        try:
            async with asyncio.timeout(_LAST_RECORDINGS):
                while not all(leg.over for leg in self.board.closing):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            log.warning("line.recordings_unfinished", legs=len(self.board.closing))

    def figures(self) -> Figures:
        """Everything that is counted."""
        sent, guard, room = self.transports.counts, self.guard, self.room
        dropped = {name: count for name, count in guard.counts.items() if name not in ("allowed", "bans")}
        return Figures(
            messages={"in": sent.get("udp_in", 0) + self._said["stream"], "out": sent.get("udp_out", 0)},
            dropped=dropped,
            refused=self.board.refused,
            notices=self.board.notices,
            shut_out=guard.counts["bans"],
            shut_out_now=guard.banned,
            sessions=self.agent.sessions,
            transactions=self.agent.transactions,
            packets={name: room.counts[name] for name in ("received", "sent")},
            packets_dropped=dict(room.dropped),
            lateness=room.media_clock.lateness.counts,
        )

    def _received(self, data: bytes, flow: Flow) -> None:
        if flow.reliable:
            self._said["stream"] += 1
        self.agent.received(data, flow)

    def _failed(self, flow: Flow, reason: str) -> None:
        self.agent.flow_failed(flow, reason)

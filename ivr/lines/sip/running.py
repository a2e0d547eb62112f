"""A SIP line that runs: its parts, how they are joined, and how they end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

import structlog

from ivr.clock import Clock
from ivr.errors import LineError
from ivr.lines.base import Leg
from ivr.lines.sip.account import Account, credentials_of
from ivr.lines.sip.audit import BanLog
from ivr.lines.sip.config import SipSettings
from ivr.lines.sip.leg import SipLeg
from ivr.lines.sip.metrics import Figures, MetricsWatch, SipMetrics
from ivr.lines.sip.outgoing import DialSession, TransferSession
from ivr.lines.sip.parts import agent_settings, guard_settings, transport_settings
from ivr.lines.sip.room import MediaRoom
from ivr.lines.sip.switchboard import Switchboard
from ivr.lines.sip.transports import SipTransports
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


def _token() -> str:
    return secrets.token_hex(_TOKEN)


class RunningLine:
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
        self.writer = writer
        self.guard = Guard(guard_settings(settings), clock=clock, on_ban=BanLog(clock))
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
            self.account = Account(
                settings,
                self.agent,
                clock=clock,
                token=_token,
                random=random,
                locate=self.transports.locate,
                known=self._registrar_known,
            )
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
            messages={
                way: sent.get(f"udp_{way}", 0) + sent.get(f"stream_messages_{way}", 0)
                for way in ("in", "out")
            },
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
        self.agent.received(data, flow)

    def _failed(self, flow: Flow, reason: str) -> None:
        self.agent.flow_failed(flow, reason)
        if self.account is not None:
            self.account.failed(flow)

    def _registrar_known(self, flow: Flow) -> None:
        """Our registrar is never shut out, and the way to it is kept open."""
        self.guard.trust(flow.host)
        self.transports.keep_alive(flow)

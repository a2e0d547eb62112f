"""Real sockets and real abuse: scanners, floods, forged headers. The worker lives, and honest peers are answered."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from transport_bed import StreamPeer, UdpPeer, certificate, options

from ivr.clock import SystemClock
from ivr.lines.sip.transport_settings import TransportSettings
from ivr.lines.sip.transports import SipTransports
from ivr.sip.agent import UserAgent
from ivr.sip.digest import DigestGate
from ivr.sip.guard import Guard, GuardSettings
from ivr.sip.guard_sources import Ban
from ivr.sip.network import Flow
from ivr.sip.session import Session
from ivr.sip.users import AgentSettings, Headers

pytestmark = pytest.mark.sip

SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
)


class Caller:
    """The user of one session: it says nothing and understands nothing."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ringing(self, status: int, sdp: bytes) -> None: ...

    def offered(self, sdp: bytes) -> bytes | None:
        return None

    def offer_wanted(self) -> bytes:
        return SDP

    def answered(self, sdp: bytes) -> None: ...

    def established(self) -> None:
        self._desk.established += 1

    def info(self, content_type: str, body: bytes) -> bool:
        return False

    def referred(self, *_: object) -> int:
        return 603

    def flow_changed(self, flow: Flow) -> None: ...

    def ended(self, by: str, status: int, reason: str) -> None:
        self._desk.ended += 1


class Desk:
    """A hotline's signalling, whole: transports, guard and user agent. It answers every call it is offered."""

    def __init__(
        self,
        *,
        gate: bool = False,
        guard: GuardSettings | None = None,
        transport: TransportSettings | None = None,
    ) -> None:
        clock = SystemClock()
        self.bans: list[Ban] = []
        self.notices: Counter[str] = Counter()
        self.calls = self.established = self.ended = 0
        self.guard = Guard(guard or GuardSettings(), clock=clock, on_ban=self.bans.append)
        self.transports = SipTransports(
            transport or TransportSettings(host="127.0.0.1", port=0),
            received=lambda data, flow: self.agent.received(data, flow),
            failed=lambda flow, reason: self.agent.flow_failed(flow, reason),
            guard=self.guard,
            clock=clock,
        )
        self.gate = DigestGate("hotline", {"alice": "s3cret"}.get, clock, os.urandom(32)) if gate else None
        self.agent = UserAgent(
            AgentSettings(gate=self.gate),
            clock=clock,
            network=self.transports,
            token=lambda: os.urandom(12).hex(),
            user=self,
        )

    def invited(self, session: Session) -> None:
        self.calls += 1
        session.user = Caller(self)
        session.answer(SDP)

    def options(self) -> tuple[int, Headers]:
        return 200, ()

    def accepts(self) -> int:
        return 0

    def notice(self, what: str, flow: Flow, detail: str = "") -> None:
        self.notices[what] += 1
        self.guard.strike(flow, what)

    @property
    def port(self) -> int:
        return self.transports.ports["udp"]

    async def __aenter__(self) -> Desk:
        await self.transports.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.agent.close()
        await self.transports.stop()

    async def answers(self, peer: UdpPeer | None = None) -> bool:
        """Whether an honest telephone gets its answer."""
        asker = peer or UdpPeer()
        number = random.randrange(1_000_000)
        said = await asker.ask(options(number), self.port)
        if peer is None:
            asker.close()
        return said.startswith(b"SIP/2.0 200 ") and f"Call-ID: call-{number}\r\n".encode() in said


async def scan(tool: str, *arguments: str, home: Path) -> str:
    """Run one of sipvicious' programs; what it printed."""
    program = Path(sys.executable).with_name(f"sipvicious_{tool}")
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "HOME": str(home)},
    )
    try:
        async with asyncio.timeout(60):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode("utf-8", "replace")

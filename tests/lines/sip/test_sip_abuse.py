"""Real sockets and real abuse: scanners, floods, forged headers. The worker lives, and honest peers are answered."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
from transport_bed import StreamPeer, UdpPeer, options, tls_settings

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


class Disguise(asyncio.DatagramProtocol):
    """Stands between a scanner and the hotline and takes the scanner's name out of what it sends."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answers: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self._scanner = ("127.0.0.1", 9)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if address[1] == self._port:
            self.answers.append(data)
            self._transport.sendto(data, self._scanner)
        else:
            self._scanner = address
            honest = data.replace(b"friendly-scanner", b"Acme Phone 1.0").replace(b"sipvicious", b"alice")
            self._transport.sendto(honest, ("127.0.0.1", self._port))


SCANS = [
    ("svmap",),
    ("svmap", "-m", "INVITE"),
    ("svmap", "-m", "REGISTER"),
    ("svwar", "-e100-120", "--force", "--maximumtime=1"),
    ("svwar", "-e100-120", "-m", "INVITE", "--force", "--maximumtime=1"),
    ("svwar", "-e100-120", "-m", "OPTIONS", "--force", "--maximumtime=1"),
]
#: It waits ten seconds for a first answer.
SILENT_CRACK = ("svcrack", "-u", "alice", "-r", "1-20", "--maximumtime=1")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.mark.parametrize("tool", [*SCANS, SILENT_CRACK], ids=" ".join)
async def test_a_scanner_hears_nothing_and_is_shut_out(tmp_path: Path, tool: Sequence[str]) -> None:
    async with Desk() as desk:
        local = ("-b", "127.0.0.1", "-P", str(free_port()))
        said = await scan(tool[0], *tool[1:], *local, "-p", str(desk.port), "127.0.0.1", home=tmp_path)
        assert "found nothing" in said
        assert "+-" not in said
        assert desk.transports.counts["udp_out"] == 0
        assert [ban.why for ban in desk.bans] == ["scanner"]
        assert desk.calls == 0
        assert await desk.answers()


@pytest.mark.parametrize("tool", SCANS[3:], ids=" ".join)
async def test_a_scanner_in_disguise_finds_no_extension_and_no_password(
    tmp_path: Path, tool: Sequence[str]
) -> None:
    async with Desk(gate=True) as desk:
        loop = asyncio.get_running_loop()
        relay, disguise = await loop.create_datagram_endpoint(
            lambda: Disguise(desk.port), local_addr=("127.0.0.1", 0)
        )
        port = str(relay.get_extra_info("sockname")[1])
        local = ("-b", "127.0.0.1", "-P", str(free_port()))
        said = await scan(tool[0], *tool[1:], *local, "-p", port, "127.0.0.1", home=tmp_path)
        relay.close()
        assert "found nothing" in said
        assert "+-" not in said
        assert disguise.answers
        assert {answer.split(b" ")[1] for answer in disguise.answers} <= {b"401", b"405"}
        assert desk.calls == 0


async def test_guessing_passwords_ends_in_a_ban_long_before_the_list_is_through(tmp_path: Path) -> None:
    async with Desk(gate=True) as desk:
        loop = asyncio.get_running_loop()
        relay, _ = await loop.create_datagram_endpoint(
            lambda: Disguise(desk.port), local_addr=("127.0.0.1", 0)
        )
        port = str(relay.get_extra_info("sockname")[1])
        guesses = ("-u", "alice", "-r", "1-500", "-m", "INVITE", "--maximumtime=1")
        local = ("-b", "127.0.0.1", "-P", str(free_port()))
        cracking = asyncio.create_task(
            scan("svcrack", *guesses, *local, "-p", port, "127.0.0.1", home=tmp_path)
        )
        async with asyncio.timeout(20):
            while not desk.bans:
                await asyncio.sleep(0.02)
        # What it was told before comes again until it is acknowledged, which would keep it hoping.
        relay.close()
        assert "found nothing" in await cracking
        assert [(ban.why, ban.seconds) for ban in desk.bans] == [("unauthorised", 600.0)]
        assert desk.notices["unauthorised"] == 10


async def test_every_extension_is_answered_alike_so_that_none_is_told_from_another() -> None:
    async with Desk(gate=True) as desk:
        peer = UdpPeer()
        said = set()
        for extension in ("alice", "100", "nobody", "hotline", "root"):
            request = options(7).replace(b"sip:hotline@", f"sip:{extension}@".encode())
            answer = await peer.ask(request, desk.port)
            said.add(tuple(line.split(b":")[0] for line in answer.split(b"\r\n")))
        peer.close()
        assert len(said) == 1


FORGED = [
    b";rport=70000",
    b";rport=0",
    b";rport=-1",
    b";rport=99999999999999999999",
    b";received=localhost",
    b";received=attacker.example",
    b";received=224.0.0.1;rport=5060",
    b";received=\xff\xfe",
    b";maddr=224.0.0.1;ttl=255",
    b";branch=",
]


@pytest.mark.parametrize("parameter", FORGED, ids=repr)
async def test_a_forged_via_leads_no_answer_astray_and_closes_nothing(parameter: bytes) -> None:
    async with Desk() as desk:
        liar, bystander = UdpPeer(), UdpPeer()
        for number in range(3):
            request = options(number).replace(b";rport", parameter)
            request = request.replace(b"127.0.0.1:5999", f"127.0.0.1:{bystander.port}".encode())
            liar.socket.sendto(request, ("127.0.0.1", desk.port))
        assert await desk.answers()
        with pytest.raises(BlockingIOError):
            bystander.socket.recv(65_536)
        assert desk.agent.transactions <= 4
        liar.close()
        bystander.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"127.0.0.1:5999", b"127.0.0.1:99999"),
        (b"127.0.0.1:5999", b"127.0.0.1:0"),
        (b"127.0.0.1:5999", b"[::ffff:1.2.3.4]:5060"),
        (b"127.0.0.1:5999", b"a" * 300),
        (b"sip:hotline@127.0.0.1 SIP", b"sip:hotline@127.0.0.1:99999 SIP"),
        (b"Max-Forwards: 70", b"Max-Forwards: 99999999999"),
        (b"Call-ID", b"Route: <sip:127.0.0.1:99999;lr>\r\nCall-ID"),
        (b"Call-ID", b"Record-Route: <sip:256.256.256.256;lr>\r\nCall-ID"),
        (b"CSeq: ", b"CSeq: 99999999999999"),
        (b"Content-Length: 0", b"Content-Length: -5"),
        (b"Content-Length: 0", b"Content-Length: 70000"),
    ],
)
async def test_numbers_that_cannot_be_hurt_nobody(old: bytes, new: bytes) -> None:
    async with Desk() as desk:
        liar = UdpPeer()
        for number in range(3):
            request = options(number).replace(old, new)
            assert request != options(number)
            liar.socket.sendto(request, ("127.0.0.1", desk.port))
            liar.socket.sendto(request.replace(b"OPTIONS", b"INVITE"), ("127.0.0.1", desk.port))
        assert await desk.answers()
        assert desk.notices["error"] == desk.transports.counts["undelivered"] == 0
        liar.close()


async def test_an_ended_call_whose_contact_is_a_lie_hurts_nobody() -> None:
    """The hotline would send its BYE to the Contact of the call it answered."""
    async with Desk() as desk:
        liar = UdpPeer()
        for number, contact in enumerate(
            (
                b"sip:x@127.0.0.1:9",
                b"sip:x@224.0.0.1",
                b"sip:x@255.255.255.255",
                b"sip:x@0.0.0.0:5060",
                b"sip:x@[::1]",
            )
        ):
            more = "Contact: <" + contact.decode() + ">\r\nContent-Type: application/sdp\r\n"
            call = options(100 + number, more=more, body=SDP).replace(b"OPTIONS", b"INVITE")
            answer = await liar.ask(call, desk.port)
            while not answer.startswith(b"SIP/2.0 200"):
                answer = await liar.heard()
        for session in tuple(desk.agent._core.sessions.values()):
            session.hang_up()
        assert desk.calls == 5
        assert await desk.answers()
        assert desk.notices["error"] == 0
        liar.close()


async def test_a_flood_of_garbage_from_everywhere_leaves_an_honest_telephone_its_answer() -> None:
    async with Desk() as desk:
        chance = random.Random(5)
        flooders, honest = [UdpPeer() for _ in range(30)], UdpPeer()
        for _ in range(40):
            for _ in range(200):
                data = chance.choice(
                    (
                        chance.randbytes(chance.randrange(1, 1_400)),
                        options(chance.randrange(99))[: chance.randrange(400)],
                        b"INVITE sip:x SIP/2.0\r\n" + chance.randbytes(300),
                        b"SIP/2.0 200 OK\r\n\r\n",
                    )
                )
                chance.choice(flooders).socket.sendto(data, ("127.0.0.1", desk.port))
            assert await desk.answers(honest)
        assert desk.agent.transactions < 100
        assert desk.agent.sessions == 0
        assert desk.transports.counts["undelivered"] == 0
        for peer in (*flooders, honest):
            peer.close()


async def test_a_storm_of_calls_is_told_busy_and_honest_telephones_are_answered() -> None:
    async with Desk(guard=GuardSettings(source_calls=50, source_call_burst=100)) as desk:
        stormer, honest = UdpPeer(), UdpPeer()
        for number in range(1_000):
            more = "Contact: <sip:x@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n"
            call = options(1_000 + number, more=more, body=SDP).replace(b"OPTIONS", b"INVITE")
            stormer.socket.sendto(call, ("127.0.0.1", desk.port))
            if number % 100 == 99:
                assert await desk.answers(honest)
        assert 100 <= desk.calls <= 250
        assert desk.transports.counts["busy_answers"] > 500
        assert desk.bans == []
        stormer.close()
        honest.close()


async def test_thousands_of_connections_take_so_many_handles_and_no_more(tmp_path: Path) -> None:
    settings = tls_settings(tmp_path, message_seconds=0.5, handshake_seconds=0.5)
    async with Desk(transport=settings) as desk:
        early = await StreamPeer.to(desk.transports.ports["tcp"])
        early.writer.write(options(1))
        assert await early.read()
        held: list[socket.socket] = []
        for number in range(2_000):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", desk.transports.ports["tls" if number % 2 else "tcp"]))
            held.append(one)
            if len(held) == 100:
                await asyncio.sleep(0.005)
                assert desk.transports.counts["connections"] <= settings.most_per_source
                for other in held:
                    other.close()
                held.clear()
        async with asyncio.timeout(5):
            while not desk.transports.counts.get("stream_refused"):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", desk.transports.ports["tcp"]))
                held.append(one)
                await asyncio.sleep(0.002)
        assert desk.transports.counts["connections"] <= settings.most_per_source
        for other in held:
            other.close()
        assert await desk.answers()
        early.writer.write(options(2))
        assert await early.read()
        await early.close()
        async with asyncio.timeout(5):
            while desk.transports.counts["connections"]:
                await asyncio.sleep(0.02)


async def test_slow_tcp_and_half_open_tls_are_cut_off_while_others_are_served(tmp_path: Path) -> None:
    settings = tls_settings(tmp_path, message_seconds=0.5, handshake_seconds=0.5)
    async with Desk(transport=settings) as desk:
        slow = [await StreamPeer.to(desk.transports.ports["tcp"]) for _ in range(20)]
        half = [await StreamPeer.to(desk.transports.ports["tls"]) for _ in range(20)]
        for octet in options(1)[:40]:
            for peer in slow:
                peer.writer.write(bytes([octet]))
            await asyncio.sleep(0.002)
        for peer in half:
            peer.writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert await desk.answers()
        assert [await peer.read() for peer in (*slow, *half)] == [b""] * 40
        assert desk.transports.counts["stream_timed_out"] == 40
        for peer in (*slow, *half):
            await peer.close()

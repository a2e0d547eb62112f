"""Real transports on loopback, with what they receive and what they report kept for the test to look at."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ivr.clock import VirtualClock
from ivr.lines.sip.transport_settings import TransportSettings
from ivr.lines.sip.transports import SipTransports
from ivr.sip.guard import Guard, GuardSettings
from ivr.sip.guard_sources import Ban
from ivr.sip.network import Flow

LONG = 5.0


def options(number: int = 1, *, more: str = "", body: bytes = b"") -> bytes:
    """A request as a peer sends it."""
    head = (
        "OPTIONS sip:hotline@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK{number};rport\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:peer@127.0.0.1>;tag=1\r\nTo: <sip:hotline@127.0.0.1>\r\n"
        f"Call-ID: call-{number}\r\nCSeq: {number} OPTIONS\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def tls_settings(folder: Path, **more: Any) -> TransportSettings:
    """Loopback with TCP and TLS on any ports, under a certificate of its own that is also the only authority."""
    shown, key = certificate(folder, "127.0.0.1")
    return TransportSettings(
        host="127.0.0.1",
        port=0,
        tls=True,
        tls_port=0,
        tls_certificate=shown,
        tls_key=key,
        tls_authorities=shown,
        **more,
    )


@dataclass
class Bed:
    """Transports that answer every request with `answer`, if that is set; virtual time, real sockets."""

    settings: TransportSettings
    guard_settings: GuardSettings = field(default_factory=GuardSettings)
    more: dict[str, Any] = field(default_factory=dict)
    answer: bytes = b""
    on_ban: Callable[[Ban], None] | None = None

    def __post_init__(self) -> None:
        self.clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.guard = Guard(self.guard_settings, clock=self.clock, on_ban=self.on_ban)
        self.got: list[tuple[bytes, Flow]] = []
        self.failed: list[tuple[Flow, str]] = []
        self.transports = SipTransports(
            self.settings,
            received=self._received,
            failed=lambda flow, reason: self.failed.append((flow, reason)),
            guard=self.guard,
            clock=self.clock,
            random=Random(1),
            **self.more,
        )

    def _received(self, data: bytes, flow: Flow) -> None:
        self.got.append((data, flow))
        if self.answer:
            self.transports.send(self.answer, flow)

    async def __aenter__(self) -> Bed:
        await self.transports.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.transports.stop()

    def port(self, transport: str = "udp") -> int:
        return self.transports.ports[transport]  # type: ignore[index]

    async def until(self, done: Callable[[], object]) -> None:
        """Let the loop run until something is so; AssertionError after a few real seconds."""
        end = asyncio.get_running_loop().time() + LONG
        while not done():
            assert asyncio.get_running_loop().time() < end, "it did not happen"
            await asyncio.sleep(0.002)

    async def pass_time(self, seconds: float) -> None:
        """Let virtual seconds pass, with the timers that are due in them."""
        end = self.clock.time() + seconds
        self.clock.call_at(end, lambda: None)
        while self.clock.time() < end:
            self.clock.advance_to_next()
            await asyncio.sleep(0)


class UdpPeer:
    """A telephone's UDP socket."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        self.host, self.port = self.socket.getsockname()[:2]

    async def ask(self, data: bytes, port: int) -> bytes:
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(self.socket, data, (self.host, port))
        return await self.heard()

    async def heard(self) -> bytes:
        async with asyncio.timeout(LONG):
            return await asyncio.get_running_loop().sock_recv(self.socket, 65_536)

    def close(self) -> None:
        self.socket.close()


@dataclass
class StreamPeer:
    """A telephone's TCP or TLS connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(
        cls, port: int, context: ssl.SSLContext | None = None, name: str | None = None
    ) -> StreamPeer:
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname=name if context else None
            )
        )

    async def read(self, size: int = 65_536) -> bytes:
        """What comes; empty when the other side has closed."""
        async with asyncio.timeout(LONG):
            try:
                return await self.reader.read(size)
            except ConnectionError:
                return b""

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()


def certificate(folder: Path, name: str, *, days: int = 1) -> tuple[Path, Path]:
    """A self-signed certificate for a name or address, and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        named: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        named = x509.DNSName(name)
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    shown, secret = folder / f"{name}.pem", folder / f"{name}.key"
    shown.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return shown, secret

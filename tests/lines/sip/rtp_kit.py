"""A stream under virtual time on real sockets, and the far end: a bare pair of sockets."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from ivr.clock import VirtualClock
from ivr.lines.sip.rtp_poller import RtpPoller
from ivr.lines.sip.rtp_ports import RtpPorts
from ivr.lines.sip.rtp_stream import RtpStream
from ivr.lines.sip.rtp_terms import RtpTerms, Symmetric
from ivr.media.clock import MediaClock
from ivr.media.g711 import Law
from ivr.media.port import AudioPort

HOST = "127.0.0.1"
HEADER = struct.Struct("!BBHII")


def bound(port: int = 0, host: str = HOST) -> socket.socket:
    """A UDP socket that does not block."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def free_pair(host: str = HOST, pairs: int = 1) -> int:
    """The first of so many free pairs of ports."""
    rolls = random.Random()
    while True:
        first = rolls.randrange(10_000, 32_000 - 2 * pairs, 2)
        opened: list[socket.socket] = []
        try:
            opened.extend(bound(port, host) for port in range(first, first + 2 * pairs))
            return first
        except OSError:
            continue
        finally:
            for sock in opened:
                sock.close()


class FarEnd:
    """The other side: sends RTP and RTCP by hand and keeps what it gets."""

    def __init__(self, host: str = HOST, source: int = 4321) -> None:
        self.host = host
        port = free_pair(host)
        self.rtp, self.rtcp = bound(port, host), bound(port + 1, host)
        self.port = port
        self.source = source
        self.sequence = 0

    def terms(self, **changes: object) -> RtpTerms:
        plain = RtpTerms(self.host, self.port, self.port + 1, Law.A, 8, 101, signalling=self.host)
        return replace(plain, **changes)  # type: ignore[arg-type]

    def packet(self, payload: bytes, *, kind: int = 8, timestamp: int | None = None) -> bytes:
        stamp = self.sequence * 160 if timestamp is None else timestamp
        head = HEADER.pack(0x80, kind, self.sequence & 0xFFFF, stamp & 0xFFFFFFFF, self.source)
        self.sequence += 1
        return head + payload

    def say(self, port: int, payload: bytes, *, kind: int = 8, timestamp: int | None = None) -> None:
        self.rtp.sendto(self.packet(payload, kind=kind, timestamp=timestamp), (self.host, port))

    def got(self) -> list[bytes]:
        return received(self.rtp)

    def got_rtcp(self) -> list[bytes]:
        return received(self.rtcp)

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def received(sock: socket.socket) -> list[bytes]:
    """All that waits in a socket."""
    found = []
    while True:
        try:
            found.append(sock.recv(4096))
        except BlockingIOError:
            return found


class Here:
    """One stream of ours with all that belongs to it."""

    def __init__(self, host: str = HOST, symmetric: Symmetric = "off", dead_after: float = 60.0) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.media = MediaClock(self.clock)
        self.poller = RtpPoller(self.clock, self.media)
        self.ports = RtpPorts(free_pair(host), 2, host)
        self.port = AudioPort(Law.A, post=lambda what: what())
        self.heard: list[bytes] = []
        self.port.listen(self.heard.append)
        self.keys: list[str] = []
        self.told: list[str] = []
        self.stream = RtpStream(
            self.port,
            sockets=self.ports.take(),
            poller=self.poller,
            clock=self.clock,
            media_clock=self.media,
            on_key=self.keys.append,
            on_dead=lambda: self.told.append("dead"),
            on_failed=lambda error: self.told.append(f"failed: {error}"),
            on_media=lambda: self.told.append("media"),
            symmetric=symmetric,
            dead_after=dead_after,
            random=random.Random(7),
        )

    def beat(self, times: int = 1) -> None:
        """Let so many ticks of 20 ms pass."""
        end = self.clock.time() + times * 0.02 - 1e-6
        while (due := self.clock.next_timer()) is not None and due <= end:
            self.clock.advance_to_next()
        self.clock.call_at(end, lambda: None)
        while (due := self.clock.next_timer()) is not None and due <= end:
            self.clock.advance_to_next()

    def sounds(self) -> list[bytes]:
        """What was heard but silence."""
        return [frame for frame in self.heard if len(set(frame)) == 1 and frame != b"\xd5" * 160]

    def close(self) -> None:
        self.stream.close()
        self.poller.close()


@contextmanager
def call(
    symmetric: Symmetric = "off", host: str = HOST, dead_after: float = 60.0, far_host: str = ""
) -> Iterator[tuple[Here, FarEnd]]:
    """A stream and its far end; nothing is agreed yet."""
    here, far = Here(host, symmetric, dead_after), FarEnd(far_host or host)
    try:
        yield here, far
    finally:
        here.close()
        far.close()

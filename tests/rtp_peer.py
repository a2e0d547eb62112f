"""The media half of the outside telephone: RTP with the kernel's arrival times, and G.711 by its own tables."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Address = tuple[str, int]
Pcm = NDArray[np.int16]

FRAME = 160  # samples and bytes of 20 ms of G.711
PCMU, PCMA, EVENTS = 0, 8, 101
KEYS = "0123456789*#ABCD"
#: Linear amplitude above which a packet counts as sound (of 32767).
LOUD = 300
_SO_TIMESTAMPNS = 35


def _decode_mulaw() -> Pcm:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    size = (((codes & 0x0F) << 3) + 0x84) << ((codes >> 4) & 7)
    return np.where(codes & 0x80, 0x84 - size, size - 0x84).astype(np.int16)


def _decode_alaw() -> Pcm:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    part, rest = (codes >> 4) & 7, (codes & 0x0F) << 4
    size = np.where(part == 0, rest + 8, (rest + 0x108) << np.maximum(part - 1, 0))
    return np.where(codes & 0x80, size, -size).astype(np.int16)


DECODE: dict[int, Pcm] = {PCMU: _decode_mulaw(), PCMA: _decode_alaw()}


def encode(pcm: Pcm, payload_type: int = PCMU) -> bytes:
    """PCM at 8 kHz to G.711 by nearest code; slow and plain, which is what a check should be."""
    table = DECODE[payload_type].astype(np.int32)
    order = np.argsort(table, kind="stable")
    middles = (table[order][1:] + table[order][:-1]) / 2
    return order[np.searchsorted(middles, pcm.astype(np.int32))].astype(np.uint8).tobytes()


def sine(hertz: float, seconds: float, size: int = 8000) -> Pcm:
    """A tone, for audio that can be recognised again."""
    moments = np.arange(int(seconds * 8000)) / 8000
    return (np.sin(2 * np.pi * hertz * moments) * size).astype(np.int16)


def dominant(pcm: Pcm) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * 8000 / len(pcm))


def key_tone(key: str, seconds: float) -> Pcm:
    """A key as sound (ITU-T Q.23), with a pause after it."""
    row, column = divmod("123A456B789C*0#D".index(key), 4)
    low, high = (697, 770, 852, 941)[row], (1209, 1336, 1477, 1633)[column]
    return np.concatenate(
        [sine(low, seconds, 6000) + sine(high, seconds, 6000), np.zeros(400, np.int16)]
    ).astype(np.int16)


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet as it came: `at` is the kernel's arrival time in Unix seconds."""

    at: float
    payload_type: int
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes

    @property
    def pcm(self) -> Pcm:
        """The samples, empty for anything but G.711."""
        table = DECODE.get(self.payload_type)
        return table[np.frombuffer(self.payload, np.uint8)] if table is not None else np.zeros(0, np.int16)

    @property
    def loud(self) -> bool:
        """Whether anything can be heard in it."""
        return bool(np.abs(self.pcm.astype(np.int32)).max(initial=0) > LOUD)


def bound_udp(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A UDP socket that stamps arrivals in the kernel."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock


class Rtp:
    """One audio stream both ways: sends 20 ms frames by its own clock, keeps all that comes."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.socket = bound_udp(host)
        self.port: int = self.socket.getsockname()[1]
        self.remote: Address | None = None
        self.payload_type = PCMU
        self.events: int | None = EVENTS
        self.heard: list[Packet] = []
        self.sending = True
        self._outgoing = bytearray()
        self._sequence = random.randrange(1000)
        self._timestamp = random.randrange(1 << 20)
        self._source = random.randrange(1 << 32)
        self._news = asyncio.Event()
        self._key_held = False
        self._task: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_reader(self.socket, self._readable)

    def start(self, remote: Address, payload_type: int, events: int | None) -> None:
        """Send from now on (silence unless `say` gave audio)."""
        self.remote, self.payload_type, self.events = remote, payload_type, events
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._pace())

    def say(self, pcm: Pcm) -> None:
        """Queue audio for sending."""
        self._outgoing += encode(pcm, self.payload_type)

    @property
    def saying(self) -> bool:
        """Whether queued audio is still being sent."""
        return bool(self._outgoing)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, ancillary, _, _ = self.socket.recvmsg(2048, 64)
                if len(data) >= 12 and data[0] >> 6 == 2 and not 72 <= data[1] & 0x7F <= 76:
                    self.heard.append(self._packet(data, ancillary))
        self._news.set()

    @staticmethod
    def _packet(data: bytes, ancillary: list[tuple[int, int, bytes]]) -> Packet:
        at = time.time()
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", value[:16])
                at = seconds + nanoseconds / 1e9
        sequence, timestamp = struct.unpack_from("!HI", data, 2)
        return Packet(at, data[1] & 0x7F, sequence, timestamp, bool(data[1] & 0x80), data[12:])

    def send(
        self, payload: bytes, payload_type: int, *, marker: bool = False, timestamp: int | None = None
    ) -> None:
        """One RTP packet now."""
        stamp = self._timestamp if timestamp is None else timestamp
        head = struct.pack(
            "!BBHII",
            0x80,
            payload_type | (0x80 if marker else 0),
            self._sequence & 0xFFFF,
            stamp & 0xFFFFFFFF,
            self._source,
        )
        self._sequence += 1
        if self.remote is not None:
            with contextlib.suppress(OSError):
                self.socket.sendto(head + payload, self.remote)

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        quiet = encode(np.zeros(FRAME, np.int16), self.payload_type)
        while True:
            if self.sending and not self._key_held:
                frame = bytes(self._outgoing[:FRAME])
                del self._outgoing[:FRAME]
                self.send(frame.ljust(FRAME, quiet[:1]), self.payload_type)
            self._timestamp += FRAME
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def key(self, key: str, seconds: float = 0.1, *, lose: Iterable[int] = ()) -> float:
        """Press a key by RFC 4733; returns the Unix time of its first packet.

        `lose` names packets by number (0 is the first) that the network swallows.
        """
        lost, stamp, packets = set(lose), self._timestamp, max(1, round(seconds / 0.02))
        self._key_held = True
        at = time.time()
        assert self.events is not None, "no telephone-event was agreed"
        for number in range(packets + 2):
            last = number >= packets - 1
            duration = min(number + 1, packets) * FRAME
            payload = struct.pack("!BBH", KEYS.index(key), 0x0A | (0x80 if last else 0), duration)
            if number in lost:
                self._sequence += 1
            else:
                self.send(payload, self.events, marker=number == 0, timestamp=stamp)
            if number < packets - 1:
                await asyncio.sleep(0.02)
        self._key_held = False
        return at

    async def news(self, seconds: float) -> None:
        """Wait for packets, at most so long."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    async def close(self) -> None:
        """Stop sending and hearing. Harmless if repeated."""
        if self.socket.fileno() < 0:
            return
        asyncio.get_running_loop().remove_reader(self.socket)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.socket.close()

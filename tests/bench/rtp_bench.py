"""What one leg's RTP costs: our streams beside bare sockets doing the same, in one process each.

Run as `python tests/bench/rtp_bench.py --calls 300`, or call `figures()`. A sender in another process gives
each call 50 packets a second and takes as many; CPU is the measured process's own, in per cent of one core.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import os
import select
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from ivr.clock import SystemClock
from ivr.lines.sip.rtp_poller import RtpPoller
from ivr.lines.sip.rtp_ports import RtpPorts, raise_file_limit
from ivr.lines.sip.rtp_stream import RtpStream
from ivr.lines.sip.rtp_terms import RtpTerms, SrtpKey
from ivr.media import g711
from ivr.media.clip import Clip
from ivr.media.clock import Lateness, MediaClock
from ivr.media.g711 import Law
from ivr.media.port import AudioPort
from ivr.media.recorder import Recording
from ivr.media.relay import Relay
from ivr.media.writer import RecordingWriter

_HEADER = struct.Struct("!BBHII")
_PORTS = range(10_000, 32_000)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU per call (% of a core), and how late quarters began and packets left (ms)."""

    cpu: float
    user: float
    late_p99: float
    late_largest: float
    received: float
    sent: float


def figures(calls: int = 300, seconds: float = 5.0) -> dict[str, float]:
    """Every figure by name, the unit at the end of the name. Takes about five times `seconds`."""
    bare = measure("bare", calls, seconds)
    looped = measure("looped", calls, seconds)
    recorded = measure("recorded", calls, seconds)
    bridged = measure("bridged", calls, seconds)
    return {
        "RTP of a call by bare sockets, % of a core": bare.cpu,
        "RTP of a looped call, % of a core": looped.cpu,
        "RTP of a looped and recorded call, % of a core": recorded.cpu,
        "RTP of a looped call, times bare sockets": looped.cpu / max(bare.cpu, 1e-9),
        "RTP of a bridged pair, % of a core": 2 * bridged.cpu,
        "media clock late with looped calls, p99, ms": looped.late_p99,
        "media clock late with recorded calls, p99, ms": recorded.late_p99,
        "media clock late with recorded calls, largest, ms": recorded.late_largest,
    }


def measure(what: str, calls: int, seconds: float) -> Cost:
    """One measurement: `bare`, `looped`, `recorded`, `bridged` or `srtp`, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_measured, args=(what, calls, seconds, there))
    process.start()
    there.close()  # so that a process that fails is noticed here
    try:
        cost: Cost = here.recv()
    finally:
        process.join()
    return cost


def _measured(what: str, calls: int, seconds: float, result: Connection) -> None:
    raise_file_limit()
    first = _free_ports(2 * calls)
    with _peer(calls, seconds + 3.0, first, secure=what == "srtp") as ports:
        result.send(
            _bare(first, ports, seconds)
            if what == "bare"
            else asyncio.run(_streams(what, first, ports, seconds))
        )


# The other end: a process that sends and takes, with nothing else to do.


@contextmanager
def _peer(calls: int, seconds: float, first: int, *, secure: bool) -> Iterator[list[int]]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process: BaseProcess = context.Process(target=_peer_main, args=(calls, seconds, first, secure, there))
    process.start()
    there.close()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()


def _peer_main(calls: int, seconds: float, first: int, secure: bool, told: Connection) -> None:
    raise_file_limit()
    sockets = [_bound() for _ in range(calls)]
    for at, sock in enumerate(sockets):
        sock.connect(("127.0.0.1", first + 2 * at))
    told.send([sock.getsockname()[1] for sock in sockets])
    frames = [_voice()[start : start + 160] for start in range(0, 8000, 160)]
    protect = _protector() if secure else None
    began = time.monotonic()
    for quarter in range(int(seconds * 200)):
        tick = quarter // 4
        for at in range(quarter % 4, calls, 4):
            packet = _HEADER.pack(0x80, 0, tick & 0xFFFF, tick * 160, at) + frames[tick % 50]
            with suppress(OSError):
                sockets[at].send(protect(packet) if protect else packet)
        for at in range((quarter + 2) % 4, calls, 4):
            with suppress(OSError):
                sockets[at].recv(2048)
        time.sleep(max(0.0, began + (quarter + 1) * 0.005 - time.monotonic()))


def _protector() -> Callable[[bytes], bytes]:
    import pylibsrtp

    policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    return pylibsrtp.Session(policy).protect


def _bound(port: int = 0) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def _free_ports(count: int) -> int:
    """The first of so many free ports, even; a program on the same machine may have some of them."""
    for first in range(_PORTS.start, _PORTS.stop - count, count + count % 2):
        opened: list[socket.socket] = []
        with suppress(OSError):
            opened.extend(_bound(port) for port in range(first, first + count))
        for sock in opened:
            sock.close()
        if len(opened) == count:
            return first
    raise SystemExit("no range of free ports for media was found; stop other programs")


def _voice() -> bytes:
    noise = np.random.default_rng(1).standard_normal(8000) * 3000
    return g711.encode(noise.astype(np.int16), Law.MU)


# Bare sockets: what Python can do at best.


def _bare(first: int, ports: list[int], seconds: float) -> Cost:
    sockets = [_bound(first + 2 * at) for at in range(len(ports))]
    epoll = select.epoll()
    readers = {}
    for sock, port in zip(sockets, ports, strict=True):
        sock.connect(("127.0.0.1", port))
        epoll.register(sock, select.EPOLLIN)
        readers[sock.fileno()] = sock.recv
    frames = [_voice()[start : start + 160] for start in range(0, 8000, 160)]
    received = sent = 0
    before, began = os.times(), time.monotonic()
    for quarter in range(int(seconds * 200)):
        tick = quarter // 4
        for fd, _ in epoll.poll(0, len(sockets)):
            with suppress(OSError):
                received += len(readers[fd](2048)) > 12
        for at in range(quarter % 4, len(sockets), 4):
            packet = _HEADER.pack(0x80, 0, tick & 0xFFFF, tick * 160, at) + frames[tick % 50]
            with suppress(OSError):
                sockets[at].send(packet)
                sent += 1
        time.sleep(max(0.0, began + (quarter + 1) * 0.005 - time.monotonic()))
    cost = _cost(before, began, len(ports), received, sent)
    for sock in sockets:
        sock.close()
    epoll.close()
    return cost


# Ours.


async def _streams(what: str, first_port: int, ports: list[int], seconds: float) -> Cost:
    clock = SystemClock()
    media = MediaClock(clock)
    poller = RtpPoller(clock, media)
    pool = RtpPorts(first_port, 2 * len(ports), "127.0.0.1")
    loop = asyncio.get_running_loop()
    legs = [AudioPort(Law.MU, post=loop.call_soon) for _ in ports]
    streams = [_stream(leg, pool, poller, clock, media) for leg in legs]
    key = SrtpKey("AES_CM_128_HMAC_SHA1_80", bytes(30)) if what == "srtp" else None
    for stream, port in zip(streams, ports, strict=True):
        stream.agree(RtpTerms("127.0.0.1", port, port + 1, Law.MU, 0, 101, local_key=key, remote_key=key))
    folder, writer = Path(tempfile.mkdtemp()), RecordingWriter()
    if what == "recorded":
        for at, leg in enumerate(legs):
            recording = Recording(folder / f"{at}.wav", Law.MU, longest=600, silence=600)
            leg.record(writer.begin(recording, lambda recorded: None))
    if what == "bridged":
        bridges = [Relay(legs[at], legs[at + 1]) for at in range(0, len(legs) - 1, 2)]
    else:
        bridges = []
        for leg in legs:
            leg.play([Clip(_voice())] * 1000, lambda: None)
    await asyncio.sleep(0.5)
    gc.collect()
    gc.freeze()
    first = [stream.report() for stream in streams]
    before, began = os.times(), time.monotonic()
    await asyncio.sleep(0.1)  # asking each stream takes a while, which is no lateness of theirs
    media.lateness = Lateness()
    await asyncio.sleep(seconds)
    last = [stream.report() for stream in streams]
    received = sum(b.packets_received - a.packets_received for a, b in zip(first, last, strict=True))
    sent = sum(b.packets_sent - a.packets_sent for a, b in zip(first, last, strict=True))
    cost = _cost(before, began, len(ports), received, sent, media)
    for bridge in bridges:
        bridge.close()
    for stream in streams:
        stream.close()
    poller.close()
    await asyncio.to_thread(writer.close)
    shutil.rmtree(folder)
    return cost


def _stream(
    leg: AudioPort, pool: RtpPorts, poller: RtpPoller, clock: SystemClock, media: MediaClock
) -> RtpStream:
    return RtpStream(
        leg,
        sockets=pool.take(),
        poller=poller,
        clock=clock,
        media_clock=media,
        on_key=lambda key: None,
        on_dead=lambda: None,
    )


def _cost(
    before: os.times_result,
    began: float,
    calls: int,
    received: int,
    sent: int,
    media: MediaClock | None = None,
) -> Cost:
    after, passed = os.times(), time.monotonic() - began
    user = after.user - before.user
    system = after.system - before.system
    return Cost(
        cpu=100 * (user + system) / passed / calls,
        user=100 * user / passed / calls,
        late_p99=media.lateness.percentile(0.99) * 1000 if media else 0.0,
        late_largest=media.lateness.largest * 1000 if media else 0.0,
        received=received / passed / calls,
        sent=sent / passed / calls,
    )


def main() -> None:
    """Print one line for each kind of call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("what", nargs="*", default=["bare", "looped", "recorded", "bridged", "srtp"])
    given = parser.parse_args()
    for what in given.what:
        cost = measure(what, given.calls, given.seconds)
        print(
            f"{what:8} {given.calls} calls: {cost.cpu:.4f} % of a core each ({cost.user:.4f} user),"
            f" {cost.received:.1f} in and {cost.sent:.1f} out a second,"
            f" clock late p99 {cost.late_p99:.1f} ms, largest {cost.late_largest:.1f} ms"
        )


if __name__ == "__main__":
    main()

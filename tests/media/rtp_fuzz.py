"""Throws broken packets at the media plane: `python -m tests.media.rtp_fuzz --packets N --seed S`.

Good RTP, RTCP and SRTP packets are changed, cut, glued together and made up, and given to the parsers and to
live streams (plain, with RTCP on the same port, encrypted): mostly by their receive path, some through their
sockets. Nothing may raise; each packet is either taken or counted as dropped; and afterwards each stream must
still be there for a proper caller.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "lines" / "sip"))

import pylibsrtp
from rtp_kit import HEADER, HOST, FarEnd, Here, call

from ivr.lines.sip.rtp_terms import RtpTerms, SrtpKey
from ivr.lines.sip.srtp import SUITES
from ivr.media import rtcp
from ivr.media.keys import press
from ivr.media.rtp import is_rtcp, payload_of

OURS, THEIRS = bytes(range(30)), bytes(range(30, 60))
SOURCES = (1, 0x7FFFFFFF, 0xFFFFFFFF)
KINDS = (8, 101, 13, 0x88, 0xE5, 0, 72, 76, 96, 127)
#: Steps of sequence numbers; the later ones make SRTP lose its place.
JUMPS = (2, 3, -1, -2, 20, 200, -3000, 40_000)
#: Every so manyth packet goes through a socket, and as often a beat passes.
EACH = 16
#: Packets that a stream gets in a row, so that some of them follow each other.
RUN = 500


class Maker:
    """Makes packets, most of them wrong in some way."""

    def __init__(self, rolls: random.Random) -> None:
        self.rolls = rolls
        self._at = {False: 0, True: 0}  # a place of its own for the encrypted stream
        policy = pylibsrtp.Policy(key=THEIRS, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self._srtp = pylibsrtp.Session(policy)
        self._last = b""
        self._secure = False
        self._changes: tuple[Callable[[bytes], bytes], ...] = (
            lambda packet: packet,
            self._flipped,
            self._cut,
            self._longer,
            self._glued,
            self._byte_set,
            self._numbers_set,
            lambda packet: rolls.randbytes(rolls.randrange(80)),
        )

    def packet(self, *, secure: bool) -> bytes:
        """The next one; `secure`: for a stream that is encrypted."""
        self._secure = secure
        made = self.rolls.choice((self._rtp, self._rtp, self._event, self._rtcp))()
        if secure and self.rolls.random() < 0.9:
            made = self._secret(made)
        for _ in range(self.rolls.choice((0, 0, 1, 1, 2, 4))):
            made = self.rolls.choice(self._changes)(made)
        self._last = made[:1400]
        return self._last

    def _rtp(self) -> bytes:
        roll = self.rolls.random()
        self._at[self._secure] += 1 if roll < 0.9 else self.rolls.choice(JUMPS[: 5 if self._secure else 8])
        at = self._at[self._secure]
        source = SOURCES[0] if roll > 0.1 else self.rolls.choice(SOURCES)
        size = 160 if roll < 0.8 else self.rolls.choice((80, 240, 480, 0, 1, 7))
        head = HEADER.pack(
            0x80 if roll < 0.8 else self.rolls.choice((0x81, 0x90, 0xA0, 0xB1, 0xBF)),
            8 if roll < 0.8 else self.rolls.choice(KINDS),
            at & 0xFFFF,
            (at * 160 if roll < 0.95 else self.rolls.getrandbits(32)) & 0xFFFFFFFF,
            source,
        )
        return head + self.rolls.randbytes(size)

    def _event(self) -> bytes:
        payload, _ = self.rolls.choice(list(press(self.rolls.choice("0123456789*#ABCD"), 60)))
        self._at[self._secure] += 1
        at = self._at[self._secure]
        stamp = at // 7 * 1120 & 0xFFFFFFFF
        return HEADER.pack(0x80, 101, at & 0xFFFF, stamp, SOURCES[0]) + payload

    def _rtcp(self) -> bytes:
        words = [self.rolls.getrandbits(32) for _ in range(6)]
        blocks = [rtcp.ReportBlock(words[0], 9, -5, *words[1:5])] * self.rolls.randrange(4)
        sender = (
            rtcp.SenderInfo(words[5] << 32 | words[4], *words[1:4]) if self.rolls.random() < 0.5 else None
        )
        packet = rtcp.report(
            self.rolls.choice((*SOURCES, words[0] % 32)), "x" * self.rolls.randrange(9), sender, blocks
        )
        return packet + (rtcp.goodbye(words[0]) if self.rolls.random() < 0.3 else b"")

    def _secret(self, packet: bytes) -> bytes:
        protect = self._srtp.protect_rtcp if is_rtcp(packet) else self._srtp.protect
        try:
            return protect(packet)
        except (pylibsrtp.Error, ValueError):  # numbers that a proper sender would not use again
            return packet

    def _flipped(self, packet: bytes) -> bytes:
        changed = bytearray(packet)
        for _ in range(self.rolls.randrange(1, 6)):
            if changed:
                changed[self.rolls.randrange(len(changed))] ^= 1 << self.rolls.randrange(8)
        return bytes(changed)

    def _byte_set(self, packet: bytes) -> bytes:
        changed = bytearray(packet)
        if changed:
            changed[self.rolls.randrange(min(16, len(changed)))] = self.rolls.choice((0, 0x7F, 0x80, 0xFF))
        return bytes(changed)

    def _numbers_set(self, packet: bytes) -> bytes:
        at = self.rolls.randrange(0, max(1, min(40, len(packet))), 2)
        return packet[:at] + self.rolls.choice((b"\xff\xff", b"\0\0", b"\x7f\xff")) + packet[at + 2 :]

    def _cut(self, packet: bytes) -> bytes:
        return packet[: self.rolls.randrange(len(packet) + 1)]

    def _longer(self, packet: bytes) -> bytes:
        return packet + self.rolls.randbytes(self.rolls.randrange(1, 600))

    def _glued(self, packet: bytes) -> bytes:
        at = self.rolls.randrange(len(packet) + 1)
        return packet[:at] + self._last[at:] if self.rolls.random() < 0.5 else packet + self._last


class Target:
    """One live stream, and what has been given to it."""

    def __init__(self, here: Here, far: FarEnd, terms: RtpTerms) -> None:
        self.here = here
        self.far = far
        self.secure = terms.local_key is not None
        here.stream.agree(terms)
        self.taken = 0
        self.dropped = 0

    def throw(self, packet: bytes, *, as_rtcp: bool) -> None:
        """By the receive path, as the poller does it."""
        stream, now = self.here.stream, self.here.clock.time()
        took = stream._take_rtcp(packet, now) if as_rtcp else stream._take(packet, now)
        if took:
            self.taken += 1
        else:
            self.dropped += 1

    def throw_by_wire(self, packet: bytes, *, as_rtcp: bool) -> None:
        """Through the socket, and let a tick pass."""
        sock = self.far.rtcp if as_rtcp else self.far.rtp
        sock.sendto(packet, (HOST, self.here.stream.local_port + as_rtcp))
        self.here.beat()
        self.far.got()
        self.far.got_rtcp()
        self.here.heard.clear()
        self.here.keys.clear()

    def check(self) -> None:
        """After all that: a proper caller is heard, and his key."""
        self.here.heard.clear()
        self.here.keys.clear()
        key = THEIRS if self.secure else b""
        policy = pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND) if key else None
        out = pylibsrtp.Session(policy).protect if policy else bytes
        self.far.source, self.far.sequence = 0x0C0FFEE0, 10
        for payload, kind in ((b"\x11" * 160, 8),) * 10 + ((next(press("5"))[0], 101), (b"\x11" * 160, 8)):
            packet = out(self.far.packet(payload, kind=kind))
            self.far.rtp.sendto(packet, (HOST, self.here.stream.local_port))
            self.here.beat()
        assert b"\x11" * 160 in self.here.heard, "a proper caller is not heard any more"
        assert self.here.keys == ["5"], "a proper caller's key is not heard any more"
        assert "fault" not in self.here.poller.dropped, "a packet through the socket was a fault"
        assert self.here.told in ([], ["media"]), self.here.told


def fuzz(packets: int, seed: int) -> dict[str, int]:
    """Throw so many; returns what was taken and dropped, by reason. Raises when something is wrong."""
    maker = Maker(random.Random(seed))
    with ExitStack() as stack:
        targets = _targets(stack)
        for number in range(packets):
            target = targets[number // RUN % len(targets)]
            packet = maker.packet(secure=target.secure)
            as_rtcp = is_rtcp(packet) != (maker.rolls.random() < 0.1)
            try:
                payload_of(packet)
                rtcp.parse(packet)
                is_rtcp(packet)
                target.throw(packet, as_rtcp=as_rtcp)
                if number % EACH == 0:
                    target.throw_by_wire(packet, as_rtcp=as_rtcp)
                target.here.stream.report()
            except Exception:
                print(f"packet {number} of seed {seed}: {packet.hex()}", file=sys.stderr)  # noqa: T201
                raise
        for target in targets:
            target.check()
        found = {"taken": sum(target.taken for target in targets)}
        for target in targets:
            for reason, count in target.here.poller.dropped.items():
                found[reason] = found.get(reason, 0) + count
        given = sum(target.taken + target.dropped for target in targets)
        assert given == packets, "a packet was neither taken nor dropped"
        return found


def _targets(stack: ExitStack) -> list[Target]:
    keys = {"local_key": SrtpKey(SUITES[0], OURS), "remote_key": SrtpKey(SUITES[0], THEIRS)}
    pairs = [stack.enter_context(call(dead_after=0.0)) for _ in range(3)]
    changes: tuple[dict[str, object], ...] = ({}, {"rtcp_mux": True, "rtcp_port": pairs[1][1].port}, keys)
    return [
        Target(here, far, far.terms(**change)) for (here, far), change in zip(pairs, changes, strict=True)
    ]


def main() -> None:
    """Run, and print one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    found = fuzz(given.packets, given.seed)
    figures = ", ".join(f"{name} {count:,}" for name, count in sorted(found.items()))
    passed = time.monotonic() - began
    print(f"{given.packets:,} packets of seed {given.seed} in {passed:.0f} s, no fault: {figures}")  # noqa: T201


if __name__ == "__main__":
    main()

"""RTCP packets (RFC 3550, section 6): sender and receiver reports, SDES with the CNAME, BYE.

Everything that comes in is validated as appendix A.2 has it before a figure of it counts.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

#: Mean seconds between reports (section 6.2).
INTERVAL = 5.0

SENDER_REPORT, RECEIVER_REPORT, SDES, BYE = 200, 201, 202, 203
_KINDS = range(200, 208)
_MOST_BLOCKS = 31
_COMMON = struct.Struct("!BBH")
_SENDER = struct.Struct("!IIIIII")
_BLOCK = struct.Struct("!IIIIII")
_WORD = struct.Struct("!I")
_CNAME = 1
#: Seconds between 1900, where NTP begins, and 1970.
_NTP_OFFSET = 2_208_988_800


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """What a sender report says of its sender: NTP time as 64 bits, RTP time, packets and payload octets."""

    ntp: int
    timestamp: int
    packets: int
    octets: int

    @property
    def middle(self) -> int:
        """The middle 32 bits of the NTP time, as reports of it refer to it."""
        return self.ntp >> 16 & 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one side received of the other's source (section 6.4.1).

    `fraction` is of 256; `lost` may be negative; `jitter` is in timestamp units; `last_report` and `delay`
    are in 1/65536 s.
    """

    source: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class Compound:
    """What a compound packet says: who reports, perhaps what it sent, what it received, and who left."""

    source: int
    sender: SenderInfo | None = None
    blocks: tuple[ReportBlock, ...] = ()
    left: tuple[int, ...] = ()


def report(source: int, cname: str, sender: SenderInfo | None, blocks: Iterable[ReportBlock] = ()) -> bytes:
    """A compound packet: a sender report (a receiver report without `sender`) and the CNAME."""
    parts = [_pack_block(block) for block in blocks]
    if sender is None:
        kind, head = RECEIVER_REPORT, _WORD.pack(source)
    else:
        kind = SENDER_REPORT
        head = _SENDER.pack(
            source,
            sender.ntp >> 32 & 0xFFFFFFFF,
            sender.ntp & 0xFFFFFFFF,
            sender.timestamp,
            sender.packets & 0xFFFFFFFF,
            sender.octets & 0xFFFFFFFF,
        )
    return _packed(kind, len(parts), head + b"".join(parts)) + _sdes(source, cname)


def goodbye(source: int) -> bytes:
    """A BYE, to stand after a report in its compound packet (section 6.6)."""
    return _packed(BYE, 1, _WORD.pack(source))


def ntp_time(unix: float) -> int:
    """Unix seconds as a 64-bit NTP time."""
    return int((unix + _NTP_OFFSET) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def interval(random: Callable[[], float], *, first: bool = False) -> float:
    """Seconds until the next report: randomised, and halved for the first one (section 6.3.1).

    Two parties need no reconsideration of the timer, and so no factor that makes up for it.
    """
    return INTERVAL * (0.5 if first else 1.0) * (0.5 + random())


def parse(packet: bytes) -> Compound | None:
    """A compound packet, or None if it is none (appendix A.2). Never raises, whatever the bytes are."""
    parts = list(_parts(packet))
    if not parts or parts[0][0] not in (SENDER_REPORT, RECEIVER_REPORT):
        return None
    source: int | None = None
    sender: SenderInfo | None = None
    blocks: list[ReportBlock] = []
    left: list[int] = []
    for kind, count, body in parts:
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            fixed = _SENDER.size if kind == SENDER_REPORT else _WORD.size
            if len(body) < fixed + count * _BLOCK.size:
                return None
            if source is None:
                source = _WORD.unpack_from(body)[0]
                sender = _sender_of(body) if kind == SENDER_REPORT else None
            blocks += (_block_of(body, fixed + at * _BLOCK.size) for at in range(count))
        elif kind == BYE:
            if len(body) < count * _WORD.size:
                return None
            left += (_WORD.unpack_from(body, at * _WORD.size)[0] for at in range(count))
    return Compound(source or 0, sender, tuple(blocks[:_MOST_BLOCKS]), tuple(left))


def _parts(packet: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The packets of a compound one as (kind, count, body); nothing unless all of them fit exactly."""
    parts: list[tuple[int, int, bytes]] = []
    at, end = 0, len(packet)
    while at < end:
        if at + _COMMON.size > end:
            return
        flags, kind, words = _COMMON.unpack_from(packet, at)
        following = at + 4 * (words + 1)
        padded = bool(flags & 0x20)
        # Only the last may be padded, and the first of a compound packet may not be.
        if (
            flags >> 6 != 2
            or kind not in _KINDS
            or following > end
            or (padded and (not at or following < end))
        ):
            return
        stop = following
        if padded:
            padding = packet[following - 1]
            if not padding or padding % 4 or padding > following - at - _COMMON.size:
                return
            stop -= padding
        parts.append((kind, flags & 0x1F, packet[at + _COMMON.size : stop]))
        at = following
    yield from parts


def _sender_of(body: bytes) -> SenderInfo:
    _, high, low, timestamp, packets, octets = _SENDER.unpack_from(body)
    return SenderInfo(high << 32 | low, timestamp, packets, octets)


def _block_of(body: bytes, at: int) -> ReportBlock:
    source, losses, highest, jitter, last, delay = _BLOCK.unpack_from(body, at)
    lost = losses & 0xFFFFFF
    return ReportBlock(
        source, losses >> 24, lost - (1 << 24) if lost & 0x800000 else lost, highest, jitter, last, delay
    )


def _pack_block(block: ReportBlock) -> bytes:
    lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
    return _BLOCK.pack(
        block.source,
        block.fraction << 24 | lost,
        block.highest,
        min(block.jitter, 0xFFFFFFFF),
        block.last_report,
        block.delay,
    )


def _sdes(source: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    chunk = _WORD.pack(source) + bytes((_CNAME, len(name))) + name
    return _packed(SDES, 1, chunk + bytes(4 - len(chunk) % 4))


def _packed(kind: int, count: int, body: bytes) -> bytes:
    return _COMMON.pack(0x80 | count, kind, len(body) // 4) + body

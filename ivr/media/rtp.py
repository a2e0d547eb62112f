"""RTP packets (RFC 3550, section 5.1): the fixed header, and where the payload lies."""

from __future__ import annotations

import struct

#: The fixed header: flags, marker and payload type, sequence number, timestamp, source (SSRC).
HEADER = struct.Struct("!BBHII")
#: The first byte of a plain packet: version 2, no padding, no extension, no contributing sources.
PLAIN = 0x80
#: The marker bit, in the second byte.
MARKER = 0x80
#: The static payload type of comfort noise (RFC 3389).
COMFORT_NOISE = 13
#: Sequence numbers, timestamps and sources wrap here.
SEQUENCES = 1 << 16
TIMESTAMPS = 1 << 32

_EXTENSION = struct.Struct("!HH")


def is_rtcp(packet: bytes) -> bool:
    """Whether a packet on a shared port is RTCP rather than RTP (RFC 5761, section 4)."""
    return len(packet) > 1 and 192 <= packet[1] <= 223


def payload_of(packet: bytes) -> bytes | None:
    """What an RTP packet carries, or None if its version, its lists or its padding cannot be (appendix A.1).

    Never raises, whatever the bytes are.
    """
    if len(packet) < HEADER.size or packet[0] >> 6 != 2:
        return None
    flags, start, end = packet[0], HEADER.size, len(packet)
    start += 4 * (flags & 0x0F)
    if flags & 0x10:
        if start + _EXTENSION.size > end:
            return None
        start += _EXTENSION.size + 4 * _EXTENSION.unpack_from(packet, start)[1]
    if flags & 0x20:
        padding = packet[-1]
        if not padding or padding > end - HEADER.size:
            return None
        end -= padding
    return packet[start:end] if start <= end else None

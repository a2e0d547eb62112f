"""SRTP and SRTCP (RFC 3711) with keys from SDP (RFC 4568), by libsrtp; loaded only when a call wants it."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from ivr.errors import LineError
from ivr.media.rtp import HEADER

if TYPE_CHECKING:
    from ivr.lines.sip.rtp_terms import SrtpKey

#: The suites we can do, best first.
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
#: Bytes of master key and salt.
KEY_SIZE = 30
#: Sources that one key may bring: libsrtp keeps a replay list for each.
MOST_SOURCES = 64
#: Packets longer than this are not tried (libsrtp's buffer, less its trailer).
_LONGEST = 1300


def available() -> bool:
    """Whether encrypted audio can be offered and accepted (the `srtp` extra is installed)."""
    return importlib.util.find_spec("pylibsrtp") is not None


class Srtp:
    """One stream's protection, both ways. Raises LineError when it is made: H231 missing library, H232 bad key."""

    __slots__ = ("_error", "_in", "_out", "_sources")

    def __init__(self, local: SrtpKey, remote: SrtpKey) -> None:
        try:
            import pylibsrtp
        except ImportError as error:
            raise LineError(
                "encrypted audio needs libsrtp; install insurance-hotline[srtp]", code="H231"
            ) from error
        self._error: type[Exception] = pylibsrtp.Error
        kinds = pylibsrtp.Policy
        self._out = pylibsrtp.Session(_policy(kinds, local, kinds.SSRC_ANY_OUTBOUND))
        self._in = pylibsrtp.Session(_policy(kinds, remote, kinds.SSRC_ANY_INBOUND))
        self._sources: set[bytes] = set()

    def protect(self, packet: bytes) -> bytes:
        """An RTP packet of ours, encrypted and signed."""
        return self._out.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """An RTCP packet of ours, encrypted and signed."""
        return self._out.protect_rtcp(packet)

    def unprotect(self, packet: bytes) -> bytes | None:
        """An RTP packet in the clear, or None: forged, replayed or no packet at all."""
        if not HEADER.size <= len(packet) <= _LONGEST:
            return None
        return self._opened(self._in.unprotect, packet, packet[8:12])

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """An RTCP packet in the clear, or None: forged, replayed or no packet at all."""
        if not 8 <= len(packet) <= _LONGEST:
            return None
        return self._opened(self._in.unprotect_rtcp, packet, packet[4:8])

    def _opened(self, unprotect: Any, packet: bytes, source: bytes) -> bytes | None:
        known = source in self._sources
        if not known and len(self._sources) >= MOST_SOURCES:
            return None
        try:
            clear: bytes = unprotect(packet)
        except self._error:
            return None
        if not known:
            self._sources.add(source)
        return clear


def _policy(kinds: Any, key: SrtpKey, direction: int) -> Any:
    profiles = {
        SUITES[0]: kinds.SRTP_PROFILE_AES128_CM_SHA1_80,
        SUITES[1]: kinds.SRTP_PROFILE_AES128_CM_SHA1_32,
    }
    if key.suite not in profiles or len(key.key) != KEY_SIZE:
        raise LineError(
            f"no SRTP key for {key.suite!r} could be used; offer one of {', '.join(SUITES)}", code="H232"
        )
    return kinds(key=key.key, ssrc_type=direction, srtp_profile=profiles[key.suite])

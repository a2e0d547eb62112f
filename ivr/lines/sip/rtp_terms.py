"""What two sides agreed on for one audio stream, as the media needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ivr.media.g711 import Law

#: Whether RTP may come from elsewhere than SDP says. `auto`: only where SDP names a private address that is
#: not the signalling's own, which is what a caller behind an address translator sends.
Symmetric = Literal["off", "auto", "on"]


@dataclass(frozen=True, slots=True)
class SrtpKey:
    """One direction's SDES key (RFC 4568): the suite's name, and master key and salt (30 bytes)."""

    suite: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RtpTerms:
    """One agreed audio stream.

    `address` is numeric; `port` and `rtcp_port` are 1…65535 (or 0: nothing is sent there); `events` is the
    payload type of telephone events, None if they were not agreed. `sends` and `receives` are ours:
    whether we may send, and whether the other side does. `signalling` is the numeric address that its SIP
    comes from. With SRTP both keys are there: `local_key` protects what we send.
    """

    address: str
    port: int
    rtcp_port: int
    law: Law
    payload_type: int
    events: int | None = None
    rtcp_mux: bool = False
    ptime: int = 20
    sends: bool = True
    receives: bool = True
    signalling: str = ""
    local_key: SrtpKey | None = None
    remote_key: SrtpKey | None = None
    #: Whether the other side may also send the other law of G.711 (RFC 3264, section 6.1).
    either: bool = False

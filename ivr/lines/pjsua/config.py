"""What a site may choose about its pjsua2 line."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

from ivr.errors import LineError

#: How a line treats RFC 4028: never, when the other side speaks it, or always (we refresh alone if need be).
SessionTimers = Literal["off", "offered", "always"]
_CODECS = ("PCMA", "PCMU")


@dataclass(frozen=True, slots=True)
class PjsuaSettings:
    """A pjsua2 line's settings; the defaults take calls on every interface, without a registration.

    Raises LineError (H201) for a value that cannot be.
    """

    name: str = "pjsua"
    #: The address SIP and RTP are bound to (IPv4), and the SIP port; 0 takes any free one.
    host: str = "0.0.0.0"  # noqa: S104 - a telephone line is there to be reached
    port: int = 5060
    #: The address to show to the world when it is not `host` (behind a NAT).
    public_address: str = ""
    #: The first RTP port and how many follow; 0 takes any free ones.
    rtp_port: int = 0
    rtp_ports: int = 1000
    #: In order of preference; G.711 only, because the media plane carries nothing else.
    codecs: tuple[str, ...] = _CODECS
    #: The PBX or trunk to register with, such as `sip:pbx.example`; empty: none.
    registrar: str = ""
    user: str = "hotline"
    secret: str = field(default="", repr=False)
    realm: str = "*"
    #: Seconds a registration is asked for.
    register_for: int = 300
    #: An outbound proxy, such as `sip:proxy.example;lr`.
    proxy: str = ""
    session_timers: SessionTimers = "offered"
    #: Seconds (RFC 4028): the interval we ask for, and the least we accept.
    session_expires: int = 1800
    session_least: int = 90
    #: Listen for keys in the audio too, for trunks that send them no other way.
    inband_keys: bool = False
    #: Networks that SIP packets may come from; empty: anywhere. The kernel drops the others, so that they
    #: never reach the library, which a malformed packet can end.
    peers: tuple[str, ...] = ()
    #: Drop RTP that comes from neither the address in the caller's SDP nor that of its signalling.
    check_media_source: bool = True
    #: Seconds that a caller refused for the moment is asked to wait (Retry-After).
    retry_after: int = 30
    user_agent: str = "hotline"

    def __post_init__(self) -> None:
        for network in self.peers:
            _require(_is_network(network), f"peer {network!r} is no IPv4 network; write it as 192.0.2.0/24")
        _require(0 <= self.port <= 65_535, f"SIP port {self.port} is not between 0 and 65535")
        _require(0 <= self.rtp_port <= 65_000, f"RTP port {self.rtp_port} is not between 0 and 65000")
        _require(
            self.rtp_ports >= 4, f"{self.rtp_ports} RTP ports are too few; a call takes two, allow for four"
        )
        for codec in self.codecs:
            _require(codec in _CODECS, f"codec {codec!r} is not carried; choose of {', '.join(_CODECS)}")
        _require(bool(self.codecs), "a line needs a codec; choose of PCMA, PCMU")
        _require(
            self.session_least >= 90 and self.session_expires >= self.session_least,
            "session timers need 90 <= session_least <= session_expires (RFC 4028)",
        )
        _require(not self.registrar or bool(self.secret), "a registration needs a secret; set one")


def _require(good: bool, message: str) -> None:
    if not good:
        raise LineError(message, code="H201")


def _is_network(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text)
    except ValueError:
        return False
    return True

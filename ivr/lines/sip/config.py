"""What a site may choose about its SIP line."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

from ivr.errors import LineError

#: How a line treats RFC 4028: never, when the other side speaks it, or always (we refresh alone if need be).
SessionTimers = Literal["off", "offered", "always"]
#: Whether media may come from elsewhere than the session description says: never, where a caller stands
#: behind an address translator (its description names a private address, its packets come from another), or
#: always.
SymmetricRtp = Literal["off", "auto", "on"]
#: Encrypted media: refused, taken where the other side offers it, or demanded.
Srtp = Literal["off", "offered", "required"]
#: A codec that the media plane carries.
LawName = Literal["PCMA", "PCMU"]

_LAWS: tuple[LawName, ...] = ("PCMA", "PCMU")
_TRANSPORTS = ("udp", "tcp")
#: A call takes a pair of ports, and a pair just given back rests for a while.
_PORTS_A_CALL = 2


@dataclass(frozen=True, slots=True)
class SipSettings:
    """A SIP line's settings; the defaults take calls on every IPv4 interface, without a registration.

    Times are in seconds. Raises LineError (H201) for a value that cannot be.
    """

    name: str = "sip"
    #: The address SIP and RTP are bound to (IPv4 or IPv6), and the port of UDP and TCP; 0 takes any free one.
    host: str = "0.0.0.0"  # noqa: S104 - a telephone line is there to be reached
    port: int = 5060
    #: Of udp and tcp; TLS is there when it has a port.
    transports: tuple[str, ...] = _TRANSPORTS
    tls_port: int = 0
    #: PEM files: our certificate with its chain, its key, and the authorities by which others are verified.
    tls_certificate: str = ""
    tls_key: str = ""
    tls_ca: str = ""
    #: The address to show to the world when it is not `host` (behind an address translator).
    public_address: str = ""
    #: The first RTP port and how many follow; 0 takes any free ones.
    rtp_port: int = 0
    rtp_ports: int = 2000
    #: In order of preference; G.711 only, because the media plane carries nothing else.
    laws: tuple[LawName, ...] = _LAWS
    symmetric_rtp: SymmetricRtp = "auto"
    srtp: Srtp = "offered"
    #: Calls at once.
    most_calls: int = 500
    #: New calls in a second, beyond a burst of twice as many, before others are told to come again.
    calls_per_second: float = 150.0
    #: Networks that SIP packets may come from; empty: anywhere. They are also the ones that are trusted.
    peers: tuple[str, ...] = ()
    #: For how long a source that tries things out is not answered.
    ban_seconds: float = 600.0
    #: Asked of callers who are not in `peers` (digest); empty: nobody is asked.
    accept_user: str = ""
    accept_secret: str = field(default="", repr=False)
    realm: str = "hotline"
    #: The PBX or trunk to register with, such as `sip:pbx.example`; empty: none.
    registrar: str = ""
    user: str = "hotline"
    secret: str = field(default="", repr=False)
    #: How long a registration is asked for.
    register_for: int = 300
    #: An outbound proxy, such as `sip:proxy.example;lr`.
    proxy: str = ""
    session_timers: SessionTimers = "offered"
    #: The interval of RFC 4028 that we ask for, and the least we accept.
    session_expires: int = 1800
    session_least: int = 90
    #: A call without a packet of media for so long is hung up; 0: never.
    dead_media_seconds: float = 60.0
    #: Listen for keys in the audio too, for trunks that send them no other way.
    inband_keys: bool = False
    #: What a caller refused for the moment is asked to wait (Retry-After).
    retry_after: int = 30
    user_agent: str = "hotline"

    def __post_init__(self) -> None:
        for network in self.peers:
            _require(_is_network(network), f"peer {network!r} is no network; write it as 192.0.2.0/24")
        for port in (self.port, self.tls_port):
            _require(0 <= port <= 65_535, f"SIP port {port} is not between 0 and 65535")
        self._check_media()
        self._check_signalling()

    def _check_media(self) -> None:
        _require(bool(self.laws), "a line needs a codec; choose of PCMA, PCMU")
        for law in self.laws:
            _require(law in _LAWS, f"codec {law!r} is not carried; choose of {', '.join(_LAWS)}")
        _require(self.most_calls >= 1, "a line carries at least one call")
        _require(0 <= self.rtp_port <= 65_534, f"RTP port {self.rtp_port} is not between 0 and 65534")
        if self.rtp_port:
            _require(
                self.rtp_ports >= self.most_calls * _PORTS_A_CALL,
                f"{self.rtp_ports} RTP ports are too few for {self.most_calls} calls; a call takes"
                f" {_PORTS_A_CALL}, give it more ports or allow fewer calls",
            )
            last = self.rtp_port + self.rtp_ports - 1
            _require(last <= 65_535, f"RTP ports up to {last} do not exist; begin lower, or take fewer")

    def _check_signalling(self) -> None:
        for transport in self.transports:
            _require(transport in _TRANSPORTS, f"transport {transport!r} is not known; choose of udp, tcp")
        _require(bool(self.transports) or bool(self.tls_port), "a line needs a transport; choose of udp, tcp")
        _require(
            self.session_least >= 90 and self.session_expires >= self.session_least,
            "session timers need 90 <= session_least <= session_expires (RFC 4028)",
        )
        _require(not self.registrar or bool(self.secret), "a registration needs a secret; set one")
        _require(not self.accept_user or bool(self.accept_secret), "callers' digest needs a secret; set one")


def _require(good: bool, message: str) -> None:
    if not good:
        raise LineError(message, code="H201")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True

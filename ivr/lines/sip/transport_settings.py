"""What a site may choose about the transports of its SIP line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from ivr.errors import LineError

_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Where SIP is taken, and how much of it. Raises LineError (H201) for a value that cannot be."""

    #: The numeric address to listen on; `0.0.0.0` is every IPv4 address, `::` every IPv6 and IPv4 one.
    host: str = "0.0.0.0"  # noqa: S104 - a telephone line is there to be reached
    #: The port of UDP and TCP; 0 takes any free one.
    port: int = 5060
    udp: bool = True
    tcp: bool = True
    #: The port of TLS, and whether it is opened at all. Port 0 takes any free one.
    tls: bool = False
    tls_port: int = 5061
    #: PEM files: our certificate (with its chain) and its key; the authorities that others are checked by
    #: (none: those of the system).
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_authorities: Path | None = None
    #: Whether whom we call by TLS must show a certificate for the name we called, and whether callers must
    #: show one of an authority above (mutual TLS).
    tls_check: bool = True
    tls_callers_too: bool = False
    #: The address or name to show to the world, when it is not the one we listen on (behind a NAT).
    public_address: str = ""
    #: Connections that others open: altogether, and from any one address.
    most_connections: int = 500
    most_per_source: int = 50
    #: Seconds: a connection may be silent; a message may take to come, once begun; connecting and the TLS
    #: handshake may take.
    idle_seconds: float = 1_800.0
    message_seconds: float = 10.0
    handshake_seconds: float = 5.0
    #: How often a blank line keeps the way open (RFC 5626) of connections that we opened, and (`udp_keep_alive`)
    #: of UDP to a registrar.
    keep_alive_seconds: float = 25.0
    udp_keep_alive: bool = False
    #: Octets the kernel may hold for us, and that may wait for a peer who does not read.
    receive_buffer: int = 4_194_304
    most_unsent: int = 262_144
    #: Seconds that a name's look-up may take.
    lookup_seconds: float = 5.0

    def __post_init__(self) -> None:
        _require(
            _numeric(self.host), f"{self.host!r} is no address to listen on; write it as 192.0.2.1 or ::"
        )
        for port in (self.port, self.tls_port):
            _require(0 <= port <= 65_535, f"SIP port {port} is not between 0 and 65535")
        _require(self.udp or self.tcp or self.tls, "a SIP line needs a transport; switch on UDP, TCP or TLS")
        _require(
            not self.tls or (self.tls_certificate is not None and self.tls_key is not None),
            "TLS needs a certificate and its key; name both PEM files",
        )
        _require(
            not self.tls_callers_too or self.tls_authorities is not None,
            "to check callers' certificates, name the PEM file of the authorities that sign them",
        )
        _require(
            not self.public_address
            or _numeric(self.public_address)
            or _NAME.fullmatch(self.public_address) is not None,
            f"public address {self.public_address!r} is neither an address nor a host name",
        )
        for name in ("most_connections", "most_per_source", "idle_seconds", "message_seconds"):
            _require(getattr(self, name) > 0, f"{name} must be more than 0")
        for name in ("handshake_seconds", "keep_alive_seconds", "lookup_seconds", "most_unsent"):
            _require(getattr(self, name) > 0, f"{name} must be more than 0")


def _require(good: bool, message: str) -> None:
    if not good:
        raise LineError(message, code="H201")


def _numeric(host: str) -> bool:
    try:
        return not ip_address(host).is_multicast
    except ValueError:
        return False

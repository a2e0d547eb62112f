"""Opening the sockets of a line: all of its transports on the ports that were asked for, or none."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from ivr.errors import LineError
from ivr.sip.network import Transport

if TYPE_CHECKING:
    from ivr.lines.sip.transport_settings import TransportSettings

#: How often a free port is drawn anew when it turns out to be taken for another transport or address family.
_DRAWS: Final = 20
_BACKLOG: Final = 128


@dataclass(slots=True)
class Bound:
    """What was opened. `addresses` holds the own address by family where one was named, else ""."""

    udp: dict[socket.AddressFamily, socket.socket] = field(default_factory=dict)
    listeners: dict[Transport, list[socket.socket]] = field(default_factory=dict)
    ports: dict[Transport, int] = field(default_factory=dict)
    addresses: dict[socket.AddressFamily, str] = field(default_factory=dict)

    @property
    def families(self) -> frozenset[socket.AddressFamily]:
        """The address families that packets can be sent to."""
        return frozenset(self.addresses)


def bind(settings: TransportSettings) -> Bound:
    """Open every socket of the settings. Raises LineError (H202, H204); nothing is left open then."""
    draws = _DRAWS if settings.port == 0 or settings.tls_port == 0 else 1
    while True:
        draws -= 1
        try:
            with ExitStack() as opened:
                bound = _bind(settings, opened)
                opened.pop_all()
                return bound
        except OSError as error:
            if error.errno == errno.EADDRINUSE and draws:
                continue
            raise _error(settings, error) from None


def _bind(settings: TransportSettings, opened: ExitStack) -> Bound:
    """One try; every socket is put on `opened`. Raises OSError."""
    bound = Bound(addresses=_addresses(settings.host))
    port = settings.port
    for kind, host in bound.addresses.items():
        where = host or _any(kind)
        if settings.udp:
            bound.udp[kind] = opened.enter_context(_socket(kind, socket.SOCK_DGRAM))
            bound.udp[kind].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, settings.receive_buffer)
            bound.udp[kind].bind((where, port))
            port = bound.ports["udp"] = bound.udp[kind].getsockname()[1]
        if settings.tcp:
            port = _listen(bound, opened, "tcp", kind, (where, port))
        if settings.tls:
            _listen(bound, opened, "tls", kind, (where, bound.ports.get("tls", settings.tls_port)))
    return bound


def _listen(
    bound: Bound, opened: ExitStack, transport: Transport, kind: socket.AddressFamily, where: tuple[str, int]
) -> int:
    listener = opened.enter_context(_socket(kind, socket.SOCK_STREAM))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(where)
    listener.listen(_BACKLOG)
    bound.listeners.setdefault(transport, []).append(listener)
    port = int(listener.getsockname()[1])
    bound.ports[transport] = port
    return port


def _socket(kind: socket.AddressFamily, form: socket.SocketKind) -> socket.socket:
    opened = socket.socket(kind, form)
    if kind == socket.AF_INET6:
        # IPv4 has its own socket, so that addresses are never written as ::ffff:192.0.2.1.
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return opened


def _addresses(host: str) -> dict[socket.AddressFamily, str]:
    address = ip_address(host)
    if address.version == 4:
        return {socket.AF_INET: "" if address.is_unspecified else host}
    if address.is_unspecified:
        return {socket.AF_INET: "", socket.AF_INET6: ""}
    return {socket.AF_INET6: host}


def _any(kind: socket.AddressFamily) -> str:
    return "0.0.0.0" if kind == socket.AF_INET else "::"  # noqa: S104 - as the settings say


def _error(settings: TransportSettings, error: OSError) -> LineError:
    ports = f"{settings.port} and {settings.tls_port}" if settings.tls else f"{settings.port}"
    where = f"{settings.host} port {ports}"
    if error.errno == errno.EADDRINUSE:
        return LineError(
            f"SIP cannot listen on {where}: the address is in use; stop the other program or choose another port",
            code="H202",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return LineError(
            f"SIP cannot listen on {where}: this machine has no such address; name one of its own",
            code="H201",
        )
    if error.errno == errno.EACCES:
        return LineError(
            f"SIP cannot listen on {where}: not allowed; choose a port from 1024 up", code="H204"
        )
    return LineError(f"SIP cannot listen on {where}: {error.strerror}; check the settings", code="H204")

"""One media socket's way to the other side: connected to what was agreed, or open to a few addresses at first."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

from ivr.lines.sip.rtp_terms import RtpTerms, Symmetric

#: Packets of nobody in particular that wait in a socket when it is connected; more than its buffer holds.
_MOST_STALE = 512
#: How a socket of both families writes an IPv4 address (RFC 4291, section 2.5.5.2).
_MAPPED = "::ffff:"
#: Bytes read at once: more than any packet of ours.
PACKET = 2048

Address = tuple[str, int]
Send = Callable[[bytes], object]


def open_to(terms: RtpTerms, symmetric: Symmetric) -> frozenset[str]:
    """The addresses from which the first packet may come, whatever its port; empty: from SDP's alone.

    See `Symmetric`. Where SDP's private address is left for the signalling's, SDP's own stays allowed:
    signalling and media may be two machines of one private network.
    """
    if symmetric == "off" or not terms.signalling:
        return frozenset()
    both = frozenset((terms.signalling, terms.address))
    if symmetric == "on":
        return both
    return both if len(both) == 2 and not ipaddress.ip_address(terms.address).is_global else frozenset()


class RtpPath:
    """A socket that hears one address and port only: the kernel drops the rest.

    While it is open to several, the owner checks each packet and then calls `settle`.
    """

    __slots__ = ("_remote", "_stale", "_stale_until", "hosts", "send", "settled", "sock")

    def __init__(self, sock: socket.socket, stale: Address | None = None, until: float = 0.0) -> None:
        """`stale`: where the sound came from before the other side moved it; not believed before `until`."""
        self.sock = sock
        self._stale = stale
        self._stale_until = until
        #: Sends a packet, raising OSError like a socket; None while there is nowhere to send.
        self.send: Send | None = None
        #: Who may send the first packet, while that is not settled.
        self.hosts: frozenset[str] = frozenset()
        #: Whether the socket hears one address only.
        self.settled = False
        self._remote: Address | None = None

    def point(self, address: str, port: int, hosts: frozenset[str]) -> bool:
        """Send to a numeric address, and hear it alone, or `hosts` at first. False: it cannot be sent to.

        Once settled it stays connected; being open again takes a new socket.
        """
        self._remote = (self._dialled(address), port) if port and _is_somebody(address) else None
        if hosts:
            self.hosts, self.settled = hosts, False
            self.send = self._send_openly if self._remote else None
            return True
        if self._remote is None:
            self.send = None
            return False
        return self.settle(self._remote)

    def settle(self, remote: Address) -> bool:
        """Hear and send to this address alone; what came before from others is thrown away."""
        try:
            self.sock.connect(remote)
        except OSError:
            self.send, self.settled = None, False
            return False
        self._empty()
        self._remote = remote
        self.settled = True
        self.hosts = frozenset()
        self.send = self.sock.send
        return True

    @property
    def remote(self) -> Address | None:
        """What it sends to, as its socket writes it."""
        return self._remote

    def may_be(self, remote: Address, now: float) -> bool:
        """Whether the first packet may come from here at this moment."""
        if remote == self._stale and now < self._stale_until:
            return False
        return remote[0].partition("%")[0].removeprefix(_MAPPED) in self.hosts

    def _dialled(self, address: str) -> str:
        """An address as this socket can reach it: an IPv6 one writes IPv4 addresses in its own way."""
        mapped = self.sock.family == socket.AF_INET6 and ":" not in address
        return _MAPPED + address if mapped else address

    def _empty(self) -> None:
        for _ in range(_MOST_STALE):
            try:
                self.sock.recv(PACKET)
            except BlockingIOError:
                return
            except OSError:  # word of an earlier packet that could not be delivered
                continue

    def _send_openly(self, packet: bytes) -> None:
        assert self._remote is not None  # noqa: S101  # `send` is None without it
        self.sock.sendto(packet, self._remote)


def _is_somebody(address: str) -> bool:
    """Whether this names one machine (sound is never sent to a group or to nobody)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (found.is_multicast or found.is_unspecified or str(found) == "255.255.255.255")

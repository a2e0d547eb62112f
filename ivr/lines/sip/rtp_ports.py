"""UDP ports for media: pairs from a range, the longest unused first, so that late packets find nobody."""

from __future__ import annotations

import contextlib
import ipaddress
import resource
import socket
from collections import deque

from ivr.errors import LineError

#: Kernel buffer asked for each socket: more than a second of packets, and little enough for hundreds of calls.
BUFFER = 65_536
#: Voice goes first: expedited forwarding (RFC 4594), in the upper six bits of the traffic class.
EXPEDITED = 46 << 2


def raise_file_limit() -> int:
    """Let this process open as many files (and sockets) as the system allows it; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft


class RtpSockets:
    """A bound pair of non-blocking UDP sockets: RTP on the even port, RTCP on the odd one above it."""

    __slots__ = ("_ports", "port", "rtcp", "rtp")

    def __init__(self, rtp: socket.socket, rtcp: socket.socket, port: int, ports: RtpPorts) -> None:
        self.rtp = rtp
        self.rtcp = rtcp
        #: The RTP port; RTCP is on the next.
        self.port = port
        self._ports: RtpPorts | None = ports

    def renew(self) -> None:
        """Open both sockets anew on the same ports. Raises LineError (H230) if another program took one."""
        if self._ports is not None:
            self.rtp.close()
            self.rtcp.close()
            self.rtp, self.rtcp = self._ports.open_again(self.port)

    @property
    def quiet(self) -> bool:
        """Whether nothing has come that was not read."""
        for sock in (self.rtp, self.rtcp):
            try:
                sock.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                continue
            except OSError:
                pass
            return False
        return True

    def close(self) -> None:
        """Give both ports back. Harmless if it was done."""
        ports, self._ports = self._ports, None
        if ports is not None:
            self.rtp.close()
            self.rtcp.close()
            ports.give_back(self.port)


class RtpPorts:
    """Hands out pairs of ports on one address, the longest unused first."""

    def __init__(self, first: int, count: int, host: str) -> None:
        """Ports `first` to `first + count − 1` of a numeric address (`::` and `0.0.0.0` mean all).

        Raises LineError (H201) when there is no pair of an even and an odd port among them.
        """
        begin = first + first % 2
        self._free = deque(range(begin, min(first + count, 65_536) - 1, 2))
        if not 0 < first <= 65_535 or not self._free:
            raise LineError(
                f"{count} RTP ports from {first} hold no pair of ports; widen the range", code="H201"
            )
        self._family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        self._host = host
        #: Pairs in all, and how many are in use.
        self.size = len(self._free)
        self.used = 0

    def take(self) -> RtpSockets:
        """The next pair that is free on this machine. Raises LineError (H230) when there is none."""
        for _ in range(len(self._free)):
            port = self._free.popleft()
            pair = self._opened(port)
            if pair is not None:
                self.used += 1
                return RtpSockets(*pair, port, self)
            self._free.append(port)  # another program has it: perhaps not for long
        raise LineError(
            f"no RTP port is free: {self.used} of {self.size} pairs are in use; widen the range of RTP ports",
            code="H230",
        )

    def listen(self, most: int) -> list[RtpSockets]:
        """Open so many of the free pairs, the longest unused first, to hear whether something still comes there."""
        opened = []
        for _ in range(min(most, len(self._free))):
            port = self._free.popleft()
            pair = self._opened(port)
            if pair is None:
                self._free.append(port)
            else:
                self.used += 1
                opened.append(RtpSockets(*pair, port, self))
        return opened

    def give_back(self, port: int) -> None:
        """A pair is closed: it is the last to be used again."""
        self.used -= 1
        self._free.append(port)

    def open_again(self, port: int) -> tuple[socket.socket, socket.socket]:
        """A pair that is in use, opened anew. Raises LineError (H230) if another program took it meanwhile."""
        pair = self._opened(port)
        if pair is None:
            raise LineError(f"RTP port {port} was taken by another program; give each its own", code="H230")
        return pair

    def _opened(self, port: int) -> tuple[socket.socket, socket.socket] | None:
        rtp = self._bound(port)
        if rtp is None:
            return None
        rtcp = self._bound(port + 1)
        if rtcp is None:
            rtp.close()
            return None
        return rtp, rtcp

    def _bound(self, port: int) -> socket.socket | None:
        try:
            sock = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        except OSError as error:
            raise LineError(
                f"no socket for media could be opened ({error.strerror}); raise the limit of open files",
                code="H230",
            ) from error
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            if self._family == socket.AF_INET6:
                # On `::`, IPv4 callers' sound goes by the same sockets.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, self._host != "::")
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED)
            sock.bind((self._host, port))
        except OSError:
            sock.close()
            return None
        return sock

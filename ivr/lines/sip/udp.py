"""One UDP socket for SIP: read a little at a time, and never closed by what a packet does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ivr.lines.sip.addresses import usable
from ivr.sip.network import Flow

if TYPE_CHECKING:
    from ivr.clock import Clock

#: What is read at one turn of the event loop at most, so that audio is not kept waiting: packets, and seconds.
_PACKETS: Final = 32
_SECONDS: Final = 0.002


class UdpSocket:
    """A bound socket; `received` gets each packet with the flow it came by. Opened by `start`."""

    __slots__ = (
        "_buffer",
        "_clock",
        "_loop",
        "_received",
        "_socket",
        "dropped",
        "packets_in",
        "packets_out",
        "unsent",
    )

    def __init__(
        self, bound: socket.socket, *, received: Callable[[bytes, Flow], None], clock: Clock
    ) -> None:
        bound.setblocking(False)
        self._socket = bound
        self._received = received
        self._clock = clock
        self._buffer = bytearray(65_536)
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Counts: read, sent, from addresses that nobody can have, lost because the kernel had no room.
        self.packets_in = self.packets_out = self.dropped = self.unsent = 0

    @property
    def port(self) -> int:
        """The port it is bound to."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Read from now on; in a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Give the socket back; harmless if that is done."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop = None
        self._socket.close()

    def send(self, data: bytes, flow: Flow) -> str:
        """Send one packet; "" or, when it can never arrive, why.

        A full send buffer is no failure: the packet is lost like any other on the way, and sent again.
        """
        if not usable(flow.host, flow.port):
            return f"{flow.host} port {flow.port} is nowhere"
        try:
            self._socket.sendto(data, (flow.host, flow.port))
        except (BlockingIOError, InterruptedError):
            self.unsent += 1
        except OSError as error:
            return error.strerror or type(error).__name__
        else:
            self.packets_out += 1
        return ""

    def _readable(self) -> None:
        """Read what has come, but not more than a turn's worth: the rest waits in the kernel for the next."""
        until = self._clock.time() + _SECONDS
        for _ in range(_PACKETS):
            if not self._read() or self._clock.time() >= until:
                return

    def _read(self) -> bool:
        """Read one packet and hand it on; False if there is none."""
        try:
            size, address = self._socket.recvfrom_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            # What became of an earlier packet (port unreachable) may be told here: nothing to the others.
            return True
        self.packets_in += 1
        host, port = address[0], address[1]
        if usable(host, port):
            self._received(bytes(memoryview(self._buffer)[:size]), Flow("udp", host, port))
        else:
            self.dropped += 1
        return self._loop is not None

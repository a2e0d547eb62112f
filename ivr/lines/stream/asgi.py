"""uvicorn's WebSockets, as a line of live sound needs them: nothing kept for slow readers, the dead found soon."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ivr.lines.stream.messages import LARGEST

#: Seconds between pings of a socket, and within which each must be answered.
PING_EVERY: Final = 3.0
PONG_WITHIN: Final = 6.0
#: Bytes that a socket may keep for a slow reader, in the kernel and before it: about a second of sound each.
SEND_BUFFER: Final = 16_384
#: Messages that wait to be read before no more are taken from the network.
MOST_UNREAD: Final = 16
#: Seconds that a connection which failed is given to take what was written.
_LAST_WORDS: Final = 2.0


class LiveSocket(WebSocketsSansIOProtocol):
    """A WebSocket that keeps little for a slow reader, and cuts off one who answers no ping.

    The scope's state has `abort`, by which the application cuts the connection.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Bound what waits in it, and let nothing wait for company."""
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=SEND_BUFFER)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            sock.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
            )  # else a frame waits for the next one's ACK
        super().connection_made(transport)

    def handle_connect(self, event: Any) -> None:
        """Let the application cut the connection."""
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["state"]["abort"] = self.transport.abort

    def send_receive_event_to_app(self) -> None:
        """Read on while few messages wait, instead of stopping and starting for each: two system calls less."""
        few, paused = self.queue.qsize() < MOST_UNREAD, self.read_paused
        self.read_paused = paused or few
        super().send_receive_event_to_app()
        if few:
            self.read_paused = paused

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection that ends without a closing frame is lost (1006), not closed (RFC 6455, section 7.1.5)."""
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        """Say goodbye to one who answers no ping, and do not wait long for it to be taken."""
        super().keepalive_timeout()
        self.loop.call_later(_LAST_WORDS, self.transport.abort)


def socket_options() -> dict[str, Any]:
    """What uvicorn is given so that its WebSockets are such."""
    return {
        "ws": LiveSocket,
        "ws_max_size": LARGEST,
        "ws_ping_interval": PING_EVERY,
        "ws_ping_timeout": PONG_WITHIN,
        "ws_per_message_deflate": False,
    }

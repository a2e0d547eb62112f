"""One TCP or TLS connection: bounded in what it may send, in what may wait for it, and in how long it may take."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal, Protocol

from ivr.lines.sip.framing import Framer, FramingError

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.lines.sip.transport_settings import TransportSettings
    from ivr.lines.sip.turns import Turns
    from ivr.sip.network import Flow

State = Literal["connecting", "handshake", "open", "closed"]

#: One TLS record holds so much; reading as much at once leaves nothing behind in the library's own buffer.
_READ: Final = 16_384
_WRITTEN: Final = 65_536
#: What is handed on at one turn of the event loop at most: messages, and seconds.
_MESSAGES: Final = 32
_SECONDS: Final = 0.002
PING: Final = b"\r\n\r\n"
PONG: Final = b"\r\n"


class Owner(Protocol):
    """The table a connection stands in."""

    @property
    def settings(self) -> TransportSettings:
        """How long and how much."""

    @property
    def clock(self) -> Clock:
        """The clock of all deadlines."""

    @property
    def turns(self) -> Turns:
        """When a connection may work."""

    def message(self, data: bytes, connection: Connection) -> bool:
        """One whole message; False: the connection is to be closed."""

    def closed(self, connection: Connection, reason: str) -> None:
        """It is gone; told once."""


class Connection:
    """A connected or connecting socket. Everything happens in the event loop's thread."""

    __slots__ = (
        "_framer",
        "_heard",
        "_loop",
        "_out",
        "_owner",
        "_partial",
        "_socket",
        "_tls",
        "due",
        "flow",
        "name",
        "outgoing",
        "pinged",
        "state",
        "used_as",
    )

    def __init__(
        self,
        owner: Owner,
        connected: socket.socket,
        flow: Flow,
        *,
        tls: ssl.SSLContext | None,
        name: str,
        outgoing: bool,
    ) -> None:
        self._owner = owner
        self._socket = connected
        self._tls = tls
        self._framer = Framer()
        self._out = bytearray()
        self._heard = self._partial = False
        self._loop = asyncio.get_running_loop()
        self.flow = flow
        #: Whom its certificate must name, when we opened it.
        self.name = name
        self.outgoing = outgoing
        self.state: State = "connecting"
        #: When it is closed unless something happens before, and when it last said a keep-alive.
        self.due = owner.clock.time() + owner.settings.handshake_seconds
        self.pinged = owner.clock.time()
        #: The flows by which it was asked for besides its own: they are told too when it fails.
        self.used_as: set[Flow] = set()

    @property
    def unsent(self) -> int:
        """Octets that wait for the other side to read."""
        return len(self._out)

    def connect(self) -> None:
        """Begin to open it towards its flow."""
        try:
            self._socket.connect((self.flow.host, self.flow.port))
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(self._socket, self._connected)
        except OSError as error:
            self.close(_reason(error))
        else:
            self.begin()

    def begin(self) -> None:
        """The socket is connected: shake hands, or talk at once."""
        if self._tls is None:
            self._open()
            return
        try:
            self._socket = self._tls.wrap_socket(
                self._socket,
                server_side=not self.outgoing,
                do_handshake_on_connect=False,
                server_hostname=self.name if self.outgoing else None,
            )
        except (OSError, ValueError) as error:
            self.close(_reason(error))
            return
        self.state = "handshake"
        self._loop.add_reader(self._socket, self._can_shake_hands)
        self._can_shake_hands()

    def send(self, data: bytes) -> None:
        """Send, as soon as the connection is open and the other side reads."""
        if self.state == "closed":
            return
        if len(self._out) + len(data) > self._owner.settings.most_unsent:
            self.close("the other side does not read")
            return
        self._out += data
        if self.state == "open":
            self._flush()

    def close(self, reason: str) -> None:
        """End it at once and tell the owner; harmless if that is done."""
        if self.state == "closed":
            return
        polite = self.state == "open"
        self.state = "closed"
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        if polite and isinstance(self._socket, ssl.SSLSocket):
            # Says that we close; whether the other side says so too is not waited for.
            with suppress(OSError, ValueError):
                self._socket.unwrap()
        self._socket.close()
        self._owner.closed(self, reason)

    def _connected(self) -> None:
        self._loop.remove_writer(self._socket)
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.close(_reason(OSError(error, "")))
        else:
            self.begin()

    def _can_shake_hands(self) -> None:
        """Take the next step of the TLS handshake, which costs much, when it is our turn."""
        if not self._owner.turns.take(self._shake_hands):
            self._pause()

    def _shake_hands(self) -> None:
        """One step of the TLS handshake, as far as what has come allows."""
        if self.state != "handshake":
            return
        assert isinstance(self._socket, ssl.SSLSocket)  # noqa: S101 - begin() has wrapped it
        self._loop.add_reader(self._socket, self._can_shake_hands)
        self._loop.remove_writer(self._socket)
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLWantWriteError:
            self._loop.add_writer(self._socket, self._can_shake_hands)
        except (OSError, ValueError) as error:
            self.close(_reason(error))
        else:
            self._open()

    def _open(self) -> None:
        settings, now = self._owner.settings, self._owner.clock.time()
        self.state = "open"
        # Whoever comes must say something before long; a connection of ours may be silent.
        self.due = now + (settings.idle_seconds if self.outgoing else settings.message_seconds)
        self._loop.add_reader(self._socket, self._readable)
        self._flush()

    def _pause(self) -> None:
        """Hear nothing of the socket until it is our turn."""
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        if not self._owner.turns.take(self._read):
            self._loop.remove_reader(self._socket)

    def _read(self) -> None:
        if self.state != "open":
            return
        self._loop.add_reader(self._socket, self._readable)
        try:
            data = self._socket.recv(_READ)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            self.close(_reason(error))
            return
        if not data:
            self.close("the other side closed the connection")
            return
        self._framer.feed(data)
        self._hand_on()
        if self._out and self.state == "open":
            self._flush()

    def _hand_on(self) -> None:
        """Hand on a turn's worth of messages; while more are left, nothing further is read."""
        clock = self._owner.clock
        until = clock.time() + _SECONDS
        try:
            for done in range(_MESSAGES):
                message = self._framer.next()
                if message is None:
                    self._settle(heard=done > 0)
                    return
                if not self._owner.message(message, self):
                    self.close("it sends what is not welcome")
                if self.state == "closed":
                    return
                if clock.time() >= until:
                    break
        except FramingError as error:
            self.close(str(error))
            return
        self._heard, self._partial = True, False
        self.due = clock.time() + self._owner.settings.idle_seconds
        self._loop.remove_reader(self._socket)
        self._owner.turns.wait(self._hand_on_the_rest)

    def _hand_on_the_rest(self) -> None:
        if self.state == "open":
            self._loop.add_reader(self._socket, self._readable)
            self._hand_on()

    def _settle(self, *, heard: bool) -> None:
        """Everything that is whole was handed on: answer a keep-alive, and set the next deadline."""
        settings, now = self._owner.settings, self._owner.clock.time()
        pinged, self._framer.pings = self._framer.pings > 0, 0
        self._heard = self._heard or heard
        if len(self._framer) == 0:
            self._partial = False
            if self._heard and (heard or pinged):
                self.due = now + settings.idle_seconds
        elif heard or not self._partial:
            self._partial = True
            self.due = now + settings.message_seconds
        if pinged:
            self.send(PONG)

    def _flush(self) -> None:
        """Write as much as the other side takes; the rest when it reads."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out[:_WRITTEN])]
        except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError):
            self._loop.add_writer(self._socket, self._flush)
        except ssl.SSLWantReadError:
            # TLS itself must hear something first; `_readable` goes on with the rest then.
            self._loop.remove_writer(self._socket)
        except OSError as error:
            self.close(_reason(error))
        else:
            self._loop.remove_writer(self._socket)


def _reason(error: Exception) -> str:
    """Why, in a few words of the system's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS: {error.reason.lower().replace('_', ' ')}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__

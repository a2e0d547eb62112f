"""All TCP and TLS connections of a line: those that others open, and those that we open to others."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from ivr.lines.sip.addresses import family, usable
from ivr.lines.sip.connection import PING, Connection
from ivr.lines.sip.turns import Turns
from ivr.sip.guard_sources import source_key
from ivr.sip.network import Flow, Transport

if TYPE_CHECKING:
    from ivr.clock import Clock, TimerHandle
    from ivr.lines.sip.transport_settings import TransportSettings

#: New connections that are taken at one turn of the event loop at most.
_ACCEPTED: Final = 4
#: How often deadlines and keep-alives are looked at, and how long accepting rests when the system has no more
#: file handles; seconds.
_SWEEP: Final = 0.5
_REST: Final = 1.0
#: How many places to connect to are remembered with the name that their certificate must show.
_MOST_PLACES: Final = 1_024
#: How many flows of connections that are gone may lead to one that took their place.
_MOST_NAMES: Final = 64
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Place(NamedTuple):
    """Where a connection leads: an address and port, under the name that was called."""

    transport: Transport
    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """For those who call us (None: nobody may), and for those whom we call."""

    server: ssl.SSLContext | None
    client: ssl.SSLContext


class Streams:
    """The table of connections. `message` gets each whole message and says whether the connection may stay;
    `failed` is told of every flow by which something may have been lost; `welcome` is asked of every newcomer.
    """

    def __init__(
        self,
        settings: TransportSettings,
        *,
        clock: Clock,
        message: Callable[[bytes, Flow], bool],
        failed: Callable[[Flow, str], None],
        welcome: Callable[[Flow], bool],
        tls: TlsContexts | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.turns = Turns(asyncio.get_running_loop())
        self._message = message
        self._failed = failed
        self._welcome = welcome
        self._tls = tls
        self._ids = itertools.count(1)
        self._connections: dict[int, Connection] = {}
        self._by_place: dict[Place, Connection] = {}
        self._per_source: Counter[str] = Counter()
        self._incoming = 0
        self._places: OrderedDict[int, Place] = OrderedDict()
        self._reserved: dict[Place, int] = {}
        self._listeners: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timers: dict[str, TimerHandle] = {}
        #: Counts: messages in and out, connections taken, opened, refused, and closed by a deadline.
        self.counts: Counter[str] = Counter()

    @property
    def incoming(self) -> int:
        """Connections that others opened."""
        return self._incoming

    @property
    def outgoing(self) -> int:
        """Connections that we opened."""
        return len(self._connections) - self._incoming

    def start(self, listeners: Mapping[Transport, list[socket.socket]]) -> None:
        """Take connections at these bound, listening sockets (and own them); in a running event loop."""
        self._loop = asyncio.get_running_loop()
        for transport, sockets in listeners.items():
            for listener in sockets:
                listener.setblocking(False)
                self._listeners.append(listener)
                self._loop.add_reader(listener, self._can_accept, listener, transport)
        self._timers["sweep"] = self.clock.call_at(self.clock.time() + _SWEEP, self._sweep)

    def close(self) -> None:
        """Close every connection and listener; harmless if that is done."""
        loop, self._loop = self._loop, None
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for listener in self._listeners:
            if loop is not None:
                loop.remove_reader(listener)
            listener.close()
        self._listeners.clear()
        for connection in list(self._connections.values()):
            connection.close("the line stops")
        self.turns.close()

    def place(self, transport: Transport, name: str, host: str, port: int) -> Flow:
        """The flow to an address under a name: the same each time, also when its connection was renewed."""
        place = Place(transport, name, host, port)
        number = self._reserved.get(place)
        if number is None:
            number = next(self._ids)
            self._reserved[place] = number
            self._places[number] = place
            if len(self._places) > _MOST_PLACES:
                _, oldest = self._places.popitem(last=False)
                del self._reserved[oldest]
        else:
            self._places.move_to_end(number)
        return Flow(transport, host, port, number)

    def send(self, data: bytes, flow: Flow) -> str:
        """Send by the flow's connection, one that leads to the same place, or a new one. "" or why not."""
        connection = self._connections.get(flow.connection)
        if connection is None or connection.flow.transport != flow.transport:
            place = self._places.get(flow.connection) or Place(
                flow.transport, flow.host, flow.host, flow.port
            )
            connection = self._by_place.get(place)
            if connection is None:
                if self._loop is None or not usable(flow.host, flow.port):
                    return f"{flow.host} port {flow.port} is nowhere"
                if self.outgoing >= self.settings.most_connections:
                    return "too many connections"
                connection = self._connect(place, flow)
        if flow != connection.flow and len(connection.used_as) < _MOST_NAMES:
            connection.used_as.add(flow)
        self.counts["messages_out"] += 1
        connection.send(data)
        return ""

    def message(self, data: bytes, connection: Connection) -> bool:
        """A connection has read a whole message."""
        self.counts["messages_in"] += 1
        return self._message(data, connection.flow)

    def closed(self, connection: Connection, reason: str) -> None:
        """A connection is gone."""
        self._connections.pop(connection.flow.connection, None)
        for place in [
            place for place in self._places_of(connection) if self._by_place.get(place) is connection
        ]:
            del self._by_place[place]
        if not connection.outgoing:
            self._incoming -= 1
            source = source_key(connection.flow.host)
            self._per_source[source] -= 1
            if self._per_source[source] <= 0:
                del self._per_source[source]
        # An incoming connection that was closed in order loses nothing: answers find their way by a new one.
        if connection.outgoing or connection.unsent:
            for flow in (connection.flow, *connection.used_as):
                self._failed(flow, reason)

    def _connect(self, place: Place, flow: Flow) -> Connection:
        number = self._reserved.get(place) or next(self._ids)
        kind = family(flow.host) or socket.AF_INET
        opened = socket.socket(kind, socket.SOCK_STREAM)
        _prepare(opened)
        if family(self.settings.host) == kind:
            # A site that named its address is known to its trunk by it.
            with suppress(OSError):
                opened.bind((self.settings.host, 0))
        tls = self._tls.client if self._tls is not None and place.transport == "tls" else None
        connection = Connection(
            self,
            opened,
            Flow(place.transport, place.host, place.port, number),
            tls=tls,
            name=place.name,
            outgoing=True,
        )
        self._connections[number] = connection
        self._by_place[place] = connection
        self.counts["opened"] += 1
        connection.connect()
        return connection

    def _can_accept(self, listener: socket.socket, transport: Transport) -> None:
        """Somebody knocks: let him in when there is time for it."""
        if not self.turns.take(partial(self._accept, listener, transport)) and self._loop is not None:
            self._loop.remove_reader(listener)

    def _accept(self, listener: socket.socket, transport: Transport) -> None:
        """Take newcomers, a few at a time."""
        if self._loop is None:
            return
        self._loop.add_reader(listener, self._can_accept, listener, transport)
        for _ in range(_ACCEPTED):
            try:
                accepted, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._rest(listener, transport)
                return
            flow = Flow(transport, address[0], address[1], next(self._ids))
            if self._too_many(flow) or not usable(flow.host, flow.port) or not self._welcome(flow):
                self.counts["refused"] += 1
                _drop(accepted)
            else:
                self._take(accepted, flow)

    def _take(self, accepted: socket.socket, flow: Flow) -> None:
        _prepare(accepted)
        tls = self._tls.server if self._tls is not None and flow.transport == "tls" else None
        connection = Connection(self, accepted, flow, tls=tls, name=flow.host, outgoing=False)
        self._connections[flow.connection] = connection
        for place in self._places_of(connection):
            self._by_place.setdefault(place, connection)
        self._incoming += 1
        self._per_source[source_key(flow.host)] += 1
        self.counts["taken"] += 1
        connection.begin()

    def _places_of(self, connection: Connection) -> list[Place]:
        """The places that a connection may be used for: an incoming TLS one only if its owner is proven."""
        flow = connection.flow
        if not connection.outgoing and flow.transport == "tls" and not self.settings.tls_callers_too:
            return []
        return [Place(flow.transport, connection.name, flow.host, flow.port)]

    def _too_many(self, flow: Flow) -> bool:
        return (
            self._incoming >= self.settings.most_connections
            or self._per_source[source_key(flow.host)] >= self.settings.most_per_source
        )

    def _rest(self, listener: socket.socket, transport: Transport) -> None:
        """The system has no more file handles: leave the newcomers waiting for a moment."""
        loop = self._loop
        if loop is None:
            return
        loop.remove_reader(listener)
        self.counts["rests"] += 1

        def go_on() -> None:
            if self._loop is not None:
                self._loop.add_reader(listener, self._can_accept, listener, transport)

        name = f"rest {listener.fileno()}"
        self._timers[name] = self.clock.call_at(self.clock.time() + _REST, go_on)

    def _sweep(self) -> None:
        """Close what took too long, and say the keep-alives that are due."""
        now = self.clock.time()
        for connection in list(self._connections.values()):
            if now >= connection.due:
                self.counts["timed_out"] += 1
                connection.close("it took too long")
            elif _is_quiet(connection, now - self.settings.keep_alive_seconds):
                connection.pinged = now
                connection.send(PING)
        if self._loop is not None:
            self._timers["sweep"] = self.clock.call_at(now + _SWEEP, self._sweep)


def _is_quiet(connection: Connection, since: float) -> bool:
    """Whether a keep-alive is due; whom others opened, they keep alive themselves (RFC 5626, section 3.5)."""
    return connection.outgoing and connection.state == "open" and connection.pinged <= since


def _prepare(connected: socket.socket) -> None:
    connected.setblocking(False)
    with suppress(OSError):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _drop(accepted: socket.socket) -> None:
    """Close with a reset: nothing of it stays in the system's tables."""
    with suppress(OSError):
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    accepted.close()

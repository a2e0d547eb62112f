"""UDP, TCP and TLS under the user agent: the `Network` that sends and receives for it."""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import structlog

from ivr.lines.sip.addresses import family, usable
from ivr.lines.sip.resolver import Resolver
from ivr.lines.sip.sockets import Bound, bind
from ivr.lines.sip.stream import Place, Streams, TlsContexts
from ivr.lines.sip.tls import client_context, server_context
from ivr.lines.sip.udp import UdpSocket
from ivr.sip.network import Flow, Transport
from ivr.sip.refusal import busy

if TYPE_CHECKING:
    from ivr.clock import Clock, TimerHandle
    from ivr.lines.sip.transport_settings import TransportSettings
    from ivr.sip.guard import Guard
    from ivr.sip.uri import Uri

_log = structlog.get_logger("ivr.lines.sip")

#: Names that are looked up at once, and that may wait for their turn.
_LOOK_UPS: Final = 16
_MOST_WAITING: Final = 256
#: How many peers the address they reach us by is remembered of, and for how long (seconds): routes change.
_MOST_ROUTES: Final = 1_024
_ROUTE_LIFE: Final = 60.0
#: What makes a stream be closed rather than one of its messages be dropped.
_UNBEARABLE: Final = frozenset({"not_sip", "scanner", "banned", "not_listed", "too_long"})

Found = Callable[[Sequence[Flow]], None]


class SipTransports:
    """The sockets of a line. `received` gets every packet and message that the guard admits; `failed` is told,
    never from within `send`, of flows by which something was lost. In the event loop's thread throughout.
    """

    def __init__(
        self,
        settings: TransportSettings,
        *,
        received: Callable[[bytes, Flow], None],
        failed: Callable[[Flow, str], None],
        guard: Guard,
        clock: Clock,
        random: Random | None = None,
        retry_after: int = 30,
        hosts: Path = Path("/etc/hosts"),
        name_servers: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._settings = settings
        self._received = received
        self._failed = failed
        self._guard = guard
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - which server is asked first is no secret
        self._retry_after = retry_after
        self._hosts = hosts
        self._name_servers = tuple(name_servers)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bound = Bound()
        self._udp: dict[socket.AddressFamily, UdpSocket] = {}
        self._streams: Streams | None = None
        self._resolver: Resolver | None = None
        self._look_ups: dict[str, tuple[asyncio.Task[None], list[Found]]] = {}
        self._turns = asyncio.Semaphore(_LOOK_UPS)
        self._routes: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._kept_alive: set[Flow] = set()
        self._timer: TimerHandle | None = None
        self._busy = 0
        self._undelivered = 0

    @property
    def ports(self) -> dict[Transport, int]:
        """The port of each transport that is open."""
        return dict(self._bound.ports)

    @property
    def counts(self) -> dict[str, int]:
        """Packets and messages in and out, and what the transports did with connections; for metrics."""
        sockets = list(self._udp.values())
        streams = self._streams
        return {
            "udp_in": sum(each.packets_in for each in sockets),
            "udp_out": sum(each.packets_out for each in sockets),
            "udp_unsent": sum(each.unsent for each in sockets),
            "udp_dropped": sum(each.dropped for each in sockets),
            "busy_answers": self._busy,
            "undelivered": self._undelivered,
            "connections": 0 if streams is None else streams.incoming + streams.outgoing,
            **(
                {} if streams is None else {f"stream_{name}": value for name, value in streams.counts.items()}
            ),
        }

    async def start(self) -> None:
        """Open every socket. Raises LineError: H202 (address in use), H204 (cannot be opened), H205 (TLS)."""
        settings = self._settings
        contexts = TlsContexts(server_context(settings) if settings.tls else None, client_context(settings))
        self._loop = asyncio.get_running_loop()
        self._bound = bind(settings)
        self._streams = Streams(
            settings,
            clock=self._clock,
            message=self._message,
            failed=self._tell_failed,
            welcome=self._guard.welcome,
            tls=contexts,
        )
        for kind, opened in self._bound.udp.items():
            self._udp[kind] = UdpSocket(opened, received=self._packet, clock=self._clock)
            self._udp[kind].start()
        self._streams.start(self._bound.listeners)
        carried: list[Transport] = ["tls"]
        carried += [transport for transport in ("udp", "tcp") if getattr(settings, transport)]
        self._resolver = Resolver(
            clock=self._clock,
            random=self._random,
            carried=carried,
            families=self._bound.families,
            seconds=settings.lookup_seconds,
            hosts=self._hosts,
            servers=self._name_servers,
        )

    async def stop(self) -> None:
        """Give back every socket, timer and task; harmless if that is done."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._kept_alive.clear()
        tasks = [task for task, _ in self._look_ups.values()]
        self._look_ups.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for opened in self._udp.values():
            opened.close()
        if self._streams is not None:
            self._streams.close()

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message; trouble is told by `failed`."""
        if self._loop is None or self._streams is None:
            return
        kind = family(flow.host)
        if kind is None or not usable(flow.host, flow.port):
            self._tell_failed(flow, f"{flow.host} port {flow.port} is nowhere")
            return
        if not data.startswith((b"SIP/", b"ACK")):
            self._guard.expect(flow)
        if flow.transport == "udp":
            opened = self._udp.get(kind)
            trouble = "no socket leads there" if opened is None else opened.send(data, flow)
        else:
            trouble = self._streams.send(data, flow)
        if trouble:
            self._tell_failed(flow, trouble)

    def locate(self, uri: Uri, found: Found) -> None:
        """Where to send a request for `uri`: told at once, or when its name has been looked up."""
        if self._loop is None or self._resolver is None:
            found(())
            return
        known = self._resolver.known(uri)
        if known is not None:
            found(self._flows(known))
            return
        key = f"{uri.scheme}:{uri.host}:{uri.port};{uri.transport}"
        if key in self._look_ups:
            self._look_ups[key][1].append(found)
        elif len(self._look_ups) >= _MOST_WAITING:
            found(())
        else:
            self._look_ups[key] = (self._loop.create_task(self._look_up(self._resolver, uri, key)), [found])

    def sent_by(self, flow: Flow) -> tuple[str, int]:
        """The address and port by which the other end of the flow reaches us."""
        settings = self._settings
        configured = settings.tls_port if flow.transport == "tls" else settings.port
        port = self._bound.ports.get(flow.transport) or configured or 5060
        public = family(settings.public_address) if settings.public_address else None
        if settings.public_address and public in (None, family(flow.host)):
            return settings.public_address, port
        return self._local_address(flow.host), port

    def keep_alive(self, flow: Flow) -> None:
        """Keep the way to a registrar open from now on: by UDP if the settings say so; connections always are."""
        if flow.transport != "udp" or not self._settings.udp_keep_alive or self._loop is None:
            return
        self._kept_alive.add(flow)
        if self._timer is None:
            self._ping_later()

    def let_go(self, flow: Flow) -> None:
        """No longer."""
        self._kept_alive.discard(flow)

    def _packet(self, data: bytes, flow: Flow) -> None:
        """A UDP packet."""
        verdict = self._guard.admit(data, flow)
        if verdict.action == "allow":
            self._deliver(data, flow)
        elif verdict.action == "busy":
            self._say_busy(data, flow)

    def _message(self, data: bytes, flow: Flow) -> bool:
        """A message of a connection; False if the connection is to be closed."""
        verdict = self._guard.admit(data, flow)
        if verdict.action == "allow":
            self._deliver(data, flow)
        elif verdict.action == "busy":
            self._say_busy(data, flow)
        return verdict.reason not in _UNBEARABLE and self._guard.welcome(flow)

    def _deliver(self, data: bytes, flow: Flow) -> None:
        try:
            self._received(data, flow)
        except Exception:
            # Whatever goes wrong with one message, the socket goes on reading the others. What it held is
            # not logged: it may be somebody's secret.
            self._undelivered += 1
            _log.exception("a sip message could not be handled", transport=flow.transport, address=flow.host)

    def _say_busy(self, data: bytes, flow: Flow) -> None:
        answer = busy(data, flow, retry_after=self._retry_after)
        if answer is not None:
            self._busy += 1
            self.send(answer, flow)

    def _tell_failed(self, flow: Flow, reason: str) -> None:
        """Tell it at the loop's next turn, so that nobody is called from within what he calls."""
        if self._loop is not None:
            self._loop.call_soon(self._failed_now, flow, reason)

    def _failed_now(self, flow: Flow, reason: str) -> None:
        if self._loop is None:
            return
        try:
            self._failed(flow, reason)
        except Exception:
            self._undelivered += 1
            _log.exception("a lost sip connection could not be handled", address=flow.host)

    async def _look_up(self, resolver: Resolver, uri: Uri, key: str) -> None:
        places: list[Place] = []
        try:
            # Virtual time stands still meanwhile: name servers live by the real one.
            with self._clock.hold():
                async with self._turns:
                    places = await resolver.look_up(uri)
        finally:
            _, waiting = self._look_ups.pop(key, (None, []))
            for found in waiting:
                self._tell_found(found, self._flows(places))

    def _tell_found(self, found: Found, flows: Sequence[Flow]) -> None:
        try:
            found(flows)
        except Exception:
            self._undelivered += 1
            _log.exception("a sip request could not be sent after its name was looked up")

    def _flows(self, places: Sequence[Place]) -> list[Flow]:
        if self._streams is None:
            return []
        return [
            Flow("udp", place.host, place.port) if place.transport == "udp" else self._streams.place(*place)
            for place in places
        ]

    def _local_address(self, host: str) -> str:
        """The address of ours that packets to `host` leave by, as the kernel routes them."""
        kind, now = family(host) or socket.AF_INET, self._clock.time()
        own = self._bound.addresses.get(kind, "")
        if own:
            return own
        known = self._routes.get(host)
        if known is not None and known[1] > now:
            return known[0]
        address = "127.0.0.1" if kind == socket.AF_INET else "::1"
        # Connecting a UDP socket sends nothing; it only asks the kernel for the route.
        with suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as asked:
            asked.connect((host, 9))
            address = str(asked.getsockname()[0])
        self._routes[host] = (address, now + _ROUTE_LIFE)
        self._routes.move_to_end(host)
        if len(self._routes) > _MOST_ROUTES:
            self._routes.popitem(last=False)
        return address

    def _ping_later(self) -> None:
        when = self._clock.time() + self._settings.keep_alive_seconds
        self._timer = self._clock.call_at(when, self._ping)

    def _ping(self) -> None:
        self._timer = None
        for flow in self._kept_alive:
            opened = self._udp.get(family(flow.host) or socket.AF_INET)
            if opened is not None:
                opened.send(b"\r\n\r\n", flow)
        if self._kept_alive:
            self._ping_later()

"""A network that only writes down what it is given: the transports of tests without I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ivr.sip.message import Request, Response, parse
from ivr.sip.network import Flow, Transport

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.sip.uri import Uri

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}


class Sent(NamedTuple):
    """One message that went out: when, what, and by which flow."""

    time: float
    data: bytes
    flow: Flow

    @property
    def message(self) -> Request | Response:
        """Read again from its octets."""
        return parse(self.data)


class FakeNetwork:
    """Implements `ivr.sip.network.Network`.

    Numeric addresses are told at once; names are looked up in `names` (host → flows), or held back until
    `release` where `holds_names` is set. `on_send`, if set, is called with everything that is sent.
    """

    def __init__(self, clock: Clock, *, host: str = "192.0.2.1", port: int = 5060) -> None:
        self.clock = clock
        self.host = host
        self.port = port
        self.sent: list[Sent] = []
        self.names: dict[str, Sequence[Flow]] = {}
        self.holds_names = False
        self.held: list[tuple[Uri, Callable[[Sequence[Flow]], None]]] = []
        self.on_send: Callable[[bytes, Flow], None] | None = None

    def send(self, data: bytes, flow: Flow) -> None:
        """Write it down."""
        self.sent.append(Sent(self.clock.time(), data, flow))
        if self.on_send is not None:
            self.on_send(data, flow)

    def locate(self, uri: Uri, found: Callable[[Sequence[Flow]], None]) -> None:
        """A numeric address at once, a name from `names`, or later."""
        if uri.is_numeric:
            found([self.flow_to(uri)])
        elif self.holds_names:
            self.held.append((uri, found))
        else:
            found(self.names.get(uri.host, ()))

    def release(self) -> None:
        """Tell all names that were held back."""
        held, self.held = self.held, []
        for uri, found in held:
            found(self.names.get(uri.host, ()))

    def sent_by(self, flow: Flow) -> tuple[str, int]:
        """One address for everybody; TLS has the port after it."""
        return self.host, self.port + (flow.transport == "tls")

    def flow_to(self, uri: Uri) -> Flow:
        """The flow to a numeric address."""
        secure = uri.scheme == "sips" or uri.transport == "tls"
        transport: Transport = "tls" if secure else "tcp" if uri.transport == "tcp" else "udp"
        return Flow(transport, uri.host, uri.port or DEFAULT_PORTS[transport], 0 if transport == "udp" else 1)

    def take(self) -> list[Sent]:
        """What was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent

    def messages(self) -> list[Request | Response]:
        """What was sent since the last time, as messages."""
        return [sent.message for sent in self.take()]

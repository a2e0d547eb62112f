"""What the core asks of the transports under it, and what it gives users above it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from ivr.sip.uri import Uri

Transport = Literal["udp", "tcp", "tls"]


class Flow(NamedTuple):
    """One way to somebody: where a packet came from, and where its answer goes.

    `host` is a numeric address (IPv6 without brackets), never a name; `port` is 1…65535. `connection` tells
    connections apart (0 for UDP): an answer goes back over the very connection that its request came by.
    """

    transport: Transport
    host: str
    port: int
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport delivers by itself, so that nothing is sent again (RFC 3261, section 17)."""
        return self.transport != "udp"

    @property
    def secure(self) -> bool:
        """Whether nobody can read along."""
        return self.transport == "tls"


class Network(Protocol):
    """The transports. None of its methods raises or blocks; trouble is told by `UserAgent.flow_failed`."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message. Over TCP or TLS: by the flow's connection, or a new one if that is gone."""

    def locate(self, uri: Uri, found: Callable[[Sequence[Flow]], None]) -> None:
        """Where to send a request for `uri` (RFC 3263), best first; empty if nowhere.

        A numeric address is told at once (before `locate` returns), a name when its look-up is done.
        """

    def sent_by(self, flow: Flow) -> tuple[str, int]:
        """The address and port by which the other end of the flow reaches us: for Via and Contact."""

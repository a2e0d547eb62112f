"""What the two server transactions have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.sip.transactions.machine import Layer, Machine, State

if TYPE_CHECKING:
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.keys import Key
    from ivr.sip.transactions.users import ServerUser


class ServerTransaction(Machine):
    """A request of somebody else's, and our responses to it."""

    __slots__ = ("request", "to_tag", "user")

    is_invite = False

    def __init__(self, layer: Layer, key: Key, flow: Flow, state: State, request: Request) -> None:
        super().__init__(layer, key, flow, state)
        #: The request; None as soon as the final response is out, so that its memory is free.
        self.request: Request | None = request
        #: Our tag in To, known from the first response that has one; the user may set it sooner.
        self.to_tag = ""
        #: Who hears of CANCEL and of a broken flow; set by whoever answers, while it lasts.
        self.user: ServerUser | None = None

    def begin(self) -> None:
        """Start the timers."""
        raise NotImplementedError

    def repeated(self) -> None:
        """The request came again."""
        self.happen("request")

    def respond(self, response: Response) -> None:
        """Send a response made from the request by `respond`; what the state does not allow is not sent."""
        raise NotImplementedError

    def respond_once(self, response: Response) -> None:
        """Send a final response and remember nothing: it is not sent again, and its ACK is nobody's.

        For a challenge (RFC 3261, section 26.3.2.4), so that one forged packet draws one packet.
        """
        if self.state in ("trying", "proceeding"):
            self._layer.send(bytes(response), self.flow)
            self.finish(None)

    def stop(self) -> None:
        """No more timers; the machine stands still for good, and holds nobody."""
        super().stop()
        self.request = None
        self.user = None

    def send_new(self, response: Response) -> None:
        """Send it, and keep its octets for repetitions."""
        self._data = bytes(response)
        self._layer.send(self._data, self.flow)

    def tell_failed(self, _message: object) -> None:
        """Tell the user that the flow broke."""
        if self.user is not None:
            self.user.failed()

"""What the two client transactions have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.sip.transactions.machine import Layer, Machine, State

if TYPE_CHECKING:
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.keys import Key
    from ivr.sip.transactions.users import ClientUser


class ClientTransaction(Machine):
    """A request of ours and its responses."""

    __slots__ = ("_user", "request")

    def __init__(
        self, layer: Layer, key: Key, flow: Flow, state: State, request: Request, user: ClientUser
    ) -> None:
        super().__init__(layer, key, flow, state)
        self.request = request
        self._user = user

    def begin(self) -> None:
        """Send the request, and start the timers."""
        raise NotImplementedError

    def response(self, response: Response) -> None:
        """A response that matches."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Give an INVITE up; nothing else can be cancelled (RFC 3261, section 9.1)."""

    def drop_data(self, _message: object) -> None:
        """The request will not be sent again: its octets are let go."""
        self._data = b""

    def tell(self, response: Response) -> None:
        """Give the response to the user."""
        self._user.response(response)

    def tell_timeout(self, _message: object) -> None:
        """Tell the user that nobody answered in time."""
        self._user.timeout()

    def tell_failed(self, _message: object) -> None:
        """Tell the user that the flow broke."""
        self._user.failed(f"no way to {self.flow.transport} {self.flow.host} port {self.flow.port}")

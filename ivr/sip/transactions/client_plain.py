"""The client transaction of anything but an INVITE: RFC 3261, section 17.1.2, figure 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ivr.sip.transactions.client import ClientTransaction
from ivr.sip.transactions.machine import Layer, Machine, Table

if TYPE_CHECKING:
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.keys import Key
    from ivr.sip.transactions.users import ClientUser


class ClientPlain(ClientTransaction):
    """A request other than INVITE and ACK, sent again by timer E until timer F or a final response."""

    __slots__ = ()

    RESEND = "timer E"

    def __init__(self, layer: Layer, key: Key, flow: Flow, request: Request, user: ClientUser) -> None:
        super().__init__(layer, key, flow, "trying", request, user)

    def begin(self) -> None:
        """Send the request; timer E begins with T1, timer F is 64*T1."""
        self._data = bytes(self.request)
        self._resend_after(self._layer.timers.t1)
        self._end_after(self._layer.timers.whole, "timer F")
        self._layer.send(self._data, self.flow)

    def response(self, response: Response) -> None:
        """A response that matches."""
        self.happen("1xx" if response.status < 200 else "final", response)

    def _set_e(self, _message: object) -> None:
        """Twice as long as before, T2 at most."""
        self._resend_after(min(2 * self._interval, self._layer.timers.t2))

    def _set_e_to_t2(self, _message: object) -> None:
        self._resend_after(self._layer.timers.t2)

    def _start_k(self, _message: object) -> None:
        self._end_after(self._layer.timers.k(self.flow.reliable), "timer K")

    TABLE: ClassVar[Table] = {
        ("trying", "timer E"): ("trying", (_set_e, Machine.send_again)),
        ("trying", "timer F"): ("terminated", (Machine.finish, ClientTransaction.tell_timeout)),
        ("trying", "transport error"): ("terminated", (Machine.finish, ClientTransaction.tell_failed)),
        ("trying", "1xx"): ("proceeding", (ClientTransaction.tell,)),
        ("trying", "final"): (
            "completed",
            (Machine.stop_timers, ClientTransaction.drop_data, _start_k, ClientTransaction.tell),
        ),
        ("proceeding", "timer E"): ("proceeding", (_set_e_to_t2, Machine.send_again)),
        ("proceeding", "timer F"): ("terminated", (Machine.finish, ClientTransaction.tell_timeout)),
        ("proceeding", "transport error"): ("terminated", (Machine.finish, ClientTransaction.tell_failed)),
        ("proceeding", "1xx"): ("proceeding", (ClientTransaction.tell,)),
        ("proceeding", "final"): (
            "completed",
            (Machine.stop_timers, ClientTransaction.drop_data, _start_k, ClientTransaction.tell),
        ),
        # Repeated responses have no line here: they are absorbed.
        ("completed", "timer K"): ("terminated", (Machine.finish,)),
    }

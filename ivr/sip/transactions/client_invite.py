"""The client transaction of an INVITE: RFC 3261, section 17.1.1, figure 5, as RFC 6026, section 7.2, has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from ivr.sip.message import Request
from ivr.sip.transactions.client import ClientTransaction
from ivr.sip.transactions.machine import Layer, Machine, Table

if TYPE_CHECKING:
    from ivr.sip.message import Message, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.keys import Key
    from ivr.sip.transactions.users import ClientUser


def of_invite(method: str, invite: Request, to: str) -> Request:
    """The ACK of a refusal, or the CANCEL: both are the INVITE's own in all but a few things.

    Its Request-URI, Call-ID, From, CSeq number, route set and top Via (RFC 3261, sections 9.1 and 17.1.1.3).
    """
    request = Request.build(
        method,
        invite.uri_text,
        from_=invite.get("From") or "",
        to=to,
        call_id=invite.call_id,
        cseq=invite.cseq,
    )
    request.insert_first("Via", invite.all("Via")[0])
    for route in invite.all("Route"):
        request.add("Route", route)
    return request


class ClientInvite(ClientTransaction):
    """An INVITE, sent again by timer A until timer B or any response."""

    __slots__ = ("_cancel_sent", "_cancel_wanted")

    RESEND = "timer A"

    def __init__(self, layer: Layer, key: Key, flow: Flow, request: Request, user: ClientUser) -> None:
        super().__init__(layer, key, flow, "calling", request, user)
        self._cancel_wanted = False
        self._cancel_sent = False

    def begin(self) -> None:
        """Send the INVITE; timer A begins with T1 and doubles, timer B is 64*T1."""
        self._data = bytes(self.request)
        self._resend_after(self._layer.timers.t1)
        self._end_after(self._layer.timers.whole, "timer B")
        self._layer.send(self._data, self.flow)

    def response(self, response: Response) -> None:
        """A response that matches."""
        status = response.status
        self.happen("1xx" if status < 200 else "2xx" if status < 300 else "3xx-6xx", response)

    def cancel(self) -> None:
        """Give the call up: a CANCEL as soon as the other side has shown that it knows the INVITE.

        A final response comes all the same, usually 487, or 200 if it crossed the CANCEL. If none comes in
        64*T1 after the CANCEL, that is a timeout (RFC 3261, section 9.1).
        """
        self._cancel_wanted = True
        self.happen("cancel")

    def _double_a(self, _message: object) -> None:
        self._resend_after(2 * self._interval)

    def _send_cancel(self, _message: object) -> None:
        """If wanted, and once."""
        if self._cancel_wanted and not self._cancel_sent:
            self._cancel_sent = True
            self._end_after(self._layer.timers.whole, "cancel unanswered")
            self._layer.send_cancel(self)

    def _acknowledge(self, refusal: Message) -> None:
        """To has the tag of this very refusal: several may come where the INVITE was forked."""
        ack = of_invite("ACK", self.request, refusal.get("To") or "")
        self._layer.send(bytes(ack), self.flow)

    def _start_d(self, _message: object) -> None:
        self._end_after(self._layer.timers.d(self.flow.reliable), "timer D")

    def _start_m(self, _message: object) -> None:
        self._end_after(self._layer.timers.whole, "timer M")

    _leave: tuple[Callable[..., None], ...] = (Machine.stop_timers, ClientTransaction.drop_data)

    TABLE: ClassVar[Table] = {
        ("calling", "timer A"): ("calling", (_double_a, Machine.send_again)),
        ("calling", "timer B"): ("terminated", (Machine.finish, ClientTransaction.tell_timeout)),
        ("calling", "transport error"): ("terminated", (Machine.finish, ClientTransaction.tell_failed)),
        ("calling", "1xx"): ("proceeding", (*_leave, _send_cancel, ClientTransaction.tell)),
        ("calling", "2xx"): ("accepted", (*_leave, _start_m, ClientTransaction.tell)),
        ("calling", "3xx-6xx"): ("completed", (*_leave, _acknowledge, _start_d, ClientTransaction.tell)),
        ("proceeding", "cancel"): ("proceeding", (_send_cancel,)),
        ("proceeding", "cancel unanswered"): ("terminated", (Machine.finish, ClientTransaction.tell_timeout)),
        ("proceeding", "1xx"): ("proceeding", (ClientTransaction.tell,)),
        ("proceeding", "2xx"): ("accepted", (*_leave, _start_m, ClientTransaction.tell)),
        ("proceeding", "3xx-6xx"): ("completed", (*_leave, _acknowledge, _start_d, ClientTransaction.tell)),
        ("completed", "3xx-6xx"): ("completed", (_acknowledge,)),
        ("completed", "timer D"): ("terminated", (Machine.finish,)),
        # The user has its answer and is not told: the refusal will come again, and then the ACK may pass.
        ("completed", "transport error"): ("terminated", (Machine.finish,)),
        ("accepted", "2xx"): ("accepted", (ClientTransaction.tell,)),
        ("accepted", "timer M"): ("terminated", (Machine.finish,)),
    }

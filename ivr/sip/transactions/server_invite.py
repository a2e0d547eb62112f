"""The server transaction of an INVITE: RFC 3261, section 17.2.1, figure 7, as RFC 6026, section 7.1, has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ivr.sip.message import respond
from ivr.sip.transactions.machine import Layer, Machine, Table
from ivr.sip.transactions.server import ServerTransaction

if TYPE_CHECKING:
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.keys import Key


class ServerInvite(ServerTransaction):
    """An INVITE. A refusal is repeated by timer G until its ACK or timer H; a 2xx only by its user."""

    __slots__ = ("ack_key", "began")

    is_invite = True
    RESEND = "timer G"

    def __init__(self, layer: Layer, key: Key, flow: Flow, request: Request) -> None:
        super().__init__(layer, key, flow, "proceeding", request)
        #: The second key of an INVITE from before RFC 3261: the one that its ACK has.
        self.ack_key: Key | None = None
        #: When the INVITE came, on the layer's clock.
        self.began = layer.clock.time()

    def begin(self) -> None:
        """Somebody must say something in 200 ms, or a 100 goes out."""
        self._end_after(self._layer.timers.trying, "silence")

    def acknowledged(self) -> None:
        """An ACK that matches."""
        self.happen("ACK")

    def respond(self, response: Response) -> None:
        """Send a response; after a refusal nothing more is sent, after a 2xx only further 2xx."""
        self.to_tag = response.to.tag or self.to_tag
        status = response.status
        self.happen("1xx" if status < 200 else "2xx" if status < 300 else "3xx-6xx", response)

    def _send_trying(self, _message: object) -> None:
        """A 100, with what the caller needs to measure the round trip (RFC 3261, section 8.2.6.1)."""
        if self.request is None or self._data:
            return
        stamp = (self.request.get("Timestamp") or "").split(maxsplit=1)
        waited = self._layer.clock.time() - self.began
        headers = [("Timestamp", f"{stamp[0]} {waited:.3f}")] if stamp else []
        self.send_new(respond(self.request, 100, headers=headers))

    def _answer(self, _message: object) -> None:
        """The final response is known: from here on nothing of the request is needed but its keys."""
        self._layer.answered(self)
        self.request = None

    def _send_2xx(self, response: Response) -> None:
        """Its octets are not kept: repeating it is the user's."""
        self._layer.send(bytes(response), self.flow)

    def _start_g(self, _message: object) -> None:
        self._resend_after(self._layer.timers.t1)

    def _set_g(self, _message: object) -> None:
        """Twice as long as before, T2 at most."""
        self._resend_after(min(2 * self._interval, self._layer.timers.t2))

    def _start_h(self, _message: object) -> None:
        self._end_after(self._layer.timers.whole, "timer H")

    def _start_i(self, _message: object) -> None:
        self._data = b""
        self._end_after(self._layer.timers.i(self.flow.reliable), "timer I")

    def _start_l(self, _message: object) -> None:
        self._data = b""
        self._end_after(self._layer.timers.whole, "timer L")

    _refuse = (Machine.stop_timers, _answer, _start_g, _start_h, ServerTransaction.send_new)
    _accept = (Machine.stop_timers, _answer, _start_l, _send_2xx)

    TABLE: ClassVar[Table] = {
        ("proceeding", "request"): ("proceeding", (Machine.send_again,)),
        ("proceeding", "silence"): ("proceeding", (_send_trying,)),
        ("proceeding", "1xx"): ("proceeding", (Machine.stop_timers, ServerTransaction.send_new)),
        ("proceeding", "2xx"): ("accepted", _accept),
        ("proceeding", "3xx-6xx"): ("completed", _refuse),
        ("completed", "request"): ("completed", (Machine.send_again,)),
        ("completed", "timer G"): ("completed", (_set_g, Machine.send_again)),
        ("completed", "ACK"): ("confirmed", (Machine.stop_timers, _start_i)),
        ("completed", "timer H"): ("terminated", (Machine.finish,)),
        # A broken flow does not end the transaction: it must absorb the INVITE's repetitions (RFC 6026).
        ("completed", "transport error"): ("completed", (ServerTransaction.tell_failed,)),
        ("confirmed", "timer I"): ("terminated", (Machine.finish,)),
        # The ACK of a 2xx is its user's; the layer takes it there.
        ("accepted", "2xx"): ("accepted", (_send_2xx,)),
        ("accepted", "timer L"): ("terminated", (Machine.finish,)),
        ("accepted", "transport error"): ("accepted", (ServerTransaction.tell_failed,)),
    }

"""The server transaction of anything but an INVITE: RFC 3261, section 17.2.2, figure 8, with RFC 4320."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ivr.sip.message import respond
from ivr.sip.transactions.machine import Layer, Machine, Table
from ivr.sip.transactions.server import ServerTransaction

if TYPE_CHECKING:
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.keys import Key


class ServerPlain(ServerTransaction):
    """A request other than INVITE and ACK. Its final response is repeated when it is, until timer J."""

    __slots__ = ("_began",)

    def __init__(self, layer: Layer, key: Key, flow: Flow, request: Request) -> None:
        super().__init__(layer, key, flow, "trying", request)
        self._began = layer.clock.time()

    def begin(self) -> None:
        """Somebody must answer before the client sends rarely, or a 100 goes out (RFC 4320, section 4.1)."""
        self._end_after(self._layer.timers.e_reaches_t2, "silence")

    def respond(self, response: Response) -> None:
        """Send a response; after a final one nothing more is sent.

        What RFC 4320 forbids is not sent either: a 1xx other than 100, a 100 over UDP before the client sends
        rarely, a 408 (the client's own timer F says the same, and says it in time: the transaction just ends).
        """
        self.to_tag = response.to.tag or self.to_tag
        status = response.status
        if status >= 200:
            self.happen("408" if status == 408 else "final", response)
        elif status == 100 and (self.flow.reliable or self._is_late()):
            self.happen("100", response)

    def _is_late(self) -> bool:
        return self._layer.clock.time() - self._began >= self._layer.timers.e_reaches_t2

    def _send_trying(self, _message: object) -> None:
        if self.request is not None:
            self.send_new(respond(self.request, 100))

    def _wait_for_user(self, _message: object) -> None:
        """Until the client has given up: 64*T1 after it began."""
        self._end_after(self._began + self._layer.timers.whole - self._layer.clock.time(), "too late")

    def _answer(self, _message: object) -> None:
        """The final response is known: from here on nothing of the request is needed but its key."""
        self.request = None

    def _start_j(self, _message: object) -> None:
        self._end_after(self._layer.timers.j(self.flow.reliable), "timer J")

    def _fail(self, _message: object) -> None:
        user = self.user
        self.finish(None)
        if user is not None:
            user.failed()

    _final = (Machine.stop_timers, _answer, ServerTransaction.send_new, _start_j)

    TABLE: ClassVar[Table] = {
        # A repeated request has no line in "trying": there is nothing to say yet.
        ("trying", "silence"): ("proceeding", (_wait_for_user, _send_trying)),
        ("trying", "100"): ("proceeding", (_wait_for_user, ServerTransaction.send_new)),
        ("trying", "final"): ("completed", _final),
        ("trying", "408"): ("terminated", (Machine.finish,)),
        ("proceeding", "request"): ("proceeding", (Machine.send_again,)),
        ("proceeding", "100"): ("proceeding", (ServerTransaction.send_new,)),
        ("proceeding", "final"): ("completed", _final),
        ("proceeding", "408"): ("terminated", (Machine.finish,)),
        ("proceeding", "too late"): ("terminated", (Machine.finish,)),
        ("completed", "request"): ("completed", (Machine.send_again,)),
        ("completed", "timer J"): ("terminated", (Machine.finish,)),
        ("completed", "transport error"): ("terminated", (_fail,)),
    }

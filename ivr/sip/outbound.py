"""Requests of ours: the way they take, and what comes back.

A `Path` finds the flows for the requests of one dialog, and keeps their order while names are looked up. An
`Exchange` is one request until its final answer: sent again with credentials where they are asked for, and by
the next flow where the first leads nowhere (RFC 3263, section 4.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ivr.sip.digest import Credentials, answer, is_stale

if TYPE_CHECKING:
    from ivr.clock import TimerHandle
    from ivr.sip.core import Core
    from ivr.sip.dialog import Draft
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.client import ClientTransaction
    from ivr.sip.uri import Uri

#: A request is sent so often at most with new credentials: for a proxy, the server, and one stale nonce.
_MOST_CHALLENGES = 3
#: How many flows to one name are tried.
_MOST_FLOWS = 8


class Path:
    """The way of one dialog's requests."""

    __slots__ = ("_core", "_hop", "_known", "_queue", "_waiting", "flow")

    def __init__(self, core: Core, flow: Flow | None = None) -> None:
        self._core = core
        #: Where the other side's packets come from, once any did.
        self.flow = flow
        self._hop = ""
        self._known: Flow | None = None
        self._queue: list[tuple[Uri, bool, Callable[[Sequence[Flow]], None]]] = []
        self._waiting = False

    def find(self, hop: Uri, routed: bool, ready: Callable[[Sequence[Flow]], None]) -> None:
        """Call `ready` with the flows to `hop`, best first; after all that was asked before.

        `routed`: whether a proxy asked to stay on the path.
        """
        self._queue.append((hop, routed, ready))
        self._work()

    def took(self, hop: Uri, flow: Flow) -> None:
        """This flow answered: the dialog stays with it."""
        self._hop, self._known = str(hop), flow

    def forget(self) -> None:
        """The flow that was used failed: look the name up again next time."""
        self._hop, self._known = "", None

    def _work(self) -> None:
        while self._queue and not self._waiting:
            self._waiting = True
            hop, routed, _ = self._queue[0]
            known = self._without_asking(hop, routed)
            if known is not None:
                self._found((known,))
            else:
                self._core.network.locate(hop, self._found)

    def _found(self, flows: Sequence[Flow]) -> None:
        if not self._waiting:
            return  # told twice
        self._waiting = False
        _, _, ready = self._queue.pop(0)
        try:
            ready(self._by_own_connection(flows[:_MOST_FLOWS]))
        except Exception as error:
            self._core.caught(error, "error")
        self._work()

    def _without_asking(self, hop: Uri, routed: bool) -> Flow | None:
        if self.flow is not None and not routed and self._core.settings.symmetric_signalling:
            return self.flow
        return self._known if self._known is not None and self._hop == str(hop) else None

    def _by_own_connection(self, flows: Sequence[Flow]) -> Sequence[Flow]:
        """The dialog's own TCP or TLS connection first, where it leads to the same host."""
        own = self.flow
        if own is None:
            return flows
        if not flows:
            return (own,)  # a Contact that cannot be found: where its packets come from
        if not own.reliable:
            return flows
        if any((flow.transport, flow.host) == (own.transport, own.host) for flow in flows):
            return [own, *(flow for flow in flows if flow != own)]
        return flows


class Exchange:
    """One request of ours and its answer. Nothing it calls can hurt anybody else.

    `number` gives the CSeq number for each sending. `done(status, response)` comes exactly once, with the
    final response, or without one: 408 nobody answered in time, 487 given up before it was sent, 503 no way
    led there. For an INVITE, `provisional` hears every 1xx, and `again` every 2xx that comes after `done`;
    `longest` bounds the wait for a final answer, in seconds.
    """

    __slots__ = (
        "_again",
        "_challenges",
        "_core",
        "_credentials",
        "_done",
        "_draft",
        "_flows",
        "_handle",
        "_longest",
        "_number",
        "_path",
        "_provisional",
        "_transaction",
        "authorization",
        "flow",
        "given_up",
        "over",
        "request",
    )

    def __init__(
        self,
        core: Core,
        path: Path,
        draft: Draft,
        number: Callable[[], int],
        done: Callable[[int, Response | None], None],
        *,
        credentials: Credentials | None = None,
        provisional: Callable[[Response], None] | None = None,
        again: Callable[[Response], None] | None = None,
        longest: float = 0.0,
    ) -> None:
        self._core = core
        self._path = path
        self._draft = draft
        self._number = number
        self._done = done
        self._credentials = credentials
        self._provisional = provisional
        self._again = again
        self._longest = longest
        self._handle: TimerHandle | None = None
        self._flows: list[Flow] = []
        self._transaction: ClientTransaction | None = None
        self._challenges = 0
        #: Whether it was cancelled.
        self.given_up = False
        #: The credentials that went along, by header: the ACK of a 2xx carries them too.
        self.authorization: dict[str, str] = {}
        #: The request as last sent, and by which flow.
        self.request: Request | None = None
        self.flow: Flow | None = None
        self.over = False

    @property
    def routed(self) -> bool:
        """Whether a route set says where the request goes."""
        return any(name == "Route" for name, _ in self._draft.headers)

    def start(self) -> None:
        """Find the way, and send."""
        if self._longest:
            self._handle = self._core.after(self._longest, self.cancel)
        self._path.find(self._draft.hop, self.routed, self._found)

    def cancel(self) -> None:
        """Give an INVITE up. A final answer comes all the same; if the other side says none, as 487."""
        if self.over or self.given_up:
            return
        self.given_up = True
        if self._transaction is None:
            self._finish(487, None)
            return
        # The transaction has its own bound from the CANCEL on; this one holds where no 1xx ever comes.
        self._stop_timer()
        self._handle = self._core.after(2 * self._core.timers.whole, self._never_answered)
        self._transaction.cancel()

    def abandon(self) -> None:
        """Forget it all: the agent closes."""
        self.over = True
        self._stop_timer()

    # --- from the path and the transaction -----------------------------------------------------------

    def response(self, response: Response) -> None:
        """A response to the request."""
        try:
            self._answered(response)
        except Exception as error:
            self._core.caught(error, "error")

    def timeout(self) -> None:
        """No answer in the time there was."""
        self._path.forget()
        self._fenced_next(408)

    def failed(self, reason: str) -> None:
        """The flow broke."""
        self._path.forget()
        self._fenced_next(503)

    def _found(self, flows: Sequence[Flow]) -> None:
        if not self.over:
            self._flows = list(flows)
            self._send_next(503, None)

    def _fenced_next(self, status: int) -> None:
        try:
            self._send_next(status, None)
        except Exception as error:
            self._core.caught(error, "error")

    def _send_next(self, status: int, response: Response | None) -> None:
        """By the next flow, or `status` if there is none left."""
        if self.over:
            return
        if self.given_up or not self._flows:
            self._finish(487 if self.given_up and response is None else status, response)
            return
        self.flow = self._flows.pop(0)
        self._send(self.flow)

    def _send(self, flow: Flow) -> None:
        extra = list(self.authorization.items())
        self.request = self._draft.request(self._number(), extra)
        self._contact(self.request, flow)
        transaction = self._core.transactions.request(self.request, flow, self)
        if self.flow is flow and not self.over:  # unless it failed at once
            self._transaction = transaction

    def _contact(self, request: Request, flow: Flow) -> None:
        """The requests that say where we are do so in the words of the flow they leave by."""
        if request.method in _WITH_CONTACT and request.get("Contact") is None:
            scheme = "sips" if request.uri.scheme == "sips" else "sip"
            request.set("Contact", self._core.contact(flow, scheme))

    def _answered(self, response: Response) -> None:
        if self.over:
            if response.status < 300 and self._again is not None and response.status >= 200:
                self._again(response)
            return
        if response.status < 200:
            if self._provisional is not None:
                self._provisional(response)
            return
        if self.flow is not None:
            self._path.took(self._draft.hop, self.flow)
        if response.status in {401, 407} and self._authorise(response):
            if self.flow is not None:
                self._send(self.flow)
        elif response.status == 503 and self._flows:
            self._path.forget()
            self._send_next(503, response)
        else:
            self._finish(response.status, response)

    def _authorise(self, challenge: Response) -> bool:
        """Have credentials for the next sending; False if there are none, or they are not believed."""
        request, credentials = self.request, self._credentials
        if request is None or credentials is None or self.given_up or self._challenges >= _MOST_CHALLENGES:
            return False
        ours = "Authorization" if challenge.status == 401 else "Proxy-Authorization"
        if ours in self.authorization and not is_stale(challenge):
            return False
        field = answer(
            challenge, credentials, request.method, request.uri_text, cnonce=self._core.token(), count=1
        )
        if field is None:
            return False
        self._challenges += 1
        self.authorization[field[0]] = field[1]
        return True

    def _never_answered(self) -> None:
        self._handle = None
        self._finish(487, None)

    def _finish(self, status: int, response: Response | None) -> None:
        if self.over:
            return
        self.over = True
        self._stop_timer()
        self._transaction = None
        done, self._done = self._done, _told  # which may hold this exchange
        done(status, response)

    def _stop_timer(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


_WITH_CONTACT = frozenset({"INVITE", "UPDATE", "REFER", "OPTIONS", "NOTIFY", "REGISTER"})


def _told(_status: int, _response: Response | None) -> None:
    """Whoever waited for the answer has had it."""

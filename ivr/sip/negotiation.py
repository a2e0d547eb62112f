"""Changes to a session that stands: offers and answers by re-INVITE and UPDATE, in both directions.

RFC 3261, section 14; RFC 3311; RFC 3264 and what RFC 6337 says of when an offer is allowed: one at a time, and
none while another is unanswered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import proxy

from ivr.sip.delivery import Delivery
from ivr.sip.session_timer import refresh_method

if TYPE_CHECKING:
    from ivr.clock import TimerHandle
    from ivr.sip.dialog import Dialog
    from ivr.sip.message import Request, Response
    from ivr.sip.outbound import Exchange
    from ivr.sip.session import Done, Session
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.users import Headers

#: How often a change is tried again that the other side cannot take at present (491, 500).
_MOST_TRIES = 8
#: The longest Retry-After that is waited for, in seconds.
_LONGEST_WAIT = 30


class Wanted:
    """A change of ours that is still to be made, or is being made. No SDP: only to refresh the session."""

    __slots__ = ("done", "refresh", "sdp", "tries")

    def __init__(self, sdp: bytes, done: Done | None, *, refresh: bool = False) -> None:
        self.sdp = sdp
        self.done = done
        self.refresh = refresh
        self.tries = 0


class Negotiation:
    """Who has offered what, and who is still to answer."""

    __slots__ = ("_exchange", "_handle", "_method", "_session", "_wanted", "offering")

    def __init__(self, session: Session) -> None:
        # Weak: a session that is over is gone at once, and leaves the garbage collector nothing to find.
        self._session: Session = proxy(session)
        #: Our own request under way, and which it is.
        self._exchange: Exchange | None = None
        self._method = ""
        self._wanted: Wanted | None = None
        self._handle: TimerHandle | None = None
        #: Whether an offer of ours is unanswered.
        self.offering = False

    # --- ours ----------------------------------------------------------------------------------------

    def offer(self, sdp: bytes, done: Done | None) -> None:
        """See `Session.offer`."""
        if self._session.state == "ended":
            self._session.told(done, 481)
            return
        replaced, self._wanted = self._wanted, Wanted(sdp, done)
        if replaced is not None:
            self._session.told(replaced.done, 487)
        self.go()

    def refresh(self) -> None:
        """It is for us to show that we are still there (RFC 4028, section 10)."""
        if self._wanted is None and self._exchange is None:
            self._wanted = Wanted(b"", None, refresh=True)
        self.go()

    def go(self) -> None:
        """Make the change that waits, if nothing stands in its way."""
        session, wanted = self._session, self._wanted
        if wanted is None or self._exchange is not None or self._handle is not None or self.offering:
            return
        if session.state == "ended" or session.dialog is None or session.deliveries:
            return
        if session.state == "established":
            by_update = wanted.refresh and refresh_method(["UPDATE"] * session.peer_updates) == "UPDATE"
        elif session.peer_updates and self.settled_early():
            by_update = True
        else:
            return
        if not by_update and wanted.refresh:
            sdp = session.tell(session.user.offer_wanted) if session.user is not None else None
            if sdp is None:
                return  # it ended
            wanted.sdp = sdp
        self._wanted = None
        self._make(wanted, "UPDATE" if by_update else "INVITE")

    def settled_early(self) -> bool:
        """Whether the first offer has its answer before the call is answered, so that UPDATE may offer anew."""
        setup = self._session.inbound or self._session.outbound
        return setup is not None and setup.settled

    def _make(self, wanted: Wanted, method: str) -> None:
        session = self._session
        self._method = method
        self.offering = bool(wanted.sdp)
        # Nobody needs to ring reliably for a change.
        headers = [*session.core.abilities(without="100rel"), *session.timer.request_headers()]
        cseq = 0

        def number() -> int:
            nonlocal cseq
            cseq = session.dialog.next_cseq() if session.dialog is not None else cseq + 1
            return cseq

        def done(status: int, response: Response | None) -> None:
            self._exchange = None
            self._made(exchange, wanted, status, response)

        exchange = self._exchange = session.prepare(
            method,
            done,
            headers=headers,
            body=wanted.sdp,
            content_type="application/sdp" if wanted.sdp else "",
            number=number,
            again=lambda _response: session.acknowledge_again(cseq),
            longest=session.core.timers.whole if method == "INVITE" else 0.0,
        )
        exchange.start()

    def _made(self, exchange: Exchange, wanted: Wanted, status: int, response: Response | None) -> None:
        session = self._session
        self.offering = False
        if response is not None and status < 300:
            self._agreed(exchange, wanted, response)
        elif session.state == "ended":
            session.told(wanted.done, 481)
        elif status in {408, 481} or response is None:
            session.told(wanted.done, status)
            session.fail(408 if response is None else status, "the other side does not answer")
        elif not self._try_again(wanted, status, response):
            session.timer.refresh_failed()
            session.told(wanted.done, status)
            self.go()

    def _agreed(self, exchange: Exchange, wanted: Wanted, response: Response) -> None:
        session = self._session
        if session.dialog is not None:
            session.dialog.refresh(response)
            if self._method == "INVITE":
                session.acknowledge(session.dialog, exchange)
        if session.state == "ended":
            session.told(wanted.done, 481)
            return
        session.timer.answered(response.get("Session-Expires"))
        if wanted.sdp and response.body and session.user is not None:
            session.tell(session.user.answered, response.body)
        session.told(wanted.done, response.status)
        self.go()

    def _try_again(self, wanted: Wanted, status: int, response: Response) -> bool:
        """Whether the same change is made again: at once with a longer interval (422), or after a while."""
        session, core = self._session, self._session.core
        wanted.tries += 1
        if wanted.tries > _MOST_TRIES:
            return False
        if status == 422 and session.timer.too_brief(response.number("Min-SE")):
            wait = 0.0
        elif status == 491:
            # Section 14.1: whoever made the Call-ID waits longer, so that the two do not meet again.
            least, most = (0.0, 2.0) if session.incoming else (2.1, 4.0)
            wait = least + round(core.chance() * (most - least), 2)
        elif (
            status == 500 and (after := response.number("Retry-After")) is not None and after <= _LONGEST_WAIT
        ):
            wait = float(after)
        else:
            return False
        if self._wanted is None:
            self._wanted = wanted
        else:
            session.told(wanted.done, 487)  # a later one stands in its place
        self._handle = core.after(wait, self._waited)
        return True

    def _waited(self) -> None:
        self._handle = None
        self.go()

    # --- the other side's ----------------------------------------------------------------------------

    def invited(self, dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
        """A re-INVITE."""
        session = self._session
        session.overtaken(request.cseq)
        if session.over:
            session.reply(transaction, request, 481)
        elif session.inbound is not None and session.state == "early":
            session.reply(transaction, request, 500, headers=self._soon())
        elif session.state == "early" or self.offering:
            session.reply(transaction, request, 491)
        else:
            self._answer(dialog, transaction, request)
            self.go()  # what waited for the ACK that was overtaken, if this one was refused

    def updated(self, dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
        """An UPDATE (RFC 3311, section 5.2)."""
        session = self._session
        if request.body and self.offering:
            session.reply(transaction, request, 491)
        elif request.body and session.state == "early" and not self.settled_early():
            if session.inbound is not None:
                session.reply(transaction, request, 500, headers=self._soon())
            else:
                session.reply(transaction, request, 491)
        else:
            self._answer(dialog, transaction, request)

    def _answer(self, dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
        """Ask the user, and answer 2xx, 422 or 488."""
        session = self._session
        supported = "timer" in request.supported
        expires = request.get("Session-Expires")
        brief = session.timer.refusal(expires, supported=supported)
        if brief:
            session.reply(transaction, request, 422, headers=brief)
            return
        body = self._reaction(request)
        if session.state == "ended":
            session.reply(transaction, request, 500)
            return
        if body is None:
            session.reply(transaction, request, 488)
            return
        dialog.refresh(request)
        headers = session.timer.accept(expires, request.number("Min-SE"), supported=supported)
        self._accept(transaction, request, body, headers)

    def _reaction(self, request: Request) -> bytes | None:
        """Our SDP for the 2xx: an answer, an offer, nothing for an UPDATE that brought none; None for no."""
        session = self._session
        if session.user is None:
            return None
        if request.body:
            return session.tell(session.user.offered, request.body)
        if request.method == "UPDATE":
            return b""
        sdp = session.tell(session.user.offer_wanted)
        self.offering = sdp is not None
        return sdp

    def _accept(
        self, transaction: ServerTransaction, request: Request, body: bytes, headers: Headers
    ) -> None:
        session = self._session
        if request.method != "INVITE":
            session.reply(transaction, request, 200, headers=headers, body=body)
            self.go()
            return
        response = session.response(request, 200, headers=headers, body=body)
        cseq = request.cseq
        session.deliveries[cseq] = Delivery(
            session.core, transaction, response, lambda: session.unacknowledged(cseq)
        )

    def acknowledged(self, ack: Request) -> None:
        """The ACK of a 2xx: it brings the answer if the 2xx had our offer."""
        session = self._session
        if not self.offering or self._exchange is not None:
            return
        self.offering = False
        if not ack.body:
            session.fail(488, "the ACK has no answer to our offer")
        elif session.user is not None:
            session.tell(session.user.answered, ack.body)

    # --- both ----------------------------------------------------------------------------------------

    def close(self) -> None:
        """The session is over: nothing waits any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._session.told(wanted.done, 481)

    def _soon(self) -> Headers:
        """Retry-After of 0 to 10 seconds (section 14.2)."""
        return [("Retry-After", str(int(self._session.core.chance() * 11)))]

"""How a session begins when the other side calls: its INVITE, until our 2xx is acknowledged or we refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.sip.delivery import Delivery
from ivr.sip.dialog import Dialog
from ivr.sip.reliable import ReliableSender, reliably

if TYPE_CHECKING:
    from ivr.clock import TimerHandle
    from ivr.sip.message import Request, Response
    from ivr.sip.session import Session
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.users import Headers

#: A ringing call is told so again after so many seconds, or proxies give it up (RFC 3261, section 13.3.1.1).
_RING_AGAIN = 60.0
#: The first RSeq is drawn from 1 to this.
_FIRST_RSEQS = 10_000


class Incoming:
    """An INVITE that we have not answered yet, or whose 2xx is not acknowledged yet."""

    __slots__ = (
        "_gives_up",
        "_last",
        "_offered",
        "_request",
        "_ring_timer",
        "_sender",
        "_session",
        "_transaction",
        "_waiting",
        "settled",
    )

    def __init__(self, session: Session, transaction: ServerTransaction, request: Request) -> None:
        self._session = session
        self._transaction = transaction
        self._request = request
        self._sender: ReliableSender | None = None
        self._ring_timer: TimerHandle | None = None
        self._last: Response | None = None
        #: Whether SDP of ours has gone out reliably: an answer, or our offer.
        self._offered = False
        #: The SDP of a 2xx that waits for a PRACK.
        self._waiting: bytes | None = None
        #: Whether offer and answer are both there before the call is answered.
        self.settled = False
        core = session.core
        longest = core.settings.unanswered_seconds
        self._gives_up = core.after(min(longest, request.expires or longest), self._nobody_answered)
        session.dialog = Dialog.as_server(request, session.local_tag)
        transaction.to_tag = session.local_tag
        transaction.user = self

    # --- what the session asks -----------------------------------------------------------------------

    def ring(self, status: int, sdp: bytes) -> None:
        """See `Session.ring`."""
        session, request = self._session, self._request
        if session.state != "early" or self._waiting is not None:
            return
        reliable = reliably(
            session.core.settings.reliable,
            required="100rel" in request.require,
            supported="100rel" in request.supported,
        )
        if self._offered or (not reliable and not session.remote_offer):
            sdp = b""  # once answered, no second time; and an offer must not get lost
        response = session.response(request, status, body=sdp)
        if not reliable:
            self._last = response
            self._transaction.respond(response)
            self._ring_later()
            return
        if sdp:
            self._offered = True
            session.talk.offering = not session.remote_offer
        self._reliable_sender().push(response)

    def answer(self, sdp: bytes) -> None:
        """See `Session.answer`."""
        if self._session.state != "early" or self._waiting is not None:
            return
        if self._sender is not None and self._sender.pending_sdp:
            self._waiting = sdp  # RFC 3262, section 3: not before its PRACK
        else:
            self._answer(sdp)

    def refuse(self, status: int, headers: Headers) -> bool:
        """Send the refusal; False if it is too late for one."""
        session = self._session
        if session.state != "early":
            return False
        self._stop()
        told = session.core.with_retry_after(status, headers)
        self._transaction.respond(session.response(self._request, status, headers=told))
        return True

    def pracked(self, transaction: ServerTransaction, prack: Request) -> None:
        """A PRACK: for the 18x that waits for one, or 481. It may bring an answer, or a new offer."""
        session = self._session
        if self._sender is None or session.user is None:
            session.reply(transaction, prack, 481)
            return
        if not self._sender.acknowledged(prack.get("RAck")):
            session.reply(transaction, prack, 481)
            return
        settles = self._offered and not self._sender.pending_sdp and not self.settled
        if settles:
            # From here on either side may offer anew (RFC 3311, section 5.1).
            self.settled = True
        if settles and not session.remote_offer:
            session.talk.offering = False
            session.reply(transaction, prack, 200)
            self._our_offer_is_answered(prack.body)
        else:
            answer: bytes | None = b""
            if prack.body:
                answer = session.tell(session.user.offered, prack.body) if self.settled else None
            session.reply(transaction, prack, 488 if answer is None else 200, body=answer or b"")
        # The 2xx comes after the PRACK and what it brought.
        if self._waiting is not None and not self._sender.pending_sdp:
            self._answer(self._waiting)
        session.talk.go()

    def close(self) -> None:
        """Forget it, say nothing."""
        self._stop()

    # --- what the transaction tells ------------------------------------------------------------------

    def cancelled(self) -> None:
        """The caller gave up before our answer."""
        try:
            if self.refuse(487, ()):
                self._session.end("caller", 487, "cancelled")
        except Exception as error:
            self._session.core.caught(error, "error", self._session.flow)

    def failed(self) -> None:
        """The flow broke: whether the caller has our answer is seen by whether its ACK comes."""

    # --- inside --------------------------------------------------------------------------------------

    def _answer(self, sdp: bytes) -> None:
        session, request = self._session, self._request
        if session.state != "early":
            return
        self._stop()
        if self._offered:
            sdp = b""
        headers = session.timer.accept(
            request.get("Session-Expires"), request.number("Min-SE"), supported="timer" in request.supported
        )
        response = session.response(request, 200, headers=headers, body=sdp)
        if sdp and not session.remote_offer:
            session.talk.offering = True
        session.state = "answered"
        cseq = request.cseq
        session.deliveries[cseq] = Delivery(
            session.core, self._transaction, response, lambda: session.unacknowledged(cseq)
        )

    def _our_offer_is_answered(self, sdp: bytes) -> None:
        session = self._session
        if not sdp:
            session.fail(488, "the PRACK has no answer to our offer")
        elif session.user is not None:
            session.tell(session.user.answered, sdp)

    def _reliable_sender(self) -> ReliableSender:
        if self._sender is None:
            core = self._session.core
            self._sender = ReliableSender(
                self._request.cseq,
                clock=core.clock,
                first=1 + int(core.chance() * _FIRST_RSEQS),
                send=self._transaction.respond,
                failed=self._never_pracked,
                t1=core.timers.t1,
            )
        return self._sender

    def _never_pracked(self) -> None:
        session = self._session
        try:
            if self.refuse(504, ()):
                session.end("line", 504, "no PRACK")
        except Exception as error:
            session.core.caught(error, "error", session.flow)

    def _nobody_answered(self) -> None:
        if self.refuse(480, ()):
            self._session.end("line", 480, "nobody answered")

    def _ring_later(self) -> None:
        if self._ring_timer is not None:
            self._ring_timer.cancel()
        self._ring_timer = self._session.core.after(_RING_AGAIN, self._ring_again)

    def _ring_again(self) -> None:
        self._ring_timer = None
        if self._last is not None and self._session.state == "early":
            self._transaction.respond(self._last)
            self._ring_later()

    def _stop(self) -> None:
        """A final response goes out: nothing is repeated or waited for, and a CANCEL comes too late.

        The transaction lives on for 64*T1 and must not keep a session that is over.
        """
        self._transaction.user = None
        self._gives_up.cancel()
        if self._ring_timer is not None:
            self._ring_timer.cancel()
            self._ring_timer = None
        if self._sender is not None:
            self._sender.stop()
        self._last = None

"""How a session begins when we call: our INVITE, its early dialogs and forks, until the first 2xx or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ivr.sip.core import allows_update
from ivr.sip.dialog import Dialog
from ivr.sip.message import readable
from ivr.sip.outbound import Exchange, Path
from ivr.sip.reliable import ReliableReceiver, is_reliable

if TYPE_CHECKING:
    from ivr.sip.dialog import Draft
    from ivr.sip.message import Response
    from ivr.sip.network import Flow
    from ivr.sip.session import Session

#: So many early dialogs, and so many forks that were answered too late, are told apart in one call.
_MOST_FORKS = 8
#: So often one PRACK is sent, each time with a higher number.
_MOST_PRACKS = 3


class Early:
    """One early dialog: what one telephone that rings has said."""

    __slots__ = ("dialog", "pracks", "receiver", "sdp", "settled")

    def __init__(self, dialog: Dialog) -> None:
        self.dialog = dialog
        self.receiver = ReliableReceiver()
        #: Its early media's description, if that came unreliably.
        self.sdp = b""
        #: Whether offer and answer have both gone reliably.
        self.settled = False
        #: PRACKs that have no answer yet.
        self.pracks = 0


class Outgoing:
    """An INVITE of ours that has not been answered yet."""

    __slots__ = ("_draft", "_early", "_exchange", "_late", "_session", "_settled_tag", "_tries")

    def __init__(self, session: Session, draft: Draft, first: int) -> None:
        """`first`: the CSeq number it begins with."""
        self._session = session
        self._draft = draft
        self._early: dict[str, Early] = {}
        #: ACKs to forks that answered after another.
        self._late: dict[str, bytes] = {}
        #: Whose answer the user had last.
        self._settled_tag = ""
        self._tries = 0
        self._exchange = self._prepare(first)

    @property
    def settled(self) -> bool:
        """Whether offer and answer are both there, in the one dialog that there is so far."""
        session = self._session
        if session.dialog is None or len(self._early) != 1:
            return False
        early = self._early.get(session.dialog.remote_tag)
        # An UPDATE that overtook the PRACK would make that one too late.
        return early is not None and early.settled and not early.pracks

    def start(self) -> None:
        """Send the INVITE."""
        self._exchange.start()

    def give_up(self) -> None:
        """CANCEL. If the 2xx crosses it, that is acknowledged and ended by BYE."""
        self._exchange.cancel()

    def early_dialog(self, remote_tag: str) -> Dialog | None:
        """The early dialog with this tag of the other side."""
        early = self._early.get(remote_tag)
        return early.dialog if early is not None else None

    def again(self, response: Response) -> None:
        """A 2xx after the first: repeated because our ACK was lost, or of another fork."""
        session = self._session
        tag = response.to.tag
        if session.dialog is not None and session.dialog.remote_tag == tag:
            session.acknowledge_again(response.cseq)
        elif len(self._late) < _MOST_FORKS or tag in self._late:
            self._end_fork(response)

    # --- the exchange --------------------------------------------------------------------------------

    def _prepare(self, first: int) -> Exchange:
        session = self._session
        number = first - 1

        def next_number() -> int:
            nonlocal number
            number += 1
            return number

        exchange = Exchange(
            session.core,
            session.path,
            self._draft.with_headers(session.timer.request_headers()),
            next_number,
            lambda status, response: self._final(exchange, status, response),
            credentials=session.credentials,
            provisional=self._provisional,
            again=self.again,
            longest=session.core.settings.unanswered_seconds,
        )
        session.exchanges.append(exchange)
        return exchange

    def _provisional(self, response: Response) -> None:
        session = self._session
        self._answers_come_by(self._exchange)
        if response.status == 100 or session.state == "ended":
            return
        early = self._early_of(response)
        if early is None:
            if session.user is not None:
                session.tell(session.user.ringing, response.status, response.body)
            return
        session.peer_updates = session.peer_updates or allows_update(response)
        reliable = is_reliable(response.status, response.require, response.number("RSeq"))
        rack = None
        if reliable:
            rack = early.receiver.take(response.number("RSeq"), response.cseq)
            if rack is None:
                return
        self._ringing(early, response, rack)

    def _ringing(self, early: Early, response: Response, rack: str | None) -> None:
        """Tell the user; a reliable response has its PRACK, and may settle offer and answer."""
        session = self._session
        user = session.user
        if user is None:
            return
        answer: bytes | None = b""
        we_offered = bool(self._draft.body)
        session.tell(user.ringing, response.status, response.body if we_offered else b"")
        if rack is None:
            early.sdp = response.body or early.sdp
        elif response.body and not early.settled and session.state == "early":
            early.settled = True
            if we_offered:
                self._answered(early.dialog.remote_tag, response.body)
            else:
                answer = session.tell(user.offered, response.body)
        if rack is not None:
            self._prack(early, rack, answer or b"")
        if answer is None:
            session.fail(488, "the offer in the 18x is of no use")
        session.talk.go()

    def _prack(self, early: Early, rack: str, answer: bytes, tries: int = 1) -> None:
        session = self._session
        early.pracks += 1

        def done(status: int, _response: Response | None) -> None:
            early.pracks -= 1
            # With 481 it says that its final response is under way, which tells more than that.
            if session.state != "early":
                return
            if status == 500 and tries < _MOST_PRACKS:  # another request of ours overtook it
                self._prack(early, rack, answer, tries + 1)
            elif status == 408 and len(self._early) == 1:
                session.fail(408, "the other side does not take our PRACK")
            else:
                session.talk.go()

        session.send(
            "PRACK",
            done,
            dialog=early.dialog,
            headers=[("RAck", rack)],
            body=answer,
            content_type="application/sdp" if answer else "",
        )

    def _early_of(self, response: Response) -> Early | None:
        """The early dialog of an 18x; a new one, if it is new and not one too many."""
        session, request, tag = self._session, self._exchange.request, response.to.tag
        if not tag or request is None:
            return None
        early = self._early.get(tag)
        if early is None and len(self._early) < _MOST_FORKS:
            early = self._early[tag] = Early(Dialog.as_client(request, response))
        if early is not None:
            session.dialog = early.dialog
        return early

    def _final(self, exchange: Exchange, status: int, response: Response | None) -> None:
        session = self._session
        session.exchanges.remove(exchange)
        try:
            self._answers_come_by(exchange)
            if response is None:
                session.end("line", status, _WITHOUT_RESPONSE.get(status, ""))
            elif status < 300:
                self._accepted(exchange, response)
            elif not self._longer_interval(exchange, response):
                session.end("line" if exchange.given_up else "caller", status, readable(response.reason))
        finally:
            session.settle()

    def _longer_interval(self, exchange: Exchange, response: Response) -> bool:
        """Whether the INVITE goes out again after a 422 (RFC 4028, section 7.3)."""
        session = self._session
        self._tries += 1
        if response.status != 422 or session.state == "ended" or self._tries > _MOST_FORKS:
            return False
        if exchange.request is None or not session.timer.too_brief(response.number("Min-SE")):
            return False
        self._early.clear()
        session.dialog = None
        self._exchange = self._prepare(exchange.request.cseq + 1)
        self._exchange.start()
        return True

    def _accepted(self, exchange: Exchange, response: Response) -> None:
        """The first 2xx makes the dialog (RFC 3261, section 13.2.2.4)."""
        session, request = self._session, exchange.request
        if request is None:
            return
        early = self._early.get(response.to.tag)
        dialog = Dialog.as_client(request, response)
        if early is not None:
            dialog.local_seq = max(early.dialog.local_seq, dialog.local_seq)
            dialog.remote_seq = early.dialog.remote_seq
        session.dialog = dialog
        session.peer_updates = session.peer_updates or allows_update(response)
        answer, wrong = b"", ""
        if session.state == "early":
            answer, wrong = self._agree(early, response)
        session.acknowledge(dialog, exchange, answer)
        if session.state != "early":  # it crossed our CANCEL, or the user hung up just now
            session.send("BYE", lambda _status, _response: None)
            return
        session.state = "established"
        session.outbound = None
        session.invite.forget()
        if wrong:
            session.fail(488, wrong)
            return
        session.timer.answered(response.get("Session-Expires"))
        if session.user is not None:
            session.tell(session.user.established)
        session.talk.go()

    def _agree(self, early: Early | None, response: Response) -> tuple[bytes, str]:
        """Bring offer and answer together; our answer for the ACK, and what is wrong if they do not meet."""
        session, tag = self._session, response.to.tag
        settled = early is not None and early.settled
        if not self._draft.body:
            if settled:
                return b"", ""
            user = session.user
            if not response.body or user is None:
                return b"", "the 200 has no offer"
            answer: bytes | None = session.tell(user.offered, response.body)
            return (answer, "") if answer else (b"", "the offer in the 200 is of no use")
        if settled:
            if self._settled_tag != tag and early is not None and response.body:
                self._answered(tag, response.body)
            return b"", ""
        # Some answer early, unreliably, and then leave it at that.
        sdp = response.body or (early.sdp if early is not None else b"")
        if not sdp:
            return b"", "the 200 has no answer"
        self._answered(tag, sdp)
        return b"", ""

    def _answered(self, tag: str, sdp: bytes) -> None:
        session = self._session
        self._settled_tag = tag
        if session.user is not None:
            session.tell(session.user.answered, sdp)

    def _answers_come_by(self, exchange: Exchange) -> None:
        """Where the INVITE went is where the other side is, as far as we know."""
        if exchange.flow is not None and exchange.flow != self._session.path.flow:
            self._session.flow = self._session.path.flow = exchange.flow

    def _end_fork(self, response: Response) -> None:
        """A telephone that answered after another one, or after we gave up: ACK and BYE."""
        session, core, exchange = self._session, self._session.core, self._exchange
        request, flow = exchange.request, exchange.flow
        if request is None or flow is None:
            return
        tag = response.to.tag
        if tag in self._late:
            core.network.send(self._late[tag], flow)
            return
        dialog = Dialog.as_client(request, response)
        path = Path(core, flow)
        ack = dialog.draft("ACK", core.named("User-Agent"))
        authorization = list(exchange.authorization.items())

        def acknowledge(flows: Sequence[Flow]) -> None:
            self._late[tag] = core.send_ack(ack.request(request.cseq, authorization), (*flows, flow)[0])

        path.find(ack.hop, bool(dialog.routes), acknowledge)

        def ended(_status: int, _response: Response | None) -> None:
            session.exchanges.remove(closing)
            session.settle()

        bye = dialog.draft("BYE", core.named("User-Agent"))
        closing = Exchange(core, path, bye, dialog.next_cseq, ended, credentials=session.credentials)
        session.exchanges.append(closing)
        closing.start()


_WITHOUT_RESPONSE = {408: "nobody answered", 487: "given up", 503: "no way there"}

"""One INVITE session, from either side: what its user does with it, and what both sides have in common.

How it begins is in `session_uas` (the other side calls) and `session_uac` (we call); what may change while it
lasts in `negotiation`; what the other side asks within it in `session_requests`; transfers in `transfers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ivr.sip.message import respond
from ivr.sip.negotiation import Negotiation
from ivr.sip.outbound import Exchange, Path
from ivr.sip.session_timer import SessionTimer, TimerPolicy
from ivr.sip.transfers import Transfers

if TYPE_CHECKING:
    from ivr.sip.core import Core
    from ivr.sip.delivery import Delivery
    from ivr.sip.dialog import Dialog
    from ivr.sip.digest import Credentials
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.session_uac import Outgoing
    from ivr.sip.session_uas import Incoming
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.uri import NameAddr, Uri
    from ivr.sip.users import EndedBy, Headers, SessionUser, State

P = ParamSpec("P")
T = TypeVar("T")

Done = Callable[[int], None]
"""Called with the final status of a request; 408 if there was no answer, 481 if the session is over."""

#: So many ACKs are kept, for 2xx that come again.
_KEPT_ACKS = 2
_LONGEST_REASON = 80


def reason_header(reason: str) -> list[tuple[str, str]]:
    """A Reason field (RFC 3326) that says why, in printable ASCII; nothing for no reason."""
    text = "".join(c for c in reason if " " <= c <= "~" and c not in '"\\')[:_LONGEST_REASON]
    return [("Reason", f'SIP ;cause=200 ;text="{text}"')] if text else []


class Session:
    """One session. Commands that no longer fit its state are without effect: they lost a race.

    `user` must be set by `AgentUser.invited`. All of the methods under "for its user" may be called from within
    any of the user's callbacks; `ended` may then be called before they return.
    """

    __slots__ = (
        "acks",
        "bye_wanted",
        "call_id",
        "core",
        "credentials",
        "deliveries",
        "dialog",
        "exchanges",
        "flow",
        "inbound",
        "incoming",
        "invite",
        "local_tag",
        "outbound",
        "path",
        "peer_updates",
        "referred_by",
        "remote_offer",
        "replaces",
        "state",
        "talk",
        "timer",
        "transfers",
        "user",
    )

    def __init__(self, core: Core, invite: Request, flow: Flow, *, incoming: bool, local_tag: str) -> None:
        self.core = core
        #: The first INVITE.
        self.invite = invite
        #: Where the other side's signalling comes from; at first, for a call of ours, where the INVITE went.
        self.flow = flow
        self.incoming = incoming
        self.local_tag = local_tag
        self.call_id = invite.call_id
        self.state: State = "early"
        #: The SDP of the INVITE; empty if it asks us for an offer.
        self.remote_offer = b""
        #: The session that this one is to stand for (RFC 3891): hang that up once this one is answered.
        self.replaces: Session | None = None
        self.referred_by = invite.get("Referred-By") or ""
        self.user: SessionUser | None = None
        self.credentials: Credentials | None = None
        self.dialog: Dialog | None = None
        self.path = Path(core, flow if incoming else None)
        #: How it begins, until it has begun: one of the two.
        self.inbound: Incoming | None = None
        self.outbound: Outgoing | None = None
        self.talk = Negotiation(self)
        self.transfers: Transfers | None = None
        self.timer = SessionTimer(
            TimerPolicy(
                core.settings.session_timers, core.settings.session_expires, core.settings.session_least
            ),
            clock=core.clock,
            refresh=self._refresh,
            expire=self._expired,
        )
        self.peer_updates = False
        self.exchanges: list[Exchange] = []
        self.deliveries: dict[int, Delivery] = {}
        self.acks: dict[int, tuple[bytes, Flow]] = {}
        self.bye_wanted = False

    # --- for its user --------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether it has ended, as far as its user goes."""
        return self.state == "ended"

    @property
    def local(self) -> NameAddr:
        """Our own address, with our tag once there is a dialog."""
        if self.dialog is not None:
            return self.dialog.local
        return self.invite.to if self.incoming else self.invite.from_

    @property
    def remote(self) -> NameAddr:
        """The other side's address, with its tag once it is known."""
        if self.dialog is not None:
            return self.dialog.remote
        return self.invite.from_ if self.incoming else self.invite.to

    def ring(self, status: int = 180, sdp: bytes = b"") -> None:
        """Tell the caller 101…199, with SDP as early media; reliably if it asks so or the settings do.

        The first SDP that goes reliably is the answer (or, to an INVITE without SDP, our offer); SDP that could
        not be either is not sent. Raises ValueError for another status.
        """
        if not 100 < status < 200:
            raise ValueError(f"a call rings with 101 to 199, not {status}")
        if self.inbound is not None:
            self.inbound.ring(status, sdp)

    def answer(self, sdp: bytes) -> None:
        """Answer the call: 200 with our answer, or with our offer if the INVITE had none."""
        if self.inbound is not None:
            self.inbound.answer(sdp)

    def refuse(self, status: int, *, headers: Headers = ()) -> None:
        """Refuse the call with 300…699. Raises ValueError for another status."""
        if not 300 <= status < 700:
            raise ValueError(f"a call is refused with 300 to 699, not {status}")
        if self.inbound is not None and self.inbound.refuse(status, headers):
            self.end("us", status, "")

    def hang_up(self, reason: str = "") -> None:
        """End it: BYE, CANCEL for a call of ours that nobody has answered, 480 for one that we have not.

        The user hears `ended` at once; the BYE waits for the ACK of our 200 (RFC 3261, section 15).
        """
        if self.state == "ended":
            return
        status = 200
        if self.state == "early":
            status = 480 if self.incoming else 487
        self._part("us", status, reason)

    def offer(self, sdp: bytes, done: Done | None = None) -> None:
        """Change the session (hold, resume, move the media): by re-INVITE, or UPDATE before it is answered.

        Waits while another change is under way; of several that wait, the latest stands and the others are
        told 487. Where both sides offer at once, ours is tried again (RFC 3261, section 14.1).
        """
        self.talk.offer(sdp, done)

    def info(self, content_type: str, body: bytes, done: Done | None = None) -> None:
        """Send an INFO."""
        if self.dialog is None or self.state == "ended":
            self.told(done, 481)
            return

        def answered(status: int, _response: Response | None) -> None:
            if status == 481:
                self.fail(481, "the other side knows no such call")
            self.told(done, status)

        self.send("INFO", answered, body=body, content_type=content_type)

    def refer(self, to: Uri, *, replaces: Session | None = None, report: Callable[[int], None]) -> None:
        """Ask the other side to call `to`, in place of the session `replaces` if given (RFC 3515, RFC 5589).

        `report` gets the statuses of the new call, and exactly one final one; see `ivr.sip.refer`.
        """
        if self.state != "established":
            self.told(report, 481)
            return
        self.transfer().refer(to, replaces, report)

    # --- for the core: what goes out -----------------------------------------------------------------

    def transfer(self) -> Transfers:
        """The session's transfers; made when first wanted, since few sessions have any."""
        if self.transfers is None:
            self.transfers = Transfers(self)
        return self.transfers

    def send(
        self,
        method: str,
        done: Callable[[int, Response | None], None],
        *,
        dialog: Dialog | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "",
    ) -> None:
        """Send a request within the dialog (that of a fork, if given)."""
        self.prepare(
            method, done, dialog=dialog, headers=headers, body=body, content_type=content_type
        ).start()

    def prepare(
        self,
        method: str,
        done: Callable[[int, Response | None], None],
        *,
        dialog: Dialog | None = None,
        headers: Headers = (),
        body: bytes = b"",
        content_type: str = "",
        number: Callable[[], int] | None = None,
        again: Callable[[Response], None] | None = None,
        longest: float = 0.0,
    ) -> Exchange:
        """The same, not sent yet; `number` gives its CSeq numbers, for the rest see `Exchange`."""
        within = dialog or self.dialog
        if within is None:
            raise RuntimeError(f"{method} without a dialog")
        named = [*self.core.named("User-Agent"), *headers]

        def finished(status: int, response: Response | None) -> None:
            self.exchanges.remove(exchange)
            try:
                done(status, response)
            finally:
                self.settle()

        exchange = Exchange(
            self.core,
            self.path,
            within.draft(method, named, body, content_type),
            number or within.next_cseq,
            finished,
            credentials=self.credentials,
            again=again,
            longest=longest,
        )
        self.exchanges.append(exchange)
        return exchange

    def acknowledge(self, dialog: Dialog, exchange: Exchange, body: bytes = b"") -> None:
        """The ACK of a 2xx to this INVITE of ours, kept in case the 2xx comes again."""
        if exchange.request is None:
            return
        cseq = exchange.request.cseq
        draft = dialog.draft("ACK", self.core.named("User-Agent"), body, "application/sdp" if body else "")
        request = draft.request(cseq, list(exchange.authorization.items()))

        def ready(flows: Sequence[Flow]) -> None:
            if flows:
                self.acks[cseq] = (self.core.send_ack(request, flows[0]), flows[0])
                while len(self.acks) > _KEPT_ACKS:
                    del self.acks[min(self.acks)]

        self.path.find(draft.hop, bool(dialog.routes), ready)

    def acknowledge_again(self, cseq: int) -> None:
        """The 2xx came again: its ACK was lost."""
        kept = self.acks.get(cseq)
        if kept is not None:
            self.core.network.send(*kept)

    def reply(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        *,
        headers: Headers = (),
        body: bytes = b"",
    ) -> Response:
        """A response to a request within the session, sent."""
        response = self.response(request, status, headers=headers, body=body)
        transaction.respond(response)
        return response

    def response(
        self, request: Request, status: int, *, headers: Headers = (), body: bytes = b""
    ) -> Response:
        """A response with our tag; with Contact, Allow and Supported where they belong."""
        told = [*self.core.named("Server")]
        if 100 < status < 300 and request.method in {"INVITE", "UPDATE"}:
            scheme = "sips" if self.invite.uri.scheme == "sips" else "sip"
            told += [("Contact", self.core.contact(self.flow, scheme)), *self.core.abilities()]
        return respond(
            request,
            status,
            to_tag=self.local_tag,
            headers=[*told, *headers],
            body=body,
            content_type="application/sdp" if body else "",
        )

    # --- for the core: what comes in -----------------------------------------------------------------

    def dialog_of(self, remote_tag: str) -> Dialog | None:
        """The dialog with this tag of the other side, if the session has it."""
        if self.dialog is not None and self.dialog.remote_tag == remote_tag:
            return self.dialog
        return self.outbound.early_dialog(remote_tag) if self.outbound is not None else None

    def acknowledged(self, ack: Request) -> None:
        """The ACK of a 2xx of ours."""
        delivery = self.deliveries.pop(ack.cseq, None)
        if delivery is None:
            return
        delivery.stop()
        if self.state != "ended":
            self.talk.acknowledged(ack)
        if self.state == "answered":
            self.state = "established"
            self.inbound = None
            if self.user is not None:
                self.tell(self.user.established)
        self.talk.go()
        if self.bye_wanted:
            self._bye("")
        self.settle()

    def unacknowledged(self, cseq: int) -> None:
        """No ACK came for a 2xx of ours: the other side is gone (RFC 3261, sections 13.3.1.4 and 14.2)."""
        self.deliveries.pop(cseq, None)
        if self.state == "answered":
            self.state = "established"  # as far as section 15 goes: there is no ACK to wait for
        if self.bye_wanted:
            self._bye("")
        self.fail(408, "no ACK")
        self.settle()

    def moved(self, flow: Flow) -> None:
        """The other side's signalling came by this flow."""
        if flow == self.flow:
            return
        self.flow = self.path.flow = flow
        if self.user is not None and self.state != "ended":
            self.tell(self.user.flow_changed, flow)

    # --- for the core: users, ends -------------------------------------------------------------------

    def tell(self, callback: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call the user; if that raises, this session ends, and no other is touched. None then."""
        try:
            return callback(*args, **kwargs)
        except Exception as error:
            self.core.caught(error, "user_error", self.flow)
            self.fail(500, "an error of ours")
            return None

    def told(self, done: Done | None, status: int) -> None:
        """Tell the outcome of something, if anybody waits for it."""
        if done is not None:
            self.tell(done, status)

    def fail(self, status: int, reason: str) -> None:
        """End it for a reason that is neither side's wish."""
        if self.state != "ended":
            self._part("line", status, reason)

    def end(self, by: EndedBy, status: int, reason: str) -> None:
        """It is over, as far as its user goes."""
        if self.state == "ended":
            return
        self.state = "ended"
        self.timer.stop()
        self.talk.close()
        if self.transfers is not None:
            self.transfers.close()
        if self.user is not None:
            self.tell(self.user.ended, by, status, reason)
        self.settle()

    def settle(self) -> None:
        """Leave the agent's table when nothing is under way any more."""
        if self.state == "ended" and not self.exchanges and not self.deliveries:
            self.inbound = self.outbound = None
            self.core.sessions.pop((self.call_id, self.local_tag), None)

    def bye_came(self) -> None:
        """The other side ended it."""
        if self.inbound is not None:
            self.inbound.refuse(487, ())
        if self.outbound is not None:
            self.outbound.give_up()
        self.bye_wanted = False
        self._stop_deliveries()
        self.end("caller", 200, "")
        self.settle()

    def close(self) -> None:
        """The agent closes: forget everything, say nothing."""
        self.state = "ended"
        self.timer.stop()
        self.talk.close()
        if self.inbound is not None:
            self.inbound.close()
        if self.transfers is not None:
            self.transfers.close()
        for exchange in self.exchanges:
            exchange.abandon()
        self.exchanges.clear()
        self._stop_deliveries()

    def _part(self, by: EndedBy, status: int, reason: str) -> None:
        """Say goodbye in whatever way fits the state, and end."""
        outbound = self.outbound
        if self.state == "early" and outbound is not None:
            self.end(by, status, reason)
            outbound.give_up()
            return
        if self.state == "early" and self.inbound is not None:
            self.inbound.refuse(status, ())
        elif self.state == "answered":
            self.bye_wanted = True  # section 15: not before the ACK
        else:
            self._stop_deliveries()
            self._bye(reason)
        self.end(by, status, reason)

    def _bye(self, reason: str) -> None:
        self.bye_wanted = False
        self.send("BYE", lambda _status, _response: None, headers=reason_header(reason))

    def _stop_deliveries(self) -> None:
        for delivery in self.deliveries.values():
            delivery.stop()
        self.deliveries.clear()

    def _refresh(self) -> None:
        try:
            self.talk.refresh()
        except Exception as error:
            self.core.caught(error, "error", self.flow)

    def _expired(self) -> None:
        try:
            self.fail(408, "the session was not refreshed")
        except Exception as error:
            self.core.caught(error, "error", self.flow)

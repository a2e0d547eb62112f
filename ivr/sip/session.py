"""One INVITE session, from either side: what its user does with it, and what both sides have in common.

How it begins is in `session_uas` (the other side calls) and `session_uac` (we call); what may change while it
lasts in `negotiation`; what the other side asks within it in `session_requests`; transfers in `transfers`;
how it sends its messages in `speaker`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from ivr.sip.negotiation import Negotiation
from ivr.sip.session_timer import SessionTimer, TimerPolicy
from ivr.sip.speaker import Speaker
from ivr.sip.transfers import Transfers

if TYPE_CHECKING:
    from ivr.sip.core import Core
    from ivr.sip.delivery import Delivery
    from ivr.sip.dialog import Dialog
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.session_uac import Outgoing
    from ivr.sip.session_uas import Incoming
    from ivr.sip.uri import NameAddr, Uri
    from ivr.sip.users import EndedBy, Headers, SessionUser, State

P = ParamSpec("P")
T = TypeVar("T")

Done = Callable[[int], None]
"""Called with the final status of a request; 408 if there was no answer, 481 if the session is over."""

_LONGEST_REASON = 80


def reason_header(reason: str) -> list[tuple[str, str]]:
    """A Reason field (RFC 3326) that says why, in printable ASCII; nothing for no reason."""
    text = "".join(c for c in reason if " " <= c <= "~" and c not in '"\\')[:_LONGEST_REASON]
    return [("Reason", f'SIP ;cause=200 ;text="{text}"')] if text else []


class Session(Speaker):
    """One session. Commands that no longer fit its state are without effect: they lost a race.

    `user` must be set by `AgentUser.invited`. All of the methods under "for its user" may be called from within
    any of the user's callbacks; `ended` may then be called before they return.
    """

    __slots__ = (
        "__weakref__",
        "bye_wanted",
        "deliveries",
        "inbound",
        "incoming",
        "outbound",
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

    def __init__(self, core: Core, invite: Request, flow: Flow | None, local_tag: str) -> None:
        """`flow`: where the INVITE came from; None for one of ours."""
        super().__init__(core, invite, flow, local_tag)
        self.incoming = flow is not None
        self.state: State = "early"
        #: The SDP of the INVITE; empty if it asks us for an offer.
        self.remote_offer = b""
        #: The session that this one is to stand for (RFC 3891): hang that up once this one is answered.
        self.replaces: Session | None = None
        self.referred_by = invite.get("Referred-By") or ""
        self.user: SessionUser | None = None
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
        self.deliveries: dict[int, Delivery] = {}
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

        # Before its ACK is there, the other side may not have heard of the dialog yet.
        known = self.state == "established"

        def answered(status: int, _response: Response | None) -> None:
            if status == 481 and known:
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
        self._established()
        self.talk.go()
        if self.bye_wanted:
            self._bye("")
        self.settle()

    def overtaken(self, cseq: int) -> None:
        """A re-INVITE of this number: whoever sends it has had our 2xx before, only the ACK was lost.

        Where that ACK is to bring an answer, it is still waited for.
        """
        earlier = [number for number in self.deliveries if number < cseq]
        if earlier and not self.talk.offering:
            for number in earlier:
                self.deliveries.pop(number).stop()
            self._established()

    def _established(self) -> None:
        if self.state == "answered":
            self.state = "established"
            self.inbound = None
            self.invite.forget()  # kept for as long as the call lasts, and hardly read again
            if self.user is not None:
                self.tell(self.user.established)

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

    def abandon(self) -> None:
        """End a call whose 200 nobody has acknowledged yet, without waiting for the ACK and without a BYE.

        For a line under siege: whoever never meant to talk, or never sent the INVITE, need not be told.
        """
        if self.state == "answered":
            self.bye_wanted = False
            self._stop_deliveries()
            self.end("line", 408, "no ACK")

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

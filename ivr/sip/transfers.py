"""The transfers of one session: REFERs in both directions, and their NOTIFYs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ivr.sip.message import SipSyntaxError
from ivr.sip.refer import (
    CONTENT_TYPE,
    Notice,
    Notifier,
    Referral,
    parse_refer_to,
    refer_to,
    wants_no_subscription,
)
from ivr.sip.replaces import Place

if TYPE_CHECKING:
    from ivr.sip.message import Request, Response
    from ivr.sip.session import Session
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.uri import Uri

#: So many transfers at once within one session, in each direction.
_MOST = 4


class Transfers:
    """What we asked of the other side, and what it asked of us."""

    __slots__ = ("_notifiers", "_referrals", "_referred", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._referrals: list[Referral] = []
        self._notifiers: list[Notifier] = []
        #: Whether the other side has sent a REFER before: later ones are told apart by number.
        self._referred = False

    # --- we ask --------------------------------------------------------------------------------------

    def refer(self, to: Uri, replaces: Session | None, report: Callable[[int], None]) -> None:
        """See `Session.refer`."""
        session = self._session
        dialog = session.dialog
        if dialog is None or len(self._referrals) >= _MOST:
            session.told(report, 500)
            return
        place = ""
        if replaces is not None:
            old = replaces.dialog
            if old is None:
                session.told(report, 481)  # nobody there yet whose place could be taken
                return
            place = Place.of_peer(old.call_id, old.local.tag, old.remote_tag).escaped()

        def reported(status: int) -> None:
            if status >= 200 and referral in self._referrals:
                self._referrals.remove(referral)
            session.told(report, status)

        def number() -> int:
            cseq = dialog.next_cseq()
            referral.sent(cseq)
            return cseq

        def done(status: int, response: Response | None) -> None:
            referral.answered(status, response.get("Refer-Sub") if response is not None else None)
            if status == 481:
                session.fail(481, "the other side knows no such call")

        referral = Referral(0, clock=session.core.clock, report=reported)
        self._referrals.append(referral)
        headers = [("Refer-To", refer_to(to, place)), ("Referred-By", f"<{session.local.uri.plain()}>")]
        session.prepare("REFER", done, headers=headers, number=number).start()

    def notified(self, transaction: ServerTransaction, request: Request) -> None:
        """A NOTIFY: for one of our REFERs, or 481."""
        for referral in self._referrals:
            if referral.concerns(request.get("Event")):
                status = referral.notified(
                    request.get("Subscription-State"), request.content_type, request.body
                )
                self._session.reply(transaction, request, status)
                return
        self._session.reply(transaction, request, 481)

    # --- we are asked --------------------------------------------------------------------------------

    def referred(self, transaction: ServerTransaction, request: Request) -> None:
        """A REFER: the user decides. Where none can be told, nobody is called."""
        session = self._session
        try:
            target = parse_refer_to(request.all("Refer-To"))
        except SipSyntaxError as error:
            session.reply(transaction, request, error.status)
            return
        if session.user is None or session.state != "established":
            session.reply(transaction, request, 603)
            return
        if len(self._notifiers) >= _MOST:
            session.reply(transaction, request, 500)
            return
        notifier = self._notifier(request)
        status = session.tell(
            session.user.referred,
            target.uri,
            target.replaces,
            request.get("Referred-By") or "",
            notifier.progress if notifier is not None else _unheard,
        )
        if status is None or session.over:
            session.reply(transaction, request, 500)
        elif 200 <= status < 300:
            silent = [("Refer-Sub", "false")] if notifier is None else []
            session.reply(transaction, request, 202, headers=silent)
            if notifier is not None:
                self._referred = True
                notifier.start()
            return
        else:
            session.reply(transaction, request, status if 300 <= status < 700 else 603)
        if notifier is not None:
            self._forget(notifier)

    def close(self) -> None:
        """The session is over, and the subscriptions with it."""
        for notifier in self._notifiers:
            notifier.close()
        for referral in [*self._referrals]:
            referral.close()
        self._notifiers.clear()
        self._referrals.clear()

    def _notifier(self, request: Request) -> Notifier | None:
        """Who will tell the other side; None if it wants to hear nothing (RFC 4488)."""
        session = self._session
        if "norefersub" in request.supported and wants_no_subscription(request.get("Refer-Sub")):
            return None

        def ended() -> None:
            self._forget(notifier)

        def notify(notice: Notice) -> None:
            def done(status: int, _response: Response | None) -> None:
                notifier.delivered(status)

            if session.over:
                return
            session.send(
                "NOTIFY", done, headers=notice.headers(), body=notice.body, content_type=CONTENT_TYPE
            )

        notifier = Notifier(
            request.cseq if self._referred else None, clock=session.core.clock, notify=notify, ended=ended
        )
        self._notifiers.append(notifier)
        return notifier

    def _forget(self, notifier: Notifier) -> None:
        notifier.close()
        if notifier in self._notifiers:
            self._notifiers.remove(notifier)


def _unheard(_status: int) -> None:
    """Reports on a transfer of which the other side wants to hear nothing."""

"""What the other side asks within a session, method by method (RFC 3261, section 12.2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.sip.dialog import Dialog
    from ivr.sip.message import Request
    from ivr.sip.network import Flow
    from ivr.sip.session import Session
    from ivr.sip.transactions.server import ServerTransaction

Handler = Callable[["Session", "Dialog", "ServerTransaction", "Request"], None]


def handle(
    session: Session, dialog: Dialog, transaction: ServerTransaction, request: Request, flow: Flow
) -> None:
    """Carry out a request within the session's dialog, and answer it."""
    if not dialog.in_order(request.cseq):
        session.reply(transaction, request, 500, headers=[("Retry-After", "1")])
        return
    if session.state == "ended" and request.method != "BYE":
        session.reply(transaction, request, 481)
        return
    session.moved(flow)
    handler = _HANDLERS.get(request.method)
    if handler is None:
        session.reply(transaction, request, 405, headers=[session.core.allows()])
        return
    handler(session, dialog, transaction, request)


def _invite(session: Session, dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    session.talk.invited(dialog, transaction, request)


def _update(session: Session, dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    session.talk.updated(dialog, transaction, request)


def _bye(session: Session, _dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    session.reply(transaction, request, 200)
    session.bye_came()


def _prack(session: Session, _dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    if session.inbound is None:
        session.reply(transaction, request, 481)
    else:
        session.inbound.pracked(transaction, request)


def _info(session: Session, _dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    """An INFO without a body only asks whether we are there; one with a body is the user's."""
    understood: bool | None = True
    if request.body and session.user is not None:
        understood = session.tell(session.user.info, request.content_type, request.body)
    if understood is None:
        session.reply(transaction, request, 500)
    else:
        session.reply(transaction, request, 200 if understood else 415)


def _options(session: Session, _dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    accept = ("Accept", "application/sdp")
    session.reply(transaction, request, 200, headers=[*session.core.abilities(), accept])


def _refer(session: Session, _dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    session.transfer().referred(transaction, request)


def _notify(session: Session, _dialog: Dialog, transaction: ServerTransaction, request: Request) -> None:
    if session.transfers is None:
        session.reply(transaction, request, 481)
    else:
        session.transfers.notified(transaction, request)


_HANDLERS: dict[str, Handler] = {
    "INVITE": _invite,
    "UPDATE": _update,
    "BYE": _bye,
    "PRACK": _prack,
    "INFO": _info,
    "OPTIONS": _options,
    "REFER": _refer,
    "NOTIFY": _notify,
}

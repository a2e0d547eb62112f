"""What becomes of a request that comes in: to its session, to a new one, or refused (RFC 3261, section 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.sip.bodies import SDP, Unsupported, sdp_of_request
from ivr.sip.core import allows_update
from ivr.sip.digest import Refused
from ivr.sip.merged import Merged
from ivr.sip.message import SipSyntaxError, respond
from ivr.sip.replaces import Place, place_of, verdict
from ivr.sip.session import Session
from ivr.sip.session_requests import handle
from ivr.sip.session_uas import Incoming

if TYPE_CHECKING:
    from ivr.sip.core import Core
    from ivr.sip.message import Request
    from ivr.sip.network import Flow
    from ivr.sip.replaces import State as PlaceState
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.users import Headers, State

#: The methods whose body is SDP, if they have one.
_WITH_SDP = frozenset({"INVITE", "UPDATE", "PRACK"})
_SCHEMES = frozenset({"sip", "sips", "tel"})

_PLACES: dict[State, PlaceState] = {
    "early": "early",
    "answered": "confirmed",
    "established": "confirmed",
    "ended": "ended",
}


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """The request is answered with this status, and told by this notice if any."""

    def __init__(
        self, status: int, *headers: tuple[str, str], notice: str = "refused", detail: str = ""
    ) -> None:
        super().__init__(str(status))
        self.status = status
        self.headers = headers
        self.notice = notice
        self.detail = detail


class Requests:
    """Judges every new request, and hands it on."""

    __slots__ = ("_core", "_merged")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._merged = Merged(core)

    def close(self) -> None:
        """Forget everything."""
        self._merged.close()

    def take(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        """Answer it, or hand it to who will."""
        try:
            self._judge(transaction, request, flow)
        except Refusal as refusal:
            if refusal.notice:
                self._core.notice(
                    refusal.notice, flow, refusal.detail or f"{request.method} {refusal.status}"
                )
            self._reply(transaction, request, refusal.status, refusal.headers)
        except SipSyntaxError as error:
            self._core.notice("malformed", flow, error.reason)
            self._reply(transaction, request, error.status, reason=error.reason)
        except Exception as error:
            self._core.caught(error, "error", flow)
            self._reply(transaction, request, 500)

    def _reply(
        self,
        transaction: ServerTransaction,
        request: Request,
        status: int,
        headers: Headers = (),
        *,
        reason: str = "",
    ) -> None:
        """A response outside of any session. Its tag is that of a CANCEL's response, if one came first."""
        transaction.to_tag = transaction.to_tag or self._core.token()
        told = [*self._core.named("Server"), *self._core.with_retry_after(status, headers)]
        response = respond(request, status, reason, to_tag=transaction.to_tag, headers=told)
        if status == 401:
            transaction.respond_once(response)
        else:
            transaction.respond(response)

    def _judge(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        if request.method not in self._core.settings.allow:
            raise Refusal(405, self._core.allows(), notice="forbidden")
        if request.to.tag:
            self._within(transaction, request, flow)
            return
        if request.method not in {"INVITE", "OPTIONS"}:
            if request.method == "REFER":
                raise Refusal(403, notice="forbidden")
            raise Refusal(481, notice="no_dialog")
        self._check_outside(request, flow)
        if request.method == "OPTIONS":
            self._options(transaction, request)
        else:
            self._invited(transaction, request, flow)

    # --- within a dialog -----------------------------------------------------------------------------

    def _within(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        session = self._core.sessions.get((request.call_id, request.to.tag))
        dialog = session.dialog_of(request.from_.tag) if session is not None else None
        if session is None or dialog is None:
            raise Refusal(481, notice="no_dialog")
        self._check_extensions(request)
        self._take_sdp(request)
        handle(session, dialog, transaction, request, flow)

    # --- outside of any ------------------------------------------------------------------------------

    def _check_outside(self, request: Request, flow: Flow) -> None:
        self._check_authority(request, flow)
        if request.uri.scheme not in _SCHEMES:
            raise Refusal(416)
        # Section 11: an OPTIONS that ends here is a question to whoever it ends at.
        if request.number("Max-Forwards") == 0 and request.method != "OPTIONS":
            raise Refusal(483)
        if self._merged.again(request):
            raise Refusal(482, notice="merged")
        self._check_extensions(request)

    def _check_authority(self, request: Request, flow: Flow) -> None:
        settings = self._core.settings
        if settings.gate is None or settings.trusted(flow.host):
            return
        outcome = settings.gate.check(request)
        if isinstance(outcome, Refused):
            # Whoever has not tried yet, or was only too slow, has done nothing wrong.
            blamed = "unauthorised" if outcome.given and not outcome.stale else ""
            raise Refusal(401, *settings.gate.challenge(stale=outcome.stale), notice=blamed)

    def _check_extensions(self, request: Request) -> None:
        known = self._core.extensions()
        unknown = [tag for tag in request.require if tag not in known]
        if unknown:
            raise Refusal(420, ("Unsupported", ", ".join(unknown)))

    def _check_reliability(self, request: Request) -> None:
        """Where the settings want every 18x acknowledged, a caller must know how (RFC 3262, section 3)."""
        if self._core.settings.reliable == "required" and "100rel" not in (
            *request.require,
            *request.supported,
        ):
            raise Refusal(421, ("Require", "100rel"))

    def _take_sdp(self, request: Request) -> None:
        """From here on, the body of a request that may have SDP is SDP, or empty."""
        if request.method in _WITH_SDP:
            try:
                request.body = sdp_of_request(request)
            except Unsupported as error:
                raise Refusal(415, *error.headers) from None

    def _options(self, transaction: ServerTransaction, request: Request) -> None:
        status, headers = self._core.user.options()
        accept = ("Accept", SDP)
        self._reply(transaction, request, status, [*self._core.abilities(), accept, *headers])

    def _invited(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        self._check_reliability(request)
        self._take_sdp(request)
        if request.contact is None or request.contact.uri.scheme not in {"sip", "sips"}:
            raise SipSyntaxError("A Contact Is Needed")
        place = place_of("INVITE", request.all("Replaces"), ())
        replaced = self._replaced(place) if place is not None else None
        self._check_room(replaced)
        self._merged.remember(request)
        session = Session(self._core, request, flow, self._core.token())
        session.remote_offer = request.body
        session.replaces = replaced
        session.peer_updates = allows_update(request)
        brief = session.timer.refusal(request.get("Session-Expires"), supported="timer" in request.supported)
        if brief:
            raise Refusal(422, *brief, notice="")
        session.inbound = Incoming(session, transaction, request)
        self._core.sessions[session.call_id, session.local_tag] = session
        session.tell(self._core.user.invited, session)
        if session.user is None and session.state != "ended":
            session.refuse(500)

    def _check_room(self, replaced: Session | None) -> None:
        """Whether one more is taken. A call that only changes hands is one less in a moment."""
        if len(self._core.sessions) >= self._core.settings.most_sessions:
            raise Refusal(503, notice="overload")
        status = self._core.user.accepts()
        if status and replaced is None:
            raise Refusal(status, notice="" if status != 503 else "overload")

    def _replaced(self, place: Place) -> Session | None:
        session = self._core.sessions.get((place.call_id, place.to_tag))
        if session is not None:
            tag = session.dialog.remote_tag if session.dialog is not None else ""
            if not place.names(session.call_id, session.local_tag, tag):
                session = None
        state = _PLACES[session.state] if session is not None else None
        status = verdict(place, state, ours=session is not None and not session.incoming)
        if status:
            raise Refusal(status)
        return session

"""The user agent: packets in, calls out; the one door to the core."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from secrets import SystemRandom
from typing import TYPE_CHECKING

from ivr.sip.agent_requests import Requests
from ivr.sip.bodies import Unsupported, sdp_of
from ivr.sip.core import Core
from ivr.sip.dialog import Draft, routed
from ivr.sip.message import Message, Response, SipSyntaxError, parse, respond
from ivr.sip.outbound import Exchange, Path
from ivr.sip.session import Session
from ivr.sip.session_uac import Outgoing
from ivr.sip.transactions.layer import Transactions
from ivr.sip.transactions.timers import Timers
from ivr.sip.uri import NameAddr, Uri

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.sip.digest import Credentials
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow, Network
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.users import AgentSettings, AgentUser, Headers, SessionUser

_CHANCE = SystemRandom().random
_WITH_SDP = frozenset({"INVITE", "UPDATE", "PRACK"})


class Receiver:
    """What the transactions tell the agent."""

    __slots__ = ("_core", "_requests")

    def __init__(self, core: Core, requests: Requests) -> None:
        self._core = core
        self._requests = requests

    def request(self, transaction: ServerTransaction, request: Request, flow: Flow) -> None:
        """A new request."""
        self._requests.take(transaction, request, flow)

    def ack(self, request: Request, flow: Flow) -> None:
        """The ACK of a 2xx: to its session, or to nobody."""
        session = self._core.sessions.get((request.call_id, request.to.tag))
        if session is None or session.dialog_of(request.from_.tag) is None:
            return
        request.body = only_sdp(request)
        session.moved(flow)
        session.acknowledged(request)

    def stray(self, response: Response, flow: Flow) -> None:
        """A response that no transaction knows any more: to a 2xx of a standing session, its ACK once more."""
        session = self._core.sessions.get((response.call_id, response.from_.tag))
        if session is None or response.method != "INVITE" or not 200 <= response.status < 300:
            return
        if session.dialog is not None and session.dialog.remote_tag == response.to.tag:
            session.acknowledge_again(response.cseq)


class UserAgent:
    """One SIP user agent.

    `token` gives unguessable texts (letters and digits, at least 64 bits) for tags, branches and Call-IDs;
    `chance` numbers 0 ≤ x < 1 for waiting times.
    """

    __slots__ = ("_core", "_outside", "_requests")

    def __init__(
        self,
        settings: AgentSettings,
        *,
        clock: Clock,
        network: Network,
        token: Callable[[], str],
        user: AgentUser,
        chance: Callable[[], float] = _CHANCE,
        timers: Timers = Timers(),  # noqa: B008 - it is frozen
        most_transactions: int = 20_000,
    ) -> None:
        self._core = core = Core(
            settings, clock=clock, network=network, token=token, chance=chance, user=user, timers=timers
        )
        self._requests = Requests(core)
        core.transactions = Transactions(
            clock=clock,
            network=network,
            token=token,
            user=Receiver(core, self._requests),
            most=most_transactions,
            retry_after=settings.retry_after,
            timers=timers,
        )
        self._outside: set[Exchange] = set()

    # --- figures -------------------------------------------------------------------------------------

    @property
    def sessions(self) -> int:
        """How many sessions there are, those included whose last transaction is not over."""
        return len(self._core.sessions)

    @property
    def transactions(self) -> int:
        """How many transactions there are."""
        return self._core.transactions.size

    @property
    def dialogs(self) -> int:
        """How many sessions have a dialog."""
        return sum(session.dialog is not None for session in self._core.sessions.values())

    # --- from the transports -------------------------------------------------------------------------

    def received(self, data: bytes, flow: Flow) -> None:
        """One message came by this flow. Never raises."""
        try:
            message = parse(data)
        except SipSyntaxError as error:
            self._malformed(error, flow)
            return
        try:
            if isinstance(message, Response) and message.method in _WITH_SDP:
                message.body = only_sdp(message)
            self._core.transactions.received(message, flow)
        except Exception as error:
            self._core.caught(error, "error", flow)

    def flow_failed(self, flow: Flow, reason: str) -> None:
        """A flow is broken: nothing more can be sent by it, and what was sent may not have arrived."""
        try:
            self._core.transactions.failed(flow)
        except Exception as error:
            self._core.caught(error, "error", flow)

    # --- what the user asks --------------------------------------------------------------------------

    def invite(
        self,
        to: Uri,
        user: SessionUser,
        *,
        from_: NameAddr,
        headers: Headers = (),
        credentials: Credentials | None = None,
        offer: bytes,
        route: Sequence[Uri] = (),
        replaces: str = "",
    ) -> Session:
        """Call `to`, by way of the proxies `route`, in place of the dialog `replaces` (a Replaces value).

        An empty offer leaves it to the other side to make one. The outcome comes to the user; if there is no
        way at all, `ended` may come before this returns.
        """
        core = self._core
        tag = core.token()
        told = [*core.named("User-Agent"), *core.abilities()]
        if core.settings.reliable == "required":
            told.append(("Require", "100rel"))
        if replaces:
            told += [("Replaces", replaces), ("Require", "replaces")]
        draft = out_of_dialog(
            "INVITE",
            to,
            from_=from_.with_tag(tag),
            call_id=core.token(),
            route=route,
            headers=(*told, *headers),
            body=offer,
            content_type="application/sdp" if offer else "",
        )
        session = Session(core, draft.request(1), None, tag)
        session.user = user
        session.credentials = credentials
        core.sessions[session.call_id, tag] = session
        session.outbound = Outgoing(session, draft, 1)
        session.outbound.start()
        return session

    def request(
        self,
        method: str,
        to: Uri,
        done: Callable[[int, Response | None], None],
        *,
        from_: NameAddr,
        headers: Headers = (),
        credentials: Credentials | None = None,
        route: Sequence[Uri] = (),
    ) -> None:
        """Send a request that begins nothing, such as an OPTIONS to see whether a proxy is there.

        `done` is called once, with the final status, and the response unless there was none (408, 503).
        """
        core = self._core
        named = (*core.named("User-Agent"), *headers)
        draft = out_of_dialog(
            method, to, from_=from_.with_tag(core.token()), call_id=core.token(), route=route, headers=named
        )
        self.send(draft, itertools.count(1).__next__, done, credentials=credentials)

    def send(
        self,
        draft: Draft,
        number: Callable[[], int],
        done: Callable[[int, Response | None], None],
        *,
        credentials: Credentials | None = None,
    ) -> None:
        """Send a request outside of any dialog; `number` gives the CSeq number for each sending.

        Without `credentials`, a 401 or 407 is an answer like any other.
        """

        def finished(status: int, response: Response | None) -> None:
            self._outside.discard(exchange)
            done(status, response)

        exchange = Exchange(self._core, Path(self._core), draft, number, finished, credentials=credentials)
        self._outside.add(exchange)
        exchange.start()

    def close(self) -> None:
        """Forget everything and cancel every timer; nobody is told, neither users nor other sides."""
        for session in tuple(self._core.sessions.values()):
            session.close()
        self._core.sessions.clear()
        for exchange in tuple(self._outside):
            exchange.abandon()
        self._outside.clear()
        self._requests.close()
        self._core.transactions.close()

    def _malformed(self, error: SipSyntaxError, flow: Flow) -> None:
        """Answer what can be answered, without remembering it."""
        self._core.notice("malformed", flow, error.reason)
        request = error.request
        if request is None or request.method == "ACK":
            return
        try:
            headers = self._core.named("Server")
            answer = respond(request, error.status, error.reason, to_tag=self._core.token(), headers=headers)
            self._core.network.send(bytes(answer), flow)
        except Exception as failure:
            self._core.caught(failure, "error", flow)


def out_of_dialog(
    method: str,
    to: Uri,
    *,
    from_: NameAddr,
    call_id: str,
    route: Sequence[Uri] = (),
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str = "",
) -> Draft:
    """A request that begins something with `to`, by way of these proxies (RFC 3261, section 8.1.1)."""
    uri, hop, routes = routed(to, [NameAddr("", proxy) for proxy in route])
    return Draft(
        method,
        uri,
        from_=from_,
        to=NameAddr("", to.plain()),
        call_id=call_id,
        hop=hop,
        headers=(*routes, *headers),
        body=body,
        content_type=content_type,
    )


def only_sdp(message: Message) -> bytes:
    """The SDP in a message that cannot be refused for its body any more; empty if it has none."""
    try:
        return sdp_of(message)
    except Unsupported:
        return b""

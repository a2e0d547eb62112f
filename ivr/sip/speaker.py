"""How a session speaks: its requests and ACKs within a dialog, and its responses to the other side's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ivr.sip.core import NOWHERE
from ivr.sip.message import respond
from ivr.sip.outbound import Exchange, Path

if TYPE_CHECKING:
    from ivr.sip.core import Core
    from ivr.sip.dialog import Dialog
    from ivr.sip.digest import Credentials
    from ivr.sip.message import Request, Response
    from ivr.sip.network import Flow
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.users import Headers

#: So many ACKs are kept, for 2xx that come again.
_KEPT_ACKS = 2


class Speaker:
    """What a session needs to say anything. The rest of it is in `ivr.sip.session`."""

    __slots__ = (
        "acks",
        "call_id",
        "core",
        "credentials",
        "dialog",
        "exchanges",
        "flow",
        "invite",
        "local_tag",
        "path",
    )

    def __init__(self, core: Core, invite: Request, flow: Flow | None, local_tag: str) -> None:
        self.core = core
        #: The first INVITE.
        self.invite = invite
        self.call_id = invite.call_id
        self.local_tag = local_tag
        #: Where the other side's signalling comes from; for a call of ours, once that is known.
        self.flow = flow or NOWHERE
        self.path = Path(core, flow)
        self.dialog: Dialog | None = None
        self.credentials: Credentials | None = None
        #: Requests of ours under way.
        self.exchanges: list[Exchange] = []
        #: Our last ACKs of 2xx, by CSeq number, and where they went.
        self.acks: dict[int, tuple[bytes, Flow]] = {}

    def settle(self) -> None:
        """A request of ours is done: leave the agent's table if nothing else is under way."""
        raise NotImplementedError

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

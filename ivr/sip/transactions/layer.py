"""The transaction layer: takes messages to their transactions, and bounds how many there are."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2s
from typing import TYPE_CHECKING

from ivr.sip.message import Request, Response, respond
from ivr.sip.transactions.client import ClientTransaction
from ivr.sip.transactions.client_invite import ClientInvite, of_invite
from ivr.sip.transactions.client_plain import ClientPlain
from ivr.sip.transactions.keys import COOKIE, Key, client_key, old_ack_key, server_key
from ivr.sip.transactions.server_invite import ServerInvite
from ivr.sip.transactions.server_plain import ServerPlain
from ivr.sip.transactions.stamp import stamp, via_text
from ivr.sip.transactions.timers import Timers

if TYPE_CHECKING:
    from ivr.clock import Clock
    from ivr.sip.network import Flow, Network
    from ivr.sip.transactions.machine import Machine
    from ivr.sip.transactions.server import ServerTransaction
    from ivr.sip.transactions.users import ClientUser, TransactionUser

#: Requests within a dialog still get in when the table is full, so that calls can end: an eighth more.
ROOM_FOR_DIALOGS = 8


class CancelUser:
    """Nobody waits for a CANCEL's response: the INVITE's own tells what came of it (RFC 3261, section 9.1)."""

    __slots__ = ()

    def response(self, response: Response) -> None:
        """Of no consequence."""

    def timeout(self) -> None:
        """Of no consequence."""

    def failed(self, reason: str) -> None:
        """Of no consequence."""


class Transactions:
    """All transactions of one user agent.

    `token` gives a new unguessable text of letters and digits at each call; `most` bounds the table: beyond
    it new requests are answered 503 without being remembered, with Retry-After in `retry_after` seconds. Our
    own requests are not bounded here: whoever makes them bounds them.
    """

    __slots__ = (
        "_busy_key",
        "_clients",
        "_flows",
        "_most",
        "_network",
        "_retry_after",
        "_sending",
        "_servers",
        "_token",
        "_user",
        "clock",
        "refused",
        "timers",
    )

    def __init__(
        self,
        *,
        clock: Clock,
        network: Network,
        token: Callable[[], str],
        user: TransactionUser,
        most: int = 20_000,
        retry_after: int = 30,
        timers: Timers = Timers(),  # noqa: B008  it is frozen
    ) -> None:
        self.clock = clock
        self.timers = timers
        #: How many requests were answered 503 because the table was full.
        self.refused = 0
        self._network = network
        self._token = token
        self._user = user
        self._most = most
        self._retry_after = retry_after
        self._busy_key = token().encode()[:32]
        self._sending = False
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[Key, ClientTransaction] = {}
        self._flows: dict[Flow, set[Machine]] = {}

    @property
    def size(self) -> int:
        """How many transactions there are, of both kinds."""
        return len(self._servers) + len(self._clients)

    def received(self, message: Request | Response, flow: Flow) -> None:
        """A message came in by this flow. What the user raises comes through."""
        if isinstance(message, Response):
            self._response(message, flow)
        elif message.method == "ACK":
            self._ack(message, flow)
        else:
            self._request(message, flow)

    def request(self, request: Request, flow: Flow, user: ClientUser) -> ClientTransaction:
        """Send a request (no ACK) in a new transaction. It gets our Via, instead of any it had."""
        branch = COOKIE + self._token()
        request.remove("Via")
        request.insert_first("Via", via_text(flow, self._network.sent_by(flow), branch))
        kind = ClientInvite if request.method == "INVITE" else ClientPlain
        return self._begin_client(kind(self, client_key(request.via, request.method), flow, request, user))

    def failed(self, flow: Flow) -> None:
        """The flow is broken: what was sent by it may not have arrived, and nothing more will."""
        if self._sending:
            # Told from within `Network.send`: the one who sends is not ready for it yet.
            self.clock.call_at(self.clock.time(), lambda: self.failed(flow))
            return
        raised: Exception | None = None
        for machine in tuple(self._flows.get(flow, ())):
            try:
                machine.happen("transport error")
            except Exception as error:
                raised = raised or error  # of one user; the others are told all the same
        if raised is not None:
            raise raised

    def close(self) -> None:
        """Forget everything, and cancel every timer; nobody is told."""
        for machines in self._flows.values():
            for machine in machines:
                machine.stop()
        self._servers.clear()
        self._clients.clear()
        self._flows.clear()

    # What the machines ask for

    def send(self, data: bytes, flow: Flow) -> None:
        """Give a message to the network."""
        self._sending = True
        try:
            self._network.send(data, flow)
        finally:
            self._sending = False

    def forget(self, machine: Machine) -> None:
        """Take the machine out of the tables."""
        if isinstance(machine, ClientTransaction):
            self._clients.pop(machine.key, None)
        else:
            self._servers.pop(machine.key, None)
            if isinstance(machine, ServerInvite) and machine.ack_key is not None:
                self._servers.pop(machine.ack_key, None)
        on_flow = self._flows.get(machine.flow)
        if on_flow is not None:
            on_flow.discard(machine)
            if not on_flow:
                del self._flows[machine.flow]

    def send_cancel(self, invite: ClientInvite) -> None:
        """Send the CANCEL of this INVITE in a transaction of its own, with the INVITE's branch."""
        cancel = of_invite("CANCEL", invite.request, invite.request.get("To") or "")
        key = client_key(cancel.via, "CANCEL")
        self._begin_client(ClientPlain(self, key, invite.flow, cancel, CancelUser()))

    def answered(self, invite: ServerInvite) -> None:
        """Have the INVITE found by the key that its ACK will have, where that is another."""
        key = old_ack_key(invite.key, invite.to_tag)
        if key is not None and key not in self._servers:
            invite.ack_key = key
            self._servers[key] = invite

    # What comes in

    def _response(self, response: Response, flow: Flow) -> None:
        """To the transaction of ours that it belongs to; without our Via, and it alone, to nobody."""
        via = response.via
        if len(response.vias) != 1:
            return
        transaction = self._clients.get(client_key(via, response.method))
        if transaction is not None:
            transaction.response(response)
        elif (via.host, via.port) == self._network.sent_by(flow):
            self._user.stray(response, flow)

    def _ack(self, ack: Request, flow: Flow) -> None:
        invite = self._servers.get(server_key(ack, "INVITE"))
        if isinstance(invite, ServerInvite) and invite.state != "accepted":
            invite.acknowledged()
        elif ack.to.tag != self._busy_tag(ack):
            self._user.ack(ack, flow)

    def _request(self, request: Request, flow: Flow) -> None:
        key = server_key(request, request.method)
        known = self._servers.get(key)
        if known is not None:
            known.repeated()
            return
        invite = self._servers.get(server_key(request, "INVITE")) if request.method == "CANCEL" else None
        stamp(request, flow)
        if request.method == "CANCEL":
            self._cancel(request, flow, key, invite)
        elif self._has_room_for(request):
            kind = ServerInvite if request.method == "INVITE" else ServerPlain
            transaction = self._begin_server(kind(self, key, flow, request))
            self._user.request(transaction, request, flow)
        else:
            self.refused += 1
            headers = [("Retry-After", str(self._retry_after))]
            self.send(bytes(respond(request, 503, to_tag=self._busy_tag(request), headers=headers)), flow)

    def _cancel(self, cancel: Request, flow: Flow, key: Key, invite: ServerTransaction | None) -> None:
        """200 if there is such an INVITE, though it may be too late; else 481 (RFC 3261, section 9.2).

        Its tag is the INVITE's. A 481 is not remembered: it would be the same again.
        """
        if invite is None:
            self.send(bytes(respond(cancel, 481, to_tag=self._busy_tag(cancel))), flow)
            return
        invite.to_tag = invite.to_tag or self._token()
        response = respond(cancel, 200, to_tag=invite.to_tag)
        if self._has_room_for(cancel):
            self._begin_server(ServerPlain(self, key, flow, cancel)).respond(response)
        else:
            self.send(bytes(response), flow)
        if invite.state == "proceeding" and invite.user is not None:
            invite.user.cancelled()

    # Helpers

    def _begin_client(self, transaction: ClientTransaction) -> ClientTransaction:
        self._clients[transaction.key] = transaction
        self._flows.setdefault(transaction.flow, set()).add(transaction)
        transaction.begin()
        return transaction

    def _begin_server(self, transaction: ServerTransaction) -> ServerTransaction:
        self._servers[transaction.key] = transaction
        self._flows.setdefault(transaction.flow, set()).add(transaction)
        transaction.begin()
        return transaction

    def _has_room_for(self, request: Request) -> bool:
        room = self._most + self._most // ROOM_FOR_DIALOGS if request.to.tag else self._most
        return self.size < room

    def _busy_tag(self, request: Request) -> str:
        """The To tag of a response that is not remembered: the request's ACK shows it again.

        Made of what the two have in common, and of a secret, so that nobody else can make one.
        """
        shared = (request.call_id, request.from_.tag, str(request.cseq), request.via.branch)
        text = "\n".join(shared).encode("utf-8", "replace")
        return blake2s(text, key=self._busy_key, digest_size=8).hexdigest()

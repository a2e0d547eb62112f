"""Tickets by which a stream proves which call it is: signed, short-lived, and taken once."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from itsdangerous import BadData, URLSafeSerializer

#: What the secret (`Keys.token`) is for.
TICKETS: Final = "twilio streams"
#: Seconds within which the stream of a call that has come must open.
LIFETIME: Final = 60.0
_SALT: Final = "twilio stream"
#: Tickets remembered as taken; each is for a minute or two.
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class StreamTicket:
    """Which call a stream is of: its SID (empty where we asked for the call and it had none yet), from and to whom.

    `key` and `worker` are those of a call that we asked for. `until` is seconds since 1970.
    """

    call: str
    caller: str
    called: str
    key: str = ""
    worker: str = ""
    until: float = 0.0
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(12))


class StreamTickets:
    """Issues tickets and takes each once. `secret` is the same in the HTTP process and in the workers."""

    def __init__(self, secret: str, now: Callable[[], datetime]) -> None:
        self._serializer = URLSafeSerializer(secret, salt=_SALT)
        self._now = now
        self._taken: OrderedDict[str, None] = OrderedDict()

    def issue(self, ticket: StreamTicket) -> str:
        """The ticket as text."""
        return self._serializer.dumps([
            ticket.call, ticket.caller, ticket.called, ticket.key, ticket.worker,
            ticket.until or self._now().timestamp() + LIFETIME, ticket.nonce,
        ])  # fmt: skip

    def take(self, text: str, call: str) -> StreamTicket | None:
        """What the ticket of a stream of `call` says; None if it is forged, too old, another call's, or taken."""
        try:
            of, caller, called, key, worker, until, nonce = self._serializer.loads(text)
            ticket = StreamTicket(of, caller, called, key, worker, float(until), nonce)
        except (BadData, ValueError, TypeError):
            return None
        late = ticket.until < self._now().timestamp()
        if late or ticket.nonce in self._taken or ticket.call not in ("", call):
            return None
        self._taken[ticket.nonce] = None
        while len(self._taken) > _MOST:
            self._taken.popitem(last=False)
        return ticket

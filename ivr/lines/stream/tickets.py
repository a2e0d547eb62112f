"""Tickets by which a seat's browser proves that it may pick up: signed, short-lived, for one call and session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer
from itsdangerous.timed import TimestampSigner

#: Seconds within which a ticket must be used.
LIFETIME: Final = 90
#: What the secret (`Keys.token`) is for.
SEAT_TICKETS: Final = "seat tickets"
_SALT: Final = "seat picks up"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says: which seat may pick up, for which call, on which worker, in whose session."""

    seat: str
    call: str
    worker: str
    session: str


class SeatTickets:
    """Issues and reads tickets. `secret` is the same in the console and in the workers."""

    def __init__(self, secret: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        class Signer(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(now().timestamp())

        self._serializer = URLSafeTimedSerializer(secret, salt=_SALT, signer=Signer)

    def issue(self, ticket: Ticket) -> str:
        """The ticket as text."""
        return self._serializer.dumps([ticket.seat, ticket.call, ticket.worker, ticket.session])

    def read(self, text: str) -> Ticket | None:
        """What it says; None if it is forged, changed or too old."""
        try:
            seat, call, worker, session = map(str, self._serializer.loads(text, max_age=LIFETIME))
        except (BadData, ValueError, TypeError):
            return None
        return Ticket(seat, call, worker, session)

    def seat_of(self, parameters: Mapping[str, str]) -> str | None:
        """The seat that the parameters of a `start` prove to come from, None if they prove nothing."""
        ticket = self.read(parameters.get("ticket", ""))
        return ticket.seat if ticket is not None and ticket.seat == parameters.get("seat") else None

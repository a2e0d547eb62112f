"""Bringing a caller to a person."""

from __future__ import annotations

from typing import Final, Literal, Protocol

from ivr.flow.instructions import Transfer
from ivr.lines.base import KeyDown, Leg, PlayEnded

TransferOutcome = Literal[
    "answered", "busy", "timeout", "closed", "left", "callback", "cancelled", "returned"
]
#: Tokens of what is said to a caller on the way to a person begin so; those of flows do not.
TRANSFER_SAYS: Final = "seats:"


class Transfers(Protocol):
    """Whoever can reach a person for a caller."""

    async def transfer(
        self,
        call_id: str,
        leg: Leg,
        request: Transfer,
        *,
        language: str = "",
        policy: str = "",
        level: int = 0,
    ) -> TransferOutcome:
        """Try within `request.timeout` seconds; returns when the caller is served or is back.

        The caller speaks `language`, has assurance `level` (0 to 2), and has proved to hold `policy`. Cancelled when
        the caller hangs up. After `returned` a person waits for the caller, and the next transfer joins them.
        """

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """What the caller does meanwhile: their keys, and the end of what was played with a token of TRANSFER_SAYS."""

    async def over(self, call_id: str) -> None:
        """The call is over: nobody waits for its caller any more. Harmless if nobody does."""


class NoSeats:
    """A hotline that has no seats: every queue is closed, and flows offer a message instead."""

    async def transfer(
        self,
        call_id: str,
        leg: Leg,
        request: Transfer,
        *,
        language: str = "",
        policy: str = "",
        level: int = 0,
    ) -> TransferOutcome:
        """Always `closed`."""
        return "closed"

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """Nobody listens."""

    async def over(self, call_id: str) -> None:
        """Nobody waits."""

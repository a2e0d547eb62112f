"""Bringing a caller to a person."""

from __future__ import annotations

from typing import Literal, Protocol

from ivr.flow.instructions import Transfer
from ivr.lines.base import Leg

TransferOutcome = Literal["answered", "busy", "timeout", "closed"]


class Transfers(Protocol):
    """Whoever can reach a person for a caller."""

    async def transfer(
        self, call_id: str, leg: Leg, request: Transfer, *, language: str = "", policy: str = ""
    ) -> TransferOutcome:
        """Try within `request.timeout` seconds; returns when the caller is served or is back.

        The caller speaks `language`, and has proved to hold `policy`. Cancelled when the caller hangs up.
        """


class NoSeats:
    """A hotline that has no seats: every queue is closed, and flows offer a message instead."""

    async def transfer(
        self, call_id: str, leg: Leg, request: Transfer, *, language: str = "", policy: str = ""
    ) -> TransferOutcome:
        """Always `closed`."""
        return "closed"

"""Short messages: what a sender of the outbox asks of a provider, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from ivr.errors import OutreachError


class SmsError(OutreachError):
    """A message was not sent. `again_after` is in how many seconds it may be tried again; None: never, as it is.

    `whole_line`: the fault is the provider's or the account's, not this message's: others would fail as well.
    """

    code = "H720"

    def __init__(self, message: str, *, again_after: float | None, whole_line: bool = False) -> None:
        super().__init__(message)
        self.again_after = again_after
        self.whole_line = whole_line


@dataclass(frozen=True, slots=True)
class SmsReport:
    """What became of a message that was sent; `reference` is as it was given with it. May come twice and late."""

    reference: str
    carrier_id: str
    state: Literal["sent", "delivered", "failed"]
    problem: str = ""


class SmsSender(Protocol):
    """Sends short messages."""

    @property
    def name(self) -> str:
        """As logs name it."""

    async def send_sms(
        self, to: str, text: str, *, reference: str = "", since: datetime | None = None
    ) -> str:
        """Send a text to a number (E.164); gives the provider's id of it. Raises SmsError.

        `reference` comes back with each report of it. `since` is for a message that may have been sent before (its
        first try ended without an answer): one of the same text to the same number since then counts as this one, and
        nothing is sent.
        """

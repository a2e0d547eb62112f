"""What is known of a caller, as frozen records: the picture that a person at a seat has before they pick up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from policy_db.facts import CallRecord, ClaimStatus, Customer, Policy, PremiumPosition, TimelineEntry
from policy_db.seat_facts import QueueCall
from policy_db.talk_facts import WrapUp

#: How it is known who calls: they proved it in this call, a colleague named the customer to be called, the number
#: belongs to a customer (a hint, never proof), or not at all.
Known = Literal["proved", "named", "number", "nobody"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A policy and where its premium stands."""

    policy: Policy
    premium: PremiumPosition


@dataclass(frozen=True, slots=True)
class CallerClaim:
    """A claim that is not closed; `broken_off` is a report whose call was cut, `mine` one from this very call."""

    number: str
    policy: str
    kind: str
    status: ClaimStatus
    reported_on: date
    missing: str
    broken_off: bool
    mine: bool


@dataclass(frozen=True, slots=True)
class CallerComplaint:
    """A complaint that is not closed."""

    number: str
    policy: str
    subject: str
    status: Literal["open", "in_progress"]
    opened_on: date


@dataclass(frozen=True, slots=True)
class CallerMessage:
    """A message that this number has left: `seconds` long, in `mailbox`, and what it was about."""

    id: str
    call: str
    mailbox: str
    reason: str
    seconds: float
    left_at: datetime


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call of the same number, or about the same policies. `seats` are names, in the order in which they served."""

    call: CallRecord
    queue: str
    seats: tuple[str, ...]
    outcome: str
    notes: tuple[WrapUp, ...]


@dataclass(frozen=True, slots=True)
class SeatCall:
    """A call that a seat talked in: from when to when, with whom as far as known, and what it noted, if it did."""

    call: str
    began_at: datetime
    ended_at: datetime | None
    number: str
    name: str
    policy: str
    queue: str
    note: WrapUp | None


@dataclass(frozen=True, slots=True)
class CallerPicture:
    """Everything about one call and who is on it. Lists are the latest of each, the newest first.

    `call` is None before a caller who is to be called back has answered. `number` is where they are, empty if
    withheld. `others` are further customers of that number, where it alone tells who calls.
    """

    id: str
    number: str
    call: CallRecord | None
    places: tuple[QueueCall, ...]
    timeline: tuple[TimelineEntry, ...]
    known: Known
    customer: Customer | None
    others: tuple[Customer, ...]
    policies: tuple[Standing, ...]
    claims: tuple[CallerClaim, ...]
    complaints: tuple[CallerComplaint, ...]
    messages: tuple[CallerMessage, ...]
    earlier: tuple[EarlierCall, ...]

    @property
    def place(self) -> QueueCall | None:
        """The call's latest place in a line."""
        return self.places[-1] if self.places else None

    @property
    def level(self) -> int:
        """How sure the hotline is of the caller, 0 to 2."""
        return 0 if self.call is None else self.call.level

    @property
    def policy(self) -> str:
        """The policy that the caller has proved to hold, or is to be called about; empty if none."""
        proved = None if self.call is None else self.call.policy
        return proved or (self.place.policy if self.place is not None else "")

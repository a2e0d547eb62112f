"""What is known of claims on the desks of staff: frozen records, the states a claim may go through, and duplicates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from policy_db.facts import ClaimStatus, Money

#: What a list shows: reports nobody has opened, the visitor's own open claims, open ones, reports that were never
#: handed in, closed claims, all of them.
ClaimView = Literal["new", "mine", "open", "drafts", "closed", "all"]
OPEN: Final = ("reported", "reviewing", "missing_documents", "approved")
CLOSED: Final = ("paid", "declined")
#: From each status, those that a person may move it to.
MOVES: Final[Mapping[str, tuple[ClaimStatus, ...]]] = {
    "draft": ("reported", "declined"),
    "reported": ("reviewing", "missing_documents", "declined"),
    "reviewing": ("approved", "missing_documents", "declined"),
    "missing_documents": ("reviewing", "declined"),
    "approved": ("paid", "reviewing"),
    "paid": ("reviewing",),
    "declined": ("reviewing",),
}
#: Moves that need a reason in writing: a no to the customer, and taking back what was decided.
REASONED: Final = frozenset(
    {("draft", "declined"), ("reported", "declined"), ("reviewing", "declined"), ("missing_documents", "declined"),
     ("approved", "reviewing"), ("paid", "reviewing"), ("declined", "reviewing")}
)  # fmt: skip
#: Losses reported for one policy or by one caller within so many days may be the same loss.
NEAR: Final = timedelta(days=7)
_PARTS: Final = re.compile(r"[,，、;；\n]+")
_MOST_MISSING: Final = 20


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """What a list of claims is narrowed to; empty means no matter. `adjuster` is a user's name, or `-` for nobody."""

    view: ClaimView = "open"
    q: str = ""
    status: str = ""
    kind: str = ""
    adjuster: str = ""
    user: str = ""
    order: Literal["newest", "oldest"] = "newest"


@dataclass(frozen=True, slots=True)
class ClaimCase:
    """A claim and how it is handled. `policy` is the number known or said; `level` 0 to 2 is how sure the hotline was."""

    id: str
    number: str
    policy: str
    policy_known: bool
    customer: str
    customer_name: str
    caller: str
    level: int
    call: str
    status: ClaimStatus
    kind: str
    begun_at: datetime
    submitted_at: datetime | None
    reported_on: date
    broken_off: bool
    paid: Money | None
    missing: tuple[str, ...]
    adjuster: str
    opened_at: datetime | None
    checked_by: str
    checked_at: datetime | None
    checked_how: str
    changed_at: datetime | None
    changed_by: str
    version: int
    held: bool
    policy_id: int | None = field(default=None, repr=False)

    @property
    def is_sure(self) -> bool:
        """Whether it is known who reported it: by the hotline, or made sure of by a person since."""
        return self.level >= 2 or bool(self.checked_how)

    @property
    def moves(self) -> tuple[ClaimStatus, ...]:
        """Where it may go from here."""
        return MOVES[self.status]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another claim that may be about the same loss: what is the same (`policy`, `caller`, `kind`), and days between."""

    number: str
    status: ClaimStatus
    same: tuple[str, ...]
    days: int


@dataclass(frozen=True, slots=True)
class ClaimChange:
    """What shall be different about a claim; None leaves it. `reason` is written into the history."""

    status: ClaimStatus | None = None
    reason: str = ""
    paid: Decimal | None = None
    adjuster: str | None = None
    missing: tuple[str, ...] | None = None
    checked_how: str | None = None


def missing_items(stored: str | None) -> tuple[str, ...]:
    """The papers that a claim wants, from the text that it holds: words by comma, or free text."""
    return tuple(part.strip() for part in _PARTS.split(stored or "") if part.strip())


def stored_missing(items: Sequence[str]) -> str | None:
    """The text that a claim holds, None when nothing is missing."""
    words = [item for part in items for item in missing_items(part)]
    return ", ".join(dict.fromkeys(words[:_MOST_MISSING])) or None


def loss_day(answer: str | None) -> date | None:
    """The day of the loss from the answer to `when`."""
    try:
        return date.fromisoformat((answer or "")[:10])
    except ValueError:
        return None


def compared(one: ClaimLoss, other: ClaimLoss) -> Duplicate | None:
    """The other claim, if both may be about the same loss."""
    same = []
    if one.policy_id is not None and one.policy_id == other.policy_id:
        same.append("policy")
    if one.caller and one.caller == other.caller:
        same.append("caller")
    apart = abs(one.day - other.day)
    alike = one.kind == other.kind or {one.kind, other.kind} & {"", "other"}
    if one.number == other.number or not same or apart > NEAR or not alike:
        return None
    if one.kind and one.kind == other.kind:
        same.append("kind")
    return Duplicate(other.number, other.status, tuple(same), apart.days)


@dataclass(frozen=True, slots=True)
class ClaimLoss:
    """What two claims are compared by. `day` is that of the loss, or of the report where it is not known."""

    number: str
    status: ClaimStatus
    policy_id: int | None
    caller: str
    kind: str
    day: date

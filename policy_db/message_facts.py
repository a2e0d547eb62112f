"""What is known of callers' messages on the desks of staff: frozen records, free of tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from policy_db.errors import ConflictError

MessageState = Literal["new", "open", "done", "archived"]
Urgency = Literal["normal", "high", "urgent"]
#: What a list shows: unread ones, the visitor's own unfinished ones, all but archived ones, archived ones.
View = Literal["new", "mine", "all", "archived"]
CallBackState = Literal["open", "reached", "not_reached", "cancelled"]

MESSAGE_STATES: Final[tuple[MessageState, ...]] = ("new", "open", "done", "archived")
URGENCIES: Final[tuple[Urgency, ...]] = ("normal", "high", "urgent")
#: Mailbox of a rule that holds for every mailbox without one of its own.
ANY_MAILBOX: Final = "*"
#: Working hours until an answer is due, where the company has said nothing else.
DUE_HOURS: Final[Mapping[str, float]] = {"normal": 8.0, "high": 4.0, "urgent": 2.0}

#: When a message of a mailbox and urgency that came at a moment is due; None for never.
Due = Callable[[str, str, datetime], datetime | None]


@dataclass(frozen=True, slots=True)
class Sight:
    """Whose messages somebody sees: those in `boxes`, those given to `user` or `salesperson`, and, if `shared`, every
    mailbox that is nobody's own; `personal` are the mailboxes of seats, which are their own."""

    user: str
    boxes: tuple[str, ...] = ()
    shared: bool = False
    personal: tuple[str, ...] = ()
    salesperson: str = ""


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """What a list of messages is narrowed to; empty means no matter. `assigned` is a user's name, or `-` for nobody."""

    view: View = "all"
    q: str = ""
    mailbox: str = ""
    category: str = ""
    urgency: str = ""
    state: str = ""
    assigned: str = ""
    overdue: bool = False
    order: Literal["newest", "oldest", "due"] = "newest"


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of a transcript: `start` and `end` in seconds of the recording, `confidence` from 0 to 1."""

    text: str = field(repr=False)
    confidence: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said between two pauses."""

    words: tuple[SpokenWord, ...]

    @property
    def start(self) -> float:
        """Seconds of the recording at which it begins."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Seconds of the recording at which it ends."""
        return self.words[-1].end


@dataclass(frozen=True, slots=True)
class UrgencyReason:
    """A phrase that was said, how urgent it makes a message, and at which second of the recording."""

    phrase: str
    urgency: Urgency
    at: float
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Transcript:
    """What a recording says, in writing. `confidence` is from 0 to 1, `engine` what recognised it.

    `segments` are its words with their times; `urgency` follows from `reasons`. A person who corrected it is
    `corrected_by`; what was recognised is then still in `segments`.
    """

    text: str = field(repr=False)
    language: str
    confidence: float
    engine: str
    at: datetime
    segments: tuple[Segment, ...] = field(default=(), repr=False)
    urgency: Urgency = "normal"
    reasons: tuple[UrgencyReason, ...] = ()
    corrected_by: str = ""
    corrected_at: datetime | None = None


def more_urgent(one: Urgency, other: str) -> bool:
    """Whether one urgency is higher than another."""
    ranks: Sequence[str] = URGENCIES
    return ranks.index(one) > ranks.index(other)


@dataclass(frozen=True, slots=True)
class Message:
    """A caller's message and how it is handled. `customer`, `policy` and `claim` are numbers, empty if not known.

    `broken_off` means that the call was cut, `confirmed` that the caller asked for the message to be sent.
    """

    id: str
    mailbox: str
    received_at: datetime
    state: MessageState
    category: str
    urgency: Urgency
    assignee: str
    salesperson: str
    due_at: datetime | None
    due_set: bool
    done_at: datetime | None
    changed_at: datetime
    changed_by: str
    version: int
    caller: str
    level: int
    reason: str
    seconds: float
    call: str
    file: str
    broken_off: bool
    confirmed: bool
    customer: str = ""
    customer_name: str = ""
    policy: str = ""
    claim: str = ""
    has_transcript: bool = False

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in ("new", "open")

    def is_overdue(self, now: datetime) -> bool:
        """Whether an answer should have gone out by now."""
        return self.is_open and self.due_at is not None and self.due_at < now


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Something that was done: `details` holds what changed as `{"was", "is"}`, `text` a note."""

    at: datetime
    who: str
    action: str
    details: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class CallBack:
    """A promise to call back; `message` or `claim` is what it is about (a claim by its id)."""

    id: int
    message: str
    claim: str
    number: str
    who: str
    state: CallBackState
    asked_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """How many messages wait: unread, the visitor's own unfinished ones, those not seen yet, overdue ones."""

    new: int = 0
    mine: int = 0
    untold: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class Category:
    """What messages are about; `titles` by language. One that is not `active` is offered no more."""

    code: str
    titles: Mapping[str, str]
    active: bool = True
    position: int = 0


@dataclass(frozen=True, slots=True)
class MessageChange:
    """What shall be different about a message; None leaves it. An empty text takes it away."""

    state: MessageState | None = None
    category: str | None = None
    urgency: str | None = None
    mailbox: str | None = None
    assignee: str | None = None
    salesperson: str | None = None
    due_at: datetime | None = None
    customer: str | None = None
    policy: str | None = None
    claim: str | None = None
    text: str = field(default="", repr=False)


class StaleError(ConflictError):
    """Somebody else changed the record since it was read; nothing of this change was written."""

    code = "STALE"

    def __init__(self, version: int, by: str, at: datetime) -> None:
        super().__init__(
            f"{by or 'Somebody'} changed it meanwhile.", "Look at it as it is now, then try again."
        )
        self.version = version
        self.by = by
        self.at = at

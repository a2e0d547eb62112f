"""Queues, seats and the calls in line, as frozen records, and the one way in which they change.

Instants are aware and in UTC, durations are in seconds. A record's `version` counts its changes: a change names
the version it was planned on, and is refused when the row has moved on meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

#: What a seat can be in. `ringing` and `talking` have a call, the others have none.
SeatState = Literal["ready", "ringing", "talking", "wrap_up", "paused", "do_not_disturb", "away", "offline"]
#: Where a call in line is. The last five are ends; a `callback` is a place in line that is kept without a call.
QueueCallState = Literal[
    "waiting",
    "offered",
    "connected",
    "callback",
    "left",
    "abandoned",
    "voicemail",
    "overflowed",
    "ended",
]
#: What a seat is to its call: the one who serves, one asked behind the caller's back, one of several, one who
#: listens for the company.
Part = Literal["", "main", "consult", "conference", "supervisor"]
#: The `outcome` of an open call whose caller is in self-service for a moment, while the seat waits for them.
PARKED: Final = "parked"
#: The `outcome` of a place that is kept because a seat calls the number: for that seat alone, and once.
CALL_OUT: Final = "call_out"
Strategy = Literal["longest_idle", "round_robin", "last_seat_first"]

OPEN_STATES: Final[frozenset[QueueCallState]] = frozenset({"waiting", "offered", "connected", "callback"})


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and its rules.

    `skills` are the least levels wanted, by skill; `best_first` gives the call to the highest level there is.
    `priority` is where its calls begin, and every `ageing_seconds` of waiting are worth one step more (0: none).
    `most_waiting` 0 means any number. `week` holds opening hours by day (`mon`: `09:00-17:30`), None those of
    the company. `patience_seconds` is how long a caller waits for the seat that knows them before any will do.
    """

    name: str
    titles: Mapping[str, str] = field(default_factory=dict)
    skills: Mapping[str, int] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    strategy: Strategy = "longest_idle"
    best_first: bool = False
    priority: int = 0
    ageing_seconds: float = 60.0
    ring_seconds: float = 20.0
    wrap_up_seconds: float = 30.0
    service_level_seconds: float = 20.0
    patience_seconds: float = 5.0
    most_waiting: int = 0
    overflow_to: str | None = None
    overflow_seconds: float = 0.0
    week: Mapping[str, str] | None = None
    leave_by_key: bool = True
    call_back: bool = True


@dataclass(frozen=True, slots=True)
class Seat:
    """A person's place: who they are to the queues, and what they are doing.

    `address` is a `sip:` address, a telephone number, or `browser`. `idle_since` is the end of the last call.
    `afterwards` is a state asked for during a call, which the seat takes once it is over. `lease_until` is how
    long the seat's console is believed to be there; None for a seat that has none. `missed` counts rings in a
    row that nobody answered.
    """

    id: str
    name: str
    address: str
    languages: tuple[str, ...] = ()
    skills: Mapping[str, int] = field(default_factory=dict)
    licences: tuple[str, ...] = ()
    mailbox: str = ""
    state: SeatState = "offline"
    reason: str = ""
    since: datetime | None = None
    idle_since: datetime | None = None
    rung_at: datetime | None = None
    call_id: str | None = None
    part: Part = ""
    worker: str = ""
    lease_until: datetime | None = None
    missed: int = 0
    forward_to: str = ""
    wrap_up_until: datetime | None = None
    afterwards: SeatState | None = None
    afterwards_reason: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class QueueCall:
    """A call's place in a line: `id` names the place, `call_id` the call, which has one open place at most.

    `entered_at` is when the caller began to wait for a person, `queued_at` when they came into this queue.
    `seat_id` is the seat that rings or talks, and after the end the one that served. `tried` are seats that did
    not answer, the last of them at `tried_at`. `visited` are the queues this caller overflowed from.
    `worker` carries the call, for as long as `lease_until`. `call_back_to` is the number of a kept place, which
    is dialled no earlier than `not_before`. `apologised_at` is when the caller heard that we are sorry for the wait.
    """

    id: str
    call_id: str
    queue: str
    entered_at: datetime
    queued_at: datetime
    caller: str = ""
    customer: str = ""
    policy: str = ""
    language: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    priority: int = 0
    state: QueueCallState = "waiting"
    seat_id: str | None = None
    preferred_seat: str | None = None
    tried: tuple[str, ...] = ()
    tried_at: datetime | None = None
    visited: tuple[str, ...] = ()
    worker: str = ""
    lease_until: datetime | None = None
    call_back_to: str = ""
    attempts: int = 0
    not_before: datetime | None = None
    offered_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""
    apologised_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class SeatMove:
    """One change of a seat's state, as its history keeps it. `who` is `seat:…`, `worker:…`, `staff:…`, `system`."""

    at: datetime
    seat: str
    before: SeatState
    after: SeatState
    reason: str
    call_id: str
    who: str


@dataclass(frozen=True, slots=True)
class SeatPause:
    """A pause of a seat, ended or not."""

    seat: str
    reason: str
    began_at: datetime
    ended_at: datetime | None
    who: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All queues, the seats that are not offline, and the open calls; the seats were read before the calls.

    That order keeps the line honest without a lock: whoever takes a seat that has not changed since has seen
    every call that waited before.
    """

    queues: Mapping[str, Queue]
    seats: tuple[Seat, ...]
    calls: tuple[QueueCall, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """One call with its queue and the seats at it, and the seat that was asked for by name, wherever it is.

    The call was read before its seats: all who come to a call or leave it change its version.
    """

    call: QueueCall | None
    queue: Queue | None
    at: tuple[Seat, ...]
    seat: Seat | None


@dataclass(frozen=True, slots=True)
class Move:
    """Rows that change together or not at all: each as it was read, and as it shall be; and calls that come in."""

    at: datetime
    who: str
    seats: tuple[tuple[Seat, Seat], ...] = ()
    calls: tuple[tuple[QueueCall, QueueCall], ...] = ()
    joins: tuple[QueueCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """Somebody else was first: the rows as they stand now."""

    seats: tuple[Seat, ...]
    calls: tuple[QueueCall, ...]


def history_of(move: Move) -> tuple[SeatMove, ...]:
    """What a move adds to the history of its seats: every change of state, or of a pause's reason."""
    return tuple(
        SeatMove(
            move.at,
            after.id,
            before.state,
            after.state,
            after.reason,
            after.call_id or before.call_id or "",
            move.who,
        )
        for before, after in move.seats
        if (before.state, before.reason) != (after.state, after.reason)
    )

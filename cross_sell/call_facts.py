"""What a call tells when it is decided whether to offer something: plain values, given by whoever carries the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

Intent = Literal["complaint", "claim", "bereavement", "cancellation", "fraud"]
INTENTS: Final[frozenset[str]] = frozenset({"complaint", "claim", "bereavement", "cancellation", "fraud"})
#: The assurance level of a caller who has proved to be the policyholder.
VERIFIED: Final = 2


@dataclass(frozen=True, slots=True)
class ServiceSide:
    """Who is there to sell now, and what it would cost others.

    `free` counts seats that are ready and speak the caller's language, by licence; `waiting` are calls in line by
    queue, `wait_seconds` the expected wait by queue (a queue that is not named: none).
    """

    free: Mapping[str, int] = field(default_factory=dict)
    waiting: Mapping[str, int] = field(default_factory=dict)
    wait_seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallFacts:
    """A call so far. `now` is aware and in the company's zone, whose dates count; `waited` is in seconds.

    `customer` may be empty, it is the holder of `policy` then; `number` is the telephone, `level` 0 to 2. `flows` are
    the flows that were visited, in order; `intents` what was heard or chosen in this call that forbids selling.
    `matter_settled`: what the caller rang for is done, or will be before the offer is spoken; a caller who
    `wants_person` is helped by that person first. `repeats` are silences and keys that fitted nothing; `vulnerable`
    marks a caller who seems to have difficulty. `recording` says that the talk with a seat will be recorded.
    """

    call_id: str
    policy: str
    number: str
    level: int
    language: str
    now: datetime
    customer: str = ""
    flows: tuple[str, ...] = ()
    intents: frozenset[str] = frozenset()
    wants_person: bool = False
    matter_settled: bool = False
    waited: float = 0.0
    repeats: int = 0
    vulnerable: bool = False
    recording: bool = False
    seats: ServiceSide = field(default_factory=ServiceSide)
    script: str = "standard"

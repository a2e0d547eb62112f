"""Whom the hotline calls, why, and what came of it: frozen records.

Instants are aware and in UTC; numbers are E.164 (or a SIP address, where somebody is called by one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal

from policy_db.facts import Money

CampaignKind = Literal[
    "premium_due", "overdue", "grace_ending", "renewal", "claim_papers", "appointment", "survey", "list"
]
CampaignState = Literal["draft", "running", "paused", "stopped", "done"]
PersonState = Literal["waiting", "calling", "done", "excluded"]
AttemptState = Literal[
    "planned", "submitting", "submission_unknown", "submitted", "ringing", "answered", "ended"
]
PromiseState = Literal["open", "kept", "broken", "withdrawn"]
OutboxState = Literal["queued", "sending", "sent", "failed"]

#: The way of an attempt; it may skip steps, never go back.
WAY: Final[tuple[AttemptState, ...]] = (
    "planned", "submitting", "submission_unknown", "submitted", "ringing", "answered", "ended",
)  # fmt: skip
#: Ends of attempts after which nothing can have rung: they count for no cap, and the person is called as if never tried.
NEVER_RANG: Final = frozenset({"not_placed", "unreachable", "unpaid", "congested", "invalid_number"})


@dataclass(frozen=True, slots=True)
class Campaign:
    """A reason to call many people. `rules` and `selection` are plain data; see `ivr.outreach.rules`."""

    id: str
    name: str
    kind: CampaignKind
    flow: str
    created_at: datetime
    created_by: str
    line: str = ""
    caller: str = ""
    state: CampaignState = "draft"
    priority: int = 0
    rules: Mapping[str, Any] = field(default_factory=dict)
    selection: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody for a campaign; `excluded` is the reason not to call them, `zone` their time zones by comma."""

    number: str
    zone: str
    customer: str = ""
    policy: str = ""
    language: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    excluded: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a campaign, and how it stands with them."""

    id: int
    campaign: str
    number: str
    customer: str
    policy: str
    zone: str
    language: str
    facts: Mapping[str, Any]
    excluded: str
    state: PersonState
    outcome: str
    attempts: int
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to reach somebody; `id` is the key by which it is dialled at most once."""

    id: str
    campaign: str
    person: int
    seq: int
    number: str
    customer: str
    policy: str
    line: str
    state: AttemptState
    outcome: str
    disposition: str
    answered_by: str
    holder: str
    carrier_id: str
    call_id: str
    status: int
    planned_at: datetime
    submitted_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    settled_at: datetime | None
    later_at: datetime | None


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call to a number that may have rung, for caps: when, and whether somebody was spoken with."""

    at: datetime
    spoken: bool


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise to pay an instalment (`due_on`) by a day."""

    id: int
    attempt: str
    campaign: str
    customer: str
    policy: str
    due_on: date
    pay_on: date
    amount: Money
    made_at: datetime
    state: PromiseState
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message that somebody asked for. `key` makes asking twice one message; `facts` are what it tells."""

    key: str
    kind: str
    channel: Literal["sms", "email", "post"]
    address: str
    language: str
    customer: str = ""
    policy: str = ""
    call_id: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message in the outbox; `tries` counts those begun, `problem` says why the last one failed."""

    id: int
    key: str
    kind: str
    channel: str
    address: str
    language: str
    customer: str
    policy: str
    call_id: str
    facts: Mapping[str, Any]
    state: OutboxState
    tries: int
    next_at: datetime
    created_at: datetime
    sent_at: datetime | None
    problem: str

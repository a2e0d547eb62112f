"""What the policy database tells: frozen records, free of tables and of any database.

Dates are the insurer's local dates, instants are aware and in UTC, money is `Money`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

ProductClass = Literal["life", "health", "motor", "property", "accident"]
PolicyStatus = Literal["in_force", "grace", "lapsed", "matured", "surrendered", "pending"]
Frequency = Literal["monthly", "quarterly", "yearly", "single"]
#: Where a policy stands with its premium: `due` within the notice period, `not_yet` later than that,
#: `overdue` without a statutory grace period, `in_grace`, `lapsed`, `paid_up` (no more to come), `ended`.
PremiumState = Literal["due", "not_yet", "overdue", "in_grace", "lapsed", "paid_up", "ended"]
ClaimStatus = Literal["draft", "reported", "reviewing", "approved", "paid", "declined", "missing_documents"]
#: The questions of a claim report in their order; `done` when all are answered.
ClaimStage = Literal["when", "kind", "hurt", "where", "what", "done"]
RecordingState = Literal["recording", "kept", "discarded", "broken_off"]
Sex = Literal["m", "f"]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217), to the cent."""

    amount: Decimal
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class Coverage:
    """One benefit of a policy: `key` names it for prompts, `name` is its Chinese title."""

    key: str
    name: str
    sum_insured: Money
    deductible: Money


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """Who receives a benefit: `share` in per cent within the same `rank` (1 is first)."""

    name: str
    relation: str
    share: Decimal
    rank: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as of a day. `ends_on` is the last day of cover, None for whole life.

    `product_key` names the product for prompts (`whole_life`), `product_names` by language.
    `premium` is one instalment of `frequency`. `coverages` and `beneficiaries` are in their order.
    """

    number: str
    customer: str
    holder: str
    insured: str
    product_code: str
    product_key: str
    product_names: dict[str, str]
    product_class: ProductClass
    status: PolicyStatus
    sum_insured: Money
    premium: Money
    frequency: Frequency
    started_on: date
    ends_on: date | None
    salesperson: str | None
    coverages: tuple[Coverage, ...]
    beneficiaries: tuple[Beneficiary, ...]


@dataclass(frozen=True, slots=True)
class PremiumPosition:
    """Where a policy stands with its premium on a day.

    `amount` is what is owed by then (all unpaid instalments due up to that day) or, if nothing is overdue,
    the next instalment; zero when `paid_up` or `ended`. `due_on` is the day of the earliest unpaid one.
    `grace_until` is the last day of cover without payment; without a statutory grace period it is `due_on`.
    `lapsed_on` is the first day without cover, `reinstate_until` two years on (保险法第三十六、三十七条).
    """

    state: PremiumState
    amount: Money
    due_on: date | None
    days_overdue: int
    days_until_due: int
    grace_until: date | None
    paid_to: date | None
    last_paid: Money | None
    last_paid_on: date | None
    lapsed_on: date | None
    reinstate_until: date | None
    can_reinstate: bool


@dataclass(frozen=True, slots=True)
class InstalmentFact:
    """One instalment: `paid` of `amount` has come in; `paid_on` is the day of the latest payment."""

    due_on: date
    amount: Money
    paid: Money
    paid_on: date | None


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """Money that came in on a day for the instalment that was due on another."""

    paid_on: date
    amount: Money
    method: str
    reference: str
    due_on: date


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer's contact data. `phone` is E.164; `language` as BCP 47 or empty."""

    number: str
    name: str
    sex: Sex
    born_on: date
    phone: str
    email: str
    address: str
    province: str
    city: str
    postcode: str
    occupation: str
    language: str


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """What is needed to add a customer. The ID number and PIN never appear in `repr`."""

    name: str
    sex: Sex
    born_on: date
    phone: str
    id_number: str = field(repr=False)
    pin: str | None = field(default=None, repr=False)
    email: str = ""
    address: str = ""
    province: str = ""
    city: str = ""
    postcode: str = ""
    occupation: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """A customer's latest word on a `purpose` (marketing, recording, health_data …), and its source."""

    purpose: str
    given: bool
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """The answer to an attempt: `passed`, `refused` with the tries left, or `locked` until a moment.

    An unknown number is `refused` like a wrong digit is. `subject` is the policy or salesperson number, and
    `name` the person's, both only when passed.
    """

    outcome: Literal["passed", "refused", "locked"]
    tries_left: int
    locked_until: datetime | None = None
    subject: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A product on offer: ages in full years, `terms` in years, sums per policy."""

    code: str
    key: str
    names: dict[str, str]
    product_class: ProductClass
    least_age: int
    most_age: int
    least_sum: Money
    most_sum: Money
    terms: tuple[int, ...]
    frequency: Frequency
    grace_days: int
    lapses: bool
    asks_sex: bool
    summary: dict[str, str]


@dataclass(frozen=True, slots=True)
class Quote:
    """A premium per `per` for the caller's own choices."""

    premium: Money
    per: Frequency
    sum_insured: Money
    term: int


@dataclass(frozen=True, slots=True)
class NotOffered:
    """Why there is no quote."""

    reason: Literal["age", "sum", "term"]


@dataclass(frozen=True, slots=True)
class ClaimFact:
    """What a caller hears about a claim; `count` is how many the policy has.

    `missing` names the papers that are wanted, as one word or in free text.
    """

    id: str
    number: str
    kind: str
    reported_on: date
    status: ClaimStatus
    paid: Money | None
    missing: str | None
    count: int


@dataclass(frozen=True, slots=True)
class ClaimReport:
    """A claim report being taken: `stage` is the first question not answered yet."""

    id: str
    number: str
    stage: ClaimStage
    resumed: bool


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """A whole claim, for whoever handles it: answers by field, recordings by field."""

    id: str
    number: str
    policy: str | None
    caller: str
    level: int
    status: ClaimStatus
    begun_at: datetime
    submitted_at: datetime | None
    broken_off: bool
    answers: dict[str, str]
    recordings: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ComplaintFact:
    """A complaint that is not closed."""

    number: str
    since: date
    status: Literal["open", "in_progress"]


@dataclass(frozen=True, slots=True)
class Commission:
    """A salesperson's month: `month` is its first day; `year_to_date` counts January to that month."""

    month: date
    earned: Money
    paid: Money
    pending: Money
    policies: int
    year_to_date: Money
    paid_on: date | None


@dataclass(frozen=True, slots=True)
class SalesMonth:
    """A month of a salesperson: what was earned, what of it is paid, and for how many policies."""

    month: date
    earned: Money
    paid: Money
    policies: int


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened in a call: `seq` from 0 without gaps, `at` in seconds since it was answered."""

    seq: int
    at: float
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call: `state` is running, finished or broken_off (its worker died).

    `mos` (1 to 4.5), `loss` (share of packets) and `jitter_ms` say how the caller was heard, where known. `step` is
    where it is or was last (`flow.step`), since `step_at` seconds after its answering; `asked`: for a person.
    """

    id: str
    worker: str
    channel: str
    caller: str
    called: str
    language: str
    level: int
    state: Literal["running", "finished", "broken_off"]
    started_at: datetime
    ended_at: datetime | None
    end_reason: str
    flow: str
    version: str
    policy: str | None
    mos: float | None = None
    loss: float | None = None
    jitter_ms: float | None = None
    step: str = ""
    step_at: float | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """What a dead worker left, now closed: ids of calls, recordings and half-told claim reports."""

    calls: tuple[str, ...]
    recordings: tuple[str, ...]
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """Something a caller said, kept in `file` (relative to the recordings folder).

    `purpose` is voicemail, claim or call; `confirmed` means that the caller asked to keep it, rather than
    that it was kept because they hung up. `seconds` and `size` (bytes) are the latest known.
    """

    id: str
    purpose: str
    call: str
    claim: str | None
    mailbox: str
    reason: str
    caller: str
    level: int
    file: str
    seconds: float
    size: int
    state: RecordingState
    why: str
    confirmed: bool
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CallerProfile:
    """What a telephone number is remembered for; a hint, never proof of who is calling."""

    language: str | None
    known: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A document made for a customer, policy or claim; `state` is queued, sent or failed.

    `facts` are what it is made of beside them, `made_by` who asked for it on the console (empty: a caller), `batch` the
    batch of letters it was printed in.
    """

    id: str
    kind: str
    policy: str | None
    language: str
    file: str
    channel: str
    state: Literal["queued", "sent", "failed"]
    created_at: datetime
    customer: str = ""
    claim: str = ""
    call: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""
    sent_at: datetime | None = None
    made_by: str = ""
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, and when. Never holds personal digits."""

    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoPolicy:
    """A policy of the demonstration to try on the telephone, what it `shows` by language. All of it is made up."""

    number: str
    shows: dict[str, str]
    id_tail: str
    pin: str

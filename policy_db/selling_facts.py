"""What is sold to callers, what was decided for each, what became of it, and who is not to be asked: frozen records.

Instants are aware and in UTC; premiums and margins are in the currency of the product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from policy_db.facts import PolicyStatus, ProductClass, Sex

Selling = Literal["simple", "complex"]
Line = Literal["life", "health", "property"]
Arm = Literal["none", "offer", "holdout", "random"]
Scope = Literal["sales", "all"]
ReferralState = Literal[
    "flagged", "offered", "accepted", "transferred", "connected", "quoted", "sold", "declined", "refused", "lost"
]  # fmt: skip

#: The way of a referral; it may skip steps, never go back.
WAY: Final[tuple[ReferralState, ...]] = (
    "flagged", "offered", "accepted", "transferred", "connected", "quoted", "sold",
)  # fmt: skip
#: Where a referral ends; nothing moves it from there.
ENDS: Final[frozenset[ReferralState]] = frozenset({"sold", "declined", "refused", "lost"})
#: A caller who is on their way to a product, or just bought it, is not offered it again.
PENDING: Final[tuple[ReferralState, ...]] = ("accepted", "transferred", "connected", "quoted")
_BEFORE_YES: Final = ("flagged", "offered")


def may_move(before: ReferralState, after: ReferralState) -> bool:
    """Whether a referral may go from one state to another: forward, and from an end nowhere.

    `refused` is a caller's no to the question; `declined` is a no to a person; `lost` is a yes of which nothing came,
    or a question that nobody answered.
    """
    if before in ENDS or before == after:
        return False
    if after in WAY:
        return WAY.index(after) > WAY.index(before)
    if after == "refused":
        return before in _BEFORE_YES
    return after == "declined" or before != "flagged"


@dataclass(frozen=True, slots=True)
class OfferedProduct:
    """How a product is sold to callers; see `cross_sell.catalogue` for what `limits`, `talk` and `reasons` hold.

    `product` is its code, `selling` says whether the hotline's own seat sells it or a specialist of `line` with
    `licence`, in `queue`. `margin` is what one sale is expected to earn, `premium` a usual first year's premium.
    """

    product: str
    active: bool
    selling: Selling
    line: Line
    licence: str
    queue: str
    margin: Decimal
    premium: Decimal
    limits: Mapping[str, Any] = field(default_factory=dict)
    talk: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, Any] = field(default_factory=dict)
    changed_at: datetime | None = None
    changed_by: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class OnSale:
    """An offered product beside what the product itself is: `key` names it for prompts, `names` by language."""

    offered: OfferedProduct
    key: str
    names: Mapping[str, str]
    product_class: ProductClass
    least_age: int
    most_age: int
    least_sum: Decimal
    most_sum: Decimal
    on_sale_from: date
    on_sale_to: date | None

    def on_sale(self, today: date) -> bool:
        """Whether it is sold on that day, to callers of the hotline too."""
        ended = self.on_sale_to is not None and self.on_sale_to < today
        return self.offered.active and self.on_sale_from <= today and not ended


@dataclass(frozen=True, slots=True)
class HeldPolicy:
    """A policy of the customer as of the moment: `yearly` is what it costs a year, 0 once paid by a single premium."""

    number: str
    product: str
    product_class: ProductClass
    status: PolicyStatus
    sum_insured: Decimal
    yearly: Decimal
    frequency: str
    started_on: date
    ends_on: date | None
    overdue_days: int

    @property
    def covers(self) -> bool:
        """Whether it covers now, or will from a day that is fixed."""
        return self.status in ("in_force", "grace", "pending")


@dataclass(frozen=True, slots=True)
class Offer:
    """An earlier referral as the gates see it: `yes` if the caller once accepted, `no` if they refused or declined."""

    product: str
    state: ReferralState
    at: datetime
    changed_at: datetime
    call_id: str


@dataclass(frozen=True, slots=True)
class CustomerStanding:
    """All that gates and models need to know of a customer, as of `at`.

    `consents` holds the latest word on each purpose. `open_claims` and `open_complaints` are counts, as is
    `things_claims`: claims of the last three years on policies of things, never on people. `calls_30` are calls
    about the customer's policies or from their number in the last 30 days.
    """

    customer: str
    at: datetime
    born_on: date
    sex: Sex
    province: str
    city: str
    occupation: str
    language: str
    phone: str
    policies: tuple[HeldPolicy, ...]
    consents: Mapping[str, bool]
    open_claims: int
    open_complaints: int
    things_claims: int
    do_not_call: bool
    offers: tuple[Offer, ...]
    calls_30: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An eligible product with its chance, what an offer of it is worth, and the chance that the rules offer it.

    `probability` is that the caller says yes when offered; `worth` is whether `value` reaches the floor.
    `chance` is over all arms, exact: what an inverse-propensity estimate divides by.
    """

    product: str
    probability: float
    value: float
    worth: bool
    chance: float
    model: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One decision about one caller in one call, with all that it was made from. See `SuggestionRow`.

    `gates` are dicts of `code`, `open` and `product` (empty: about the caller), `reasons` of `feature`,
    `contribution` and `text` by language; `portfolio` are products that go well together, the first of them `product`.
    """

    id: str
    call_id: str
    customer: str
    policy: str
    decided_at: datetime
    language: str
    gate: str
    gates: tuple[Mapping[str, Any], ...]
    arm: Arm
    product: str
    probability: float | None
    propensity: float | None
    offer_propensity: float | None
    candidates: tuple[Candidate, ...]
    reasons: tuple[Mapping[str, Any], ...]
    portfolio: tuple[str, ...]
    features: Mapping[str, Any]
    models: Mapping[str, str]
    script: str
    milliseconds: float

    @property
    def offers(self) -> bool:
        """Whether there is something to offer to this caller."""
        return self.arm in ("offer", "random")


@dataclass(frozen=True, slots=True)
class Referral:
    """A suggestion on its way through people; see `ReferralRow`."""

    id: str
    suggestion: str | None
    call_id: str
    customer: str
    product: str
    also: tuple[str, ...]
    script: str
    state: ReferralState
    flagged_at: datetime
    changed_at: datetime
    referred_by: str
    seat: str
    coordinator: str
    policy: str
    premium: Decimal | None
    version: int

    @property
    def ended(self) -> bool:
        """Whether nothing more can become of it."""
        return self.state in ENDS


@dataclass(frozen=True, slots=True)
class ReferralStep:
    """A step of a referral: when, by whom (`caller`, `hotline`, `seat:ID`, `user:NAME`), and a word about it."""

    seq: int
    state: ReferralState
    at: datetime
    who: str
    note: str


@dataclass(frozen=True, slots=True)
class ReferralFilter:
    """What a list of referrals is narrowed to; empty means no matter.

    `q` is a customer's number, the beginning of a call's or a referral's id, or a policy that was sold. `coordinator`
    `-` means those of several specialists that nobody coordinates yet. `people` are names as of coordinators (a user's,
    or `seat:ID`): those that one of them coordinates, has referred or has now.
    """

    states: tuple[ReferralState, ...] = ()
    product: str = ""
    seat: str = ""
    referred_by: str = ""
    coordinator: str = ""
    several: bool = False
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferralCount:
    """What became of the referrals of one `key` (a seat, a product or a script): how many reached each state.

    `premium` is the first year's of what was sold.
    """

    key: str
    reached: Mapping[ReferralState, int]
    premium: Decimal

    @property
    def flagged(self) -> int:
        """How many there were."""
        return self.reached.get("flagged", 0)

    @property
    def call_to_sale(self) -> float | None:
        """Sold of those whose caller was asked or was told by a seat; None where nobody was."""
        asked = self.reached.get("offered", 0)
        return self.reached.get("sold", 0) / asked if asked else None


@dataclass(frozen=True, slots=True)
class DoNotCall:
    """Someone who wants no offers (`sales`) or no calls at all (`all`): a telephone number, a customer, or both."""

    number: str
    customer: str
    scope: Scope
    since: datetime
    until: datetime | None = None
    source: str = ""
    id: int = 0
    removed_at: datetime | None = None
    removed_by: str = ""

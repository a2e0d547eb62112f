"""What the salespeople's hotline and its pages tell, as frozen records, defined in `docs/salespeople.md`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from policy_db.facts import Money

#: From the first day of the month, quarter or year to today.
SalesPeriod = Literal["month", "quarter", "year"]
PERIODS: Final[tuple[SalesPeriod, ...]] = ("month", "quarter", "year")
#: `lapsing`: an instalment is overdue and cover ends unless it is paid; `due`: one falls due soon;
#: `ending`: the contract's last day is near.
DueKind = Literal["lapsing", "due", "ending"]
DUE_KINDS: Final[tuple[DueKind, ...]] = ("lapsing", "due", "ending")
NoticeChannel = Literal["sms", "email", "none"]
NOTICE_CHANNELS: Final[tuple[NoticeChannel, ...]] = ("sms", "email", "none")


def first_day(period: SalesPeriod, today: date) -> date:
    """The day on which the running month, quarter or year began."""
    if period == "year":
        return today.replace(month=1, day=1)
    month = today.month if period == "month" else today.month - (today.month - 1) % 3
    return today.replace(month=month, day=1)


@dataclass(frozen=True, slots=True)
class SalesPerson:
    """A salesperson; `at_work` is whether they have not left."""

    number: str
    name: str
    phone: str
    email: str
    branch: str
    at_work: bool


@dataclass(frozen=True, slots=True)
class Performance:
    """What a salesperson sold from `since` to a day, and how much of what they sold earlier is kept up.

    `premium` is standard premium (标准保费, APE): a year's instalments, a tenth of a single premium. Of `judged` policies
    with regular premiums that began 13 to 25 months ago, `kept` are neither surrendered nor behind by more than 60 days.
    """

    since: date
    policies: int = 0
    premium: Money = field(default_factory=lambda: Money(Decimal("0.00")))
    kept: int = 0
    judged: int = 0

    @property
    def persistency(self) -> float | None:
        """The share kept up (13个月继续率), None where there is nothing to judge."""
        return self.kept / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Rank:
    """A salesperson's own place by standard premium, from 1; who sold as much has the same. Nobody else is named."""

    team: int
    team_size: int
    company: int
    company_size: int


@dataclass(frozen=True, slots=True)
class Selling:
    """A salesperson as the list of the console shows them."""

    person: SalesPerson
    policies: int
    premium: Decimal


@dataclass(frozen=True, slots=True)
class DuePolicy:
    """A policy of a salesperson that somebody should look after. `day` is the last day to pay, the due day, the end."""

    policy: str
    kind: DueKind
    amount: Money
    day: date
    customer: str
    customer_name: str


@dataclass(frozen=True, slots=True)
class SalesNews:
    """What became of a call to a customer of a salesperson, made by a campaign."""

    policy: str
    kind: str
    outcome: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SalesPreferences:
    """What a salesperson is told of, how, and whether callers are put through. `told_on`: the day of the last digest."""

    channel: NoticeChannel = "sms"
    messages: bool = True
    lapses: bool = True
    language: str = "zh-CN"
    put_through: bool = True
    told_on: date | None = None

"""What proof of cross-selling is made from: who came to be eligible when and in which arm, and what they bought after.

People, not calls: an arm belongs to a customer, and what a customer is offered changes what they may be offered later.
So a customer counts once, at the first decision that found anything to offer, whatever was then done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, cast

from sqlalchemy import ColumnElement, and_, case, func, select

from policy_db.moments import Period
from policy_db.selling_facts import Arm, Candidate
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    CustomerRow,
    PolicyRow,
    ProductRow,
    ReferralRow,
    ReferralStepRow,
    SuggestionRow,
)

_PER_YEAR: Final = {"monthly": 12, "quarterly": 4, "yearly": 1, "single": 1}
Source = Literal["policy", "referral"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer's first decision that found something to offer: the arm, the chances logged, and who they are.

    `sex` and `born_on` are None where the customer has been erased since. `reached` are the states that the referral of
    this decision came to.
    """

    suggestion: str
    call_id: str
    customer: str
    at: datetime
    arm: Arm
    product: str
    propensity: float
    offer_propensity: float
    candidates: tuple[Candidate, ...]
    script: str
    language: str
    sex: str | None
    born_on: date | None
    reached: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Purchase:
    """A policy that a customer took: `on` is when it was known or began, whichever is earlier.

    `premium` is a year's (the whole of a single one). `source` says whether the policy itself is known, or so far only
    the seat's word on a referral.
    """

    customer: str
    product: str
    on: date
    premium: Decimal
    surrendered_on: date | None
    number: str
    source: Source


@dataclass(frozen=True, slots=True)
class Looked:
    """How many decisions there were of an arm, with the gate that was shut for the caller as a whole (or none)."""

    arm: Arm
    gate: str
    decisions: int
    customers: int


@dataclass(frozen=True, slots=True)
class Treated:
    """What became of one customer in a time: whether anything was eligible, asked, accepted and sold."""

    customer: str
    sex: str
    born_on: date
    eligible: bool
    offered: bool
    accepted: bool
    sold: bool


class Proofs:
    """Rows of the experiment, read for reports."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def entries(self, period: Period) -> tuple[Entry, ...]:
        """Customers who became eligible within the period, in the order of their coming.

        Somebody eligible before it is not among them: what they were offered then decides what they are offered now.
        """
        async with self._store.reading() as connection:
            rows = (await connection.execute(_entries_query(period))).all()
            reached = await connection.execute(_reached_query(period))
            states: dict[str, set[str]] = defaultdict(set)
            for suggestion, state in reached:
                states[suggestion].add(state)
        return tuple(_entry(row, states) for row in rows)

    async def purchases(self, since: date, until: date) -> tuple[Purchase, ...]:
        """What customers of any decision bought from the first day to the last: policies, and sales on referrals.

        A sale on a referral whose policy is known by its number is that policy, once.
        """
        async with self._store.reading() as connection:
            policies = [_policy(row) for row in await connection.execute(_policies_query(since))]
            known = {one.number for one in policies}
            sales = [_sale(row) for row in await connection.execute(_sales_query(since, until))]
        unknown = (one for one in sales if not one.number or one.number not in known)
        return (*(one for one in policies if one.on <= until), *unknown)

    async def looked(self, period: Period) -> tuple[Looked, ...]:
        """Decisions of the period by arm and gate."""
        table = SuggestionRow
        query = (
            select(table.arm, table.gate, func.count(), func.count(table.customer.distinct()))
            .where(*_within(table.decided_at, period))
            .group_by(table.arm, table.gate)
            .order_by(table.arm, table.gate)
        )
        async with self._store.reading() as connection:
            return tuple(Looked(cast("Arm", row[0]), *row[1:]) for row in await connection.execute(query))

    async def treated(self, period: Period) -> tuple[Treated, ...]:
        """Every known customer about whom anything was decided in the period, and how far they came in it."""
        async with self._store.reading() as connection:
            rows = (await connection.execute(_treated_query(period))).all()
        return tuple(Treated(row[0], row[1], row[2], *(bool(value) for value in row[3:])) for row in rows)

    async def steps(self, since: datetime, until: datetime) -> dict[str, list[tuple[str, datetime]]]:
        """The steps of referrals that decisions of that time flagged, by the decision's id."""
        query = (
            select(ReferralRow.suggestion, ReferralStepRow.state, ReferralStepRow.at)
            .join(ReferralStepRow, ReferralStepRow.referral == ReferralRow.id)
            .where(
                *_within(ReferralRow.flagged_at, Period(since, until)), ReferralRow.suggestion.is_not(None)
            )
            .order_by(ReferralStepRow.at, ReferralStepRow.seq)
        )
        found: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
        async with self._store.reading() as connection:
            for suggestion, state, at in await connection.execute(query):
                found[str(suggestion)].append((state, at))
        return found

    async def first_decision(self) -> datetime | None:
        """When the first decision was made that found something to offer."""
        query = select(func.min(SuggestionRow.decided_at)).where(SuggestionRow.arm != "none")
        async with self._store.reading() as connection:
            found: datetime | None = (await connection.execute(query)).scalar()
            return found


def _within(column: Any, period: Period) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= period.since, column < period.until


def _entries_query(period: Period) -> Any:
    table = SuggestionRow
    order = func.row_number().over(partition_by=table.customer, order_by=(table.decided_at, table.id))
    first = (
        select(table.id, order.label("turn"))
        .where(table.arm != "none", table.decided_at < period.until)
        .subquery()
    )
    return (
        select(
            table.id, table.call_id, table.customer, table.decided_at, table.arm, table.product, table.propensity,
            table.offer_propensity, table.candidates, table.script, table.language, CustomerRow.sex,
            CustomerRow.born_on,
        )
        .join(first, and_(first.c.id == table.id, first.c.turn == 1))
        .outerjoin(CustomerRow, CustomerRow.number == table.customer)
        .where(table.decided_at >= period.since)
        .order_by(table.decided_at, table.id)
    )  # fmt: skip


def _reached_query(period: Period) -> Any:
    return (
        select(ReferralRow.suggestion, ReferralStepRow.state)
        .join(ReferralStepRow, ReferralStepRow.referral == ReferralRow.id)
        .where(*_within(ReferralRow.flagged_at, period), ReferralRow.suggestion.is_not(None))
        .distinct()
    )


def _entry(row: AnyRow, states: Mapping[str, Iterable[str]]) -> Entry:
    return Entry(
        suggestion=row.id,
        call_id=row.call_id,
        customer=row.customer,
        at=row.decided_at,
        arm=row.arm,
        product=row.product,
        propensity=row.propensity,
        offer_propensity=row.offer_propensity,
        candidates=tuple(Candidate(**one) for one in row.candidates),
        script=row.script,
        language=row.language,
        sex=row.sex,
        born_on=row.born_on,
        reached=frozenset(states.get(row.id, ())),
    )


def _policies_query(since: date) -> Any:
    decided = select(SuggestionRow.customer).where(SuggestionRow.arm != "none")
    return (
        select(
            CustomerRow.number.label("customer"), ProductRow.code, PolicyRow.number, PolicyRow.started_on,
            PolicyRow.created_at, PolicyRow.premium, PolicyRow.frequency, PolicyRow.surrendered_on,
        )
        .join(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
        .join(ProductRow, ProductRow.id == PolicyRow.product_id)
        .where(PolicyRow.started_on >= since, CustomerRow.number.in_(decided))
        .order_by(PolicyRow.id)
    )  # fmt: skip


def _policy(row: AnyRow) -> Purchase:
    return Purchase(
        customer=row.customer,
        product=row.code,
        on=min(row.started_on, row.created_at.date()),
        premium=row.premium * _PER_YEAR[row.frequency],
        surrendered_on=row.surrendered_on,
        number=row.number,
        source="policy",
    )


def _sales_query(since: date, until: date) -> Any:
    table = ReferralRow
    sold = ReferralStepRow
    return (
        select(table.customer, table.product, table.policy, table.premium, sold.at)
        .join(sold, and_(sold.referral == table.id, sold.state == "sold"))
        .where(
            table.state == "sold",
            sold.at >= _midnight(since),
            sold.at < _midnight(until + timedelta(days=1)),
        )
        .order_by(sold.at, table.id)
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _sale(row: AnyRow) -> Purchase:
    premium = row.premium or Decimal(0)
    return Purchase(row.customer, row.product, row.at.date(), premium, None, row.policy, "referral")


def _treated_query(period: Period) -> Any:
    table = SuggestionRow
    people = (
        select(table.customer, func.max(case((table.arm != "none", 1), else_=0)).label("eligible"))
        .where(*_within(table.decided_at, period))
        .group_by(table.customer)
        .subquery()
    )
    step = ReferralStepRow
    came = (
        select(ReferralRow.customer, *(_reached(name, states) for name, states in _CAME.items()))
        .join(step, step.referral == ReferralRow.id)
        .where(*_within(ReferralRow.flagged_at, period))
        .group_by(ReferralRow.customer)
        .subquery()
    )
    return (
        select(
            people.c.customer, CustomerRow.sex, CustomerRow.born_on, people.c.eligible,
            *(func.coalesce(came.c[name], 0) for name in _CAME),
        )
        .join(CustomerRow, CustomerRow.number == people.c.customer)
        .outerjoin(came, came.c.customer == people.c.customer)
        .order_by(people.c.customer)
    )  # fmt: skip


#: States that show that a customer was asked, said yes, and bought; a step that was skipped counts as reached.
_CAME: Final[dict[str, Sequence[str]]] = {
    "offered": ("offered", "accepted", "transferred", "connected", "quoted", "sold", "declined", "refused"),
    "accepted": ("accepted", "transferred", "connected", "quoted", "sold"),
    "sold": ("sold",),
}


def _reached(name: str, states: Sequence[str]) -> Any:
    return func.max(case((ReferralStepRow.state.in_(states), 1), else_=0)).label(name)

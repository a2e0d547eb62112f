"""Who is due for a call, read from policies and claims in bulk: one query, however many they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select

from policy_db.outreach_facts import CampaignKind
from policy_db.standing import PolicyTerms, lapse_day, status_on
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    ClaimRow,
    ConsentRow,
    CustomerRow,
    DoNotCallRow,
    InstalmentRow,
    PolicyRow,
    ProductRow,
    PromiseRow,
    SalespersonRow,
)

_LIVING: Final = frozenset({"in_force", "grace"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which customers and policies; what is empty is any."""

    product: str = ""
    product_class: str = ""
    province: str = ""
    city: str = ""
    language: str = ""
    salesperson: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be called about something: their number as it is kept, and what the call is about."""

    number: str
    customer: str
    policy: str = ""
    language: str = ""
    claim: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Numbers and customers that are not to be called, and policies with a promise whose day has not come."""

    numbers: frozenset[str]
    customers: frozenset[str]
    refused: frozenset[str]
    promised: frozenset[str]


class CampaignSelection:
    """Reads who may be called."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def due(
        self, kind: CampaignKind, today: date, days: int, wanted: Filter | None = None
    ) -> tuple[Candidate, ...]:
        """Everybody with something of this kind: due, ending or running out within `days`."""
        if kind == "claim_papers":
            return await self._claims(wanted or Filter())
        if kind in ("premium_due", "overdue", "grace_ending", "renewal"):
            return await self._policies(kind, today, days, wanted or Filter())
        return await self._customers(wanted or Filter())

    async def left_alone(self, at: datetime, *, sales: bool, purpose: str, today: date) -> LeftAlone:
        """Who is not to be called at a moment."""
        scopes = ("sales", "all") if sales else ("all",)
        listed = select(DoNotCallRow.number, DoNotCallRow.customer).where(
            DoNotCallRow.scope.in_(scopes),
            DoNotCallRow.since <= at,
            or_(DoNotCallRow.until.is_(None), DoNotCallRow.until > at),
            or_(DoNotCallRow.removed_at.is_(None), DoNotCallRow.removed_at > at),
        )
        words = (
            select(CustomerRow.number, ConsentRow.given)
            .join(CustomerRow, CustomerRow.id == ConsentRow.customer_id)
            .where(ConsentRow.purpose == purpose)
            .order_by(ConsentRow.at, ConsentRow.id)
        )
        promises = select(PromiseRow.policy).where(PromiseRow.state == "open", PromiseRow.pay_on >= today)
        async with self._store.reading() as connection:
            rows = (await connection.execute(listed)).all()
            last = {row.number: row.given for row in await connection.execute(words)}
            promised = frozenset((await connection.execute(promises)).scalars())
        return LeftAlone(
            frozenset(row.number for row in rows if row.number),
            frozenset(row.customer for row in rows if row.customer),
            frozenset(customer for customer, given in last.items() if not given),
            promised,
        )

    async def holders(self, policies: Sequence[str]) -> dict[str, str]:
        """The customer of each of these policies."""
        query = select(PolicyRow.number, CustomerRow.number.label("customer")).join(
            CustomerRow, CustomerRow.id == PolicyRow.customer_id
        )
        found: dict[str, str] = {}
        async with self._store.reading() as connection:
            for first in range(0, len(policies), 500):
                part = query.where(PolicyRow.number.in_(policies[first : first + 500]))
                found |= {row.number: row.customer for row in await connection.execute(part)}
        return found

    async def _policies(
        self, kind: CampaignKind, today: date, days: int, wanted: Filter
    ) -> tuple[Candidate, ...]:
        unpaid = (
            select(InstalmentRow.policy_id, func.min(InstalmentRow.due_on).label("first_unpaid"))
            .where(InstalmentRow.paid < InstalmentRow.amount)
            .group_by(InstalmentRow.policy_id)
            .subquery()
        )
        query = (
            select(
                PolicyRow.number, PolicyRow.started_on, PolicyRow.ends_on, PolicyRow.surrendered_on,
                PolicyRow.currency, ProductRow.grace_days, ProductRow.lapses, CustomerRow.phone,
                CustomerRow.number.label("customer"), CustomerRow.language, unpaid.c.first_unpaid,
            )
            .join(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
            .join(ProductRow, ProductRow.id == PolicyRow.product_id)
            .outerjoin(SalespersonRow, SalespersonRow.id == PolicyRow.salesperson_id)
            .outerjoin(unpaid, unpaid.c.policy_id == PolicyRow.id)
            .where(_might(kind, unpaid.c.first_unpaid, today, days), *_conditions(wanted))
            .order_by(unpaid.c.first_unpaid, PolicyRow.id)
        )  # fmt: skip
        async with self._store.reading() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(
            Candidate(row.phone, row.customer, row.number, row.language)
            for row in rows
            if _is_due(kind, row, today, days)
        )

    async def _claims(self, wanted: Filter) -> tuple[Candidate, ...]:
        query = (
            select(
                ClaimRow.number.label("claim"), PolicyRow.number, CustomerRow.phone,
                CustomerRow.number.label("customer"), CustomerRow.language,
            )
            .join(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
            .join(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
            .join(ProductRow, ProductRow.id == PolicyRow.product_id)
            .outerjoin(SalespersonRow, SalespersonRow.id == PolicyRow.salesperson_id)
            .where(ClaimRow.status == "missing_documents", *_conditions(wanted))
            .order_by(ClaimRow.begun_at, ClaimRow.id)
        )  # fmt: skip
        async with self._store.reading() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(Candidate(row.phone, row.customer, row.number, row.language, row.claim) for row in rows)

    async def _customers(self, wanted: Filter) -> tuple[Candidate, ...]:
        query = (
            select(CustomerRow.phone, CustomerRow.number.label("customer"), CustomerRow.language)
            .join(PolicyRow, PolicyRow.customer_id == CustomerRow.id)
            .join(ProductRow, ProductRow.id == PolicyRow.product_id)
            .outerjoin(SalespersonRow, SalespersonRow.id == PolicyRow.salesperson_id)
            .where(*_conditions(wanted))
            .group_by(CustomerRow.id, CustomerRow.phone, CustomerRow.number, CustomerRow.language)
            .order_by(CustomerRow.id)
        )
        async with self._store.reading() as connection:
            rows = (await connection.execute(query)).all()
        return tuple(Candidate(row.phone, row.customer, "", row.language) for row in rows)


def _might(kind: CampaignKind, first_unpaid: Any, today: date, days: int) -> ColumnElement[bool]:
    """What narrows the rows by dates alone; `_is_due` decides."""
    until = today + timedelta(days=days)
    if kind == "renewal":
        return and_(PolicyRow.ends_on.is_not(None), PolicyRow.ends_on >= today, PolicyRow.ends_on <= until)
    if kind == "premium_due":
        return and_(first_unpaid >= today, first_unpaid <= until)
    return and_(first_unpaid < today, first_unpaid >= today - timedelta(days=400))


def _is_due(kind: CampaignKind, row: AnyRow, today: date, days: int) -> bool:
    terms = PolicyTerms(
        row.started_on, row.ends_on, row.surrendered_on, row.grace_days, row.lapses, row.currency
    )
    if status_on(terms, row.first_unpaid, today) not in _LIVING:
        return False
    if kind != "grace_ending":
        return True
    lapsed = lapse_day(terms, row.first_unpaid)
    return lapsed is not None and lapsed - timedelta(days=1) <= today + timedelta(days=days)


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    columns = {
        "product": ProductRow.code,
        "product_class": ProductRow.product_class,
        "province": CustomerRow.province,
        "city": CustomerRow.city,
        "language": CustomerRow.language,
        "salesperson": SalespersonRow.number,
    }
    return [column == getattr(wanted, name) for name, column in columns.items() if getattr(wanted, name)]

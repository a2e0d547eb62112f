"""The standing of every customer of a simulated company, read in bulk and kept up by what is simulated.

A year has thousands of decisions, each of which would ask the database half a dozen questions. The book answers them from
the same rows, read once, and from what the simulation itself writes; `Simulated` compares it with the database's own
answer now and then, and stops at the first difference.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.callers import forms
from policy_db.claim_facts import CLOSED
from policy_db.customer_standing import PER_YEAR, THINGS
from policy_db.selling_facts import CustomerStanding, HeldPolicy, Offer, OnSale, Referral
from policy_db.standing import PolicyTerms, status_on
from policy_db.store import AnyRow
from policy_db.tables import (
    CallRow,
    ClaimRow,
    ComplaintRow,
    ConsentRow,
    CustomerRow,
    DoNotCallRow,
    InstalmentRow,
    PolicyRow,
    ProductRow,
    ReferralRow,
)


@dataclass(slots=True)
class BookedPolicy:
    """A policy with the days on which premiums fell due, each with the day it was paid (None: it was not)."""

    id: int
    number: str
    product: str
    product_class: Any
    terms: PolicyTerms
    sum_insured: Decimal
    yearly: Decimal
    frequency: str
    created_at: datetime
    surrendered_on: date | None
    instalments: list[tuple[date, date | None]] = field(default_factory=list)

    def held(self, today: date) -> HeldPolicy:
        """As of a day."""
        terms = PolicyTerms(
            self.terms.started_on, self.terms.ends_on, self.surrendered_on, self.terms.grace_days,
            self.terms.lapses, self.terms.currency,
        )  # fmt: skip
        unpaid = next((due for due, paid in self.instalments if paid is None or paid > today), None)
        status = status_on(terms, unpaid, today)
        counts = unpaid is not None and status in ("in_force", "grace", "lapsed")
        late = max(0, (today - unpaid).days) if counts and unpaid is not None else 0
        return HeldPolicy(
            self.number, self.product, self.product_class, status, self.sum_insured, self.yearly, self.frequency,
            terms.started_on, terms.ends_on, late,
        )  # fmt: skip


@dataclass(slots=True)
class Page:
    """All that is known of one customer."""

    person: AnyRow
    policies: list[BookedPolicy] = field(default_factory=list)
    consents: list[tuple[datetime, int, str, bool]] = field(default_factory=list)
    claims: list[AnyRow] = field(default_factory=list)
    complaints: list[AnyRow] = field(default_factory=list)
    listed: list[AnyRow] = field(default_factory=list)
    offers: dict[str, Referral] = field(default_factory=dict)
    calls: list[datetime] = field(default_factory=list)

    def standing(self, now: datetime) -> CustomerStanding:
        """As `customer_standing` gives it."""
        person, today = self.person, now.date()
        policies = [one for one in self.policies if one.terms.started_on <= today or one.created_at <= now]
        policies.sort(key=lambda one: (one.terms.started_on, one.id), reverse=True)
        consents: dict[str, bool] = {}
        for at, _, purpose, given in sorted(self.consents, reverse=True):
            if at <= now:
                consents.setdefault(purpose, given)
        month = now - timedelta(days=30)
        return CustomerStanding(
            customer=person.number, at=now, born_on=person.born_on, sex=person.sex, province=person.province,
            city=person.city, occupation=person.occupation, language=person.language, phone=person.phone,
            policies=tuple(one.held(today) for one in policies), consents=consents,
            open_claims=sum(_is_open(one, now) for one in self.claims),
            open_complaints=sum(_complains(one, today) for one in self.complaints),
            things_claims=sum(_of_things(one, now) for one in self.claims),
            do_not_call=any(_stands(one, now) for one in self.listed), offers=self._offers(now),
            calls_30=bisect_right(self.calls, now) - bisect_right(self.calls, month),
        )  # fmt: skip

    def _offers(self, now: datetime) -> tuple[Offer, ...]:
        made = sorted(self.offers.values(), key=lambda one: one.flagged_at, reverse=True)
        return tuple(
            Offer(one.product, one.state, one.flagged_at, one.changed_at, one.call_id)
            for one in made
            if one.flagged_at <= now
        )


_Numbers = dict[str, list[Page]]


class Book:
    """Every customer's page."""

    def __init__(self, pages: dict[str, Page], products: dict[str, tuple[Any, int, bool]]) -> None:
        self._pages = pages
        self._products = products
        self._policies = {one.number: one for page in pages.values() for one in page.policies}
        self._by_id = {page.person.id: page for page in pages.values()}

    @classmethod
    async def read(cls, connection: AsyncConnection) -> Book:
        """Read every row that a standing is made of."""
        pages = {row.number: Page(row) for row in await connection.execute(select(*_CUSTOMER))}
        await _fill(connection, pages)
        kinds = await connection.execute(
            select(ProductRow.code, ProductRow.product_class, ProductRow.grace_days, ProductRow.lapses)
        )
        return cls(pages, {row[0]: (row[1], row[2], row[3]) for row in kinds})

    def standing(self, customer: str, now: datetime) -> CustomerStanding | None:
        """Of a customer, None if there is none."""
        page = self._pages.get(customer)
        return None if page is None else page.standing(now)

    def called(self, customer: str, at: datetime) -> None:
        """A customer rang."""
        calls = self._pages[customer].calls
        calls.insert(bisect_left(calls, at), at)

    def referred(self, referral: Referral) -> None:
        """A referral began or went on."""
        self._pages[referral.customer].offers[referral.id] = referral

    def took(
        self, policy: int, number: str, customer: int, product: OnSale, insured: Decimal, premium: Decimal, at: datetime
    ) -> None:  # fmt: skip
        """A customer took a policy, paid by the year."""
        kind, grace, lapses = self._products[product.offered.product]
        booked = BookedPolicy(
            policy, number, product.offered.product, kind, PolicyTerms(at.date(), None, None, grace, lapses, "CNY"),
            insured, premium, "yearly", at, None,
        )  # fmt: skip
        self._by_id[customer].policies.append(booked)
        self._policies[number] = booked

    def surrendered(self, number: str, on: date) -> None:
        """A policy was given back."""
        self._policies[number].surrendered_on = on


_CUSTOMER: Final = (
    CustomerRow.id, CustomerRow.number, CustomerRow.born_on, CustomerRow.sex, CustomerRow.province,
    CustomerRow.city, CustomerRow.occupation, CustomerRow.language, CustomerRow.phone,
)  # fmt: skip


async def _fill(connection: AsyncConnection, pages: dict[str, Page]) -> None:
    by_id = {page.person.id: page for page in pages.values()}
    policies = await _policies(connection, by_id)
    for row in await connection.execute(
        select(ConsentRow.at, ConsentRow.id, ConsentRow.purpose, ConsentRow.given, ConsentRow.customer_id)
    ):
        by_id[row.customer_id].consents.append((row.at, row.id, row.purpose, bool(row.given)))
    by_number: _Numbers = defaultdict(list)
    for page in pages.values():
        for form in forms(page.person.phone):
            by_number[form].append(page)
    await _fill_claims(connection, policies, by_id, by_number)
    await _fill_listed(connection, pages, by_number)
    await _fill_referrals(connection, pages)
    await _fill_calls(connection, policies, by_number)


async def _fill_listed(connection: AsyncConnection, pages: dict[str, Page], by_number: _Numbers) -> None:
    for row in await connection.execute(select(*_LISTED)):
        whom = [pages[row.customer]] if row.customer in pages else []
        whom += [page for page in by_number.get(row.number, ()) if page not in whom]
        for page in whom:
            page.listed.append(row)


async def _fill_referrals(connection: AsyncConnection, pages: dict[str, Page]) -> None:
    names = [column.key for column in ReferralRow.__table__.columns]
    for row in await connection.execute(select(*(getattr(ReferralRow, name) for name in names))):
        if row.customer in pages:
            values = dict(row._mapping) | {"also": tuple(row.also)}
            pages[row.customer].offers[row.id] = Referral(**values)


async def _fill_calls(connection: AsyncConnection, policies: dict[int, Page], by_number: _Numbers) -> None:
    calls = select(CallRow.policy_id, CallRow.caller, CallRow.started_at).order_by(CallRow.started_at)
    for row in await connection.execute(calls):
        page = policies.get(row.policy_id or 0) or next(iter(by_number.get(row.caller, ())), None)
        if page is not None:
            page.calls.append(row.started_at)


async def _policies(connection: AsyncConnection, by_id: dict[int, Page]) -> dict[int, Page]:
    """Policies and instalments; gives the page by the policy's number."""
    table = PolicyRow
    query = select(
        table.id, table.number, table.customer_id, ProductRow.code, ProductRow.product_class, table.sum_insured,
        table.premium, table.frequency, table.started_on, table.ends_on, table.surrendered_on, table.created_at,
        ProductRow.grace_days, ProductRow.lapses, table.currency,
    ).join(ProductRow, ProductRow.id == table.product_id)  # fmt: skip
    pages, policies = {}, {}
    for row in await connection.execute(query):
        terms = PolicyTerms(
            row.started_on, row.ends_on, row.surrendered_on, row.grace_days, row.lapses, row.currency
        )
        policies[row.id] = BookedPolicy(
            row.id, row.number, row.code, row.product_class, terms, row.sum_insured,
            row.premium * Decimal(PER_YEAR[row.frequency]), row.frequency, row.created_at,
            row.surrendered_on,
        )  # fmt: skip
        pages[row.id] = by_id[row.customer_id]
        by_id[row.customer_id].policies.append(policies[row.id])
    due = InstalmentRow
    for policy, day, paid, amount, paid_on in await connection.execute(
        select(due.policy_id, due.due_on, due.paid, due.amount, due.paid_on).order_by(due.due_on)
    ):
        policies[policy].instalments.append((day, None if paid < amount else paid_on or day))
    return pages


async def _fill_claims(
    connection: AsyncConnection, policies: dict[int, Page], by_id: dict[int, Page], by_number: _Numbers
) -> None:
    claim, complaint = ClaimRow, ComplaintRow
    query = (
        select(claim.policy_id, claim.caller, claim.status, claim.begun_at, claim.saved_at, ProductRow.product_class)
        .outerjoin(PolicyRow, PolicyRow.id == claim.policy_id)
        .outerjoin(ProductRow, ProductRow.id == PolicyRow.product_id)
    )  # fmt: skip
    for row in await connection.execute(query):
        if row.policy_id is not None:
            policies[row.policy_id].claims.append(row)
        else:
            for page in by_number.get(row.caller, ()):
                page.claims.append(row)
    said = select(
        complaint.customer_id, complaint.policy_id, complaint.status, complaint.opened_on, complaint.closed_on
    )
    for one in await connection.execute(said):
        theirs = policies.get(one.policy_id or 0) if one.customer_id is None else by_id.get(one.customer_id)
        if theirs is not None:
            theirs.complaints.append(one)


_LISTED: Final = (
    DoNotCallRow.number, DoNotCallRow.customer, DoNotCallRow.since, DoNotCallRow.until, DoNotCallRow.removed_at,
)  # fmt: skip


def _is_open(claim: AnyRow, now: datetime) -> bool:
    if claim.begun_at > now:
        return False
    if claim.status == "draft":
        return bool(claim.saved_at > now - timedelta(days=3))
    return claim.policy_id is not None and claim.status not in CLOSED


def _of_things(claim: AnyRow, now: datetime) -> bool:
    if claim.policy_id is None or claim.status == "draft" or claim.product_class not in THINGS:
        return False
    return bool(now - timedelta(days=3 * 365) < claim.begun_at <= now)


def _complains(complaint: AnyRow, today: date) -> bool:
    still = complaint.status != "closed" or (complaint.closed_on is not None and complaint.closed_on > today)
    return bool(still and complaint.opened_on <= today)


def _stands(entry: AnyRow, now: datetime) -> bool:
    begun = entry.since <= now and (entry.until is None or entry.until > now)
    return bool(begun and (entry.removed_at is None or entry.removed_at > now))


def differs(booked: CustomerStanding | None, read: CustomerStanding | None) -> Sequence[str]:
    """In what two standings differ."""
    if booked is None or read is None:
        return () if booked is read else ("all",)
    names = CustomerStanding.__dataclass_fields__
    return [name for name in names if getattr(booked, name) != getattr(read, name)]

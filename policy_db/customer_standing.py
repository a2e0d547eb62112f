"""All that is known of a customer when it is decided whether to offer them something: a few bounded queries.

Everything is as of a moment, so that what a model learns from is what it would have been told then: a policy begun
later, a payment made later, a claim reported later or a consent given later is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import and_, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.callers import forms
from policy_db.do_not_call import listed
from policy_db.selling_facts import CustomerStanding, HeldPolicy, Offer, ReferralState
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

_PER_YEAR: Final = {"monthly": 12, "quarterly": 4, "yearly": 1, "single": 0}
_CLOSED_CLAIM: Final = ("paid", "declined")
_THINGS: Final = ("motor", "property")
_CLAIM_YEARS: Final = timedelta(days=3 * 365)
_RECENT: Final = timedelta(days=30)
#: A draft that nobody went on with is no open claim.
_DRAFT_DAYS: Final = timedelta(days=3)
#: Of more policies, offers or consents than this nobody could make sense in a call.
_MOST: Final = 200
_CUSTOMER: Final = (
    CustomerRow.id,
    CustomerRow.number,
    CustomerRow.born_on,
    CustomerRow.sex,
    CustomerRow.province,
    CustomerRow.city,
    CustomerRow.occupation,
    CustomerRow.language,
    CustomerRow.phone,
)


async def customer_standing(
    connection: AsyncConnection, customer: str, policy: str, number: str, now: datetime
) -> CustomerStanding | None:
    """The standing of a customer, or of the holder of a policy, who calls from `number`; None if there is none."""
    person = (await connection.execute(_customer_query(customer, policy))).first()
    if person is None:
        return None
    today = now.date()
    policies = (await connection.execute(_policies_query(person.id, now))).all()
    numbers = {*forms(number), *forms(person.phone)}
    counts = await _counts(connection, person, [one.id for one in policies], numbers, number, now)
    return CustomerStanding(
        customer=person.number,
        at=now,
        born_on=person.born_on,
        sex=person.sex,
        province=person.province,
        city=person.city,
        occupation=person.occupation,
        language=person.language,
        phone=person.phone,
        policies=tuple(_held(row, today) for row in policies),
        consents=await _consents(connection, person.id, now),
        open_claims=counts["claims"],
        open_complaints=counts["complaints"],
        things_claims=counts["things"],
        do_not_call=counts["listed"] > 0,
        offers=await _offers(connection, person.number, now),
        calls_30=counts["calls"],
    )


def _customer_query(customer: str, policy: str) -> Any:
    query = select(*_CUSTOMER)
    if customer:
        return query.where(CustomerRow.number == customer)
    return query.join(PolicyRow, PolicyRow.customer_id == CustomerRow.id).where(PolicyRow.number == policy)


def _policies_query(customer: int, now: datetime) -> Any:
    """Policies begun by then, or to begin, with the first instalment that was not paid by then."""
    today = now.date()
    unpaid = or_(InstalmentRow.paid < InstalmentRow.amount, InstalmentRow.paid_on > today)
    first_unpaid = (
        select(func.min(InstalmentRow.due_on))
        .where(InstalmentRow.policy_id == PolicyRow.id, unpaid)
        .correlate(PolicyRow)
        .scalar_subquery()
        .label("first_unpaid")
    )
    return (
        select(
            PolicyRow.id,
            PolicyRow.number,
            ProductRow.code,
            ProductRow.product_class,
            ProductRow.grace_days,
            ProductRow.lapses,
            PolicyRow.sum_insured,
            PolicyRow.premium,
            PolicyRow.currency,
            PolicyRow.frequency,
            PolicyRow.started_on,
            PolicyRow.ends_on,
            PolicyRow.surrendered_on,
            PolicyRow.created_at,
            first_unpaid,
        )
        .join(ProductRow, ProductRow.id == PolicyRow.product_id)
        .where(
            PolicyRow.customer_id == customer,
            or_(PolicyRow.started_on <= today, PolicyRow.created_at <= now),
        )
        .order_by(PolicyRow.started_on.desc(), PolicyRow.id.desc())
        .limit(_MOST)
    )


def _held(row: AnyRow, today: date) -> HeldPolicy:
    terms = PolicyTerms(
        row.started_on, row.ends_on, row.surrendered_on, row.grace_days, row.lapses, row.currency
    )
    status = status_on(terms, row.first_unpaid, today)
    late = 0
    if row.first_unpaid is not None and status in ("in_force", "grace", "lapsed"):
        late = max(0, (today - row.first_unpaid).days)
    return HeldPolicy(
        number=row.number,
        product=row.code,
        product_class=row.product_class,
        status=status,
        sum_insured=row.sum_insured,
        yearly=row.premium * Decimal(_PER_YEAR[row.frequency]),
        frequency=row.frequency,
        started_on=row.started_on,
        ends_on=row.ends_on,
        overdue_days=late,
    )


async def _consents(connection: AsyncConnection, customer: int, now: datetime) -> dict[str, bool]:
    """The latest word on each purpose."""
    query = (
        select(ConsentRow.purpose, ConsentRow.given)
        .where(ConsentRow.customer_id == customer, ConsentRow.at <= now)
        .order_by(ConsentRow.at.desc(), ConsentRow.id.desc())
        .limit(_MOST)
    )
    said: dict[str, bool] = {}
    for purpose, given in await connection.execute(query):
        said.setdefault(purpose, bool(given))
    return said


async def _offers(connection: AsyncConnection, customer: str, now: datetime) -> tuple[Offer, ...]:
    """Earlier referrals, the latest first."""
    table = ReferralRow
    query = (
        select(table.product, table.state, table.flagged_at, table.changed_at, table.call_id)
        .where(table.customer == customer, table.flagged_at <= now)
        .order_by(table.flagged_at.desc())
        .limit(_MOST)
    )
    rows = await connection.execute(query)
    return tuple(
        Offer(row.product, cast("ReferralState", row.state), row.flagged_at, row.changed_at, row.call_id)
        for row in rows
    )


async def _counts(
    connection: AsyncConnection,
    person: AnyRow,
    policies: Sequence[int],
    numbers: set[str],
    number: str,
    now: datetime,
) -> dict[str, int]:
    """Claims, complaints, entries of the do-not-call list and calls, counted in one query."""
    mine = ClaimRow.policy_id.in_(policies)
    begun = ClaimRow.begun_at <= now
    open_claim = or_(
        and_(mine, ClaimRow.status.not_in((*_CLOSED_CLAIM, "draft"))),
        and_(
            or_(mine, and_(ClaimRow.policy_id.is_(None), ClaimRow.caller.in_(numbers))),
            ClaimRow.status == "draft",
            ClaimRow.saved_at > now - _DRAFT_DAYS,
        ),
    )
    complained = or_(
        ComplaintRow.customer_id == person.id,
        and_(ComplaintRow.customer_id.is_(None), ComplaintRow.policy_id.in_(policies)),
    )
    still = or_(ComplaintRow.status != "closed", ComplaintRow.closed_on > now.date())
    things = (
        select(ClaimRow.id)
        .join(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
        .join(ProductRow, ProductRow.id == PolicyRow.product_id)
        .where(mine, begun, ClaimRow.begun_at > now - _CLAIM_YEARS, ClaimRow.status != "draft")
        .where(ProductRow.product_class.in_(_THINGS))
    )
    calls = select(CallRow.id).where(
        CallRow.started_at > now - _RECENT,
        CallRow.started_at <= now,
        or_(CallRow.policy_id.in_(policies), CallRow.caller.in_(forms(person.phone))),
    )
    wanted = {
        "claims": select(ClaimRow.id).where(begun, open_claim),
        "complaints": select(ComplaintRow.id).where(complained, still, ComplaintRow.opened_on <= now.date()),
        "things": things,
        "listed": select(DoNotCallRow.id).where(_listed(person, number, now)),
        "calls": calls,
    }
    parts = [
        select(literal(name).label("name"), func.count().label("number")).select_from(query.subquery(name))
        for name, query in wanted.items()
    ]
    return {name: int(found) for name, found in await connection.execute(union_all(*parts))}


def _listed(person: AnyRow, number: str, now: datetime) -> Any:
    """Whether the customer, their own number, or the number they call from is not to be asked."""
    conditions = [listed(one, person.number, "sales", now) for one in {number, person.phone}]
    return or_(*(one for one in conditions if one is not None))

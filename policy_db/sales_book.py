"""A salesperson's book: what was sold, the rank by it, and the policies that need looking after.

Everything is computed by the database over indexes (policies by salesperson and by first day, instalments by policy),
so that it takes as long for a hundred thousand policies as for one salesperson's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.facts import Money
from policy_db.sales_facts import (
    DUE_KINDS,
    DueKind,
    DuePolicy,
    Performance,
    Rank,
    SalesNews,
    SalesPeriod,
    first_day,
)
from policy_db.standing import months_after
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    CampaignAttemptRow,
    CampaignRow,
    CustomerRow,
    InstalmentRow,
    PolicyRow,
    ProductRow,
    SalespersonRow,
)

#: Days ahead in which an instalment falls due, or a contract ends, "soon".
SOON: Final = 30
#: An instalment unpaid for more days than this breaks persistency (宽限期, Insurance Law article 36).
GRACE: Final = 60
_YEARLY: Final = {"monthly": 12, "quarterly": 4, "yearly": 1}
_CENT: Final = Decimal("0.01")
_ZERO: Final = Decimal("0.00")


class SalesBook:
    """Reads what salespeople sold and what becomes of it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def performance(self, number: str, period: SalesPeriod, today: date) -> Performance:
        """What was sold in the running period, and how much of what was sold before is kept up."""
        since = first_day(period, today)
        async with self._store.reading() as connection:
            me = await _id_of(connection, number)
            sold = (await connection.execute(_sold(since, today, PolicyRow.salesperson_id == me))).all()
            judged, kept = (await connection.execute(_persistency(me, today))).one()
        return Performance(
            since,
            sum(int(row.policies) for row in sold),
            Money(standard_premium(sold), next((row.currency for row in sold), "CNY")),
            int(kept or 0),
            int(judged),
        )

    async def rank(self, number: str, period: SalesPeriod, today: date) -> Rank | None:
        """The salesperson's place in team (branch) and company; None for who is not at work."""
        async with self._store.reading() as connection:
            people = (await connection.execute(_at_work(today))).all()
            totals = await _premiums(connection, first_day(period, today), today)
        me = next((one for one in people if one.number == number), None)
        if me is None:
            return None
        team = [one for one in people if one.branch == me.branch]
        mine = totals.get(me.id, _ZERO)

        def place(among: Iterable[AnyRow]) -> int:
            return 1 + sum(totals.get(one.id, _ZERO) > mine for one in among)

        return Rank(place(team), len(team), place(people), len(people))

    async def sold_by_everybody(self, period: SalesPeriod, today: date) -> dict[str, tuple[int, Decimal]]:
        """Policies and standard premium of the running period by salesperson's number; who sold nothing is left out."""
        query = _sold(first_day(period, today), today).add_columns(SalespersonRow.number)
        query = query.join(SalespersonRow, SalespersonRow.id == PolicyRow.salesperson_id).group_by(
            SalespersonRow.number
        )
        found: dict[str, list[AnyRow]] = defaultdict(list)
        async with self._store.reading() as connection:
            for row in await connection.execute(query):
                found[row.number].append(row)
        return {
            number: (sum(int(one.policies) for one in rows), standard_premium(rows))
            for number, rows in found.items()
        }

    async def due_counts(self, number: str, today: date) -> dict[DueKind, int]:
        """How many policies lapse, fall due or end."""
        async with self._store.reading() as connection:
            me = await _id_of(connection, number)
            return {
                kind: int((await connection.execute(_count(_due(kind, me, today)))).scalar_one())
                for kind in DUE_KINDS
            }

    async def due(
        self, number: str, kind: DueKind, today: date, *, limit: int = 20, offset: int = 0
    ) -> tuple[DuePolicy, ...]:
        """Those policies, the nearest day first."""
        async with self._store.reading() as connection:
            me = await _id_of(connection, number)
            query = _due(kind, me, today).order_by("day_of", PolicyRow.number).limit(limit).offset(offset)
            rows = (await connection.execute(query)).all()
        return tuple(_due_policy(kind, row) for row in rows)

    async def newly_lapsing(self, number: str, since: date, today: date) -> int:
        """How many policies have begun to lapse after the day `since`: their instalment went unpaid then."""
        async with self._store.reading() as connection:
            me = await _id_of(connection, number)
            query = _due("lapsing", me, today).where(InstalmentRow.due_on >= since)
            return int((await connection.execute(_count(query))).scalar_one())

    async def news(self, number: str, *, limit: int = 10) -> tuple[SalesNews, ...]:
        """What became of the calls to this salesperson's customers, the latest first."""
        row = CampaignAttemptRow
        query = (
            select(row.policy, CampaignRow.kind, row.outcome, row.disposition, row.ended_at)
            .join(CampaignRow, CampaignRow.id == row.campaign)
            .join(PolicyRow, PolicyRow.number == row.policy)
            .join(SalespersonRow, SalespersonRow.id == PolicyRow.salesperson_id)
            .where(SalespersonRow.number == number, row.state == "ended", row.ended_at.is_not(None))
            .order_by(row.ended_at.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            return tuple(
                SalesNews(one.policy, one.kind, one.disposition or one.outcome, one.ended_at)
                for one in await connection.execute(query)
            )


async def _id_of(connection: AsyncConnection, number: str) -> int:
    query = select(SalespersonRow.id).where(SalespersonRow.number == number)
    return int((await connection.execute(query)).scalar() or 0)


def _at_work(today: date) -> Any:
    still = SalespersonRow.left_on.is_(None) | (SalespersonRow.left_on > today)
    return select(SalespersonRow.id, SalespersonRow.number, SalespersonRow.branch).where(still)


def _sold(since: date, today: date, *conditions: ColumnElement[bool]) -> Any:
    """Policies and premiums by frequency, of those that began in the period and were not surrendered at once."""
    premium = PolicyRow.premium
    return (
        select(
            PolicyRow.frequency,
            func.count().label("policies"),
            func.sum(premium, type_=premium.type).label("premium"),
            func.min(PolicyRow.currency).label("currency"),
        )
        .where(PolicyRow.started_on >= since, PolicyRow.started_on <= today, *conditions)
        .group_by(PolicyRow.frequency)
    )


def standard_premium(rows: Sequence[AnyRow]) -> Decimal:
    """A year's instalments of regular premiums and a tenth of single ones, to the cent."""
    total = _ZERO
    for row in rows:
        total += row.premium * _YEARLY[row.frequency] if row.frequency in _YEARLY else row.premium / 10
    return total.quantize(_CENT, ROUND_HALF_UP)


async def _premiums(connection: AsyncConnection, since: date, today: date) -> dict[int, Decimal]:
    """Standard premium by salesperson's row."""
    query = _sold(since, today, PolicyRow.salesperson_id.is_not(None))
    query = query.add_columns(PolicyRow.salesperson_id).group_by(PolicyRow.salesperson_id)
    found: dict[int, list[AnyRow]] = defaultdict(list)
    for row in await connection.execute(query):
        found[row.salesperson_id].append(row)
    return {one: standard_premium(rows) for one, rows in found.items()}


def _persistency(me: int, today: date) -> Any:
    """How many policies are judged, and how many of them are kept up."""
    behind = exists().where(
        InstalmentRow.policy_id == PolicyRow.id,
        InstalmentRow.paid < InstalmentRow.amount,
        InstalmentRow.due_on < today - timedelta(days=GRACE),
    )
    given_up = and_(PolicyRow.surrendered_on.is_not(None), PolicyRow.surrendered_on <= today)
    return select(func.count(), func.sum(case((given_up | behind, 0), else_=1))).where(
        PolicyRow.salesperson_id == me,
        PolicyRow.frequency != "single",
        PolicyRow.started_on > months_after(today, -25),
        PolicyRow.started_on <= months_after(today, -13),
    )


def _due(kind: DueKind, me: int, today: date) -> Any:
    """The policies of one kind; `day_of` is the day by which they are put in order."""
    soon = today + timedelta(days=SOON)
    alive = and_(
        PolicyRow.salesperson_id == me,
        PolicyRow.surrendered_on.is_(None) | (PolicyRow.surrendered_on > today),
        PolicyRow.ends_on.is_(None) | (PolicyRow.ends_on >= today),
    )
    columns = (
        PolicyRow.number, PolicyRow.currency, PolicyRow.premium, ProductRow.grace_days, ProductRow.lapses,
        CustomerRow.number.label("customer"), CustomerRow.name.label("customer_name"),
    )  # fmt: skip
    query = (
        select(*columns)
        .join(ProductRow, ProductRow.id == PolicyRow.product_id)
        .join(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
        .where(alive)
    )
    if kind == "ending":
        return query.add_columns(
            PolicyRow.ends_on.label("day_of"), literal(None, InstalmentRow.amount.type).label("open")
        ).where(PolicyRow.ends_on <= soon)
    first = (
        select(func.min(InstalmentRow.due_on))
        .where(InstalmentRow.policy_id == PolicyRow.id, InstalmentRow.paid < InstalmentRow.amount)
        .correlate(PolicyRow)
        .scalar_subquery()
    )
    owed = (InstalmentRow.amount - InstalmentRow.paid).label("open")
    query = query.add_columns(InstalmentRow.due_on.label("day_of"), owed).join(
        InstalmentRow, and_(InstalmentRow.policy_id == PolicyRow.id, InstalmentRow.due_on == first)
    )
    if kind == "due":
        return query.where(InstalmentRow.due_on >= today, InstalmentRow.due_on <= soon)
    return query.where(
        InstalmentRow.due_on < today,
        case(
            (ProductRow.lapses.is_(True), InstalmentRow.due_on >= today - timedelta(days=GRACE)),
            else_=InstalmentRow.due_on >= today - timedelta(days=SOON),
        ),
    )


def _count(query: Any) -> Any:
    return select(func.count()).select_from(query.with_only_columns(PolicyRow.id).subquery())


def _due_policy(kind: DueKind, row: AnyRow) -> DuePolicy:
    day = row.day_of
    if kind == "lapsing" and row.lapses:
        day += timedelta(days=row.grace_days)
    amount = row.premium if row.open is None else row.open
    return DuePolicy(row.number, kind, Money(amount, row.currency), day, row.customer, row.customer_name)

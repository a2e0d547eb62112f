"""What salespeople earn."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from policy_db.facts import Commission, Money, SalesMonth
from policy_db.sales_book import SalesBook
from policy_db.store import AnyRow
from policy_db.tables import CommissionRow, SalespersonRow

_ZERO = Decimal("0.00")


class Sales(SalesBook):
    """Commissions by salesperson; what it inherits reads what they sold and what becomes of it."""

    async def commission(self, number: str, today: date) -> Commission | None:
        """The latest month up to `today` in which the salesperson earned something; None if there is none."""
        mine = (
            select(SalespersonRow.id).where(SalespersonRow.number == number).scalar_subquery()
        ) == CommissionRow.salesperson_id
        async with self._store.reading() as connection:
            month = (
                await connection.execute(
                    select(func.max(CommissionRow.month)).where(mine, CommissionRow.month <= today)
                )
            ).scalar()
            if month is None:
                return None
            row = await _month(connection, mine, month)
            year = await _year_to(connection, mine, month)
        earned, paid = row.earned, row.paid or _ZERO

        def money(amount: Decimal) -> Money:
            return Money(amount, row.currency)

        return Commission(
            month=month,
            earned=money(earned),
            paid=money(paid),
            pending=money(earned - paid),
            policies=row.policies,
            year_to_date=money(year),
            paid_on=row.paid_on,
        )

    async def months(self, number: str, limit: int = 24) -> tuple[SalesMonth, ...]:
        """What a salesperson earned month by month, the latest first."""
        amount = CommissionRow.amount
        paid = func.sum(case((CommissionRow.paid_on.is_not(None), amount)), type_=amount.type)
        query = (
            select(
                CommissionRow.month,
                func.sum(amount, type_=amount.type).label("earned"),
                paid.label("paid"),
                func.count(CommissionRow.policy_id.distinct()).label("policies"),
                func.min(CommissionRow.currency).label("currency"),
            )
            .join(SalespersonRow, SalespersonRow.id == CommissionRow.salesperson_id)
            .where(SalespersonRow.number == number)
            .group_by(CommissionRow.month)
            .order_by(CommissionRow.month.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            return tuple(
                SalesMonth(
                    row.month,
                    Money(row.earned, row.currency),
                    Money(row.paid or _ZERO, row.currency),
                    row.policies,
                )
                for row in await connection.execute(query)
            )


async def _month(connection: AsyncConnection, mine: ColumnElement[bool], month: date) -> AnyRow:
    query = select(
        func.sum(CommissionRow.amount, type_=CommissionRow.amount.type).label("earned"),
        func.sum(
            case((CommissionRow.paid_on.is_not(None), CommissionRow.amount)), type_=CommissionRow.amount.type
        ).label("paid"),
        func.count(CommissionRow.policy_id.distinct()).label("policies"),
        func.max(CommissionRow.paid_on).label("paid_on"),
        func.min(CommissionRow.currency).label("currency"),
    ).where(mine, CommissionRow.month == month)
    row: AnyRow = (await connection.execute(query)).one()
    return row


async def _year_to(connection: AsyncConnection, mine: ColumnElement[bool], month: date) -> Decimal:
    query = select(func.sum(CommissionRow.amount, type_=CommissionRow.amount.type)).where(
        mine, CommissionRow.month >= month.replace(month=1), CommissionRow.month <= month
    )
    return (await connection.execute(query)).scalar() or _ZERO

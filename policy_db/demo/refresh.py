"""Bringing a demonstration up to today: every day in it moves on by as many days as have gone by."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, func, literal, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.standing import months_after
from policy_db.tables import (
    Base,
    ClaimRow,
    CommissionRow,
    ComplaintRow,
    Fact,
    InstalmentRow,
    PaymentRow,
    PolicyRow,
    SalespersonRow,
)

if TYPE_CHECKING:
    from policy_db.database import PolicyDatabase

_DAYS: tuple[tuple[type[Base], tuple[str, ...]], ...] = (
    (PolicyRow, ("started_on", "ends_on", "surrendered_on")),
    (InstalmentRow, ("due_on", "paid_on")),
    (PaymentRow, ("paid_on",)),
    (ClaimRow, ("reported_on",)),
    (ComplaintRow, ("opened_on", "closed_on")),
    (SalespersonRow, ("hired_on", "left_on")),
)
#: Days are moved this far away first and then back to their new place, because two instalments of a policy
#: may not stand on one day even for a moment.
_FAR = 365_000


async def refresh_demo(db: PolicyDatabase, *, today: date) -> bool:
    """Move a demonstration's days on to `today`; False if the database holds no demonstration.

    Calls, messages and reports that came in meanwhile stay, as does a demonstration from `today` or later.
    """
    query = select(Fact.value).where(Fact.name == "demo")
    async with db.store.writing("demo") as connection:
        value = (await connection.execute(query)).scalar()
        if value is None:
            return False
        built = date.fromisoformat(value[-10:])
        if built < today:
            await _move_days(connection, db.store.dialect, (today - built).days)
            await _move_commissions(connection, built, today)
            mark = update(Fact).where(Fact.name == "demo")
            await connection.execute(mark.values(value=value[:-10] + today.isoformat()))
    return True


async def _move_days(connection: AsyncConnection, dialect: str, days: int) -> None:
    for table, names in _DAYS:
        for step in (_FAR, days - _FAR):
            values = {name: _moved(getattr(table, name), dialect, step) for name in names}
            await connection.execute(update(table).values(values))


def _moved(column: Any, dialect: str, days: int) -> Any:
    if dialect == "sqlite":
        return type_coerce(func.date(column, f"{days:+d} days"), Date)
    return column + literal(days)


async def _move_commissions(connection: AsyncConnection, built: date, today: date) -> None:
    """Commissions go by the month: the months move on, and what is past its payday is paid."""
    months = (today.year - built.year) * 12 + today.month - built.month
    known = (await connection.execute(select(CommissionRow.month).distinct())).scalars().all()
    for month in sorted(known, reverse=True):
        later = months_after(month, months)
        payday = months_after(later, 1).replace(day=15)
        await connection.execute(
            update(CommissionRow)
            .where(CommissionRow.month == month)
            .values(month=later, paid_on=payday if payday <= today else None)
        )

"""Writing a demonstration into a database, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.demo.batch import Batch
from policy_db.demo.portfolio import Portfolio
from policy_db.demo.seats import add_seats
from policy_db.errors import BadValueError, ConflictError
from policy_db.tables import CustomerRow, Fact, PolicyRow, ProductRow, SalespersonRow

if TYPE_CHECKING:
    from policy_db.database import PolicyDatabase

#: Told how many customers are done, and of how many.
Progress = Callable[[int, int], None]

_AT_ONCE = 1000
_MOST_CUSTOMERS = 500_000


async def build_demo(
    db: PolicyDatabase,
    *,
    today: date,
    customers: int = 500,
    seed: int = 7,
    progress: Progress | None = None,
) -> None:
    """Fill an empty database with a made-up portfolio, the same for the same seed and day.

    All of it is one transaction. `customers` come besides those of the fixed policies (see `demo_table`).
    `progress` is called as it goes on. Raises ConflictError if the database holds anything already, and
    BadValueError for a number that is out of range.
    """
    if not 0 <= customers <= _MOST_CUSTOMERS:
        raise BadValueError(f"{customers} customers cannot be made up.", f"Choose 0 to {_MOST_CUSTOMERS:,}.")
    tell = progress or _silent
    batch = Batch(db.store)
    portfolio = Portfolio(batch, db.keys, seed=seed, today=today)
    async with db.store.writing("demo") as connection:
        await _require_empty(connection)
        portfolio.add_company(customers)
        portfolio.add_fixed()
        add_seats(batch)
        for done in range(customers):
            if done % _AT_ONCE == 0:
                await batch.write(connection)
                tell(done, customers)
            portfolio.add_customer()
        portfolio.add_rest()
        value = f"{customers} customers, seed {seed}, {today.isoformat()}"
        batch.add_plain(Fact, name="demo", value=value)
        await batch.write(connection)
        await batch.settle(connection)
    tell(customers, customers)


async def _require_empty(connection: AsyncConnection) -> None:
    demo = (await connection.execute(select(Fact.value).where(Fact.name == "demo"))).scalar()
    if demo is not None:
        raise ConflictError(
            f"This database holds a demonstration already ({demo}).", "Use it, or a new database."
        )
    for table in (CustomerRow, PolicyRow, ProductRow, SalespersonRow):
        if (await connection.execute(select(table.id).limit(1))).first() is not None:
            raise ConflictError(
                "This database holds data already; a demonstration is never mixed with a real portfolio.",
                "Choose a new database, by HOTLINE_DATABASE_URL for example.",
            )


def _silent(_done: int, _customers: int) -> None:
    return

"""Statements that are written once whatever the database: insert if new, insert or change, count up."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.store import Store
from policy_db.tables import Base, Counter


def insert(store: Store, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """An INSERT of the store's own dialect, which knows ON CONFLICT."""
    return sqlite.insert(table) if store.dialect == "sqlite" else postgresql.insert(table)


async def count_up(store: Store, connection: AsyncConnection, name: str) -> int:
    """The next number of a series, from 1; no two transactions ever get the same."""
    statement: Any = insert(store, Counter).values(name=name, value=1)
    statement = statement.on_conflict_do_update(
        index_elements=[Counter.name], set_={"value": Counter.value + 1}
    ).returning(Counter.value)
    return int((await connection.execute(statement)).scalar_one())

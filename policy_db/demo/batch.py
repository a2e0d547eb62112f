"""Rows gathered in memory and written many at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.store import Store
from policy_db.tables import Base
from policy_db.writes import insert


class Batch:
    """Rows by table, numbered here so that they can refer to one another before they are written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[type[Base], list[dict[str, Any]]] = defaultdict(list)
        self._last: dict[type[Base], int] = defaultdict(int)

    def add(self, table: type[Base], **values: Any) -> int:
        """Put a row on the pile with the next number of its table; gives the number."""
        self._last[table] += 1
        self._rows[table].append({"id": self._last[table], **values})
        return self._last[table]

    def add_plain(self, table: type[Base], **values: Any) -> None:
        """Put a row on the pile as it is, for a table that has no number."""
        self._rows[table].append(values)

    async def write(self, connection: AsyncConnection) -> None:
        """Write the pile, each table after those it refers to."""
        order = [mapper.class_ for mapper in Base.registry.mappers]
        position = {table.name: index for index, table in enumerate(Base.metadata.sorted_tables)}
        for table in sorted(order, key=lambda one: position[one.__tablename__]):
            if rows := self._rows.pop(table, None):
                await connection.execute(insert(self._store, table), rows)

    async def settle(self, connection: AsyncConnection) -> None:
        """Let the database go on counting after the last number used here."""
        if self._store.dialect == "sqlite":
            return  # an INTEGER PRIMARY KEY goes on from the largest by itself
        for table in self._last:
            name = table.__tablename__
            sequence = func.pg_get_serial_sequence(name, "id")
            largest = select(func.max(text("id"))).select_from(table.__table__).scalar_subquery()
            await connection.execute(select(func.setval(sequence, largest)))

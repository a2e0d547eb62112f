"""Who wants no offers, or no calls at all, by telephone number or as a customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.callers import forms
from policy_db.errors import BadValueError
from policy_db.selling_facts import DoNotCall, Scope
from policy_db.store import AnyRow, Store
from policy_db.tables import DoNotCallRow
from policy_db.writes import insert

SCOPES: Final = ("sales", "all")
_COLUMNS = tuple(DoNotCallRow.__table__.columns)


class DoNotCalls:
    """The list. An entry is never deleted by hand, only removed: that it stood, and until when, is evidence."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, entry: DoNotCall) -> DoNotCall:
        """Put someone on the list; the same entry again gives the one that stands. Raises BadValueError."""
        _check(entry)
        async with self._store.writing(f"do not call {entry.number} {entry.customer}") as connection:
            return (await self._put(connection, entry))[0]

    async def add_all(self, entries: Sequence[DoNotCall]) -> int:
        """Put all of them on the list, or nobody; how many were not on it yet. Raises BadValueError."""
        for entry in entries:
            _check(entry)
        async with self._store.writing("do not call") as connection:
            return sum([(await self._put(connection, entry))[1] for entry in entries])

    async def _put(self, connection: AsyncConnection, entry: DoNotCall) -> tuple[DoNotCall, bool]:
        """The entry as it stands, and whether it is new."""
        values = {
            "number": entry.number,
            "customer": entry.customer,
            "scope": entry.scope,
            "since": entry.since,
            "until": entry.until,
            "source": entry.source,
            "removed_at": None,
            "removed_by": "",
        }
        table = DoNotCallRow
        same = select(*_COLUMNS).where(
            table.number == entry.number,
            table.customer == entry.customer,
            table.scope == entry.scope,
            table.until.is_(None) if entry.until is None else table.until == entry.until,
            table.removed_at.is_(None),
        )
        row = (await connection.execute(same)).first()
        if row is not None:
            return _entry(row), False
        statement = insert(self._store, table).values(values).returning(*_COLUMNS)
        return _entry((await connection.execute(statement)).one()), True

    async def remove(self, entry: int, *, who: str, at: datetime) -> DoNotCall | None:
        """Take an entry off the list; the entry as it is then, None if no such entry stands."""
        change = (
            update(DoNotCallRow)
            .where(DoNotCallRow.id == entry, DoNotCallRow.removed_at.is_(None))
            .values(removed_at=at, removed_by=who)
            .returning(*_COLUMNS)
        )
        async with self._store.writing() as connection:
            row = (await connection.execute(change)).first()
        return None if row is None else _entry(row)

    async def is_listed(self, number: str, customer: str, scope: Scope, at: datetime) -> bool:
        """Whether the number or the customer is not to be asked: `sales` by an offer, `all` by any call."""
        condition = listed(number, customer, scope, at)
        if condition is None:
            return False
        async with self._store.reading() as connection:
            query = select(DoNotCallRow.id).where(condition).limit(1)
            return (await connection.execute(query)).first() is not None

    async def page(
        self, q: str = "", *, standing: bool = True, after: int | None = None, limit: int = 50
    ) -> tuple[DoNotCall, ...]:
        """Entries, the latest first: those that stand or those removed, of a number or customer that begins with `q`.

        `after` is the id of the last entry of the page before.
        """
        table = DoNotCallRow
        query = select(*_COLUMNS).where(
            table.removed_at.is_(None) if standing else table.removed_at.is_not(None)
        )
        if q:
            spelt = {q, f"+86{q.lstrip('0')}"} if q.isdecimal() else {q}
            starts = (table.number.startswith(one, autoescape=True) for one in sorted(spelt))
            query = query.where(or_(table.customer.startswith(q, autoescape=True), *starts))
        if after is not None:
            query = query.where(table.id < after)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(table.id.desc()).limit(limit))
            return tuple(_entry(row) for row in rows)

    async def count(self) -> int:
        """How many entries stand."""
        query = select(func.count()).select_from(DoNotCallRow).where(DoNotCallRow.removed_at.is_(None))
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one())


def _check(entry: DoNotCall) -> None:
    if entry.scope not in SCOPES:
        raise BadValueError(f"A scope is {' or '.join(SCOPES)}.")
    if not (entry.number or entry.customer):
        raise BadValueError("An entry names a number, a customer, or both.")


def listed(number: str, customer: str, scope: Scope, at: datetime) -> ColumnElement[bool] | None:
    """The condition that an entry stands against asking; None where nobody is named."""
    whom: list[Any] = []
    if number:
        whom.append(DoNotCallRow.number.in_(forms(number) or (number,)))
    if customer:
        whom.append(DoNotCallRow.customer == customer)
    return and_(or_(*whom), stands_at(at, scope)) if whom else None


def stands_at(at: Any, scope: Scope = "sales") -> ColumnElement[bool]:
    """The condition that an entry stands at a moment (or a parameter for one), against offers or any call."""
    table = DoNotCallRow
    return and_(
        table.scope.in_(SCOPES if scope == "sales" else ("all",)),
        table.since <= at,
        or_(table.until.is_(None), table.until > at),
        or_(table.removed_at.is_(None), table.removed_at > at),
    )


def _entry(row: AnyRow) -> DoNotCall:
    values = dict(row._mapping)
    return DoNotCall(**values | {"scope": cast("Scope", values["scope"])})

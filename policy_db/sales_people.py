"""Salespeople: who they are, and how they want to be told of things."""

from __future__ import annotations

from datetime import date
from typing import Any, Final, cast

from sqlalchemy import func, or_, select

from policy_db.clock import Clock
from policy_db.errors import BadValueError, NotFoundError
from policy_db.sales_facts import NOTICE_CHANNELS, NoticeChannel, SalesPerson, SalesPreferences
from policy_db.store import AnyRow, Store
from policy_db.tables import SalespersonRow, SalesPreferenceRow
from policy_db.writes import insert

_COLUMNS: Final = (
    SalespersonRow.number, SalespersonRow.name, SalespersonRow.phone, SalespersonRow.email, SalespersonRow.branch,
    SalespersonRow.left_on,
)  # fmt: skip
_PREFERENCES: Final = (
    SalesPreferenceRow.channel, SalesPreferenceRow.messages, SalesPreferenceRow.lapses, SalesPreferenceRow.language,
    SalesPreferenceRow.put_through, SalesPreferenceRow.told_on,
)  # fmt: skip


class SalesPeople:
    """The directory of salespeople, and their preferences."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, number: str) -> SalesPerson | None:
        """The salesperson of a number, at work or not."""
        async with self._store.reading() as connection:
            row = (await connection.execute(select(*_COLUMNS).where(SalespersonRow.number == number))).first()
        return None if row is None else _person(row, self._today())

    async def people(
        self, *, q: str = "", branch: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[SalesPerson, ...]:
        """Salespeople by number, at work first; `q` is part of a name or number."""
        query = _matching(select(*_COLUMNS), q, branch)
        query = query.order_by(SalespersonRow.left_on.is_not(None), SalespersonRow.number)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.limit(limit).offset(offset))
            return tuple(_person(row, self._today()) for row in rows)

    async def count(self, *, q: str = "", branch: str = "") -> int:
        """How many there are of them."""
        async with self._store.reading() as connection:
            return int(
                (
                    await connection.execute(_matching(select(func.count(SalespersonRow.id)), q, branch))
                ).scalar_one()
            )

    async def branches(self) -> tuple[str, ...]:
        """The teams that there are."""
        query = select(SalespersonRow.branch).distinct().order_by(SalespersonRow.branch)
        async with self._store.reading() as connection:
            return tuple((await connection.execute(query)).scalars())

    # How they want to be told

    async def preferences(self, number: str) -> SalesPreferences:
        """How a salesperson is told of things."""
        query = select(*_PREFERENCES).where(SalesPreferenceRow.salesperson == number)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return SalesPreferences() if row is None else _preferences(row)

    async def set_preferences(self, number: str, wanted: SalesPreferences, *, by: str) -> None:
        """Keep what somebody chose. Raises NotFoundError, or BadValueError for a way that does not exist."""
        if wanted.channel not in NOTICE_CHANNELS:
            raise BadValueError(
                f"{wanted.channel} is no way to tell a salesperson.", "Choose sms, email or none."
            )
        values = {
            "channel": wanted.channel, "messages": wanted.messages, "lapses": wanted.lapses,
            "language": wanted.language, "put_through": wanted.put_through, "changed_at": self._clock(),
            "changed_by": by,
        }  # fmt: skip
        await self._keep(number, values)

    async def told(self, number: str, day: date) -> None:
        """The day's digest is on its way."""
        usual = SalesPreferences()
        columns = ("channel", "messages", "lapses", "language", "put_through")
        first = {name: getattr(usual, name) for name in columns}
        marks = {"changed_at": self._clock(), "changed_by": "system"}
        await self._keep(number, {"told_on": day}, {**first, **marks, "told_on": day})

    async def untold(self, day: date, *, limit: int = 200) -> tuple[str, ...]:
        """Salespeople at work who have not had the digest of a day."""
        had = select(SalesPreferenceRow.salesperson).where(SalesPreferenceRow.told_on >= day)
        query = select(SalespersonRow.number).where(
            or_(SalespersonRow.left_on.is_(None), SalespersonRow.left_on > day),
            SalespersonRow.number.not_in(had),
        )
        async with self._store.reading() as connection:
            return tuple(
                (await connection.execute(query.order_by(SalespersonRow.number).limit(limit))).scalars()
            )

    async def _keep(self, number: str, changes: dict[str, Any], first: dict[str, Any] | None = None) -> None:
        statement: Any = insert(self._store, SalesPreferenceRow).values(
            salesperson=number, **(first or changes)
        )
        statement = statement.on_conflict_do_update(
            index_elements=[SalesPreferenceRow.salesperson], set_=changes
        )
        async with self._store.writing() as connection:
            known = select(SalespersonRow.id).where(SalespersonRow.number == number)
            if (await connection.execute(known)).first() is None:
                raise NotFoundError(f"There is no salesperson {number}.")
            await connection.execute(statement)

    def _today(self) -> date:
        return self._clock().date()


def _matching(query: Any, q: str, branch: str) -> Any:
    for word in q.split()[:4]:
        query = query.where(
            or_(SalespersonRow.number == word, SalespersonRow.name.icontains(word, autoescape=True))
        )
    return query.where(SalespersonRow.branch == branch) if branch else query


def _person(row: AnyRow, today: date) -> SalesPerson:
    at_work = row.left_on is None or row.left_on > today
    return SalesPerson(row.number, row.name, row.phone, row.email, row.branch, at_work)


def _preferences(row: AnyRow) -> SalesPreferences:
    return SalesPreferences(
        cast("NoticeChannel", row.channel),
        row.messages,
        row.lapses,
        row.language,
        row.put_through,
        row.told_on,
    )

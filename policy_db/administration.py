"""What administrators do with records: search, read, change one at a time, and keep the company's own hours.

A record is changed as an import changes it: the same columns, the same checks, one transaction with its audit entry.
Whoever changes one says how it looked when they began (`seen`); if it looks otherwise by then, nothing is written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Text, cast, delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.errors import ConflictError, NotFoundError
from policy_db.imports.kind import EMPTY, Context, Kind, Line
from policy_db.imports.kinds import KINDS, subject_of
from policy_db.imports.values import written
from policy_db.keys import Keys
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    AuditRow,
    CalendarDayRow,
    CalendarRow,
    CustomerRow,
    PolicyRow,
    ProductRow,
    SalespersonRow,
    SeatRow,
)
from policy_db.writes import insert

#: Where a search looks, by kind; a text is found at the beginning of these.
_SEARCHED: Final[Mapping[str, tuple[Any, ...]]] = {
    "customers": (CustomerRow.name, CustomerRow.number, CustomerRow.phone, CustomerRow.email),
    "policies": (PolicyRow.number, PolicyRow.insured),
    "products": (ProductRow.code, ProductRow.key),
    "salespeople": (SalespersonRow.name, SalespersonRow.number, SalespersonRow.phone, SalespersonRow.branch),
    "seats": (SeatRow.id, SeatRow.name, SeatRow.address),
}
_ORDERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "customers": (CustomerRow.id.desc(),),
    "policies": (PolicyRow.id.desc(),),
    "products": (ProductRow.code,),
    "salespeople": (SalespersonRow.number,),
    "seats": (SeatRow.id,),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as administrators see it: values by column, never a secret one. `seen` stands for how it looks."""

    id: Any
    key: str
    values: Mapping[str, Any]
    seen: str

    def cell(self, column: str) -> str:
        """A value as it stands in a cell."""
        return written(self.values.get(column))


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of a change: the record's key and its changed columns, or what is wrong (nothing was written then)."""

    key: str
    outcome: str
    fields: tuple[str, ...] = ()
    problems: tuple[Mapping[str, Any], ...] = ()

    def __bool__(self) -> bool:
        return not any(one["severity"] == "error" for one in self.problems)


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the company has changed of a calendar of its flows; None where the flows' file holds.

    `days` maps a day to its hours and a note. `override` holds until `override_until`, or until it is taken back.
    """

    name: str
    week: Mapping[str, str] | None = None
    swapped: str | None = None
    override: str | None = None
    override_until: datetime | None = None
    note: str = ""
    days: Mapping[date, tuple[str, str]] = field(default_factory=dict)
    version: int = 0
    updated_at: datetime | None = None
    updated_by: str = ""


class Administration:
    """Lists and changes of records, and calendars."""

    def __init__(self, store: Store, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self.zone = ZoneInfo("Asia/Shanghai")

    async def search(
        self, kind: str, text: str = "", *, offset: int = 0, limit: int = 50, **only: Any
    ) -> tuple[Entry, ...]:
        """Records of a kind that begin with a text; `only` are columns of the table and what they must be."""
        table = KINDS[kind].table
        conditions = [getattr(table, name) == value for name, value in only.items()]
        if text.strip():
            conditions.append(_found_by(kind, text.strip()))
        order = _ORDERS.get(kind) or (table.__table__.columns["id"],)
        query = select(*table.__table__.columns).where(*conditions).order_by(*order)
        async with self._store.reading() as connection:
            rows = (await connection.execute(query.offset(offset).limit(limit))).all()
            return await self._entries(connection, KINDS[kind], rows)

    async def count(self, kind: str, text: str = "") -> int:
        """How many records of a kind there are."""
        query = select(func.count()).select_from(KINDS[kind].table)
        if text.strip():
            query = query.where(_found_by(kind, text.strip()))
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def find(self, kind: str, key: str) -> Entry | None:
        """The record of a kind by the column that names it."""
        found = KINDS[kind]
        column = getattr(found.table, found.key[0])
        query = select(*found.table.__table__.columns).where(column == key)
        async with self._store.reading() as connection:
            entries = await self._entries(connection, found, (await connection.execute(query)).all())
        return entries[0] if entries else None

    async def save(
        self,
        kind: str,
        cells: Mapping[str, str],
        *,
        by: str,
        seen: str | None = None,
        either: bool = False,
    ) -> Saved:
        """Add or change one record from cells as a form or a program gives them.

        Blank cells empty a field that may be empty. With `seen` the record must be there and look so; without it
        there must be none yet, unless `either` will do. Raises ConflictError where that is not so, NotFoundError where
        it is gone.
        """
        found = KINDS[kind]
        columns = [one for one in found.columns if one.name in cells]
        texts = [_cell(found, one.name, cells[one.name]) for one in columns]
        line = found.read(1, columns, texts)
        now = self._clock()
        context = Context(self._store, self._keys, now, now.astimezone(self.zone).date())
        try:
            async with self._store.writing(f"{kind}:{line.key}") as connection:
                await found.match(connection, [line], context)
                if not line.is_wrong:
                    if not either:
                        _insist(line, found, seen)
                    await found.write(connection, [line], context)
                    await self._note(connection, kind, line, by)
        except IntegrityError:
            raise ConflictError(f"{line.key} exists already, or refers to something that is gone.") from None
        return Saved(
            line.key, line.outcome, tuple(sorted(line.changes)), tuple(one.as_dict() for one in line.problems)
        )

    async def remove(self, kind: str, number: int, *, by: str, subject: str) -> bool:
        """Delete a record that others do not hang on (a rate, commission, coverage, beneficiary) by its row's id."""
        if kind not in ("rates", "commissions", "coverages", "beneficiaries"):
            raise NotFoundError(f"Records of {kind} are not deleted.")
        table = KINDS[kind].table.__table__
        async with self._store.writing() as connection:
            gone = await connection.execute(delete(KINDS[kind].table).where(table.columns["id"] == number))
            if gone.rowcount:
                await self._audit(connection, f"removed_{kind}", subject, by, {"row": number})
        return gone.rowcount == 1

    async def remove_pin(self, kind: str, key: str, *, by: str) -> None:
        """Take the PIN of a customer or salesperson away. Raises NotFoundError."""
        await self._set_pin(kind, key, None, "removed_pin", by)

    async def set_pin_hash(self, kind: str, key: str, pin_hash: str, *, by: str) -> None:
        """Put the hash of a new PIN in place. Raises NotFoundError."""
        await self._set_pin(kind, key, pin_hash, "reset_pin", by)

    async def _set_pin(self, kind: str, key: str, pin_hash: str | None, action: str, by: str) -> None:
        table = {"customers": CustomerRow, "salespeople": SalespersonRow}[kind].__table__
        change = table.update().where(table.c.number == key).values(pin_hash=pin_hash)  # type: ignore[attr-defined]
        async with self._store.writing() as connection:
            if (await connection.execute(change)).rowcount == 0:
                raise NotFoundError(f"There is nobody with the number {key}.")
            await self._audit(connection, action, f"{subject_of(kind)}:{key}", by, {})

    async def has_pin(self, kind: str, key: str) -> bool:
        """Whether a customer or salesperson has a PIN."""
        table = CustomerRow if kind == "customers" else SalespersonRow
        query = select(table.pin_hash.is_not(None)).where(table.number == key)
        async with self._store.reading() as connection:
            return bool((await connection.execute(query)).scalar())

    async def _entries(
        self, connection: AsyncConnection, kind: Kind, rows: Sequence[AnyRow]
    ) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                one.id,
                " ".join(written(one.values.get(name)) for name in kind.key),
                one.values,
                look_of(one.values),
            )
            for one in await kind.as_found(connection, rows)
        )

    async def _note(self, connection: AsyncConnection, kind: str, line: Line, by: str) -> None:
        if line.outcome in ("added", "changed"):
            subject = f"{subject_of(kind)}:{line.key.split(' ')[0]}"
            await self._audit(
                connection, f"{line.outcome}_{kind}", subject, by, {"fields": sorted(line.changes)}
            )

    async def _audit(
        self, connection: AsyncConnection, action: str, subject: str, by: str, details: Mapping[str, Any]
    ) -> None:
        values = {
            "at": self._clock(), "actor": by, "action": action, "subject": subject[:100], "details": dict(details),
            "call_id": "",
        }  # fmt: skip
        await connection.execute(insert(self._store, AuditRow).values(values))

    # Calendars

    async def calendars(self) -> dict[str, Calendar]:
        """Every calendar that the company has changed, by name."""
        async with self._store.reading() as connection:
            rows = (await connection.execute(select(*CalendarRow.__table__.columns))).all()
            days: dict[str, dict[date, tuple[str, str]]] = {row.name: {} for row in rows}
            query = select(*CalendarDayRow.__table__.columns).order_by(CalendarDayRow.day)
            for row in await connection.execute(query):
                days[row.calendar][row.day] = (row.hours, row.note)
        return {row.name: Calendar(**{**row._mapping, "days": days[row.name]}) for row in rows}

    async def set_calendar(self, calendar: Calendar, *, by: str, action: str = "changed_hours") -> Calendar:
        """Put a calendar in place of the version it was made from. Raises ConflictError if that is not the latest."""
        now = self._clock()
        values = {
            "name": calendar.name, "week": None if calendar.week is None else dict(calendar.week),
            "swapped": calendar.swapped, "override": calendar.override, "override_until": calendar.override_until,
            "note": calendar.note, "version": calendar.version + 1, "updated_at": now, "updated_by": by,
        }  # fmt: skip
        async with self._store.writing(f"calendar:{calendar.name}") as connection:
            known = select(CalendarRow.version).where(CalendarRow.name == calendar.name)
            if ((await connection.execute(known)).scalar() or 0) != calendar.version:
                raise ConflictError("Somebody else has changed these hours meanwhile.")
            statement = insert(self._store, CalendarRow).values(values)
            changed = {name: value for name, value in values.items() if name != "name"}
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[CalendarRow.name], set_=changed)
            )
            await connection.execute(delete(CalendarDayRow).where(CalendarDayRow.calendar == calendar.name))
            rows = [
                {"calendar": calendar.name, "day": day, "hours": hours, "note": note}
                for day, (hours, note) in calendar.days.items()
            ]
            if rows:
                await connection.execute(insert(self._store, CalendarDayRow), rows)
            details = {
                "override": calendar.override,
                "days": len(rows),
                "own_week": calendar.week is not None,
            }
            await self._audit(connection, action, f"calendar:{calendar.name}", by, details)
        return (await self.calendars())[calendar.name]


def look_of(values: Mapping[str, Any]) -> str:
    """A short mark of how a record looks; another as soon as anything of it changes."""
    texts = {name: written(value) for name, value in values.items() if name != "id_number"}
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]


def _insist(line: Line, kind: Kind, seen: str | None) -> None:
    if seen is None and line.found is not None:
        raise ConflictError(f"{line.key} exists already.")
    if seen is not None and line.found is None:
        raise NotFoundError(f"{line.key} is not there any more.")
    if seen is not None and line.found is not None and look_of(line.found.values) != seen:
        raise ConflictError(f"Somebody else has changed {line.key} meanwhile.")


def _cell(kind: Kind, name: str, cell: str) -> str:
    """A blank cell of a form empties the field, where it may be empty; in a file it would leave it as it is."""
    column = kind.column(name)
    assert column is not None  # noqa: S101 - chosen from the kind's own
    return EMPTY if not cell.strip() and column.may_be_empty else cell


def _found_by(kind: str, text: str) -> ColumnElement[bool]:
    """Records that a text finds; numbers are found by their beginning, telephone numbers with or without +86."""
    found = [column.startswith(text, autoescape=True) for column in _SEARCHED[kind]]
    digits = "".join(char for char in text if char.isdecimal())
    if kind in ("customers", "salespeople") and len(digits) >= 5:
        table = CustomerRow if kind == "customers" else SalespersonRow
        found += [table.phone.startswith(f"+86{digits}"), table.phone.startswith(f"+{digits}")]
    if kind == "customers":
        holders = select(PolicyRow.customer_id).where(PolicyRow.number == text)
        found.append(CustomerRow.id.in_(holders))
    if kind == "policies":
        for table, into in ((CustomerRow, PolicyRow.customer_id), (SalespersonRow, PolicyRow.salesperson_id)):
            named = select(table.id).where(or_(table.number == text, table.name == text))
            found.append(into.in_(named))
        found.append(PolicyRow.product_id.in_(select(ProductRow.id).where(ProductRow.code == text)))
    if kind == "products":
        found.append(func.lower(cast(ProductRow.names, Text)).contains(text.lower(), autoescape=True))
    return or_(*found)

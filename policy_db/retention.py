"""How long things are kept, what is held for a court, and what was deleted.

Periods are by class, with what the law asks for as the least. China: recordings of sales are kept 5 years (contracts of
one year or less) or 10 years (longer ones) from the end of the contract (保险销售行为可回溯管理暂行办法), and so are the
papers of a contract (保险法第八十七条); logs of a network at least 6 months (网络安全法第二十一条), here a year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import delete, func, select, update

from policy_db.clock import Clock
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    CallRow,
    ClaimRow,
    CustomerRow,
    ErasureRow,
    LeaseRow,
    LegalHoldRow,
    PolicyRow,
    PurgeRow,
    RetentionPeriodRow,
)
from policy_db.writes import insert

HoldKind = Literal["customer", "policy", "claim", "call"]
HOLD_KINDS: Final = ("customer", "policy", "claim", "call")
_YEAR: Final = 365
MOST_DAYS: Final = 100 * _YEAR


@dataclass(frozen=True, slots=True)
class RetentionClass:
    """A class of things: days they are kept if nobody says otherwise, and the least that may be said."""

    name: str
    days: int
    least: int


#: In the order in which they are deleted: recordings before the calls that they belong to.
CLASSES: Final = (
    RetentionClass("voicemail", _YEAR, 30),
    RetentionClass("talks", 180, 1),
    RetentionClass("sales_short", 5 * _YEAR + 2, 5 * _YEAR + 2),
    RetentionClass("sales_long", 10 * _YEAR + 3, 10 * _YEAR + 3),
    RetentionClass("drafts", _YEAR, 30),
    RetentionClass("claims", 10 * _YEAR + 3, 5 * _YEAR + 2),
    RetentionClass("calls", 2 * _YEAR, 30),
    RetentionClass("suggestions", 3 * _YEAR, _YEAR),
    RetentionClass("documents", _YEAR, 30),
    RetentionClass("attempts", 90, 1),
    RetentionClass("numbers", 2 * _YEAR, 1),
    RetentionClass("imports", 90, 1),
    RetentionClass("audit", 5 * _YEAR + 2, 366),
)


@dataclass(frozen=True, slots=True)
class Period:
    """How long a class is kept; `changed_by` is empty where nobody has changed it."""

    name: str
    days: int
    least: int
    usual: int
    changed_at: datetime | None
    changed_by: str


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Nothing of this customer, policy, claim or call is deleted until the hold is released."""

    id: int
    kind: HoldKind
    number: str
    why: str
    set_at: datetime
    set_by: str
    released_at: datetime | None
    released_by: str


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """A run: `counts` by class with `deleted`, `held`, `files` and `failed`; `dry` has only counted."""

    id: int
    began_at: datetime
    ended_at: datetime | None
    who: str
    dry: bool
    counts: Mapping[str, Mapping[str, int]]
    problem: str


@dataclass(frozen=True, slots=True)
class ErasureRecord:
    """That a customer's data was erased, what went and what stayed."""

    customer: str
    at: datetime
    who: str
    erased: Mapping[str, int]
    stays: tuple[Mapping[str, Any], ...]


class Retention:
    """Periods, holds, and the book of what was deleted."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # Periods

    async def periods(self) -> dict[str, Period]:
        """Every class with its period, in their order."""
        query = select(*RetentionPeriodRow.__table__.columns)
        async with self._store.reading() as connection:
            rows = {row.name: row for row in await connection.execute(query)}
        return {one.name: _period(one, rows.get(one.name)) for one in CLASSES}

    async def set_period(self, name: str, days: int, *, who: str) -> None:
        """Keep a class for so many days. Raises NotFoundError, BadValueError for less than the law asks."""
        known = next((one for one in CLASSES if one.name == name), None)
        if known is None:
            raise NotFoundError(f"There is no class {name}.")
        if not known.least <= days <= MOST_DAYS:
            raise BadValueError(f"{name} is kept for {known.least} to {MOST_DAYS} days.")
        values = {"days": days, "changed_at": self._clock(), "changed_by": who}
        statement = insert(self._store, RetentionPeriodRow).values(name=name, **values)
        async with self._store.writing() as connection:
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[RetentionPeriodRow.name], set_=values)
            )

    # Holds

    async def hold(self, kind: HoldKind, number: str, *, why: str, who: str) -> LegalHold:
        """Hold a customer, policy or claim (by number) or a call (by id).

        Raises NotFoundError, ConflictError where it is held already, BadValueError without a reason.
        """
        if kind not in HOLD_KINDS:
            raise BadValueError(f"A hold is on a {', '.join(HOLD_KINDS)}.")
        if not why.strip() or len(why) > 2000:
            raise BadValueError("A hold has a reason of 1 to 2,000 characters.")
        statement = insert(self._store, LegalHoldRow).values(
            kind=kind,
            number=number,
            why=why.strip(),
            set_at=self._clock(),
            set_by=who,
            released_at=None,
            released_by="",
        )
        column: Any = {
            "customer": CustomerRow.number,
            "policy": PolicyRow.number,
            "claim": ClaimRow.number,
            "call": CallRow.id,
        }[kind]
        async with self._store.writing(f"hold {kind} {number}") as connection:
            if (await connection.execute(select(column).where(column == number))).first() is None:
                raise NotFoundError(f"There is no {kind} {number}.")
            added = await connection.execute(
                statement.on_conflict_do_nothing().returning(*LegalHoldRow.__table__.columns)
            )
            row = added.first()
        if row is None:
            raise ConflictError(f"The {kind} {number} is held already.")
        return _hold(row)

    async def release(self, hold: int, *, who: str) -> LegalHold | None:
        """End a hold; the hold as it is then, None if there is no open one of that id."""
        change = (
            update(LegalHoldRow)
            .where(LegalHoldRow.id == hold, LegalHoldRow.released_at.is_(None))
            .values(released_at=self._clock(), released_by=who)
            .returning(*LegalHoldRow.__table__.columns)
        )
        async with self._store.writing() as connection:
            row = (await connection.execute(change)).first()
        return None if row is None else _hold(row)

    async def holds(self, *, released: bool = False, limit: int = 500) -> tuple[LegalHold, ...]:
        """Holds that are on, or with `released` those that were, the latest first."""
        condition = LegalHoldRow.released_at.is_not(None) if released else LegalHoldRow.released_at.is_(None)
        query = select(*LegalHoldRow.__table__.columns).where(condition)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(LegalHoldRow.id.desc()).limit(limit))
            return tuple(_hold(row) for row in rows)

    async def hold_on(self, kind: HoldKind, number: str) -> LegalHold | None:
        """The hold on this very thing, if there is one."""
        query = select(*LegalHoldRow.__table__.columns).where(
            LegalHoldRow.kind == kind, LegalHoldRow.number == number, LegalHoldRow.released_at.is_(None)
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _hold(row)

    # The book

    async def begin_purge(self, *, who: str, dry: bool) -> int:
        """A run begins; its number."""
        statement = insert(self._store, PurgeRow).values(
            began_at=self._clock(), ended_at=None, who=who, dry=dry, counts={}, problem=""
        )
        async with self._store.writing() as connection:
            return int((await connection.execute(statement.returning(PurgeRow.id))).scalar_one())

    async def end_purge(
        self, number: int, counts: Mapping[str, Mapping[str, int]], problem: str = ""
    ) -> None:
        """A run is over, or has come this far and met a problem."""
        values = {"ended_at": self._clock(), "counts": dict(counts), "problem": problem[:200]}
        async with self._store.writing() as connection:
            await connection.execute(update(PurgeRow).where(PurgeRow.id == number).values(values))
            old = select(PurgeRow.id).order_by(PurgeRow.id.desc()).offset(2000).limit(1)
            last = (await connection.execute(old)).scalar()
            if last is not None:
                await connection.execute(delete(PurgeRow).where(PurgeRow.id <= last))

    async def purges(self, limit: int = 30) -> tuple[PurgeReport, ...]:
        """The latest runs."""
        query = select(*PurgeRow.__table__.columns).order_by(PurgeRow.id.desc()).limit(limit)
        async with self._store.reading() as connection:
            return tuple(PurgeReport(**row._mapping) for row in await connection.execute(query))

    async def note_erasure(
        self, customer: str, *, who: str, erased: Mapping[str, int], stays: list[dict[str, Any]]
    ) -> None:
        """Write down that a customer's data was erased."""
        statement = insert(self._store, ErasureRow).values(
            customer=customer, at=self._clock(), who=who, erased=dict(erased), stays=stays
        )
        async with self._store.writing() as connection:
            await connection.execute(statement)

    async def erasures(self, customer: str = "", limit: int = 30) -> tuple[ErasureRecord, ...]:
        """The latest erasures, of one customer or all."""
        query = select(*ErasureRow.__table__.columns).order_by(ErasureRow.id.desc()).limit(limit)
        if customer:
            query = query.where(ErasureRow.customer == customer)
        async with self._store.reading() as connection:
            rows = await connection.execute(query)
            return tuple(
                ErasureRecord(row.customer, row.at, row.who, row.erased, tuple(row.stays)) for row in rows
            )

    # One process at a time

    async def take_lease(self, name: str, holder: str, *, seconds: float) -> bool:
        """Take or prolong the right to do a piece of work; false while another process has it."""
        now = self._clock()
        until = now + timedelta(seconds=seconds)
        statement = insert(self._store, LeaseRow).values(name=name, holder=holder, until=until, done_at=None)
        mine = (LeaseRow.holder == holder) | (LeaseRow.until <= now)
        async with self._store.writing(f"lease {name}") as connection:
            taken = await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[LeaseRow.name], set_={"holder": holder, "until": until}, where=mine
                ).returning(LeaseRow.name)
            )
            return taken.first() is not None

    async def give_lease(self, name: str, holder: str, *, done: bool) -> None:
        """Give the right back; `done` notes that the work is done."""
        now = self._clock()
        values: dict[str, Any] = {"until": now} | ({"done_at": now} if done else {})
        change = update(LeaseRow).where(LeaseRow.name == name, LeaseRow.holder == holder).values(values)
        async with self._store.writing() as connection:
            await connection.execute(change)

    async def last_done(self, name: str) -> datetime | None:
        """When a piece of work was last done."""
        query = select(LeaseRow.done_at).where(LeaseRow.name == name)
        async with self._store.reading() as connection:
            return (await connection.execute(query)).scalar()

    async def count_holds(self) -> int:
        """How many holds are on."""
        query = select(func.count()).select_from(LegalHoldRow).where(LegalHoldRow.released_at.is_(None))
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one())


def _period(known: RetentionClass, row: AnyRow | None) -> Period:
    days = known.days if row is None else max(row.days, known.least)
    return Period(
        known.name,
        days,
        known.least,
        known.days,
        None if row is None else row.changed_at,
        "" if row is None else row.changed_by,
    )


def _hold(row: AnyRow) -> LegalHold:
    values = dict(row._mapping)
    return LegalHold(**values | {"kind": cast("HoldKind", values["kind"])})

"""Referrals: forward from step to step, each with its time and person, and what came of them for everybody to see."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, cast

from sqlalchemy import ColumnElement, Select, Text, and_, func, or_, select, update
from sqlalchemy import cast as cast_to
from sqlalchemy import insert as insert_into
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.message_facts import StaleError
from policy_db.selling_facts import (
    ENDS,
    WAY,
    Referral,
    ReferralCount,
    ReferralFilter,
    ReferralState,
    ReferralStep,
    may_move,
)
from policy_db.store import AnyRow, Store
from policy_db.tables import CustomerRow, ReferralRow, ReferralStepRow
from policy_db.writes import insert

_NAMES: Final = tuple(one.name for one in fields(Referral))
_COLUMNS: Final = tuple(getattr(ReferralRow, name) for name in _NAMES)
_MOST_NOTE: Final = 2000
CountBy = Literal["seat", "referred_by", "product", "script"]
_KEYS: Final[dict[CountBy, Any]] = {
    "seat": ReferralRow.seat,
    "referred_by": ReferralRow.referred_by,
    "product": ReferralRow.product,
    "script": ReferralRow.script,
}


class Referrals:
    """Every referral, whoever made it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def flag(self, referral: Referral, *, who: str, note: str = "") -> Referral:
        """Begin a referral in its `state`; the same id again gives the one that is there."""
        async with self._store.writing() as connection:
            return await flag(self._store, connection, referral, who=who, note=note)

    async def move(
        self,
        referral: str,
        state: ReferralState,
        *,
        who: str,
        at: datetime,
        note: str = "",
        seat: str | None = None,
        premium: Decimal | None = None,
        policy: str | None = None,
        version: int | None = None,
    ) -> Referral:
        """Take a referral to a later state, with what is known by then; in that state already, it stays as it is.

        `who` is `caller`, `hotline`, `seat:ID` or `user:NAME`. Raises NotFoundError, ConflictError for a step back or
        out of an end, BadValueError for a negative premium or a note beyond 2,000 characters, and StaleError if
        `version` is given and it has moved since.
        """
        if (premium is not None and premium < 0) or len(note) > _MOST_NOTE:
            raise BadValueError("A premium is not negative, and a note has 2,000 characters at most.")
        async with self._store.writing(f"referral {referral}") as connection:
            known = await _find(connection, referral)
            if known.state == state:
                return known
            await _current(connection, known, version)
            if not may_move(known.state, state):
                raise ConflictError(f"A referral that is {known.state} cannot become {state}.")
            moved = replace(
                known,
                state=state,
                changed_at=at,
                seat=known.seat if seat is None else seat,
                premium=known.premium if premium is None else premium,
                policy=known.policy if policy is None else policy,
                version=known.version + 1,
            )
            await _change(connection, known, moved, ReferralStep(0, state, at, who, note))
        return moved

    async def refer(self, referral: str, seat: str, *, at: datetime, note: str = "") -> Referral:
        """A seat sends a caller who said yes on to whoever may sell it; the first seat that does so has referred it.

        Raises NotFoundError, and ConflictError if nothing more can become of it.
        """
        async with self._store.writing(f"referral {referral}") as connection:
            known = await _find(connection, referral)
            if known.ended:
                raise ConflictError(f"A referral that is {known.state} cannot be sent on.")
            sent = replace(
                known,
                state="accepted" if known.state in ("flagged", "offered") else known.state,
                referred_by=known.referred_by or seat,
                changed_at=at,
                version=known.version + 1,
            )
            await _change(connection, known, sent, ReferralStep(0, sent.state, at, f"seat:{seat}", note))
        return sent

    async def assign(
        self, referral: str, coordinator: str, *, who: str, at: datetime, version: int | None = None
    ) -> Referral:
        """Name who coordinates a referral (empty: nobody); raises NotFoundError and StaleError."""
        async with self._store.writing(f"referral {referral}") as connection:
            known = await _find(connection, referral)
            if known.coordinator == coordinator:
                return known
            await _current(connection, known, version)
            named = replace(known, coordinator=coordinator, changed_at=at, version=known.version + 1)
            note = f"coordinator: {coordinator}"
            await _change(connection, known, named, ReferralStep(0, known.state, at, who, note))
        return named

    async def note(self, referral: str, text: str, *, who: str, at: datetime) -> None:
        """Add a word to where a referral is. Raises NotFoundError, and BadValueError for none or too long a word."""
        if not text.strip() or len(text) > _MOST_NOTE:
            raise BadValueError("A note has 1 to 2,000 characters.")
        async with self._store.writing(f"referral {referral}") as connection:
            known = await _find(connection, referral)
            noted = replace(known, changed_at=at, version=known.version + 1)
            await _change(connection, known, noted, ReferralStep(0, known.state, at, who, text.strip()))

    async def find(self, referral: str) -> Referral | None:
        """The referral of that id."""
        return next(iter(await self._where(ReferralRow.id == referral)), None)

    async def steps(self, referral: str) -> tuple[ReferralStep, ...]:
        """Every step of a referral, the first first."""
        table = ReferralStepRow
        query = select(table.seq, table.state, table.at, table.who, table.note)
        query = query.where(table.referral == referral).order_by(table.seq)
        async with self._store.reading() as connection:
            rows = await connection.execute(query)
            return tuple(
                ReferralStep(seq, cast("ReferralState", state), at, who, note)
                for seq, state, at, who, note in rows
            )

    async def of_call(self, call: str) -> tuple[Referral, ...]:
        """The referrals of a call, the first first."""
        return await self._where(ReferralRow.call_id == call)

    async def of_customer(self, customer: str, limit: int = 50) -> tuple[Referral, ...]:
        """A customer's referrals, the latest first."""
        return await self._where(ReferralRow.customer == customer, latest=limit)

    async def of_seat(self, seat: str, limit: int = 50) -> tuple[Referral, ...]:
        """What a seat has referred, or has now, the latest first."""
        mine = or_(ReferralRow.referred_by == seat, ReferralRow.seat == seat)
        return await self._where(mine, latest=limit)

    async def page(
        self, wanted: ReferralFilter, *, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> tuple[Referral, ...]:
        """Referrals, the latest first; `after` is when the last one of the page before was flagged, and its id."""
        conditions = _conditions(wanted)
        if after is not None:
            at, last = after
            earlier = and_(ReferralRow.flagged_at == at, ReferralRow.id < last)
            conditions.append(or_(ReferralRow.flagged_at < at, earlier))
        return await self._where(*conditions, latest=limit)

    async def tally(self, wanted: ReferralFilter) -> dict[ReferralState, int]:
        """How many referrals there are in each state now."""
        query = select(ReferralRow.state, func.count()).where(*_conditions(wanted))
        async with self._store.reading() as connection:
            rows = await connection.execute(query.group_by(ReferralRow.state))
            return {cast("ReferralState", state): int(number) for state, number in rows}

    async def counts(self, since: datetime, until: datetime, by: CountBy) -> tuple[ReferralCount, ...]:
        """How far the referrals flagged in a time came, by seat, by who referred, by product, or by script.

        A state that was skipped counts as reached where a later one of the way was; reaching `offered` is being asked.
        """
        key = _KEYS[by]
        period = and_(ReferralRow.flagged_at >= since, ReferralRow.flagged_at < until)
        reached = (
            select(key, ReferralRow.id, ReferralStepRow.state)
            .join(ReferralStepRow, ReferralStepRow.referral == ReferralRow.id)
            .where(period)
            .distinct()
        )
        premium = select(key, func.sum(ReferralRow.premium)).where(period, ReferralRow.state == "sold")
        async with self._store.reading() as connection:
            states: dict[tuple[str, str], set[str]] = defaultdict(set)
            for name, referral, state in await connection.execute(reached):
                states[name, referral].add(state)
            rows = (await connection.execute(premium.group_by(key))).all()
        sold: dict[str, Decimal | None] = {row[0]: row[1] for row in rows}
        return _counted(states, sold)

    async def _where(
        self, *conditions: ColumnElement[bool], latest: int | None = None
    ) -> tuple[Referral, ...]:
        query: Select[Any] = select(*_COLUMNS).where(*conditions)
        if latest is None:
            query = query.order_by(ReferralRow.flagged_at, ReferralRow.id)
        else:
            query = query.order_by(ReferralRow.flagged_at.desc(), ReferralRow.id.desc()).limit(latest)
        async with self._store.reading() as connection:
            return tuple(_referral(row) for row in await connection.execute(query))


async def flag(
    store: Store, connection: AsyncConnection, referral: Referral, *, who: str, note: str = ""
) -> Referral:
    """Begin a referral within a transaction; the same id again gives the one that is there."""
    values = {name: getattr(referral, name) for name in _NAMES} | {"also": list(referral.also), "version": 1}
    statement = insert(store, ReferralRow).values(values).on_conflict_do_nothing().returning(ReferralRow.id)
    if (await connection.execute(statement)).first() is None:
        return await _find(connection, referral.id)
    step = ReferralStep(0, referral.state, referral.flagged_at, who, note)
    await connection.execute(insert(store, ReferralStepRow).values(_step(referral.id, step)))
    return replace(referral, version=1)


async def _find(connection: AsyncConnection, referral: str) -> Referral:
    row = (await connection.execute(select(*_COLUMNS).where(ReferralRow.id == referral))).first()
    if row is None:
        raise NotFoundError(f"There is no referral {referral}.")
    return _referral(row)


async def _current(connection: AsyncConnection, known: Referral, version: int | None) -> None:
    if version is not None and version != known.version:
        table = ReferralStepRow
        query = select(table.who).where(table.referral == known.id).order_by(table.seq.desc()).limit(1)
        by = (await connection.execute(query)).scalar()
        raise StaleError(known.version, by or "", known.changed_at)


async def _change(connection: AsyncConnection, known: Referral, new: Referral, step: ReferralStep) -> None:
    """Write a change that was planned on `known`, and its step, unless the row has moved on meanwhile."""
    values = {name: getattr(new, name) for name in _NAMES} | {"also": list(new.also)}
    change = update(ReferralRow).where(ReferralRow.id == known.id, ReferralRow.version == known.version)
    if not (await connection.execute(change.values(values))).rowcount:
        raise StaleError(known.version, "", known.changed_at)
    table = ReferralStepRow
    last = select(func.max(table.seq)).where(table.referral == known.id)
    seq = int((await connection.execute(last)).scalar() or 0) + 1
    await connection.execute(insert_into(table).values(_step(known.id, replace(step, seq=seq))))


def _step(referral: str, step: ReferralStep) -> dict[str, Any]:
    return {
        "referral": referral,
        "seq": step.seq,
        "state": step.state,
        "at": step.at,
        "who": step.who,
        "note": step.note,
    }


def _referral(row: AnyRow) -> Referral:
    values = dict(row._mapping)
    return Referral(**values | {"also": tuple(values["also"])})


def _conditions(wanted: ReferralFilter) -> list[ColumnElement[bool]]:
    table = ReferralRow
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(table.state.in_(wanted.states))
    exact = {table.product: wanted.product, table.seat: wanted.seat, table.referred_by: wanted.referred_by}
    conditions += [column == value for column, value in exact.items() if value]
    if wanted.coordinator == "-":
        conditions += [table.coordinator == "", _several(), table.state.not_in(ENDS)]
    elif wanted.coordinator:
        conditions.append(table.coordinator == wanted.coordinator)
    if wanted.several:
        conditions.append(_several())
    if wanted.since is not None:
        conditions.append(table.flagged_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(table.flagged_at < wanted.until)
    if wanted.q:
        conditions.append(_search(wanted.q))
    if wanted.people:
        seats = [one.removeprefix("seat:") for one in wanted.people if one.startswith("seat:")]
        mine = (table.referred_by.in_(seats), table.seat.in_(seats), table.coordinator.in_(wanted.people))
        conditions.append(or_(*mine))
    return conditions


def _several() -> ColumnElement[bool]:
    """The condition that a referral is about more than one product."""
    return func.length(cast_to(ReferralRow.also, Text)) > len("[]")


def _search(q: str) -> ColumnElement[bool]:
    table = ReferralRow
    named = select(CustomerRow.number).where(CustomerRow.name == q)
    return or_(
        table.customer == q,
        table.policy == q,
        table.customer.in_(named),
        table.id.startswith(q, autoescape=True),
        table.call_id.startswith(q, autoescape=True),
    )


def _counted(
    states: dict[tuple[str, str], set[str]], sold: dict[str, Decimal | None]
) -> tuple[ReferralCount, ...]:
    reached: dict[str, dict[ReferralState, int]] = defaultdict(lambda: defaultdict(int))
    for (name, _referral_id), known in states.items():
        for state in _all_reached(known):
            reached[name][state] += 1
    return tuple(
        ReferralCount(name, dict(reached[name]), Decimal(sold.get(name) or 0)) for name in sorted(reached)
    )


def _all_reached(known: set[str]) -> set[ReferralState]:
    furthest = max((WAY.index(one) for one in WAY if one in known), default=0)
    reached: set[ReferralState] = set(WAY[: furthest + 1])
    if known & {"refused", "declined", "lost"}:
        reached.add("offered")
    return reached | {cast("ReferralState", one) for one in known if one not in WAY}

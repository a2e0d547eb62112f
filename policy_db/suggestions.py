"""Decisions about callers: written once, read by seats at once and by reports later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select

from policy_db.customer_standing import customer_standing
from policy_db.referrals import flag
from policy_db.selling_facts import Candidate, CustomerStanding, Referral, Suggestion
from policy_db.store import AnyRow, Store
from policy_db.tables import SuggestionRow
from policy_db.writes import insert

_NAMES: Final = tuple(one.name for one in fields(Suggestion))
_COLUMNS: Final = tuple(getattr(SuggestionRow, name) for name in _NAMES)
_BATCH: Final = 1000


class Suggestions:
    """Every decision, and what one is made from."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def standing(
        self, customer: str, number: str, now: datetime, *, policy: str = ""
    ) -> CustomerStanding | None:
        """All that gates and models need to know, as of `now`; None for an unknown customer.

        Without a customer's number, it is the holder of `policy`. `number` is the telephone they call from.
        """
        async with self._store.reading() as connection:
            return await connection.run_sync(customer_standing, customer, policy, number, now)

    async def add(self, suggestion: Suggestion, referral: Referral | None = None) -> None:
        """Write a decision down, with the referral that it flags; the same once more changes nothing."""
        statement = insert(self._store, SuggestionRow).values(row_values(suggestion)).on_conflict_do_nothing()
        async with self._store.writing() as connection:
            await connection.execute(statement)
            if referral is not None:
                await flag(self._store, connection, referral, who="hotline")

    async def find(self, suggestion: str) -> Suggestion | None:
        """The decision of that id."""
        return next(iter(await self._latest(1, SuggestionRow.id == suggestion)), None)

    async def latest_of(self, call: str) -> Suggestion | None:
        """The latest decision in a call."""
        return next(iter(await self._latest(1, SuggestionRow.call_id == call)), None)

    async def of_customer(self, customer: str, since: datetime, limit: int = 100) -> tuple[Suggestion, ...]:
        """The decisions about a customer since then, the latest first."""
        return await self._latest(
            limit, SuggestionRow.customer == customer, SuggestionRow.decided_at >= since
        )

    async def page(
        self,
        since: datetime,
        until: datetime,
        *,
        arm: str = "",
        gate: str = "",
        product: str = "",
        q: str = "",
        after: tuple[datetime, str] | None = None,
        limit: int = 50,
    ) -> tuple[Suggestion, ...]:
        """Decisions of a time, the latest first; `after` is the last one of the page before.

        `q` is a customer's number, or the beginning of a call's or a decision's id.
        """
        table = SuggestionRow
        conditions = [table.decided_at >= since, table.decided_at < until]
        for column, value in ((table.arm, arm), (table.gate, gate), (table.product, product)):
            if value:
                conditions.append(column == value)
        if q:
            starts = (column.startswith(q, autoescape=True) for column in (table.call_id, table.id))
            conditions.append(or_(table.customer == q, *starts))
        if after is not None:
            at, last = after
            same = and_(SuggestionRow.decided_at == at, SuggestionRow.id < last)
            conditions.append(or_(SuggestionRow.decided_at < at, same))
        return await self._latest(limit, *conditions)

    async def each(self, since: datetime, until: datetime, *, arm: str = "") -> AsyncIterator[Suggestion]:
        """Decisions of a time, the earliest first, however many they are; read a thousand at a time."""
        conditions = [SuggestionRow.decided_at < until]
        if arm:
            conditions.append(SuggestionRow.arm == arm)
        start: ColumnElement[bool] = SuggestionRow.decided_at >= since
        while True:
            query = select(*_COLUMNS).where(start, *conditions)
            query = query.order_by(SuggestionRow.decided_at, SuggestionRow.id).limit(_BATCH)
            async with self._store.reading() as connection:
                found = [_suggestion(row) for row in await connection.execute(query)]
            for one in found:
                yield one
            if len(found) < _BATCH:
                return
            last = found[-1]
            same = and_(SuggestionRow.decided_at == last.decided_at, SuggestionRow.id > last.id)
            start = or_(SuggestionRow.decided_at > last.decided_at, same)

    async def _latest(self, limit: int, *conditions: ColumnElement[bool]) -> tuple[Suggestion, ...]:
        query = select(*_COLUMNS).where(*conditions)
        query = query.order_by(SuggestionRow.decided_at.desc(), SuggestionRow.id.desc()).limit(limit)
        async with self._store.reading() as connection:
            return tuple(_suggestion(row) for row in await connection.execute(query))


def row_values(suggestion: Suggestion) -> dict[str, Any]:
    """A decision as the columns of its row."""
    return {name: getattr(suggestion, name) for name in _NAMES} | {
        "gates": [dict(one) for one in suggestion.gates],
        "candidates": [asdict(one) for one in suggestion.candidates],
        "reasons": [dict(one) for one in suggestion.reasons],
        "portfolio": list(suggestion.portfolio),
        "features": dict(suggestion.features),
        "models": dict(suggestion.models),
    }


def _suggestion(row: AnyRow) -> Suggestion:
    values = dict(row._mapping)
    return Suggestion(
        **values
        | {
            "gates": tuple(values["gates"]),
            "candidates": tuple(Candidate(**one) for one in values["candidates"]),
            "reasons": tuple(values["reasons"]),
            "portfolio": tuple(values["portfolio"]),
        }
    )

"""Rows of a simulated company: a portfolio whose premiums are paid, its people, and whole days of calls at once.

For a database of its own alone: what is written here did not happen. Everything goes into the same tables, and a day is
one transaction, so that a year takes minutes.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.customer_standing import customer_standing
from policy_db.selling_facts import CustomerStanding, OnSale, Referral, ReferralStep, Suggestion
from policy_db.simulated_book import Book, differs
from policy_db.suggestions import row_values
from policy_db.tables import (
    CallRow,
    CustomerRow,
    InstalmentRow,
    PolicyRow,
    ProductRow,
    ReferralRow,
    ReferralStepRow,
    SuggestionRow,
)

if TYPE_CHECKING:
    from policy_db.database import PolicyDatabase

#: Of how many policies premiums stay unpaid when they fall due.
_LATE: Final = 0.05
_REFERRAL: Final = tuple(one.name for one in fields(Referral))


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as they come to call: ids, telephone, one of their policies, and what they speak."""

    id: int
    number: str
    phone: str
    policy: str
    policy_id: int
    language: str
    born_on: date


@dataclass(frozen=True, slots=True)
class NewPolicy:
    """A policy that a customer took on a day, paid by the year."""

    number: str
    customer_id: int
    product: OnSale
    insured_sum: Decimal
    premium: Decimal
    started_on: date
    at: datetime


@dataclass(slots=True)
class Day:
    """All that happened on one day: calls (id, person, start), decisions, referrals begun and moved, policies."""

    calls: list[tuple[str, Person, datetime]] = field(default_factory=list)
    decisions: list[Suggestion] = field(default_factory=list)
    begun: list[Referral] = field(default_factory=list)
    moved: list[Referral] = field(default_factory=list)
    steps: list[tuple[str, ReferralStep]] = field(default_factory=list)
    taken: list[NewPolicy] = field(default_factory=list)
    surrendered: list[tuple[str, date]] = field(default_factory=list)


class Reading:
    """What the adviser reads: standings from the book, now and then compared with the database's own; the catalogue."""

    def __init__(self, connection: AsyncConnection, book: Book, products: tuple[OnSale, ...]) -> None:
        self._connection = connection
        self._book = book
        self._products = products
        self._asked = 0
        self.suggestions = self
        self.offered = self

    async def standing(
        self, customer: str, number: str, now: datetime, *, policy: str = ""
    ) -> CustomerStanding | None:
        """As `Suggestions.standing`; the first of a day is compared with it. Raises ValueError if they differ."""
        found = self._book.standing(customer, now)
        self._asked += 1
        if self._asked == 1:
            read = await self._connection.run_sync(customer_standing, customer, policy, number, now)
            if wrong := differs(found, read):
                raise ValueError(f"the book differs from the database about {customer}: {', '.join(wrong)}")
        return found

    async def all(self) -> tuple[OnSale, ...]:
        """As `OfferedProducts.all`."""
        return self._products


class Simulated:
    """Writes and reads a simulated company."""

    def __init__(self, database: PolicyDatabase) -> None:
        self._database = database
        self._store = database.store
        self._products: dict[str, int] = {}
        self._book: Book | None = None

    async def settle(self, start: date, days: int, seed: int) -> None:
        """Make a demonstration last: premiums are paid as they fall due, but for a few, and policies are renewed."""
        rng = random.Random(seed)  # noqa: S311 - it makes up people
        end = start + timedelta(days=days + 400)
        async with self._store.writing() as connection:
            policies = (await connection.execute(select(PolicyRow.id).order_by(PolicyRow.id))).scalars().all()
            late = [one for one in policies if rng.random() < _LATE]
            table = InstalmentRow
            await connection.execute(
                update(table)
                .where(table.due_on >= start, table.paid < table.amount)
                .values(paid=table.amount, paid_on=table.due_on)
            )
            unpaid = update(table).where(table.policy_id == bindparam("policy"), table.paid_on >= start)
            await connection.execute(
                unpaid.values(paid=Decimal(0), paid_on=None), [{"policy": one} for one in late]
            )
            ending = and_(PolicyRow.ends_on >= start, PolicyRow.ends_on <= end)
            await connection.execute(update(PolicyRow).where(ending).values(ends_on=end))

    async def people(self) -> tuple[Person, ...]:
        """Everybody with a policy, one policy each."""
        query = (
            select(
                CustomerRow.id, CustomerRow.number, CustomerRow.phone, PolicyRow.number.label("policy"),
                PolicyRow.id.label("policy_id"), CustomerRow.language, CustomerRow.born_on,
            )
            .join(PolicyRow, PolicyRow.customer_id == CustomerRow.id)
            .order_by(CustomerRow.id, PolicyRow.started_on.desc(), PolicyRow.id)
        )  # fmt: skip
        found: dict[int, Person] = {}
        async with self._store.reading() as connection:
            for row in await connection.execute(query):
                person = Person(*row)
                found.setdefault(person.id, person)
        return tuple(found.values())

    async def holdings(self) -> set[tuple[int, str]]:
        """Which customer has which product."""
        query = select(PolicyRow.customer_id, ProductRow.code).join(
            ProductRow, ProductRow.id == PolicyRow.product_id
        )
        async with self._store.reading() as connection:
            return {(int(row[0]), str(row[1])) for row in await connection.execute(query)}

    @asynccontextmanager
    async def reading(self, products: tuple[OnSale, ...]) -> AsyncIterator[Reading]:
        """What the adviser reads of a day, on one connection."""
        async with self._store.reading() as connection:
            if self._book is None:
                self._book = await Book.read(connection)
            yield Reading(connection, self._book, products)

    async def write(self, day: Day) -> None:
        """Everything of a day, or nothing."""
        async with self._store.writing() as connection:
            await _many(connection, CallRow, [_call(*one) for one in day.calls])
            await _many(connection, SuggestionRow, [row_values(one) for one in day.decisions])
            await _many(connection, ReferralRow, [_referral(one) for one in day.begun])
            await self._move(connection, day.moved)
            await _many(connection, ReferralStepRow, [_step(*one) for one in day.steps])
            await self._take(connection, day.taken)
            await self._surrender(connection, day.surrendered)
        self._note(day)

    def _note(self, day: Day) -> None:
        """Keep the book; policies are in it already."""
        if self._book is None:
            return
        for _, person, at in day.calls:
            self._book.called(person.number, at)
        for referral in (*day.begun, *day.moved):
            self._book.referred(referral)
        for number, on in day.surrendered:
            self._book.surrendered(number, on)

    async def _move(self, connection: AsyncConnection, moved: Sequence[Referral]) -> None:
        names = [name for name in _REFERRAL if name != "id"]
        change = update(ReferralRow).where(ReferralRow.id == bindparam("which"))
        change = change.values({name: bindparam(f"new_{name}") for name in names})
        rows = [{"which": one.id, **{f"new_{name}": _referral(one)[name] for name in names}} for one in moved]
        if rows:
            await connection.execute(change, rows)

    async def _surrender(self, connection: AsyncConnection, ended: Sequence[tuple[str, date]]) -> None:
        change = update(PolicyRow).where(PolicyRow.number == bindparam("which"))
        rows = [{"which": number, "on": on} for number, on in ended]
        if rows:
            await connection.execute(change.values(surrendered_on=bindparam("on")), rows)

    async def _take(self, connection: AsyncConnection, taken: Sequence[NewPolicy]) -> None:
        if not taken:
            return
        if not self._products:
            found = (await connection.execute(select(ProductRow.code, ProductRow.id))).all()
            self._products = {row[0]: row[1] for row in found}
        largest = (await connection.execute(select(func.max(PolicyRow.id)))).scalar() or 0
        rows = [
            _policy(one, self._products[one.product.offered.product]) | {"id": largest + 1 + index}
            for index, one in enumerate(taken)
        ]
        await _many(connection, PolicyRow, rows)
        if self._book is not None:
            for row, one in zip(rows, taken, strict=True):
                self._book.took(
                    row["id"], one.number, one.customer_id, one.product, one.insured_sum, one.premium, one.at
                )  # fmt: skip


def _policy(one: NewPolicy, product: int) -> dict[str, Any]:
    return {
        "number": one.number,
        "customer_id": one.customer_id,
        "product_id": product,
        "salesperson_id": None,
        "insured": "",
        "sum_insured": one.insured_sum,
        "premium": one.premium,
        "currency": "CNY",
        "frequency": "yearly",
        "started_on": one.started_on,
        "ends_on": None,
        "surrendered_on": None,
        "created_at": one.at,
    }


async def _many(connection: AsyncConnection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(table), list(rows))


def _call(call_id: str, person: Person, at: datetime) -> dict[str, Any]:
    return {
        "id": call_id,
        "worker": "simulated",
        "channel": "script",
        "caller": person.phone,
        "called": "95500",
        "language": person.language,
        "level": 2,
        "flow": "main",
        "version": "",
        "state": "finished",
        "started_at": at,
        "ended_at": at + timedelta(minutes=4),
        "end_reason": "caller",
        "policy_id": person.policy_id,
        "counted": True,
    }


def _referral(one: Referral) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _REFERRAL} | {"also": list(one.also)}


def _step(referral: str, one: ReferralStep) -> dict[str, Any]:
    return {
        "referral": referral,
        "seq": one.seq,
        "state": one.state,
        "at": one.at,
        "who": one.who,
        "note": one.note,
    }

"""Promises to pay: made in a call, kept when the premium came in, broken when its day has passed without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select, update

from policy_db.facts import Money
from policy_db.outreach_facts import Attempt, Promise, PromiseState
from policy_db.store import AnyRow, Store
from policy_db.tables import InstalmentRow, PolicyRow, PromiseRow
from policy_db.writes import insert

_COLUMNS: Final = tuple(PromiseRow.__table__.columns)


@dataclass(frozen=True, slots=True)
class Pledge:
    """What is promised: the instalment due on a day, the amount, and the day by which it is to be paid."""

    due_on: date
    pay_on: date
    amount: Money


class Promises:
    """The store of promises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def make(self, attempt: Attempt, pledge: Pledge, at: datetime) -> Promise:
        """Keep a promise; in the same call another day takes the place of the first. Older open ones are withdrawn."""
        values = {
            "attempt": attempt.id,
            "campaign": attempt.campaign,
            "customer": attempt.customer,
            "policy": attempt.policy,
            "due_on": pledge.due_on,
            "pay_on": pledge.pay_on,
            "amount": pledge.amount.amount,
            "currency": pledge.amount.currency,
            "made_at": at,
            "state": "open",
        }
        statement: Any = insert(self._store, PromiseRow).values(values)
        statement = statement.on_conflict_do_update(
            index_elements=[PromiseRow.attempt], set_={"pay_on": pledge.pay_on, "made_at": at}
        ).returning(*_COLUMNS)
        older = (
            update(PromiseRow)
            .where(
                PromiseRow.policy == attempt.policy,
                PromiseRow.state == "open",
                PromiseRow.attempt != attempt.id,
            )
            .values(state="withdrawn", settled_at=at)
        )
        async with self._store.writing(f"promise {attempt.policy}") as connection:
            await connection.execute(older)
            return _promise((await connection.execute(statement)).one())

    async def page(
        self,
        *,
        state: PromiseState | None = None,
        policies: Sequence[str] = (),
        customer: str = "",
        campaign: str = "",
        limit: int = 50,
    ) -> tuple[Promise, ...]:
        """Promises, the latest first."""
        wanted = [
            *([PromiseRow.state == state] if state else []),
            *([PromiseRow.policy.in_(policies)] if policies else []),
            *([PromiseRow.customer == customer] if customer else []),
            *([PromiseRow.campaign == campaign] if campaign else []),
        ]
        query = select(*_COLUMNS).where(*wanted).order_by(PromiseRow.made_at.desc(), PromiseRow.id.desc())
        async with self._store.reading() as connection:
            return tuple(_promise(row) for row in await connection.execute(query.limit(limit)))

    async def open_of(self, policy: str) -> Promise | None:
        """The promise that stands for a policy."""
        found = await self.page(state="open", policies=(policy,), limit=1)
        return found[0] if found else None

    async def settle(self, today: date, at: datetime, limit: int = 500) -> tuple[Promise, ...]:
        """Close the promises whose instalment is paid (kept) or whose day has passed (broken); those closed now."""
        unpaid = (
            select(InstalmentRow.id)
            .join(PolicyRow, PolicyRow.id == InstalmentRow.policy_id)
            .where(
                PolicyRow.number == PromiseRow.policy,
                InstalmentRow.due_on == PromiseRow.due_on,
                InstalmentRow.paid < InstalmentRow.amount,
            )
            .correlate(PromiseRow)
            .exists()
        )
        open_ = PromiseRow.state == "open"
        kept = select(*_COLUMNS).where(open_, ~unpaid).limit(limit)
        broken = select(*_COLUMNS).where(open_, unpaid, PromiseRow.pay_on < today).limit(limit)
        closed: list[Promise] = []
        async with self._store.writing("promises") as connection:
            for state, query in (("kept", kept), ("broken", broken)):
                rows = (await connection.execute(query)).all()
                await connection.execute(
                    update(PromiseRow)
                    .where(PromiseRow.id.in_([row.id for row in rows]))
                    .values(state=state, settled_at=at)
                )
                closed += [_promise(row, state=state, settled_at=at) for row in rows]
        return tuple(closed)


def _promise(row: AnyRow, **changes: Any) -> Promise:
    values = dict(row._mapping) | changes
    amount, currency = values.pop("amount"), values.pop("currency")
    return Promise(**values, amount=Money(amount, currency))

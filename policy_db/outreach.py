"""Attempts to reach people. Each is a row before anything is dialled, moves only forward, and ends once.

Nobody is dialled but through `take`, which one caller of many can win: a request that comes late or twice finds the
attempt further on, or ended, and dials nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.moments import DAY, Period, local_epoch
from policy_db.outreach_facts import NEVER_RANG, WAY, Attempt, AttemptState, EarlierCall, Person
from policy_db.outreach_figures import abandoned_query, figures_query, in_vain_query
from policy_db.report_facts import OutreachFigures
from policy_db.store import Store
from policy_db.tables import CampaignAttemptRow, CampaignPersonRow
from policy_db.writes import insert

_ATTEMPT: Final = tuple(CampaignAttemptRow.__table__.columns)
#: Who says more of what a person wants: a later word of the same weight takes the place of an earlier one.
_WEIGHT: Final = {
    "confirmed_only": 1, "told": 2, "finished": 2, "link_sent": 3, "call_later": 3, "to_person": 3, "abandoned": 3,
    "already_paid": 4,
    "promised": 4, "disputed": 5, "wrong_number": 6, "do_not_call": 7,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """An attempt to be made: its key, and whom it is for."""

    id: str
    person: Person
    line: str


@dataclass(frozen=True, slots=True)
class Load:
    """Attempts of a campaign that are under way, and how many of them wait for an answer or for a seat."""

    under_way: int = 0
    pending: int = 0


class Outreach:
    """The store of attempts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # The way of an attempt

    async def plan(self, wanted: Sequence[NewAttempt], *, holder: str, at: datetime) -> tuple[Attempt, ...]:
        """Write attempts for people who still wait, and take them off the waiting; the others are left out."""
        planned = []
        async with self._store.writing("outreach plan") as connection:
            for one in wanted:
                row = await self._plan(connection, one, holder, at)
                planned += [] if row is None else [row]
        return tuple(planned)

    async def _plan(
        self, connection: AsyncConnection, wanted: NewAttempt, holder: str, at: datetime
    ) -> Attempt | None:
        person = wanted.person
        claimed = await connection.execute(
            update(CampaignPersonRow)
            .where(CampaignPersonRow.id == person.id, CampaignPersonRow.state == "waiting")
            .values(state="calling")
        )
        if not claimed.rowcount:
            return None
        last = select(func.coalesce(func.max(CampaignAttemptRow.seq), 0)).where(
            CampaignAttemptRow.person == person.id
        )
        values = {
            "id": wanted.id,
            "campaign": person.campaign,
            "person": person.id,
            "seq": (await connection.execute(last)).scalar_one() + 1,
            "number": person.number,
            "customer": person.customer,
            "policy": person.policy,
            "line": wanted.line,
            "state": "planned",
            "holder": holder,
            "status": 0,
            "planned_at": at,
            **dict.fromkeys(("outcome", "disposition", "answered_by", "carrier_id", "call_id"), ""),
        }
        statement = insert(self._store, CampaignAttemptRow).values(values).returning(*_ATTEMPT)
        return Attempt(**(await connection.execute(statement)).one()._mapping)

    async def submitting(self, attempts: Sequence[str], *, holder: str) -> tuple[str, ...]:
        """These are now being handed to workers, one by one; which of them were still planned by this dialler."""
        statement = (
            update(CampaignAttemptRow)
            .where(
                CampaignAttemptRow.id.in_(attempts),
                CampaignAttemptRow.state == "planned",
                CampaignAttemptRow.holder == holder,
            )
            .values(state="submitting")
            .returning(CampaignAttemptRow.id)
        )
        async with self._store.writing() as connection:
            return tuple((await connection.execute(statement)).scalars())

    async def take(self, attempt: str, *, holder: str, call_id: str, at: datetime) -> Attempt | None:
        """Win the right to dial, once and for all; None where it was won, given up or ended before."""
        statement = (
            update(CampaignAttemptRow)
            .where(CampaignAttemptRow.id == attempt, CampaignAttemptRow.state == "submitting")
            .values(state="submitted", holder=holder, call_id=call_id, submitted_at=at)
            .returning(*_ATTEMPT)
        )
        async with self._store.writing() as connection:
            row = (await connection.execute(statement)).first()
        return None if row is None else Attempt(**row._mapping)

    async def moved(
        self,
        attempt: str,
        state: AttemptState,
        *,
        at: datetime,
        outcome: str = "",
        answered_by: str = "",
        carrier_id: str = "",
        status: int = 0,
        only_from: Sequence[AttemptState] = (),
    ) -> bool:
        """An attempt has come further; whether that was news.

        Only forward: what comes late, twice or out of order changes nothing, and the first end is the end. `only_from`
        narrows from which states. What the person had said before is the outcome, whatever `outcome` says.
        """
        before = only_from or _before(state)
        values: dict[str, Any] = {"state": state}
        values |= {
            name: value
            for name, value in (
                ("answered_by", answered_by),
                ("carrier_id", carrier_id),
                ("status", status),
            )
            if value
        }
        if state == "answered":
            values["answered_at"] = at
        if state == "ended":
            said = func.nullif(CampaignAttemptRow.disposition, "")
            values |= {"outcome": func.coalesce(said, outcome), "ended_at": at}
        statement = (
            update(CampaignAttemptRow)
            .where(CampaignAttemptRow.id == attempt, CampaignAttemptRow.state.in_(before))
            .values(values)
        )
        async with self._store.writing() as connection:
            return bool((await connection.execute(statement)).rowcount)

    async def known(self, attempt: str, *, carrier_id: str = "", answered_by: str = "") -> None:
        """Note what has become known of an attempt, whatever its state."""
        values = {
            name: value for name, value in (("carrier_id", carrier_id), ("answered_by", answered_by)) if value
        }
        if not values:
            return
        async with self._store.writing() as connection:
            await connection.execute(
                update(CampaignAttemptRow).where(CampaignAttemptRow.id == attempt).values(values)
            )

    async def said(
        self, call_id: str, disposition: str, *, later_at: datetime | None = None
    ) -> Attempt | None:
        """What the person said or did, as it happens; the weightiest of several counts. None: no call of ours."""
        async with self._store.writing(f"attempt of {call_id}") as connection:
            query = select(*_ATTEMPT).where(CampaignAttemptRow.call_id == call_id)
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            if _WEIGHT.get(disposition, 0) >= _WEIGHT.get(row.disposition, 0):
                values: dict[str, Any] = {"disposition": disposition}
                if later_at is not None:
                    values["later_at"] = later_at
                if row.state == "ended":
                    values["outcome"] = disposition
                await connection.execute(
                    update(CampaignAttemptRow).where(CampaignAttemptRow.id == row.id).values(values)
                )
        return Attempt(**row._mapping)

    # What became of it, for the list

    async def unsettled(self, limit: int = 200) -> tuple[Attempt, ...]:
        """Attempts that have ended and whose people do not know yet."""
        return await self._attempts(
            (CampaignAttemptRow.state == "ended") & CampaignAttemptRow.settled_at.is_(None),
            CampaignAttemptRow.ended_at,
            limit=limit,
        )

    async def settle(
        self, attempt: Attempt, *, state: str, outcome: str, next_at: datetime | None, at: datetime
    ) -> bool:
        """Tell the person's row what became of an attempt, once; False if that was done before."""
        mine = (CampaignAttemptRow.id == attempt.id) & CampaignAttemptRow.settled_at.is_(None)
        counts = 0 if attempt.outcome in NEVER_RANG else 1
        async with self._store.writing(f"settle {attempt.id}") as connection:
            done = await connection.execute(update(CampaignAttemptRow).where(mine).values(settled_at=at))
            if not done.rowcount:
                return False
            await connection.execute(
                update(CampaignPersonRow)
                .where(CampaignPersonRow.id == attempt.person, CampaignPersonRow.state == "calling")
                .values(
                    state=state,
                    outcome=outcome,
                    next_at=next_at,
                    attempts=CampaignPersonRow.attempts + counts,
                )
            )
        return True

    # Looking

    async def find(self, attempt: str) -> Attempt | None:
        """The attempt with that id."""
        found = await self._attempts(CampaignAttemptRow.id == attempt, CampaignAttemptRow.id, limit=1)
        return found[0] if found else None

    async def of_call(self, call_id: str) -> Attempt | None:
        """The attempt that a call came of."""
        found = await self._attempts(CampaignAttemptRow.call_id == call_id, CampaignAttemptRow.id, limit=1)
        return found[0] if found else None

    async def under_way(self) -> tuple[Attempt, ...]:
        """Every attempt that has not ended, the oldest first."""
        return await self._attempts(CampaignAttemptRow.state != "ended", CampaignAttemptRow.planned_at)

    async def load(self, recent: datetime) -> Mapping[str, Load]:
        """How many attempts of each campaign are under way; costs what is under way, not what there was.

        Of those that wait for something: not answered yet, or answered since `recent`.
        """
        waits = case(
            (CampaignAttemptRow.answered_at.is_(None), 1),
            (CampaignAttemptRow.answered_at > recent, 1),
            else_=0,
        )
        query = (
            select(
                CampaignAttemptRow.campaign, func.count().label("under_way"), func.sum(waits).label("pending")
            )
            .where(CampaignAttemptRow.state != "ended")
            .group_by(CampaignAttemptRow.campaign)
        )
        async with self._store.reading() as connection:
            return {
                row.campaign: Load(row.under_way, int(row.pending)) for row in await connection.execute(query)
            }

    async def of_policy(self, policy: str, limit: int = 50) -> tuple[Attempt, ...]:
        """Attempts about a policy, the newest first."""
        return await self._newest(CampaignAttemptRow.policy == policy, limit)

    async def of_customer(self, customer: str, limit: int = 50) -> tuple[Attempt, ...]:
        """Attempts to reach a customer, the newest first."""
        return await self._newest(CampaignAttemptRow.customer == customer, limit)

    async def of_campaign(
        self, campaign: str, *, outcome: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[Attempt, ...]:
        """Attempts of a campaign, the newest first."""
        wanted = CampaignAttemptRow.campaign == campaign
        if outcome:
            wanted &= CampaignAttemptRow.outcome == outcome
        return await self._newest(wanted, limit, offset)

    async def history(self, numbers: Sequence[str], since: datetime) -> Mapping[str, tuple[EarlierCall, ...]]:
        """The calls to each number since a moment that may have rung, in any campaign, also those under way."""
        query = select(
            CampaignAttemptRow.number, CampaignAttemptRow.planned_at, CampaignAttemptRow.disposition
        ).where(
            CampaignAttemptRow.number.in_(numbers),
            CampaignAttemptRow.planned_at > since,
            CampaignAttemptRow.outcome.not_in(NEVER_RANG),
        )
        found: dict[str, list[EarlierCall]] = {number: [] for number in numbers}
        async with self._store.reading() as connection:
            for row in await connection.execute(query.order_by(CampaignAttemptRow.planned_at)):
                found[row.number].append(EarlierCall(row.planned_at, bool(row.disposition)))
        return {number: tuple(calls) for number, calls in found.items()}

    async def by_hour(self, campaign: str, period: Period, zone: Any) -> Mapping[tuple[int, str], int]:
        """How many attempts of a campaign ended with which outcome, by local hour (hours since 1970)."""
        hour = (local_epoch(CampaignAttemptRow.planned_at, zone, period) // (DAY // 24)).label("hour")
        query = (
            select(hour, CampaignAttemptRow.outcome, func.count().label("attempts"))
            .where(
                CampaignAttemptRow.campaign == campaign,
                CampaignAttemptRow.planned_at >= period.since,
                CampaignAttemptRow.planned_at < period.until,
            )
            .group_by(hour, CampaignAttemptRow.outcome)
        )
        async with self._store.reading() as connection:
            return {(int(row.hour), row.outcome): row.attempts for row in await connection.execute(query)}

    async def abandoned(
        self, campaign: str, since: datetime, now: datetime, within: float
    ) -> tuple[int, int, int]:
        """How many calls of a campaign were made since a moment, answered, and found no seat within some seconds."""
        async with self._store.reading() as connection:
            found = await connection.execute(abandoned_query(campaign, since, now, within))
            made, taken, lost = found.one()
        return made, taken, int(lost)

    async def waited_in_vain(self, call_id: str) -> bool:
        """Whether a call waited for a seat, none came, and neither a message nor a call-back took its place."""
        async with self._store.reading() as connection:
            waited, settled = (await connection.execute(in_vain_query(call_id))).one()
        return bool(waited) and not settled

    async def figures(self, period: Period) -> tuple[OutreachFigures, ...]:
        """What campaigns came to in a period, by name; those that called nobody are left out."""
        async with self._store.reading() as connection:
            rows = await connection.execute(figures_query(period))
            return tuple(OutreachFigures(row[0], *map(int, row[1:])) for row in rows)

    async def _newest(
        self, condition: ColumnElement[bool], limit: int, offset: int = 0
    ) -> tuple[Attempt, ...]:
        return await self._attempts(
            condition, CampaignAttemptRow.planned_at.desc(), limit=limit, offset=offset
        )

    async def _attempts(
        self, condition: ColumnElement[bool], order: Any, *, limit: int = 5000, offset: int = 0
    ) -> tuple[Attempt, ...]:
        query = select(*_ATTEMPT).where(condition).order_by(order, CampaignAttemptRow.id)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.limit(limit).offset(offset))
            return tuple(Attempt(**row._mapping) for row in rows)


def _before(state: AttemptState) -> tuple[AttemptState, ...]:
    """The states from which an attempt may come into this one."""
    return WAY[: WAY.index(state)]

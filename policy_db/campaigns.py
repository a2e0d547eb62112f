"""Campaigns and the people in them: kept, listed, and found when they are due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, case, delete, func, select, update

from policy_db.errors import ConflictError
from policy_db.outreach_facts import Campaign, CampaignState, NewPerson, Person
from policy_db.store import Store
from policy_db.tables import CampaignAttemptRow, CampaignPersonRow, CampaignRow
from policy_db.writes import insert

_CAMPAIGN: Final = tuple(CampaignRow.__table__.columns)
_PERSON: Final = tuple(CampaignPersonRow.__table__.columns)
#: People written in one statement.
_BATCH: Final = 2000
#: From which states a campaign may come into another.
_FROM: Final[Mapping[CampaignState, tuple[CampaignState, ...]]] = {
    "draft": (),
    "running": ("draft", "paused"),
    "paused": ("running",),
    "stopped": ("draft", "running", "paused"),
    "done": ("running",),
}


class Campaigns:
    """The store of campaigns and of their people."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # Campaigns

    async def add(self, campaign: Campaign) -> None:
        """Keep a new campaign, without people yet. Raises ConflictError where the id is taken."""
        statement = insert(self._store, CampaignRow).values(asdict(campaign))
        async with self._store.writing() as connection:
            done = await connection.execute(statement.on_conflict_do_nothing())
        if not done.rowcount:
            raise ConflictError(f"There is a campaign {campaign.id} already.")

    async def find(self, campaign: str) -> Campaign | None:
        """The campaign with that id."""
        found = await self._campaigns(CampaignRow.id == campaign)
        return found[0] if found else None

    async def page(self, *, limit: int = 50, offset: int = 0) -> tuple[Campaign, ...]:
        """Campaigns, the newest first."""
        query = select(*_CAMPAIGN).order_by(CampaignRow.created_at.desc(), CampaignRow.id.desc())
        async with self._store.reading() as connection:
            rows = await connection.execute(query.limit(limit).offset(offset))
            return tuple(Campaign(**row._mapping) for row in rows)

    async def running(self) -> tuple[Campaign, ...]:
        """The campaigns that call, the most urgent first."""
        return await self._campaigns(CampaignRow.state == "running")

    async def _campaigns(self, condition: ColumnElement[bool]) -> tuple[Campaign, ...]:
        query = select(*_CAMPAIGN).where(condition)
        order = (CampaignRow.priority.desc(), CampaignRow.started_at, CampaignRow.id)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(*order))
            return tuple(Campaign(**row._mapping) for row in rows)

    async def change(self, campaign: str, state: CampaignState, at: datetime) -> Campaign | None:
        """Start, pause, stop or finish a campaign; None where it is in no state to be."""
        values: dict[str, Any] = {"state": state, "problem": "", "version": CampaignRow.version + 1}
        if state == "running":
            values["started_at"] = func.coalesce(CampaignRow.started_at, at)
        if state in ("stopped", "done"):
            values["ended_at"] = at
        statement = (
            update(CampaignRow)
            .where(CampaignRow.id == campaign, CampaignRow.state.in_(_FROM[state]))
            .values(values)
            .returning(*_CAMPAIGN)
        )
        async with self._store.writing() as connection:
            row = (await connection.execute(statement)).first()
        return None if row is None else Campaign(**row._mapping)

    async def trouble(self, campaign: str, problem: str) -> None:
        """What keeps a running campaign from dialling; empty: nothing any more."""
        statement = (
            update(CampaignRow)
            .where(CampaignRow.id == campaign, CampaignRow.problem != problem)
            .values(problem=problem, version=CampaignRow.version + 1)
        )
        async with self._store.writing() as connection:
            await connection.execute(statement)

    async def remove(self, campaign: str) -> bool:
        """Throw a draft away with its people; False for one that has ever called."""
        async with self._store.writing() as connection:
            wanted = delete(CampaignRow).where(CampaignRow.id == campaign, CampaignRow.state == "draft")
            return bool((await connection.execute(wanted)).rowcount)

    # People

    async def put(self, campaign: str, people: Iterable[NewPerson], *, due: datetime) -> int:
        """Add people, who are due from a moment on; how many. All in one transaction."""
        rows = [
            {
                **asdict(one),
                "campaign": campaign,
                "state": "excluded" if one.excluded else "waiting",
                "outcome": "",
                "attempts": 0,
                "next_at": None if one.excluded else due,
            }
            for one in people
        ]
        async with self._store.writing() as connection:
            for first in range(0, len(rows), _BATCH):
                await connection.execute(insert(self._store, CampaignPersonRow), rows[first : first + _BATCH])
        return len(rows)

    async def due(
        self, campaign: str, zones: Collection[str], now: datetime, limit: int
    ) -> tuple[Person, ...]:
        """Who waits in one of these zones and is due, the longest first. Costs the same however long the list is."""
        found: list[Person] = []
        async with self._store.reading() as connection:
            for zone in sorted(zones):
                query = (
                    select(*_PERSON)
                    .where(
                        CampaignPersonRow.campaign == campaign,
                        CampaignPersonRow.state == "waiting",
                        CampaignPersonRow.zone == zone,
                        CampaignPersonRow.next_at <= now,
                    )
                    .order_by(CampaignPersonRow.next_at)
                    .limit(limit)
                )
                found += [Person(**row._mapping) for row in await connection.execute(query)]
        return tuple(sorted(found, key=_urgency)[:limit])

    async def put_off(self, later: Mapping[int, datetime]) -> None:
        """Look at these people again at these moments, and not before."""
        async with self._store.writing() as connection:
            for person, at in later.items():
                await connection.execute(
                    update(CampaignPersonRow)
                    .where(CampaignPersonRow.id == person, CampaignPersonRow.state == "waiting")
                    .values(next_at=at)
                )

    async def exclude(self, person: int, reason: str) -> None:
        """Somebody who waits is not to be called after all."""
        async with self._store.writing() as connection:
            await connection.execute(
                update(CampaignPersonRow)
                .where(CampaignPersonRow.id == person, CampaignPersonRow.state == "waiting")
                .values(state="excluded", excluded=reason, next_at=None)
            )

    async def finish(self, person: int, outcome: str) -> None:
        """There is no reason to call somebody any more who waits."""
        async with self._store.writing() as connection:
            await connection.execute(
                update(CampaignPersonRow)
                .where(CampaignPersonRow.id == person, CampaignPersonRow.state == "waiting")
                .values(state="done", outcome=outcome, next_at=None)
            )

    async def tell(self, person: int, facts: Mapping[str, Any]) -> None:
        """Add to what is known of somebody in a campaign."""
        async with self._store.writing(f"campaign person {person}") as connection:
            known = await connection.execute(
                select(CampaignPersonRow.facts).where(CampaignPersonRow.id == person)
            )
            row = known.first()
            if row is not None:
                await connection.execute(
                    update(CampaignPersonRow)
                    .where(CampaignPersonRow.id == person)
                    .values(facts={**row.facts, **facts})
                )

    async def zones(self, campaign: str) -> tuple[str, ...]:
        """The zones in which people of a campaign wait. Skips from zone to zone over the index."""
        found: list[str] = []
        last = ""
        async with self._store.reading() as connection:
            while True:
                row = (
                    await connection.execute(
                        select(CampaignPersonRow.zone)
                        .where(
                            CampaignPersonRow.campaign == campaign,
                            CampaignPersonRow.state == "waiting",
                            CampaignPersonRow.zone > last,
                        )
                        .order_by(CampaignPersonRow.zone)
                        .limit(1)
                    )
                ).first()
                if row is None:
                    return tuple(found)
                last = str(row.zone)
                found.append(last)

    async def first_due(self, campaign: str) -> Mapping[str, datetime]:
        """When the first of those who wait is due, by zone."""
        query = (
            select(CampaignPersonRow.zone, func.min(CampaignPersonRow.next_at).label("first"))
            .where(CampaignPersonRow.campaign == campaign, CampaignPersonRow.state == "waiting")
            .group_by(CampaignPersonRow.zone)
        )
        async with self._store.reading() as connection:
            return {row.zone: row.first for row in await connection.execute(query)}

    async def people(
        self,
        campaign: str,
        *,
        state: str = "",
        outcome: str = "",
        excluded: str = "",
        after: int = 0,
        limit: int = 50,
    ) -> tuple[Person, ...]:
        """People of a campaign in the order in which they were added, from `after` (an id) on."""
        wanted = [CampaignPersonRow.campaign == campaign, CampaignPersonRow.id > after]
        wanted += [CampaignPersonRow.state == state] if state else []
        wanted += [CampaignPersonRow.outcome == outcome] if outcome else []
        wanted += [CampaignPersonRow.excluded == excluded] if excluded else []
        query = select(*_PERSON).where(*wanted).order_by(CampaignPersonRow.id).limit(limit)
        async with self._store.reading() as connection:
            return tuple(Person(**row._mapping) for row in await connection.execute(query))

    async def person(self, person: int) -> Person | None:
        """One of the people."""
        query = select(*_PERSON).where(CampaignPersonRow.id == person)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else Person(**row._mapping)

    async def counts(self, campaign: str) -> Mapping[tuple[str, str], int]:
        """How many are in each state with each outcome (or reason of exclusion)."""
        what = case(
            (CampaignPersonRow.state == "excluded", CampaignPersonRow.excluded),
            else_=CampaignPersonRow.outcome,
        ).label("what")
        query = (
            select(CampaignPersonRow.state, what, func.count().label("people"))
            .where(CampaignPersonRow.campaign == campaign)
            .group_by(CampaignPersonRow.state, what)
        )
        async with self._store.reading() as connection:
            return {(row.state, row.what): row.people for row in await connection.execute(query)}

    async def attempt_counts(self, campaign: str) -> Mapping[tuple[str, str], int]:
        """How many attempts of a campaign are in each state, and ended with each outcome."""
        query = (
            select(CampaignAttemptRow.state, CampaignAttemptRow.outcome, func.count().label("attempts"))
            .where(CampaignAttemptRow.campaign == campaign)
            .group_by(CampaignAttemptRow.state, CampaignAttemptRow.outcome)
        )
        async with self._store.reading() as connection:
            return {(row.state, row.outcome): row.attempts for row in await connection.execute(query)}

    async def waits(self, campaign: str) -> bool:
        """Whether anybody is still to be called, or being called."""
        for state in ("waiting", "calling"):
            query = select(CampaignPersonRow.id).where(
                CampaignPersonRow.campaign == campaign, CampaignPersonRow.state == state
            )
            async with self._store.reading() as connection:
                if (await connection.execute(query.limit(1))).first() is not None:
                    return True
        return False

    async def numbers_in(self, campaigns: Sequence[str]) -> frozenset[str]:
        """The numbers that wait in these campaigns already."""
        query = select(CampaignPersonRow.number).where(
            CampaignPersonRow.campaign.in_(campaigns), CampaignPersonRow.state.in_(("waiting", "calling"))
        )
        async with self._store.reading() as connection:
            return frozenset((await connection.execute(query)).scalars())


def _urgency(person: Person) -> tuple[datetime, int]:
    assert person.next_at is not None  # noqa: S101 - only those with one are due
    return person.next_at, person.id

"""Workers, in the database: so that every console finds the process that carries a call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select

from policy_db.store import Store
from policy_db.tables import WorkerRow
from policy_db.writes import insert

#: A worker that has said nothing for so long is taken for dead.
SILENCE: Final = timedelta(seconds=12)

#: What the token (`Keys.token`) is for, by which a worker knows a console.
CONTROL: Final = "worker control"

WorkerState = Literal["starting", "ready", "draining", "stopped"]


@dataclass(frozen=True, slots=True)
class WorkerFact:
    """What a worker last said of itself; `url` is where it is spoken to, such as `http://127.0.0.1:8090`."""

    name: str
    url: str
    pid: int
    state: WorkerState
    calls: int
    capacity: int
    seen_at: datetime


class Workers:
    """The store of workers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def say(self, worker: WorkerFact) -> None:
        """Write what a worker says of itself, in place of what was said before under its name."""
        values = asdict(worker)
        statement = insert(self._store, WorkerRow).values(values)
        async with self._store.writing() as connection:
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[WorkerRow.name],
                    set_={name: value for name, value in values.items() if name != "name"},
                )
            )

    async def find(self, name: str) -> WorkerFact | None:
        """One worker's last word, however old."""
        found = await self._select(WorkerRow.name == name)
        return found[0] if found else None

    async def serving(self, now: datetime) -> tuple[WorkerFact, ...]:
        """The workers that take calls, those with the fewest first."""
        return await self._select(WorkerRow.state == "ready", WorkerRow.seen_at > now - SILENCE)

    async def living(self, now: datetime) -> tuple[WorkerFact, ...]:
        """The workers that carry calls, whether or not they take new ones."""
        return await self._select(
            WorkerRow.state.in_(("ready", "draining")), WorkerRow.seen_at > now - SILENCE
        )

    async def _select(self, *conditions: object) -> tuple[WorkerFact, ...]:
        query = select(*WorkerRow.__table__.columns).where(*conditions)  # type: ignore[arg-type]
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(WorkerRow.calls, WorkerRow.name))
            return tuple(WorkerFact(**row._mapping) for row in rows)

"""Faxes: what waits to be sent to a number, what is sent in a call, and how far each came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import case, func, or_, select, update

from policy_db.clock import Clock
from policy_db.store import AnyRow, Store
from policy_db.tables import DocumentRow, FaxRow
from policy_db.writes import insert

FaxState = Literal["prepared", "waiting", "sending", "sent", "failed"]
#: How long a process has a fax before another may take it: nothing of `pages` is lost meanwhile.
LEASE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Fax:
    """The fax of a document, to a `number` or (empty) to the machine of the caller who asked in call `call_id`.

    `prepared` waits for that machine, `waiting` for its time to be dialled. `pages` of `total` are confirmed.
    """

    document_id: str
    number: str
    call_id: str
    state: FaxState
    tries: int
    next_at: datetime
    holder: str
    until: datetime | None
    total: int
    pages: int
    outcome: str
    speed: int
    ecm: bool
    coding: str
    machine: str
    history: tuple[dict[str, Any], ...] = field(default=())
    created_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FaxTry:
    """What became of one try: a word, all pages confirmed so far, bit/s, error correction, coding, the machine's name."""

    outcome: str
    pages: int
    speed: int = 0
    ecm: bool = False
    coding: str = ""
    machine: str = ""


class Faxes:
    """The store of faxes. A process that sends one has it by a lease, which it prolongs."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def put(self, document: str, *, number: str = "", call_id: str = "") -> Fax:
        """A document is to be faxed: to a number, or in this call. The same document again gives the fax there is."""
        now = self._clock()
        statement: Any = insert(self._store, FaxRow).values(
            document_id=document, number=number, call_id=call_id, state="waiting" if number else "prepared",
            tries=0, next_at=now, holder="", total=0, pages=0, outcome="", speed=0, ecm=False, coding="",
            machine="", history=[], created_at=now,
        )  # fmt: skip
        async with self._store.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())
            query = select(*FaxRow.__table__.columns).where(FaxRow.document_id == document)
            return _fax((await connection.execute(query)).one())

    async def find(self, document: str) -> Fax | None:
        """The fax of a document."""
        query = select(*FaxRow.__table__.columns).where(FaxRow.document_id == document)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _fax(row)

    async def of(self, documents: Sequence[str]) -> dict[str, Fax]:
        """The faxes of documents, by the document."""
        query = select(*FaxRow.__table__.columns).where(FaxRow.document_id.in_(documents))
        async with self._store.reading() as connection:
            return {row.document_id: _fax(row) for row in await connection.execute(query)}

    async def count_to(self, number: str, since: datetime) -> int:
        """How many faxes to a number were asked for since a moment."""
        query = select(func.count()).where(FaxRow.number == number, FaxRow.created_at >= since)
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def take_due(self, holder: str, limit: int = 1) -> tuple[Fax, ...]:
        """Faxes to numbers that are due, for this process to dial; each is given to one process only."""
        now = self._clock()
        due = or_(
            (FaxRow.state == "waiting") & (FaxRow.next_at <= now),
            (FaxRow.state == "sending") & (FaxRow.until < now),
        )
        query = select(FaxRow.document_id).where(due, FaxRow.number != "").order_by(FaxRow.next_at)
        async with self._store.writing("faxes") as connection:
            ids = (await connection.execute(query.limit(limit))).scalars().all()
            return await self._taken(connection, FaxRow.document_id.in_(ids) & due, holder, now)

    async def again(self, document: str) -> bool:
        """Send a fax to its number once more: what failed from the page where it stopped, what was sent from the first.

        False where it is on its way, or was for the machine of a call.
        """
        now = self._clock()
        over = FaxRow.state.in_(("sent", "failed")) & (FaxRow.number != "")
        values = {
            "state": "waiting", "tries": 0, "next_at": now, "until": None, "ended_at": None, "outcome": "",
            "pages": case((FaxRow.state == "sent", 0), else_=FaxRow.pages),
        }  # fmt: skip
        change = update(FaxRow).where(FaxRow.document_id == document, over).values(values)
        async with self._store.writing("faxes") as connection:
            return bool((await connection.execute(change)).rowcount)

    async def take(self, document: str, call_id: str, holder: str) -> Fax | None:
        """The fax that was prepared in a call, for this process to send in it; None where there is none to send."""
        now = self._clock()
        mine = (FaxRow.document_id == document) & (FaxRow.call_id == call_id) & (FaxRow.number == "")
        free = FaxRow.state.in_(("prepared", "failed")) | (FaxRow.until < now)
        async with self._store.writing("faxes") as connection:
            return next(iter(await self._taken(connection, mine & free, holder, now)), None)

    async def _taken(self, connection: Any, condition: Any, holder: str, now: datetime) -> tuple[Fax, ...]:
        change = update(FaxRow).where(condition)
        values = {"state": "sending", "holder": holder, "until": now + LEASE, "tries": FaxRow.tries + 1}
        rows = await connection.execute(change.values(values).returning(*FaxRow.__table__.columns))
        return tuple(_fax(row) for row in rows)

    async def progress(self, document: str, holder: str, *, pages: int, total: int) -> bool:
        """So many pages are confirmed; the lease is prolonged. False where another process has it meanwhile."""
        values = {"pages": pages, "total": total, "until": self._clock() + LEASE}
        change = update(FaxRow).where(
            FaxRow.document_id == document, FaxRow.holder == holder, FaxRow.state == "sending"
        )
        async with self._store.writing() as connection:
            return bool((await connection.execute(change.values(values))).rowcount)

    async def ended(
        self, fax: Fax, tried: FaxTry, *, total: int, again_at: datetime | None = None, counts: bool = True
    ) -> bool:
        """A try is over: sent, to be tried again at a moment, or failed. The document is told. False as `progress`.

        A try that does not count (the line was full, the process stopped) leaves the number of tries as it was.
        """
        now = self._clock()
        sent = tried.outcome == "sent"
        state = "sent" if sent else "failed" if again_at is None else "waiting"
        line = {"at": now.isoformat(), "outcome": tried.outcome, "pages": tried.pages, "speed": tried.speed}
        values: dict[str, Any] = {
            "state": state, "until": None, "total": total, "pages": tried.pages, "outcome": tried.outcome,
            "speed": tried.speed, "ecm": tried.ecm, "coding": tried.coding, "machine": tried.machine[:40],
            "history": [*fax.history, line][-20:], "ended_at": None if again_at else now,
            "next_at": again_at or now,
        }  # fmt: skip
        if not counts:
            values["tries"] = fax.tries - 1
        mine = (FaxRow.document_id == fax.document_id) & (FaxRow.holder == fax.holder)
        change = update(FaxRow).where(mine, FaxRow.state == "sending")
        of_document = update(DocumentRow).where(DocumentRow.id == fax.document_id)
        told = {"state": "queued" if state == "waiting" else state, "problem": "" if sent else tried.outcome}
        async with self._store.writing("faxes") as connection:
            if not (await connection.execute(change.values(values))).rowcount:
                return False
            await connection.execute(of_document.values(told | ({"sent_at": now} if sent else {})))
        return True


def _fax(row: AnyRow) -> Fax:
    return Fax(**{**row._mapping, "history": tuple(row.history)})

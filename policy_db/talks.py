"""Talks between callers and seats, and what was noted afterwards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.errors import BadValueError, NotFoundError
from policy_db.store import AnyRow, Store
from policy_db.tables import AuditRow, DispositionRow, TalkRow, TalkSeatRow, WrapUpRow
from policy_db.talk_facts import Disposition, SilentSpan, Talk, TalkConsent, TalkSeat, WrapUp
from policy_db.writes import insert

#: Characters of a note; more is a mistake, or an attack.
LONGEST_NOTE: Final = 4000
_WRAP_UP = (
    WrapUpRow.call_id, WrapUpRow.seat_id, WrapUpRow.user, WrapUpRow.disposition, WrapUpRow.note,
    WrapUpRow.began_at, WrapUpRow.saved_at,
)  # fmt: skip


class Talks:
    """Write talks as they go on. What a call does here may be asked for twice and is done once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # While it goes on

    async def begin(
        self, talk: str, *, call: str, worker: str, queue: str, consent: TalkConsent, recording: str | None
    ) -> None:
        """A talk has begun; `recording` is the id of its recording, None where nothing is recorded."""
        statement = insert(self._store, TalkRow).values(
            id=talk,
            call_id=call,
            worker=worker,
            queue=queue,
            recording=recording,
            consent=consent,
            started_at=self._clock(),
            seconds=0.0,
            spans=[],
        )
        async with self._store.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())

    async def seated(self, talk: str, seats: Iterable[str]) -> None:
        """Who talks with the caller from now on; seats that are there already stay, others have left."""
        now, there = self._clock(), set(seats)
        async with self._store.writing(f"talk:{talk}") as connection:
            here = (TalkSeatRow.talk_id == talk, TalkSeatRow.left_at.is_(None))
            before = set((await connection.execute(select(TalkSeatRow.seat_id).where(*here))).scalars())
            if gone := sorted(before - there):
                leave = update(TalkSeatRow).where(*here, TalkSeatRow.seat_id.in_(gone))
                await connection.execute(leave.values(left_at=now))
            for seat in sorted(there - before):
                joins = {"talk_id": talk, "seat_id": seat, "joined_at": now}
                await connection.execute(insert(self._store, TalkSeatRow).values(joins))

    async def finish(
        self,
        talk: str,
        *,
        seconds: float,
        spans: Sequence[SilentSpan] = (),
        consent: TalkConsent | None = None,
        recorded: bool = True,
    ) -> None:
        """The talk is over; `consent` where it has changed, not `recorded` if its recording is gone.

        Raises NotFoundError.
        """
        now = self._clock()
        values: dict[str, Any] = {"seconds": seconds, "spans": [asdict(span) for span in spans]}
        if consent is not None:
            values["consent"] = consent
        if not recorded:
            values["recording"] = None
        async with self._store.writing() as connection:
            known = await connection.execute(update(TalkRow).where(TalkRow.id == talk).values(values))
            if not known.rowcount:
                raise NotFoundError(f"There is no talk {talk}.")
            await _close(connection, [talk], now)

    async def close_broken_off(self, worker: str, *, before: datetime) -> tuple[str, ...]:
        """End the talks that a dead worker left, those that began before `before`; gives their ids."""
        query = select(TalkRow.id).where(
            TalkRow.worker == worker, TalkRow.ended_at.is_(None), TalkRow.started_at < before
        )
        async with self._store.writing() as connection:
            left = list((await connection.execute(query)).scalars())
            await _close(connection, left, self._clock())
        return tuple(left)

    # Afterwards

    async def find(self, talk: str) -> Talk | None:
        """The talk with that id."""
        return next(iter(await self._talks(select(TalkRow).where(TalkRow.id == talk))), None)

    async def of_recording(self, recording: str) -> Talk | None:
        """The talk that a recording holds."""
        return next(iter(await self._talks(select(TalkRow).where(TalkRow.recording == recording))), None)

    async def of_call(self, call: str) -> tuple[Talk, ...]:
        """The talks of a call, in order."""
        query = select(TalkRow).where(TalkRow.call_id == call).order_by(TalkRow.started_at, TalkRow.id)
        return await self._talks(query)

    async def of_seat(
        self, seat: str, limit: int = 50, *, before: datetime | None = None
    ) -> tuple[Talk, ...]:
        """The latest talks that a seat joined, the newest first; those joined before `before`, for the next page."""
        mine = select(TalkSeatRow.talk_id).where(TalkSeatRow.seat_id == seat)
        if before is not None:
            mine = mine.where(TalkSeatRow.joined_at < before)
        mine = mine.order_by(TalkSeatRow.joined_at.desc(), TalkSeatRow.id.desc()).limit(limit)
        async with self._store.reading() as connection:
            ids = list(dict.fromkeys((await connection.execute(mine)).scalars()))
        by_id = {talk.id: talk for talk in await self._talks(select(TalkRow).where(TalkRow.id.in_(ids)))}
        return tuple(by_id[talk] for talk in ids if talk in by_id)

    # Wrap-ups

    async def save_wrap_up(
        self, call: str, seat: str, *, user: str, disposition: str, note: str, began_at: datetime
    ) -> WrapUp:
        """Note what a seat's call came to. A later word replaces the earlier, which the audit keeps.

        Raises BadValueError for a disposition that is not offered, or a note of more than LONGEST_NOTE characters.
        """
        note = note.strip()
        if len(note) > LONGEST_NOTE:
            raise BadValueError(f"A note has at most {LONGEST_NOTE} characters.", "Shorten it.")
        saved = WrapUp(call, seat, user, disposition, note, began_at, self._clock())
        async with self._store.writing(f"wrap_up:{call}:{seat}") as connection:
            before = await _wrap_up(connection, call, seat)
            await self._require_offered(connection, disposition, before)
            await self._write_wrap_up(connection, saved)
            if before is not None and (before.disposition, before.note) != (disposition, note):
                await self._audit(connection, saved, before)
        return saved

    async def wrap_ups(self, call: str) -> tuple[WrapUp, ...]:
        """What the seats of a call noted, in the order in which they began."""
        query = select(*_WRAP_UP).where(WrapUpRow.call_id == call).order_by(WrapUpRow.began_at)
        async with self._store.reading() as connection:
            return tuple(WrapUp(*row) for row in await connection.execute(query))

    async def wrap_ups_of_seat(
        self, seat: str, limit: int = 50, *, before: datetime | None = None
    ) -> tuple[WrapUp, ...]:
        """What a seat noted last, the newest first; those before `before`, for the next page."""
        query = select(*_WRAP_UP).where(WrapUpRow.seat_id == seat)
        if before is not None:
            query = query.where(WrapUpRow.saved_at < before)
        query = query.order_by(WrapUpRow.saved_at.desc(), WrapUpRow.id.desc()).limit(limit)
        async with self._store.reading() as connection:
            return tuple(WrapUp(*row) for row in await connection.execute(query))

    async def dispositions(self, *, all_of_them: bool = False) -> tuple[Disposition, ...]:
        """What seats may choose from, in order; with `all_of_them` also what is offered no more."""
        columns = (DispositionRow.code, DispositionRow.titles, DispositionRow.active, DispositionRow.position)
        query = select(*columns).order_by(DispositionRow.position, DispositionRow.code)
        if not all_of_them:
            query = query.where(DispositionRow.active)
        async with self._store.reading() as connection:
            return tuple(Disposition(*row) for row in await connection.execute(query))

    async def save_disposition(self, disposition: Disposition) -> None:
        """Add one, or change the one of that code. Raises BadValueError for a code or title that cannot be used."""
        code = disposition.code
        if not (0 < len(code) <= 40 and code.isascii() and code.replace("_", "").isalnum()):
            raise BadValueError("A code has 1 to 40 letters, digits and underscores.")
        if not any(title.strip() for title in disposition.titles.values()):
            raise BadValueError("A disposition needs a title.")
        values = {
            "titles": dict(disposition.titles),
            "active": disposition.active,
            "position": disposition.position,
        }
        statement: Any = insert(self._store, DispositionRow).values(code=code, **values)
        statement = statement.on_conflict_do_update(index_elements=[DispositionRow.code], set_=values)
        async with self._store.writing() as connection:
            await connection.execute(statement)

    # Inside

    async def _talks(self, query: Any) -> tuple[Talk, ...]:
        """Talks with their seats, in two queries however many they are."""
        async with self._store.reading() as connection:
            columns = query.with_only_columns(*TalkRow.__table__.columns)
            rows = (await connection.execute(columns)).all()
            seats: dict[str, list[TalkSeat]] = defaultdict(list)
            if rows:
                there = (
                    select(
                        TalkSeatRow.talk_id, TalkSeatRow.seat_id, TalkSeatRow.joined_at, TalkSeatRow.left_at
                    )
                    .where(TalkSeatRow.talk_id.in_([row.id for row in rows]))
                    .order_by(TalkSeatRow.joined_at, TalkSeatRow.id)
                )
                for talk, seat, joined_at, left_at in await connection.execute(there):
                    seats[talk].append(TalkSeat(seat, joined_at, left_at))
        return tuple(_talk(row, seats[row.id]) for row in rows)

    async def _require_offered(
        self, connection: AsyncConnection, disposition: str, before: WrapUp | None
    ) -> None:
        """Any active one; or the one chosen before, which may be out of use since."""
        query = select(DispositionRow.active).where(DispositionRow.code == disposition)
        active = (await connection.execute(query)).scalar()
        if not active and not (before is not None and before.disposition == disposition):
            raise BadValueError(f"There is no disposition {disposition!r}.", "Choose one of those offered.")

    async def _write_wrap_up(self, connection: AsyncConnection, saved: WrapUp) -> None:
        said = {
            "user": saved.user,
            "disposition": saved.disposition,
            "note": saved.note,
            "saved_at": saved.saved_at,
        }
        new = {"call_id": saved.call, "seat_id": saved.seat, "began_at": saved.began_at, **said}
        statement: Any = insert(self._store, WrapUpRow).values(new)
        key = [WrapUpRow.call_id, WrapUpRow.seat_id]
        await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=said))

    async def _audit(self, connection: AsyncConnection, saved: WrapUp, before: WrapUp) -> None:
        details = {
            "seat": before.seat,
            "was": before.disposition,
            "note_changed": saved.note != before.note,
            "by": before.user,
            "saved_at": before.saved_at.isoformat(),
        }
        await connection.execute(
            insert(self._store, AuditRow).values(
                at=saved.saved_at,
                actor=f"staff:{saved.user}",
                action="wrap_up.change",
                subject=f"call:{saved.call}",
                details=details,
                call_id=saved.call,
            )
        )


async def _close(connection: AsyncConnection, talks: Sequence[str], now: datetime) -> None:
    open_talks = (TalkRow.id.in_(talks), TalkRow.ended_at.is_(None))
    await connection.execute(update(TalkRow).where(*open_talks).values(ended_at=now))
    there = (TalkSeatRow.talk_id.in_(talks), TalkSeatRow.left_at.is_(None))
    await connection.execute(update(TalkSeatRow).where(*there).values(left_at=now))


async def _wrap_up(connection: AsyncConnection, call: str, seat: str) -> WrapUp | None:
    query = select(*_WRAP_UP).where(WrapUpRow.call_id == call, WrapUpRow.seat_id == seat)
    row = (await connection.execute(query)).first()
    return None if row is None else WrapUp(*row)


def _talk(row: AnyRow, seats: Sequence[TalkSeat]) -> Talk:
    return Talk(
        id=row.id,
        call=row.call_id,
        queue=row.queue,
        consent=cast("TalkConsent", row.consent),
        recording=row.recording,
        started_at=row.started_at,
        ended_at=row.ended_at,
        seconds=row.seconds,
        spans=tuple(SilentSpan(**span) for span in row.spans),
        seats=tuple(seats),
    )

"""What callers said: where it is kept, how long it is, and whether it stays."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import select, update

from policy_db.clock import Clock
from policy_db.errors import NotFoundError
from policy_db.facts import Recording, RecordingState
from policy_db.store import AnyRow, Store
from policy_db.tables import MessageRow, RecordingRow
from policy_db.writes import insert


class Recordings:
    """Write recordings down as they are made. Everything here may be asked for twice and is done once.

    A recording is `recording`, then `kept` when its file is closed (a caller who hangs up has left it), and
    `discarded` only if the caller says so. One whose worker died is `broken_off`, its file still there.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def begin(
        self,
        recording: str,
        *,
        purpose: str,
        call: str,
        worker: str,
        file: str,
        caller: str = "",
        level: int = 0,
        claim: str | None = None,
        mailbox: str = "",
        reason: str = "",
    ) -> None:
        """A recording has begun. `purpose` is voicemail, claim or call.

        `file` is relative to the recordings folder, `reason` says what a message is about or why the caller
        wanted a person.
        """
        statement = insert(self._store, RecordingRow).values(
            id=recording,
            purpose=purpose,
            call_id=call,
            worker=worker,
            claim_id=claim,
            mailbox=mailbox,
            reason=reason,
            caller=caller,
            level=level,
            file=file,
            seconds=0.0,
            size=0,
            state="recording",
            why="",
            confirmed=False,
            started_at=self._clock(),
        )
        async with self._store.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())

    async def progress(self, recording: str, *, seconds: float, size: int) -> None:
        """How much is safely in the file by now; never less than was noted before. Raises NotFoundError."""
        await self._change(
            recording,
            {"seconds": seconds, "size": size},
            RecordingRow.state == "recording",
            RecordingRow.seconds <= seconds,
        )

    async def finish(self, recording: str, *, seconds: float, size: int, why: str) -> None:
        """The file is closed with that much speech; `why` it ended. Raises NotFoundError."""
        await self._change(
            recording,
            {"seconds": seconds, "size": size, "why": why, "state": "kept", "ended_at": self._clock()},
            RecordingRow.state.in_(("recording", "broken_off")),
        )

    async def keep(self, recording: str) -> None:
        """The caller has heard it and wants it kept. Raises NotFoundError."""
        await self._change(recording, {"confirmed": True}, RecordingRow.state != "discarded")

    async def discard(self, recording: str) -> None:
        """The caller does not want it: it was recorded again, or was too short. Raises NotFoundError.

        Should it have come to somebody's desk as a message, it waits there no more.
        """
        await self._change(recording, {"state": "discarded", "ended_at": self._clock()})
        async with self._store.writing() as connection:
            message = update(MessageRow).where(MessageRow.recording_id == recording)
            await connection.execute(message.values(state="archived"))

    async def find(self, recording: str) -> Recording | None:
        """The recording with that id."""
        return next(iter(await self._where(RecordingRow.id == recording)), None)

    async def of_call(self, call: str) -> tuple[Recording, ...]:
        """Everything recorded in a call, in order."""
        return await self._where(RecordingRow.call_id == call)

    async def mailbox(self, name: str) -> tuple[Recording, ...]:
        """The messages in a mailbox that callers have left, the oldest first."""
        return await self._where(
            RecordingRow.mailbox == name,
            RecordingRow.purpose == "voicemail",
            RecordingRow.state.in_(("kept", "broken_off")),
        )

    async def close_broken_off(self, worker: str) -> tuple[str, ...]:
        """Mark the recordings a dead worker left open, keeping them; gives their ids."""
        change = (
            update(RecordingRow)
            .where(RecordingRow.worker == worker, RecordingRow.state == "recording")
            .values(state="broken_off", ended_at=self._clock(), why="broken_off")
            .returning(RecordingRow.id)
        )
        async with self._store.writing() as connection:
            return tuple((await connection.execute(change)).scalars())

    async def _change(self, recording: str, values: dict[str, Any], *conditions: Any) -> None:
        change = update(RecordingRow).where(RecordingRow.id == recording, *conditions).values(values)
        async with self._store.writing() as connection:
            if (await connection.execute(change)).rowcount:
                return
            query = select(RecordingRow.id).where(RecordingRow.id == recording)
            known = (await connection.execute(query)).first()
        if known is None:
            raise NotFoundError(f"There is no recording {recording}.")

    async def _where(self, *conditions: Any) -> tuple[Recording, ...]:
        query = (
            select(*RecordingRow.__table__.columns)
            .where(*conditions)
            .order_by(RecordingRow.started_at, RecordingRow.id)
        )
        async with self._store.reading() as connection:
            return tuple(recording_of(row) for row in await connection.execute(query))


def recording_of(row: AnyRow) -> Recording:
    """The recording that a row holds."""
    return Recording(
        id=row.id,
        purpose=row.purpose,
        call=row.call_id,
        claim=row.claim_id,
        mailbox=row.mailbox,
        reason=row.reason,
        caller=row.caller,
        level=row.level,
        file=row.file,
        seconds=row.seconds,
        size=row.size,
        state=cast("RecordingState", row.state),
        why=row.why,
        confirmed=row.confirmed,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )

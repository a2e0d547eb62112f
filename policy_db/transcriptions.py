"""What callers said that is yet to be written down: which recordings, who is at it, and what came of it.

A recording needs nobody's word to be found: `find_new` looks for those that callers have left and that nobody has
written down, so that none is lost whatever broke off. Who takes one has it for a while (a lease) and says again and
again that they are at it; after that it is anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.message_facts import Due, Transcript, Urgency, more_urgent
from policy_db.store import Store
from policy_db.tables import (
    CallRow,
    ClaimRow,
    MessageEventRow,
    MessageRow,
    RecordingRow,
    TranscriptionRow,
    TranscriptRow,
)
from policy_db.transcripts import columns_of
from policy_db.writes import insert

TranscriptionState = Literal["waiting", "running", "done", "failed"]
#: Tries after which a recording is left as it is.
MOST_TRIES: Final = 5
_KEPT: Final = ("kept", "broken_off")
_PURPOSES: Final = ("voicemail", "claim")
_AT_ONCE: Final = 200
_LONGEST_PROBLEM: Final = 200


@dataclass(frozen=True, slots=True)
class Transcription:
    """A recording that somebody is writing down: `file` is relative to the recordings folder, `language` the call's."""

    recording: str
    purpose: str
    call: str
    file: str
    language: str
    seconds: float
    tries: int


@dataclass(frozen=True, slots=True)
class WrittenDown:
    """What became of a transcript: the claim (by number) it belongs to, and the urgency its message was raised to."""

    claim: str
    raised: Urgency | None


class Transcriptions:
    """The work of writing recordings down. `holder` names a process; those of one machine begin alike."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find_new(self, machine: str, *, since: datetime | None = None) -> int:
        """Put recordings on the list that callers have left and nobody has written down; gives how many.

        Those of `machine` alone (what its workers' names begin with), where the files are. `since` is how far back to
        look, None for all. One that its caller may still say again is left for later.
        """
        found = 0
        while True:
            async with self._store.reading() as connection:
                new = (await connection.execute(_new(machine, since))).scalars().all()
            if not new:
                return found
            now = self._clock()
            rows = [
                {
                    "recording_id": id_, "state": "waiting", "tries": 0, "holder": "", "until": None, "due_at": now,
                    "problem": "", "done_at": None,
                }
                for id_ in new
            ]  # fmt: skip
            async with self._store.writing() as connection:
                await connection.execute(insert(self._store, TranscriptionRow).on_conflict_do_nothing(), rows)
            found += len(rows)

    async def take(
        self, holder: str, machine: str, languages: tuple[str, ...], *, seconds: float
    ) -> Transcription | None:
        """The next recording to write down, in one of these languages, held for so many seconds; None if there is none.

        The latest first, so that what has waited for long (a model that was missing) holds up nothing new.
        """
        now = self._clock()
        async with self._store.writing("transcriptions") as connection:
            row = (await connection.execute(_next(machine, languages, now))).first()
            if row is None:
                return None
            held = {"state": "running", "holder": holder, "until": now + timedelta(seconds=seconds)}
            change = update(TranscriptionRow).where(TranscriptionRow.recording_id == row.id)
            await connection.execute(change.values(tries=row.tries + 1, **held))
        return Transcription(
            row.id, row.purpose, row.call_id, row.file, row.language, row.seconds, row.tries + 1
        )

    async def prolong(self, recording: str, holder: str, *, seconds: float) -> bool:
        """Say that one is still at it; false if it is somebody else's by now."""
        until = self._clock() + timedelta(seconds=seconds)
        return await self._change(recording, holder, until=until)

    async def put_back(self, recording: str, holder: str) -> None:
        """Give it back unfinished; the try does not count."""
        await self._change(recording, holder, state="waiting", until=None, tries=TranscriptionRow.tries - 1)

    async def failed(self, recording: str, holder: str, problem: str, *, again_in: float | None) -> None:
        """It could not be done: it is tried again in so many seconds, or (None, or after `MOST_TRIES`) never."""
        async with self._store.reading() as connection:
            query = select(TranscriptionRow.tries).where(TranscriptionRow.recording_id == recording)
            tries = (await connection.execute(query)).scalar() or 0
        over = again_in is None or tries >= MOST_TRIES
        due = self._clock() + timedelta(seconds=again_in or 0.0)
        state = "failed" if over else "waiting"
        await self._change(
            recording, holder, state=state, until=None, due_at=due, problem=problem[:_LONGEST_PROBLEM]
        )

    async def free(self, machine: str, holder: str) -> int:
        """Take back what other processes of this machine held: they are gone when this one begins. Gives how many."""
        change = (
            update(TranscriptionRow)
            .where(
                TranscriptionRow.state == "running",
                TranscriptionRow.holder.startswith(machine, autoescape=True),
                TranscriptionRow.holder != holder,
            )
            .values(state="waiting", until=None)
        )
        async with self._store.writing() as connection:
            given_up = update(TranscriptionRow).where(
                TranscriptionRow.state == "running", TranscriptionRow.tries >= MOST_TRIES
            )
            mine = given_up.where(TranscriptionRow.holder.startswith(machine, autoescape=True))
            await connection.execute(mine.values(state="failed", until=None, problem="broken off every time"))
            return int((await connection.execute(change)).rowcount)

    async def write(
        self, job: Transcription, holder: str, transcript: Transcript, due: Due
    ) -> WrittenDown | None:
        """Keep the transcript, raise its message's urgency to what was said, and end the work: all or nothing.

        None if the work was somebody else's by now, or the recording is gone. What a person corrected stays. A message
        is never made less urgent, and where a person chose its urgency or it is done, it stays as it is.
        """
        now, recording = self._clock(), job.recording
        async with self._store.writing(f"message:{recording}") as connection:
            mine = TranscriptionRow.holder == holder, TranscriptionRow.state == "running"
            done = update(TranscriptionRow).where(TranscriptionRow.recording_id == recording, *mine)
            ended = await connection.execute(
                done.values(state="done", until=None, done_at=now, problem="").returning(
                    TranscriptionRow.recording_id
                )
            )
            if ended.first() is None:
                return None
            row = (await connection.execute(_of(recording))).first()
            if row is None or row.state not in _KEPT:
                return None
            if not row.corrected_by:
                await connection.execute(_kept(self._store, recording, transcript))
            raised = await self._raise(connection, recording, transcript, due, now)
        return WrittenDown(row.number or "", raised)

    async def state_of(self, recording: str) -> TranscriptionState | None:
        """How far a recording is: None if it is not to be written down (yet)."""
        query = select(TranscriptionRow.state).where(TranscriptionRow.recording_id == recording)
        async with self._store.reading() as connection:
            return cast("TranscriptionState | None", (await connection.execute(query)).scalar())

    async def claims(self, numbers: Sequence[str]) -> dict[str, Urgency]:
        """How urgent claims are by what was said on their recordings, by number; others are left out."""
        query = (
            select(ClaimRow.number, TranscriptRow.urgency)
            .join(RecordingRow, RecordingRow.claim_id == ClaimRow.id)
            .join(TranscriptRow, TranscriptRow.recording_id == RecordingRow.id)
            .where(
                ClaimRow.number.in_(numbers),
                TranscriptRow.urgency != "normal",
                RecordingRow.state.in_(_KEPT),
            )
        )
        found: dict[str, Urgency] = {}
        async with self._store.reading() as connection:
            rows = await connection.execute(query)
            for number, urgency in ((row[0], cast("Urgency", row[1])) for row in rows):
                if more_urgent(urgency, found.get(number, "normal")):
                    found[number] = urgency
        return found

    async def counts(self) -> dict[str, int]:
        """How many recordings are in each state; `waiting` and `failed` are worth a look."""
        query = select(TranscriptionRow.state, func.count()).group_by(TranscriptionRow.state)
        async with self._store.reading() as connection:
            return {state: int(count) for state, count in await connection.execute(query)}

    async def _raise(
        self,
        connection: AsyncConnection,
        recording: str,
        transcript: Transcript,
        due: Due,
        now: datetime,
    ) -> Urgency | None:
        query = select(*MessageRow.__table__.columns).where(MessageRow.recording_id == recording)
        row = (await connection.execute(query.with_for_update())).first()
        if row is None or row.state not in ("new", "open"):
            return None
        if not more_urgent(transcript.urgency, row.urgency) or await _chosen(connection, recording):
            return None
        values: dict[str, Any] = {
            "urgency": transcript.urgency, "version": row.version + 1, "changed_at": now, "changed_by": "system",
        }  # fmt: skip
        if not row.due_set:
            values["due_at"] = due(row.mailbox, transcript.urgency, row.received_at)
        change = update(MessageRow).where(MessageRow.recording_id == recording)
        await connection.execute(change.values(values))
        said = [reason.phrase for reason in transcript.reasons if reason.urgency == transcript.urgency]
        details = {"was": row.urgency, "is": transcript.urgency, "said": list(dict.fromkeys(said))}
        entry = {
            "recording_id": recording, "at": now, "who": "system", "action": "urgency", "details": details, "text": "",
        }  # fmt: skip
        await connection.execute(insert(self._store, MessageEventRow), [entry])
        return transcript.urgency

    async def _change(self, recording: str, holder: str, **values: Any) -> bool:
        change = update(TranscriptionRow).where(
            TranscriptionRow.recording_id == recording,
            TranscriptionRow.holder == holder,
            TranscriptionRow.state == "running",
        )
        async with self._store.writing() as connection:
            return (await connection.execute(change.values(values))).rowcount > 0


def _kept(store: Store, recording: str, transcript: Transcript) -> Any:
    values = columns_of(transcript)
    statement: Any = insert(store, TranscriptRow).values(recording_id=recording, **values)
    return statement.on_conflict_do_update(index_elements=[TranscriptRow.recording_id], set_=values)


def _new(machine: str, since: datetime | None) -> Any:
    sure = or_(RecordingRow.confirmed, CallRow.id.is_(None), CallRow.state != "running")
    recent = () if since is None else (RecordingRow.started_at >= since,)
    return (
        select(RecordingRow.id)
        .outerjoin(TranscriptionRow, TranscriptionRow.recording_id == RecordingRow.id)
        .outerjoin(TranscriptRow, TranscriptRow.recording_id == RecordingRow.id)
        .outerjoin(CallRow, CallRow.id == RecordingRow.call_id)
        .where(
            RecordingRow.purpose.in_(_PURPOSES),
            RecordingRow.state.in_(_KEPT),
            RecordingRow.worker.startswith(machine, autoescape=True),
            TranscriptionRow.recording_id.is_(None),
            TranscriptRow.recording_id.is_(None),
            sure,
            *recent,
        )
        .limit(_AT_ONCE)
    )


def _next(machine: str, languages: tuple[str, ...], now: datetime) -> Any:
    free = or_(
        and_(TranscriptionRow.state == "waiting", TranscriptionRow.due_at <= now),
        and_(TranscriptionRow.state == "running", TranscriptionRow.until <= now),
    )
    return (
        select(
            RecordingRow.id, RecordingRow.purpose, RecordingRow.call_id, RecordingRow.file, RecordingRow.seconds,
            CallRow.language, TranscriptionRow.tries,
        )
        .join(RecordingRow, RecordingRow.id == TranscriptionRow.recording_id)
        .join(CallRow, CallRow.id == RecordingRow.call_id)
        .where(
            TranscriptionRow.state.in_(("waiting", "running")),
            free,
            RecordingRow.state.in_(_KEPT),
            RecordingRow.worker.startswith(machine, autoescape=True),
            CallRow.language.in_(languages),
        )
        .order_by(RecordingRow.started_at.desc(), RecordingRow.id)
        .limit(1)
    )  # fmt: skip


def _of(recording: str) -> Any:
    return (
        select(RecordingRow.state, ClaimRow.number, TranscriptRow.corrected_by)
        .outerjoin(ClaimRow, ClaimRow.id == RecordingRow.claim_id)
        .outerjoin(TranscriptRow, TranscriptRow.recording_id == RecordingRow.id)
        .where(RecordingRow.id == recording)
    )


async def _chosen(connection: AsyncConnection, message: str) -> bool:
    """Whether a person has said how urgent the message is."""
    query = select(MessageEventRow.id).where(
        MessageEventRow.recording_id == message,
        MessageEventRow.action == "urgency",
        MessageEventRow.who != "system",
    )
    return (await connection.execute(query.limit(1))).first() is not None

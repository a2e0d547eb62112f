"""Calls with their timeline, from the first ring to the end or to the death of their worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Update, select, update
from sqlalchemy.exc import IntegrityError

from policy_db.clock import Clock
from policy_db.errors import NotFoundError
from policy_db.facts import BrokenOff, CallRecord, TimelineEntry
from policy_db.store import AnyRow, Store
from policy_db.tables import CallEventRow, CallFlowRow, CallRow, ClaimRow, PolicyRow, RecordingRow
from policy_db.writes import insert


class Calls:
    """Write calls as they happen. Everything here may be asked for twice and is done once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def begin(
        self,
        call: str,
        *,
        worker: str,
        caller: str,
        called: str,
        channel: str = "sip",
        language: str = "",
        flow: str = "",
        version: str = "",
        outbound: bool = False,
    ) -> None:
        """A call has come in, or was answered by whom we called (`outbound`). `version` is the flow library's."""
        statement = insert(self._store, CallRow).values(
            id=call,
            worker=worker,
            channel=channel,
            caller=caller,
            called=called,
            language=language,
            level=0,
            flow=flow,
            version=version,
            outbound=outbound,
            state="running",
            started_at=self._clock(),
            end_reason="",
        )
        async with self._store.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())

    async def append(self, call: str, entries: Sequence[TimelineEntry], **known: Any) -> None:
        """Add to the call's timeline; an entry whose `seq` is there already is left as it is.

        `known` is what `update` takes, written in the same transaction. Raises NotFoundError for a call that was
        never begun.
        """
        if not entries:
            return
        rows = [
            {"call_id": call, "seq": one.seq, "at": one.at, "kind": one.kind, "data": one.data}
            for one in entries
        ]
        flows = {str(one.data["flow"]) for one in entries if one.kind == "flow_entered"}
        statement = insert(self._store, CallEventRow).on_conflict_do_nothing()
        values = _known(**known)
        try:
            async with self._store.writing() as connection:
                await connection.execute(statement, rows)
                if flows:
                    visited = insert(self._store, CallFlowRow).on_conflict_do_nothing()
                    await connection.execute(visited, [{"call_id": call, "flow": flow} for flow in flows])
                if values:
                    await connection.execute(_running(call).values(values))
        except IntegrityError as error:
            raise NotFoundError(f"There is no call {call}.") from error

    async def update(
        self,
        call: str,
        *,
        language: str | None = None,
        level: int | None = None,
        policy: str | None = None,
        mos: float | None = None,
        loss: float | None = None,
        jitter_ms: float | None = None,
        step: str | None = None,
        step_at: float | None = None,
        asked: bool | None = None,
        missed: int | None = None,
        faults: int | None = None,
        rang: float | None = None,
        apologised: bool | None = None,
    ) -> None:
        """Note what has become known: language, assurance level (0 to 2), policy, how the caller was heard.

        `mos` is 1 to 4.5, `loss` a share of packets. `step` is where the call is (`flow.step`, since `step_at` seconds
        after it was answered), `asked` whether a person was asked for, `missed` and `faults` are counts so far.
        `rang` are the seconds from ring to answer, `apologised` says that the caller heard an apology for them.
        Raises NotFoundError.
        """
        values = _known(
            language=language, level=level, policy=policy, mos=mos, loss=loss, jitter_ms=jitter_ms,
            step=step, step_at=step_at, asked=asked, missed=missed, faults=faults,
            rang=rang, apologised=apologised,
        )  # fmt: skip
        await self._change(call, values)

    async def finish(
        self,
        call: str,
        reason: str,
        **known: Any,
    ) -> None:
        """The call has ended, and what `update` takes is known of it; a second end changes nothing.

        Raises NotFoundError for an unknown call.
        """
        end = {"state": "finished", "ended_at": self._clock(), "end_reason": reason}
        await self._change(call, {**_known(**known), **end})

    async def find(self, call: str) -> CallRecord | None:
        """The call with that id."""
        found = await self._records(CallRow.id == call)
        return found[0] if found else None

    async def running(self) -> tuple[CallRecord, ...]:
        """The calls that have not ended, the oldest first."""
        return await self._records(CallRow.state == "running")

    async def timeline(self, call: str) -> tuple[TimelineEntry, ...]:
        """Everything that happened in a call, in order."""
        query = (
            select(CallEventRow.seq, CallEventRow.at, CallEventRow.kind, CallEventRow.data)
            .where(CallEventRow.call_id == call)
            .order_by(CallEventRow.seq)
        )
        async with self._store.reading() as connection:
            return tuple(TimelineEntry(*row) for row in await connection.execute(query))

    async def close_broken_off(self, worker: str, *, before: datetime | None = None) -> BrokenOff:
        """Close what a dead worker left: calls and recordings are marked, nothing that callers said is lost.

        Unfinished claim reports of those calls keep their answers and can be taken up again. What began at
        `before` or later is left alone: the process that took the dead one's place may have calls by now.
        """
        now = self._clock()
        old_calls = () if before is None else (CallRow.started_at < before,)
        old_recordings = () if before is None else (RecordingRow.started_at < before,)
        async with self._store.writing() as connection:
            calls = await connection.execute(
                update(CallRow)
                .where(CallRow.worker == worker, CallRow.state == "running", *old_calls)
                .values(state="broken_off", ended_at=now, end_reason="broken_off")
                .returning(CallRow.id)
            )
            call_ids = tuple(calls.scalars())
            recordings = await connection.execute(
                update(RecordingRow)
                .where(RecordingRow.worker == worker, RecordingRow.state == "recording", *old_recordings)
                .values(state="broken_off", ended_at=now, why="broken_off")
                .returning(RecordingRow.id)
            )
            recording_ids = tuple(recordings.scalars())
            claims = await connection.execute(
                update(ClaimRow)
                .where(ClaimRow.call_id.in_(call_ids), ClaimRow.status == "draft")
                .values(broken_off=True)
                .returning(ClaimRow.id)
            )
            return BrokenOff(call_ids, recording_ids, tuple(claims.scalars()))

    async def _change(self, call: str, values: dict[str, Any]) -> None:
        if not values:
            return
        async with self._store.writing() as connection:
            if (await connection.execute(_running(call).values(values))).rowcount:
                return
            known = (await connection.execute(select(CallRow.id).where(CallRow.id == call))).first()
        if known is None:
            raise NotFoundError(f"There is no call {call}.")

    async def _records(self, condition: Any) -> tuple[CallRecord, ...]:
        query = (
            select(*CallRow.__table__.columns, PolicyRow.number.label("policy"))
            .outerjoin(PolicyRow, PolicyRow.id == CallRow.policy_id)
            .where(condition)
            .order_by(CallRow.started_at, CallRow.id)
        )
        async with self._store.reading() as connection:
            return tuple(call_record(row) for row in await connection.execute(query))


def call_record(row: AnyRow) -> CallRecord:
    """The call of a row of all columns and its policy's number as `policy`."""
    return CallRecord(
        id=row.id,
        worker=row.worker,
        channel=row.channel,
        caller=row.caller,
        called=row.called,
        language=row.language,
        level=row.level,
        state=cast("Literal['running', 'finished', 'broken_off']", row.state),
        started_at=row.started_at,
        ended_at=row.ended_at,
        end_reason=row.end_reason,
        flow=row.flow,
        version=row.version,
        policy=row.policy,
        mos=row.mos,
        loss=row.loss,
        jitter_ms=row.jitter_ms,
        step=row.step,
        step_at=row.step_at,
        asked=row.asked,
    )


def _running(call: str) -> Update:
    """A change of the call, unless it has ended."""
    return update(CallRow).where(CallRow.id == call, CallRow.state == "running")


def _known(policy: str | None = None, **facts: Any) -> dict[str, Any]:
    """The columns of what is known of a call."""
    values = dict(facts)
    if policy is not None:
        values["policy_id"] = select(PolicyRow.id).where(PolicyRow.number == policy).scalar_subquery()
    return {name: value for name, value in values.items() if value is not None}

"""How each kind of thing is deleted: files before rows, so that nothing is left of which no row knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.store import Store
from policy_db.tables import (
    AttemptRow,
    CallBackRow,
    CallEventRow,
    CallRow,
    ClaimAttachmentRow,
    ClaimRow,
    DocumentRow,
    DoNotCallRow,
    PreferenceRow,
    RecordingRow,
    ReferralRow,
    ReferralStepRow,
    SuggestionRow,
    TalkRow,
    WaitingCallRow,
    WrapUpRow,
)
from policy_db.writes import insert

#: Removes the file of a recording (as the row names it) and what lies beside it; false where that cannot be done.
RemoveFile = Callable[[str], bool]
#: What of a timeline says nothing about anybody, and flows are counted by: kind, and which of its facts.
_ANONYMOUS: Final = {"step_entered": ("flow", "step")}


class Deleter:
    """Deletes batches; every statement may be repeated."""

    def __init__(self, store: Store, remove_file: RemoveFile) -> None:
        self._store = store
        self._remove = remove_file

    async def files(self, recordings: Sequence[str]) -> tuple[list[str], int]:
        """Remove the files of recordings; the ids of those that are gone now, and how many could not be removed."""
        query = select(RecordingRow.id, RecordingRow.file).where(RecordingRow.id.in_(recordings))
        async with self._store.reading() as connection:
            rows = list(await connection.execute(query))
        gone = [row.id for row in rows if not row.file or self._remove(row.file)]
        return gone, len(rows) - len(gone)

    async def recordings(self, connection: AsyncConnection, recordings: Sequence[str]) -> int:
        """The rows of recordings whose files are gone, with messages, transcripts and notes about them."""
        await connection.execute(
            update(TalkRow).where(TalkRow.recording.in_(recordings)).values(recording=None)
        )
        await connection.execute(
            delete(ClaimAttachmentRow).where(ClaimAttachmentRow.recording_id.in_(recordings))
        )
        gone = await connection.execute(delete(RecordingRow).where(RecordingRow.id.in_(recordings)))
        return int(gone.rowcount)

    async def claims(self, connection: AsyncConnection, claims: Sequence[str]) -> int:
        """Claims with their answers, reviews and history; their recordings must be gone."""
        return int((await connection.execute(delete(ClaimRow).where(ClaimRow.id.in_(claims)))).rowcount)

    async def blank_calls(self, connection: AsyncConnection, calls: Sequence[str]) -> int:
        """Take numbers, identity and timeline from calls, which stay to be counted."""
        await self._strip_timelines(connection, calls)
        await connection.execute(
            update(WaitingCallRow)
            .where(WaitingCallRow.call_id.in_(calls))
            .values(caller="", customer="", policy="", call_back_to="")
        )
        await connection.execute(
            update(WrapUpRow).where(WrapUpRow.call_id.in_(calls), WrapUpRow.note != "").values(note="")
        )
        await connection.execute(delete(AttemptRow).where(AttemptRow.call_id.in_(calls)))
        await connection.execute(delete(DocumentRow).where(DocumentRow.call_id.in_(calls)))
        await connection.execute(
            update(RecordingRow).where(RecordingRow.call_id.in_(calls)).values(caller="")
        )
        blanked = update(CallRow).where(CallRow.id.in_(calls)).values(caller="", policy_id=None)
        return int((await connection.execute(blanked)).rowcount)

    async def _strip_timelines(self, connection: AsyncConnection, calls: Sequence[str]) -> None:
        """Entries are never changed, so what stays of them is written anew."""
        events = CallEventRow
        query = select(events.call_id, events.seq, events.at, events.kind, events.data).where(
            events.call_id.in_(calls), events.kind.in_(_ANONYMOUS)
        )
        kept = [
            {
                "call_id": row.call_id,
                "seq": row.seq,
                "at": row.at,
                "kind": row.kind,
                "data": {name: row.data[name] for name in _ANONYMOUS[row.kind] if name in row.data},
            }
            for row in await connection.execute(query)
        ]
        await connection.execute(delete(events).where(events.call_id.in_(calls)))
        for start in range(0, len(kept), 500):
            await connection.execute(insert(self._store, events).values(kept[start : start + 500]))

    async def blank_suggestions(self, connection: AsyncConnection, suggestions: Sequence[str]) -> int:
        """Take the person and what was known of them from suggestions, which stay to be counted."""
        blank = {"customer": "", "policy": "", "features": {}}
        of_these = SuggestionRow.id.in_(suggestions)
        return int((await connection.execute(update(SuggestionRow).where(of_these).values(blank))).rowcount)

    async def blank_referrals(self, connection: AsyncConnection, referrals: Sequence[str]) -> int:
        """Take the person, the policy and every word from referrals, whose steps and premium stay to be counted."""
        words = ReferralStepRow.referral.in_(referrals) & (ReferralStepRow.note != "")
        await connection.execute(update(ReferralStepRow).where(words).values(note=""))
        blank = update(ReferralRow).where(ReferralRow.id.in_(referrals)).values(customer="", policy="")
        return int((await connection.execute(blank)).rowcount)

    async def unlist(self, connection: AsyncConnection, customer: str) -> None:
        """Take a customer off the do-not-call list; a number stays on it, or its owner would be called again."""
        mine = DoNotCallRow.customer == customer
        await connection.execute(delete(DoNotCallRow).where(mine, DoNotCallRow.number == ""))
        await connection.execute(update(DoNotCallRow).where(mine).values(customer=""))

    async def numbers(self, connection: AsyncConnection, phones: Sequence[str]) -> int:
        """What telephone numbers are remembered for, their tries, and call-backs to them."""
        gone = 0
        for statement in (
            delete(PreferenceRow).where(PreferenceRow.caller.in_(phones)),
            delete(AttemptRow).where(AttemptRow.caller.in_(phones)),
            delete(CallBackRow).where(CallBackRow.number.in_(phones)),
        ):
            gone += int((await connection.execute(statement)).rowcount)
        return gone


def not_blank() -> Any:
    """The condition that a call still has something to blank."""
    told = select(CallEventRow.call_id).where(
        CallEventRow.call_id == CallRow.id, CallEventRow.kind.not_in(tuple(_ANONYMOUS))
    )
    return or_(CallRow.caller != "", CallRow.policy_id.is_not(None), told.exists())

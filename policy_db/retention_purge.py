"""The daily purge: what is older than its class is kept, and held by nobody, is deleted, batch by batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.claim_facts import CLOSED
from policy_db.clock import Clock
from policy_db.documents_forget import drop_documents, forget_links
from policy_db.outreach_forget import forget_long_ago
from policy_db.retention import Period, Retention
from policy_db.retention_delete import Deleter, RemoveFile, not_blank
from policy_db.retention_ties import (
    Ties,
    open_holds,
    ties_of_calls,
    ties_of_claims,
    ties_of_documents,
    ties_of_recordings,
    ties_of_referrals,
    ties_of_suggestions,
)
from policy_db.standing import months_after
from policy_db.store import Store
from policy_db.tables import (
    AttemptRow,
    AuditRow,
    CallRow,
    ClaimReviewRow,
    ClaimRow,
    DocumentRow,
    DoNotCallRow,
    ImportLineRow,
    ImportRow,
    PolicyRow,
    PreferenceRow,
    PromptPinRow,
    RecordingRow,
    ReferralRow,
    SignInRow,
    SuggestionRow,
    TalkRow,
    UserSessionRow,
    WrapUpRow,
)

BATCH: Final = 200
_ENDED: Final = ("kept", "broken_off", "discarded")
TiesOf = Callable[[AsyncConnection, Sequence[str]], Awaitable[Ties]]


@dataclass(frozen=True, slots=True)
class SaleRules:
    """By what a talk is known as a sale: the queue it came from, or what the seat said it came to."""

    queues: tuple[str, ...] = ("sales", "life_specialists", "health_specialists", "property_specialists")
    dispositions: tuple[str, ...] = ("interested", "not_interested")


@dataclass(slots=True)
class Count:
    """What became of a class: things deleted (or due, in a dry run), held back, files gone, and failures."""

    deleted: int = 0
    held: int = 0
    files: int = 0
    failed: int = 0

    def told(self) -> dict[str, int]:
        """For the report."""
        return {"deleted": self.deleted, "held": self.held, "files": self.files, "failed": self.failed}


@dataclass(slots=True)
class Purge:
    """One run. `today` is the company's day. `still_mine` is asked between batches: false ends the run."""

    store: Store
    clock: Clock
    remove_file: RemoveFile
    sales: SaleRules
    today: date
    dry: bool = False
    still_mine: Callable[[], Awaitable[bool]] | None = None
    counts: dict[str, Count] = field(default_factory=dict)

    async def run(self) -> dict[str, dict[str, int]]:
        """Delete what is due; what was done, by class."""
        periods = await Retention(self.store, self.clock).periods()
        for name, work in (
            ("voicemail", self._voicemail),
            ("talks", self._talks),
            ("drafts", self._drafts),
            ("claims", self._claims),
            ("calls", self._calls),
            ("suggestions", self._suggestions),
            ("documents", self._documents),
            ("attempts", self._rows(AttemptRow, AttemptRow.at)),
            ("numbers", self._numbers),
            ("imports", self._imports),
            ("audit", self._rows(AuditRow, AuditRow.at)),
        ):
            self.counts.setdefault(name, Count())
            await work(periods[name], periods)
        if not self.dry:
            await self._sessions()
        return {name: count.told() for name, count in self.counts.items()}

    def _due(self, period: Period) -> datetime:
        return self.clock() - timedelta(days=period.days)

    # Recordings

    async def _voicemail(self, period: Period, periods: dict[str, Period]) -> None:
        condition = and_(
            RecordingRow.purpose.not_in(("talk", "call", "claim")),
            RecordingRow.state.in_(_ENDED),
            RecordingRow.started_at < self._due(period),
        )
        await self._each_batch(
            "voicemail",
            RecordingRow,
            RecordingRow.started_at,
            condition,
            ties_of_recordings,
            self._drop_recordings,
        )

    async def _talks(self, period: Period, periods: dict[str, Period]) -> None:
        condition = and_(
            RecordingRow.purpose.in_(("talk", "call")),
            RecordingRow.state.in_(_ENDED),
            RecordingRow.started_at < self._due(period),
        )

        async def drop(name: str, ids: Sequence[str]) -> None:
            kept = await self.kept_sales(ids, periods)
            self._count("sales_long").held += len(kept)
            await self._drop_recordings(name, [one for one in ids if one not in kept])

        await self._each_batch(
            "talks", RecordingRow, RecordingRow.started_at, condition, ties_of_recordings, drop
        )

    async def kept_sales(self, ids: Sequence[str], periods: dict[str, Period]) -> frozenset[str]:
        """Those recordings of sales whose time is not over: counted from the end of the contract, if one is known."""
        query = (
            select(
                RecordingRow.id,
                RecordingRow.started_at,
                PolicyRow.started_on,
                PolicyRow.ends_on,
                PolicyRow.surrendered_on,
            )
            .outerjoin(TalkRow, TalkRow.recording == RecordingRow.id)
            .outerjoin(CallRow, CallRow.id == RecordingRow.call_id)
            .outerjoin(PolicyRow, PolicyRow.id == CallRow.policy_id)
            .where(
                RecordingRow.id.in_(ids),
                or_(
                    TalkRow.queue.in_(self.sales.queues),
                    select(WrapUpRow.id)
                    .where(
                        WrapUpRow.call_id == RecordingRow.call_id,
                        WrapUpRow.disposition.in_(self.sales.dispositions),
                    )
                    .exists(),
                ),
            )
        )
        async with self.store.reading() as connection:
            rows = list(await connection.execute(query))
        return frozenset(row.id for row in rows if self._sale_goes_on(row, periods))

    def _sale_goes_on(self, row: Any, periods: dict[str, Period]) -> bool:
        if row.started_on is None:
            return bool(row.started_at > self._due(periods["sales_long"]))
        ended = contract_end(row.ends_on, row.surrendered_on)
        days = periods["sales_short" if is_short(row.started_on, row.ends_on) else "sales_long"].days
        return ended is None or ended + timedelta(days=days) >= self.today

    async def _drop_recordings(self, name: str, ids: Sequence[str]) -> None:
        count = self._count(name)
        if self.dry:
            count.deleted += len(ids)
            return
        deleter = Deleter(self.store, self.remove_file)
        gone, failed = await deleter.files(ids)
        count.files += len(gone)
        count.failed += failed
        async with self.store.writing() as connection:
            count.deleted += await deleter.recordings(connection, gone)

    # Claims

    async def _drafts(self, period: Period, periods: dict[str, Period]) -> None:
        condition = and_(ClaimRow.status == "draft", ClaimRow.saved_at < self._due(period))
        await self._each_batch(
            "drafts", ClaimRow, ClaimRow.begun_at, condition, ties_of_claims, self._drop_claims
        )

    async def _claims(self, period: Period, periods: dict[str, Period]) -> None:
        """Claims that are over, by the last thing that was done about them."""
        due = self._due(period)
        touched = select(ClaimReviewRow.claim_id).where(
            ClaimReviewRow.claim_id == ClaimRow.id, ClaimReviewRow.changed_at >= due
        )
        condition = and_(ClaimRow.status.in_(CLOSED), ClaimRow.saved_at < due, ~touched.exists())
        await self._each_batch(
            "claims", ClaimRow, ClaimRow.begun_at, condition, ties_of_claims, self._drop_claims
        )

    async def _drop_claims(self, name: str, ids: Sequence[str]) -> None:
        query = select(RecordingRow.id, RecordingRow.claim_id).where(RecordingRow.claim_id.in_(ids))
        async with self.store.reading() as connection:
            recordings = {row.id: row.claim_id for row in await connection.execute(query)}
        count = self._count(name)
        if self.dry:
            count.deleted += len(ids)
            return
        deleter = Deleter(self.store, self.remove_file)
        gone, failed = await deleter.files(list(recordings))
        count.files += len(gone)
        count.failed += failed
        stuck = {claim for recording, claim in recordings.items() if recording not in set(gone)}
        async with self.store.writing() as connection:
            await deleter.recordings(connection, gone)
            count.deleted += await deleter.claims(connection, [one for one in ids if one not in stuck])

    # Calls

    async def _calls(self, period: Period, periods: dict[str, Period]) -> None:
        """Calls whose talk is still kept stay whole: it says which contract the talk was about."""
        talk = select(RecordingRow.id).where(
            RecordingRow.call_id == CallRow.id, RecordingRow.purpose.in_(("talk", "call"))
        )
        condition = and_(
            CallRow.state != "running", CallRow.started_at < self._due(period), not_blank(), ~talk.exists()
        )
        await self._each_batch(
            "calls", CallRow, CallRow.started_at, condition, ties_of_calls, self._blank_calls
        )

    async def _blank_calls(self, name: str, ids: Sequence[str]) -> None:
        count = self._count(name)
        if self.dry:
            count.deleted += len(ids)
            return
        async with self.store.writing() as connection:
            count.deleted += await Deleter(self.store, self.remove_file).blank_calls(connection, ids)

    # Suggestions

    async def _suggestions(self, period: Period, periods: dict[str, Period]) -> None:
        """Suggestions and what came of them stay without the person; entries of the do-not-call list that are over go."""
        due = self._due(period)
        deleter = Deleter(self.store, self.remove_file)
        await self._each_batch(
            "suggestions",
            SuggestionRow,
            SuggestionRow.decided_at,
            and_(SuggestionRow.decided_at < due, SuggestionRow.customer != ""),
            ties_of_suggestions,
            self._dropping(deleter.blank_suggestions),
        )
        await self._each_batch(
            "suggestions",
            ReferralRow,
            ReferralRow.flagged_at,
            and_(ReferralRow.flagged_at < due, ReferralRow.changed_at < due, ReferralRow.customer != ""),
            ties_of_referrals,
            self._dropping(deleter.blank_referrals),
        )
        if not self.dry:
            over = or_(DoNotCallRow.removed_at < due, DoNotCallRow.until < due)
            async with self.store.writing() as connection:
                await connection.execute(delete(DoNotCallRow).where(over))

    def _dropping(
        self, change: Callable[[AsyncConnection, Sequence[str]], Awaitable[int]]
    ) -> Callable[[str, Sequence[str]], Awaitable[None]]:
        async def drop(name: str, ids: Sequence[str]) -> None:
            count = self._count(name)
            if self.dry:
                count.deleted += len(ids)
                return
            async with self.store.writing() as connection:
                count.deleted += await change(connection, ids)

        return drop

    # Documents

    async def _documents(self, period: Period, periods: dict[str, Period]) -> None:
        """Documents with what is in them, their links, and how they were faxed."""
        await self._each_batch(
            "documents",
            DocumentRow,
            DocumentRow.created_at,
            DocumentRow.created_at < self._due(period),
            ties_of_documents,
            self._dropping(drop_documents),
        )

    # Telephone numbers

    async def _numbers(self, period: Period, periods: dict[str, Period]) -> None:
        """What is remembered of numbers, and whom we called."""
        await self._rows(PreferenceRow, PreferenceRow.updated_at)(period, periods)
        if not self.dry:
            async with self.store.writing() as connection:
                gone = await forget_long_ago(connection, self._due(period), await open_holds(connection))
            self._count("numbers").deleted += gone

    # Rows that nothing hangs on

    def _rows(self, table: Any, at: Any) -> Callable[[Period, dict[str, Period]], Awaitable[None]]:
        """The work on a class whose rows are simply old."""

        async def work(period: Period, periods: dict[str, Period]) -> None:
            key = next(iter(table.__table__.primary_key.columns))
            due, count = self._due(period), self._count(period.name)
            if self.dry:
                query = select(func.count()).select_from(table).where(at < due)
                async with self.store.reading() as connection:
                    count.deleted += int((await connection.execute(query)).scalar_one())
                return
            while await self._goes_on():
                batch = select(key).where(at < due).limit(BATCH * 10)
                async with self.store.writing() as connection:
                    gone = (await connection.execute(delete(table).where(key.in_(batch)))).rowcount
                count.deleted += gone
                if gone < BATCH * 10:
                    return

        return work

    async def _imports(self, period: Period, periods: dict[str, Period]) -> None:
        """What lines of imported files said; that there was an import, and how many lines, stays."""
        old = select(ImportRow.id).where(ImportRow.begun_at < self._due(period))
        count = self._count("imports")
        condition = ImportLineRow.import_id.in_(old)
        if self.dry:
            query = select(func.count()).select_from(ImportLineRow).where(condition)
            async with self.store.reading() as connection:
                count.deleted += int((await connection.execute(query)).scalar_one())
            return
        async with self.store.writing() as connection:
            count.deleted += (await connection.execute(delete(ImportLineRow).where(condition))).rowcount

    async def _sessions(self) -> None:
        """Sessions and PINs that are over, and yesterday's tries to sign in, which no class keeps."""
        now = self.clock()
        async with self.store.writing() as connection:
            await connection.execute(delete(UserSessionRow).where(UserSessionRow.expires_at < now))
            await connection.execute(delete(PromptPinRow).where(PromptPinRow.expires_at < now))
            await forget_links(connection, now - timedelta(days=30), await open_holds(connection))
            await connection.execute(delete(SignInRow).where(SignInRow.at < now - timedelta(days=1)))

    # Batches

    def _count(self, name: str) -> Count:
        return self.counts.setdefault(name, Count())

    async def _goes_on(self) -> bool:
        return self.still_mine is None or await self.still_mine()

    async def _each_batch(
        self,
        name: str,
        table: Any,
        at: Any,
        condition: Any,
        ties_of: TiesOf,
        drop: Callable[[str, Sequence[str]], Awaitable[None]],
    ) -> None:
        """Walk what is due from the oldest on; what is held is stepped over, by what is held at that moment."""
        after: tuple[datetime, str] | None = None
        while await self._goes_on():
            query = select(table.id, at).where(condition).order_by(at, table.id).limit(BATCH)
            if after is not None:
                query = query.where(or_(at > after[0], and_(at == after[0], table.id > after[1])))
            async with self.store.reading() as connection:
                rows = list(await connection.execute(query))
                if not rows:
                    return
                ids = [row[0] for row in rows]
                holds = await open_holds(connection)
                ties = await ties_of(connection, ids) if holds else {}
            free = [one for one in ids if not (ties.get(one, set()) & holds)]
            self._count(name).held += len(ids) - len(free)
            if free:
                await drop(name, free)
            after = (rows[-1][1], rows[-1][0])


def is_short(started_on: date, ends_on: date | None) -> bool:
    """Whether a contract is for a year or less."""
    return ends_on is not None and ends_on < months_after(started_on, 12)


def contract_end(ends_on: date | None, surrendered_on: date | None) -> date | None:
    """The last day of a contract, None if none is fixed."""
    days = [day for day in (ends_on, surrendered_on) if day is not None]
    return min(days) if days else None

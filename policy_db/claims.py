"""Claims: the first report by telephone, saved answer by answer, and what became of it.

A report belongs to whoever calls from the same number; it can be taken up again for `resume_within`, after
that it stays as it is for a person to handle. Claim numbers are the day (YYMMDD) and a six-digit count:
twelve digits.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, Final, cast

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.facts import ClaimFact, ClaimRecord, ClaimReport, ClaimStage, ClaimStatus, Money
from policy_db.store import AnyRow, Store
from policy_db.tables import ClaimAnswerRow, ClaimAttachmentRow, ClaimRow, PolicyRow
from policy_db.writes import count_up, insert

#: The questions of a report, in the order they are asked.
QUESTIONS: Final[tuple[ClaimStage, ...]] = ("when", "kind", "hurt", "where", "what")
_MOST_A_DAY = 999_999


class Claims:
    """Take claim reports and tell how claims stand."""

    def __init__(self, store: Store, clock: Clock, resume_within: timedelta = timedelta(days=3)) -> None:
        self._store = store
        self._clock = clock
        self._resume_within = resume_within

    async def begin(
        self,
        *,
        caller: str,
        today: date,
        policy: str | None = None,
        level: int = 0,
        call_id: str = "",
        key: str | None = None,
        resume: bool = True,
    ) -> ClaimReport:
        """Begin a report, or go on with the caller's unfinished one if `resume` and there is one.

        `policy` is the number the caller gave; a report is taken even if nobody knows it. `level` is how
        sure the hotline is of the caller. The same `key` always gives the same report.
        """
        async with self._store.writing(f"claim:{caller}") as connection:
            known = await self._by_key(connection, key)
            if known is not None:
                return ClaimReport(known.id, known.number, await _stage(connection, known.id), resumed=False)
            found = await self._unfinished(connection, caller, policy) if resume else None
            if found is not None:
                await self._take_up(connection, found, policy, level, call_id)
                return ClaimReport(found.id, found.number, await _stage(connection, found.id), resumed=True)
            claim, number = await self._add(connection, caller, today, policy, level, call_id, key)
        return ClaimReport(claim, number, "when", resumed=False)

    async def resumable(self, caller: str) -> ClaimReport | None:
        """The report that this caller left unfinished, if it is recent. A hidden number has none."""
        async with self._store.reading() as connection:
            found = await self._unfinished(connection, caller, None)
            if found is None:
                return None
            return ClaimReport(found.id, found.number, await _stage(connection, found.id), resumed=True)

    async def save_answer(self, claim: str, question: str, value: str) -> None:
        """Keep the answer to a question at once; a later answer to the same question takes its place.

        Raises BadValueError for a question that is not one, NotFoundError, or ConflictError once the report
        is submitted.
        """
        _require_question(question, QUESTIONS)
        async with self._store.writing(f"claim:{claim}") as connection:
            await self._require_draft(connection, claim)
            statement: Any = insert(self._store, ClaimAnswerRow).values(
                claim_id=claim, field=question, value=value, saved_at=self._clock()
            )
            await connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[ClaimAnswerRow.claim_id, ClaimAnswerRow.field],
                    set_={"value": statement.excluded.value, "saved_at": statement.excluded.saved_at},
                )
            )
            changes = {"kind": value} if question == "kind" else {}
            await self._touch(connection, claim, **changes)

    async def attach(self, claim: str, question: str, recording: str) -> None:
        """Keep a recording as the answer to `where` or `what`; earlier ones stay beside it, in their order.

        Attaching the same recording again changes nothing. Raises as `save_answer` does.
        """
        _require_question(question, ("where", "what"))
        async with self._store.writing(f"claim:{claim}") as connection:
            await self._require_draft(connection, claim)
            statement: Any = insert(self._store, ClaimAttachmentRow).values(
                claim_id=claim, field=question, recording_id=recording, attached_at=self._clock()
            )
            await connection.execute(statement.on_conflict_do_nothing())
            await self._touch(connection, claim)

    async def submit(self, claim: str, today: date) -> str:
        """Hand the report in; gives its number, however often. Raises NotFoundError."""
        async with self._store.writing(f"claim:{claim}") as connection:
            row = await _claim(connection, claim)
            if row.status == "draft":
                await connection.execute(
                    update(ClaimRow)
                    .where(ClaimRow.id == claim)
                    .values(
                        status="reported",
                        submitted_at=self._clock(),
                        saved_at=self._clock(),
                        reported_on=today,
                        broken_off=False,
                    )
                )
        return str(row.number)

    async def status(self, policy: str) -> ClaimFact | None:
        """The latest claim of a policy that was handed in, None if there is none."""
        condition = (PolicyRow.number == policy, ClaimRow.status != "draft")
        query = (
            select(*ClaimRow.__table__.columns, func.count().over().label("total"))
            .join(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
            .where(*condition)
            .order_by(ClaimRow.reported_on.desc(), ClaimRow.number.desc())
            .limit(1)
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _fact(row)

    async def find(self, number: str) -> ClaimRecord | None:
        """The whole claim with that number, with its answers and recordings."""
        query = (
            select(*ClaimRow.__table__.columns, PolicyRow.number.label("policy_number"))
            .outerjoin(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
            .where(ClaimRow.number == number)
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            answers = await _answers(connection, row.id)
            recordings = await _recordings(connection, row.id)
        return ClaimRecord(
            id=row.id,
            number=row.number,
            policy=row.policy_number or row.policy_said or None,
            caller=row.caller,
            level=row.level,
            status=cast("ClaimStatus", row.status),
            begun_at=row.begun_at,
            submitted_at=row.submitted_at,
            broken_off=row.broken_off,
            answers=answers,
            recordings=recordings,
        )

    async def _by_key(self, connection: AsyncConnection, key: str | None) -> AnyRow | None:
        if key is None:
            return None
        query = select(ClaimRow.id, ClaimRow.number).where(ClaimRow.key == key)
        return (await connection.execute(query)).first()

    async def _unfinished(
        self, connection: AsyncConnection, caller: str, policy: str | None
    ) -> AnyRow | None:
        if not caller:
            return None
        query = (
            select(ClaimRow.id, ClaimRow.number, ClaimRow.level, ClaimRow.policy_said)
            .where(
                ClaimRow.caller == caller,
                ClaimRow.status == "draft",
                ClaimRow.begun_at > self._clock() - self._resume_within,
            )
            .order_by(ClaimRow.begun_at.desc(), ClaimRow.number.desc())
            .limit(1)
        )
        if policy is not None:
            query = query.where(ClaimRow.policy_said.in_((policy, "")))
        return (await connection.execute(query)).first()

    async def _take_up(
        self, connection: AsyncConnection, found: AnyRow, policy: str | None, level: int, call_id: str
    ) -> None:
        """Go on with a report in another call, which may know the policy or the caller better."""
        changes: dict[str, Any] = {"call_id": call_id, "broken_off": False, "level": max(level, found.level)}
        if policy is not None and not found.policy_said:
            row = await _policy(connection, policy)
            changes |= {"policy_said": policy, "policy_id": None if row is None else row.id}
        await connection.execute(update(ClaimRow).where(ClaimRow.id == found.id).values(changes))

    async def _add(
        self,
        connection: AsyncConnection,
        caller: str,
        today: date,
        policy: str | None,
        level: int,
        call_id: str,
        key: str | None,
    ) -> tuple[str, str]:
        claim, number, now = secrets.token_hex(16), await self._number(connection, today), self._clock()
        found = await _policy(connection, policy)
        await connection.execute(
            insert(self._store, ClaimRow).values(
                id=claim,
                number=number,
                policy_id=None if found is None else found.id,
                policy_said=policy or "",
                caller=caller,
                level=level,
                call_id=call_id,
                status="draft",
                kind="",
                begun_at=now,
                saved_at=now,
                reported_on=today,
                currency="CNY" if found is None else found.currency,
                broken_off=False,
                key=key,
            )
        )
        return claim, number

    async def _number(self, connection: AsyncConnection, today: date) -> str:
        count = await count_up(self._store, connection, f"claim:{today:%y%m%d}")
        if count > _MOST_A_DAY:
            raise ConflictError(
                "All claim numbers of the day are used.", "Take reports as messages until tomorrow."
            )
        return f"{today:%y%m%d}{count:06d}"

    async def _require_draft(self, connection: AsyncConnection, claim: str) -> None:
        row = await _claim(connection, claim)
        if row.status != "draft":
            raise ConflictError(f"Claim {row.number} is handed in already.", "Add to it as a message.")

    async def _touch(self, connection: AsyncConnection, claim: str, **changes: str) -> None:
        await connection.execute(
            update(ClaimRow).where(ClaimRow.id == claim).values(saved_at=self._clock(), **changes)
        )


def _require_question(question: str, known: Collection[str]) -> None:
    if question not in known:
        raise BadValueError(
            f"{question!r} is no question of a claim report.", f"Use one of: {', '.join(known)}."
        )


async def _claim(connection: AsyncConnection, claim: str) -> AnyRow:
    query = select(ClaimRow.number, ClaimRow.status).where(ClaimRow.id == claim)
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFoundError("There is no claim report of that id.")
    return row


async def _policy(connection: AsyncConnection, number: str | None) -> AnyRow | None:
    query = select(PolicyRow.id, PolicyRow.currency).where(PolicyRow.number == number)
    return (await connection.execute(query)).first()


async def _stage(connection: AsyncConnection, claim: str) -> ClaimStage:
    """The first question that has neither an answer nor a recording."""
    done = {*await _answers(connection, claim), *await _recordings(connection, claim)}
    return next((question for question in QUESTIONS if question not in done), "done")


async def _answers(connection: AsyncConnection, claim: str) -> dict[str, str]:
    query = select(ClaimAnswerRow.field, ClaimAnswerRow.value).where(ClaimAnswerRow.claim_id == claim)
    return {row.field: row.value for row in await connection.execute(query)}


async def _recordings(connection: AsyncConnection, claim: str) -> dict[str, tuple[str, ...]]:
    query = (
        select(ClaimAttachmentRow.field, ClaimAttachmentRow.recording_id)
        .where(ClaimAttachmentRow.claim_id == claim)
        .order_by(ClaimAttachmentRow.attached_at)
    )
    grouped: dict[str, tuple[str, ...]] = {}
    for row in await connection.execute(query):
        grouped[row.field] = (*grouped.get(row.field, ()), row.recording_id)
    return grouped


def _fact(row: AnyRow) -> ClaimFact:
    return ClaimFact(
        id=row.id,
        number=row.number,
        kind=row.kind,
        reported_on=row.reported_on,
        status=cast("ClaimStatus", row.status),
        paid=None if row.paid is None else Money(row.paid, row.currency),
        missing=row.missing,
        count=row.total,
    )

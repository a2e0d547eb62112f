"""Claims as staff handle them: the inbox of reports, one claim with all that was done, changes with their history.

What a caller hears of a claim (status, missing papers, what was paid) stays in `claims`, the one truth; beside it
stands who handles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.claim_facts import (
    CLOSED,
    MOVES,
    NEAR,
    OPEN,
    REASONED,
    ClaimCase,
    ClaimChange,
    ClaimFilter,
    ClaimLoss,
    Duplicate,
    compared,
    loss_day,
    missing_items,
    stored_missing,
)
from policy_db.clock import Clock
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.facts import ClaimStatus, Money
from policy_db.message_changes import checked_note
from policy_db.message_facts import CallBackState, HistoryEntry, StaleError
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    CallBackRow,
    ClaimAnswerRow,
    ClaimAttachmentRow,
    ClaimEventRow,
    ClaimReviewRow,
    ClaimRow,
    CustomerRow,
    LegalHoldRow,
    PolicyRow,
    TranscriptRow,
    UserRow,
)
from policy_db.writes import insert

_MOST_COMPARED: Final = 1000
_MOST_PAID: Final = Decimal(10) ** 12
_COLUMNS = (
    *ClaimRow.__table__.columns,
    ClaimReviewRow.adjuster,
    ClaimReviewRow.opened_at,
    ClaimReviewRow.checked_by,
    ClaimReviewRow.checked_at,
    ClaimReviewRow.checked_how,
    ClaimReviewRow.changed_at,
    ClaimReviewRow.changed_by,
    ClaimReviewRow.version,
    PolicyRow.number.label("policy"),
    CustomerRow.number.label("customer"),
    CustomerRow.name.label("customer_name"),
    LegalHoldRow.id.label("hold"),
)


class ClaimReviews:
    """Reads and changes how claims are handled. `who` is a user's name."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # Looking

    async def inbox(self, wanted: ClaimFilter, *, limit: int, offset: int = 0) -> tuple[ClaimCase, ...]:
        """Claims, as many as `limit` from `offset` on, by when they were begun."""
        at, key = ClaimRow.begun_at, ClaimRow.number
        order = (at.asc(), key.asc()) if wanted.order == "oldest" else (at.desc(), key.desc())
        query = _joined(select(*_COLUMNS)).where(*_conditions(wanted))
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(*order).limit(limit).offset(offset))
            return tuple(_case(row) for row in rows)

    async def count(self, wanted: ClaimFilter, *, most: int = 1000) -> int | None:
        """How many there are of them; None for more than `most`, which nobody wants to wait for."""
        reviewed = select(ClaimRow.id).outerjoin(ClaimReviewRow, ClaimReviewRow.claim_id == ClaimRow.id)
        query = _joined(select(ClaimRow.id)) if wanted.q else reviewed
        some = query.where(*_conditions(wanted)).limit(most + 1).subquery()
        async with self._store.reading() as connection:
            found = int((await connection.execute(select(func.count()).select_from(some))).scalar_one())
        return None if found > most else found

    async def find(self, number: str) -> ClaimCase | None:
        """The claim of that number."""
        query = _joined(select(*_COLUMNS)).where(ClaimRow.number == number)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _case(row)

    async def history(self, number: str) -> tuple[HistoryEntry, ...]:
        """Everything that staff did to a claim, in order."""
        columns = (
            ClaimEventRow.at, ClaimEventRow.who, ClaimEventRow.action, ClaimEventRow.details, ClaimEventRow.text,
        )  # fmt: skip
        query = select(*columns).join(ClaimRow, ClaimRow.id == ClaimEventRow.claim_id)
        query = query.where(ClaimRow.number == number).order_by(ClaimEventRow.id)
        async with self._store.reading() as connection:
            return tuple(HistoryEntry(*row) for row in await connection.execute(query))

    async def duplicates(self, cases: Sequence[ClaimCase]) -> dict[str, tuple[Duplicate, ...]]:
        """For each claim (by number) the others that may be about the same loss, in two queries however many."""
        if not cases:
            return {}
        policies = {case.policy_id for case in cases if case.policy_id is not None}
        callers = {case.caller for case in cases if case.caller}
        earliest = min(case.reported_on for case in cases) - 4 * NEAR
        latest = max(case.reported_on for case in cases) + 4 * NEAR
        query = (
            select(
                ClaimRow.number, ClaimRow.status, ClaimRow.policy_id, ClaimRow.caller, ClaimRow.kind,
                ClaimRow.reported_on, ClaimAnswerRow.value.label("when"),
            )
            .outerjoin(
                ClaimAnswerRow, and_(ClaimAnswerRow.claim_id == ClaimRow.id, ClaimAnswerRow.field == "when")
            )
            .where(
                or_(ClaimRow.policy_id.in_(policies), ClaimRow.caller.in_(callers)),
                ClaimRow.reported_on.between(earliest, latest),
            )
            .order_by(ClaimRow.begun_at.desc())
            .limit(_MOST_COMPARED)
        )  # fmt: skip
        async with self._store.reading() as connection:
            losses = {row.number: _loss(row) for row in await connection.execute(query)}
        return {
            case.number: tuple(found for other in losses.values() if (found := compared(mine, other)))
            for case in cases
            if (mine := losses.get(case.number)) is not None
        }

    async def answers(self, numbers: Sequence[str]) -> dict[str, dict[str, str]]:
        """The answers of claims by number and question."""
        query = (
            select(ClaimRow.number, ClaimAnswerRow.field, ClaimAnswerRow.value)
            .join(ClaimAnswerRow, ClaimAnswerRow.claim_id == ClaimRow.id)
            .where(ClaimRow.number.in_(numbers))
        )
        found: dict[str, dict[str, str]] = {number: {} for number in numbers}
        async with self._store.reading() as connection:
            for row in await connection.execute(query):
                found[row.number][row.field] = row.value
        return found

    # Doing

    async def opened(self, number: str, who: str) -> bool:
        """Somebody has the claim before them; True if nobody had before."""
        now = self._clock()
        async with self._store.writing(f"claim review:{number}") as connection:
            row = await self._row(connection, number)
            if row.opened_at is not None:
                return False
            await self._write(connection, row.id, {"opened_at": now})
            await self._remember(connection, row.id, who, [("opened", {}, "")])
        return True

    async def note(self, number: str, who: str, text: str) -> None:
        """Keep a note. Raises NotFoundError, or BadValueError for none or too long a one."""
        text = checked_note(text)
        async with self._store.writing(f"claim review:{number}") as connection:
            row = await self._row(connection, number)
            await self._remember(connection, row.id, who, [("note", {}, text)])

    async def change(self, number: str, who: str, change: ClaimChange, *, version: int) -> Mapping[str, Any]:
        """Make a change to the claim as it was at `version`; gives what is different now, by name.

        Papers that are wanted make it `missing_documents`; when the last has come it is `reviewing` again. Raises
        StaleError when somebody else was first, ConflictError for a move that is not allowed or money for a caller
        of whom nobody is sure, BadValueError for what cannot be, NotFoundError.
        """
        now = self._clock()
        async with self._store.writing(f"claim review:{number}") as connection:
            row = await self._row(connection, number)
            if row.version != version:
                raise StaleError(row.version, row.changed_by, row.changed_at or now)
            claim, review, told = await _differences(connection, row, change)
            if not told:
                return {}
            _allow(row, change, claim, review)
            if claim.get("status") == "reported":
                claim |= {"submitted_at": now, "broken_off": False}
            if "checked_how" in review:
                review |= {"checked_by": who, "checked_at": now}
            if claim:
                await connection.execute(
                    update(ClaimRow).where(ClaimRow.id == row.id).values(saved_at=now, **claim)
                )
            await self._write(
                connection, row.id, {**review, "version": version + 1, "changed_at": now, "changed_by": who}
            )
            reason = change.reason.strip()
            entries = [(name, details, reason if name == "status" else "") for name, details in told.items()]
            await self._remember(connection, row.id, who, entries)
        return told

    async def noted(self, number: str, who: str, action: str, text: str = "") -> None:
        """Write into the history what was done elsewhere: a legal hold set or released, a file taken out."""
        async with self._store.writing(f"claim review:{number}") as connection:
            row = await self._row(connection, number)
            await self._remember(connection, row.id, who, [(action, {}, text)])

    async def ask_call_back(self, number: str, who: str) -> int:
        """Somebody promises to call the reporter back; an open promise of theirs is the same one."""
        async with self._store.writing(f"claim review:{number}") as connection:
            row = await self._row(connection, number)
            if not row.caller:
                raise BadValueError("There is no number to call back.", "The caller withheld it.")
            known = select(CallBackRow.id).where(
                CallBackRow.claim_id == row.id, CallBackRow.who == who, CallBackRow.state == "open"
            )
            found = (await connection.execute(known)).scalar()
            if found is not None:
                return int(found)
            added = insert(self._store, CallBackRow).values(
                claim_id=row.id, number=row.caller, who=who, state="open", asked_at=self._clock()
            )
            await self._remember(connection, row.id, who, [("call_back", {}, "")])
            return int((await connection.execute(added.returning(CallBackRow.id))).scalar_one())

    async def end_call_back(self, number: str, call_back: int, who: str, state: CallBackState) -> None:
        """The promise is kept, or not. Raises NotFoundError for one that is not open."""
        async with self._store.writing(f"claim review:{number}") as connection:
            row = await self._row(connection, number)
            mine = (
                CallBackRow.id == call_back,
                CallBackRow.claim_id == row.id,
                CallBackRow.state == "open",
            )
            values = {"state": state, "done_at": self._clock()}
            if not (await connection.execute(update(CallBackRow).where(*mine).values(values))).rowcount:
                raise NotFoundError("There is no open call-back of that number.")
            await self._remember(connection, row.id, who, [("called", {"state": state}, "")])

    async def _row(self, connection: AsyncConnection, number: str) -> AnyRow:
        """The claim with its review, which is made at the first need. Raises NotFoundError."""
        claim = (await connection.execute(select(ClaimRow.id).where(ClaimRow.number == number))).scalar()
        if claim is None:
            raise NotFoundError("There is no claim of that number.")
        fresh = insert(self._store, ClaimReviewRow).values(
            claim_id=claim, adjuster="", opened_at=None, checked_by="", checked_at=None, checked_how="",
            changed_at=self._clock(), changed_by="", version=0,
        )  # fmt: skip
        await connection.execute(fresh.on_conflict_do_nothing())
        query = (
            select(*ClaimRow.__table__.columns, *(c for c in ClaimReviewRow.__table__.columns))
            .join(ClaimReviewRow, ClaimReviewRow.claim_id == ClaimRow.id)
            .where(ClaimRow.id == claim)
        )
        return (await connection.execute(query)).one()

    async def _write(self, connection: AsyncConnection, claim: str, values: Mapping[str, Any]) -> None:
        await connection.execute(
            update(ClaimReviewRow).where(ClaimReviewRow.claim_id == claim).values(values)
        )

    async def _remember(
        self,
        connection: AsyncConnection,
        claim: str,
        who: str,
        entries: Sequence[tuple[str, Mapping[str, Any], str]],
    ) -> None:
        now = self._clock()
        rows = [
            {"claim_id": claim, "at": now, "who": who, "action": action, "details": details, "text": text}
            for action, details, text in entries
        ]
        await connection.execute(insert(self._store, ClaimEventRow), rows)


async def _differences(
    connection: AsyncConnection, row: AnyRow, change: ClaimChange
) -> tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, Any]]]:
    """The columns of the claim and of its review that change, and how that is told in the history."""
    claim: dict[str, Any] = {}
    review: dict[str, Any] = {}
    told: dict[str, dict[str, Any]] = {}
    status = change.status
    if change.missing is not None and (wanted := stored_missing(change.missing)) != row.missing:
        claim["missing"] = wanted
        told["missing"] = {"was": row.missing or "", "is": wanted or ""}
        if wanted and row.status in ("reported", "reviewing"):
            status = status or "missing_documents"
        elif not wanted and row.status == "missing_documents":
            status = status or "reviewing"
    if status is not None and status != row.status:
        _require_move(row.status, status)
        claim["status"] = status
        told["status"] = {"was": row.status, "is": status}
        if status == "paid":
            claim["paid"] = _amount(change.paid)
            told["status"]["paid"] = str(claim["paid"])
    if change.adjuster is not None and change.adjuster != row.adjuster:
        await _require_user(connection, change.adjuster)
        review["adjuster"] = change.adjuster
        told["adjuster"] = {"was": row.adjuster, "is": change.adjuster}
    if change.checked_how is not None and change.checked_how.strip() != row.checked_how:
        review["checked_how"] = change.checked_how.strip()[:400]
        told["checked"] = {"is": review["checked_how"]}
    return claim, review, told


def _require_move(was: str, becomes: str) -> None:
    if becomes not in MOVES[was]:
        raise ConflictError(f"A claim that is {was} cannot become {becomes}.", "Choose one of those offered.")


def _allow(row: AnyRow, change: ClaimChange, claim: Mapping[str, Any], review: Mapping[str, Any]) -> None:
    """Raises BadValueError for a move without its reason, ConflictError for one that would pay a stranger."""
    status = claim.get("status")
    if status is None:
        return
    if (row.status, status) in REASONED and not change.reason.strip():
        raise BadValueError("This needs a reason.", "Write why; it stays in the history.")
    sure = row.level >= 2 or review.get("checked_how", row.checked_how)
    if status in ("approved", "paid") and not sure:
        raise ConflictError(
            "The caller was not verified: do not pay.", "Write first how you made sure of who they are."
        )


def _amount(paid: Decimal | None) -> Decimal:
    """An amount to the cent. Raises BadValueError."""
    if paid is None or not paid.is_finite() or not 0 < paid < _MOST_PAID or paid != round(paid, 2):
        raise BadValueError("What was paid is an amount above zero, to the cent.")
    return paid


async def _require_user(connection: AsyncConnection, name: str) -> None:
    query = select(UserRow.roles).where(UserRow.name == name, UserRow.disabled.is_(False))
    roles = (await connection.execute(query)).scalar() if name else ["reviewer"]
    if not {"reviewer", "manager"} & set(roles or ()):
        raise BadValueError(f"{name!r} handles no claims.", "Choose one of those offered.")


def _joined(query: Select[Any]) -> Select[Any]:
    held = and_(
        LegalHoldRow.kind == "claim",
        LegalHoldRow.number == ClaimRow.number,
        LegalHoldRow.released_at.is_(None),
    )
    return (
        query.select_from(ClaimRow)
        .outerjoin(ClaimReviewRow, ClaimReviewRow.claim_id == ClaimRow.id)
        .outerjoin(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
        .outerjoin(CustomerRow, CustomerRow.id == PolicyRow.customer_id)
        .outerjoin(LegalHoldRow, held)
    )


def _conditions(wanted: ClaimFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    unopened, mine = ClaimReviewRow.opened_at.is_(None), ClaimReviewRow.adjuster == wanted.user
    match wanted.view:
        case "new":
            found += [ClaimRow.status == "reported", unopened]
        case "mine":
            found += [ClaimRow.status.in_(("draft", *OPEN)), mine]
        case "open":
            found.append(ClaimRow.status.in_(OPEN))
        case "drafts":
            found.append(ClaimRow.status == "draft")
        case "closed":
            found.append(ClaimRow.status.in_(CLOSED))
        case "all":
            pass
    if wanted.status:
        found.append(ClaimRow.status == wanted.status)
    if wanted.kind:
        found.append(ClaimRow.kind == wanted.kind)
    if wanted.adjuster == "-":
        found.append(func.coalesce(ClaimReviewRow.adjuster, "") == "")
    elif wanted.adjuster:
        found.append(ClaimReviewRow.adjuster == wanted.adjuster)
    return found + [_holds(word) for word in wanted.q.split()[:6]]


def _holds(word: str) -> ColumnElement[bool]:
    """Whether a word is in what is known of a claim: numbers, names, answers, what was said and noted."""
    answered = select(ClaimAnswerRow.claim_id).where(ClaimAnswerRow.value.icontains(word, autoescape=True))
    noted = select(ClaimEventRow.claim_id).where(ClaimEventRow.text.icontains(word, autoescape=True))
    spoken = (
        select(ClaimAttachmentRow.claim_id)
        .join(TranscriptRow, TranscriptRow.recording_id == ClaimAttachmentRow.recording_id)
        .where(TranscriptRow.text.icontains(word, autoescape=True))
    )
    columns = (
        ClaimRow.number, ClaimRow.caller, ClaimRow.policy_said, PolicyRow.number, CustomerRow.name, CustomerRow.number,
    )  # fmt: skip
    return or_(
        *(column.icontains(word, autoescape=True) for column in columns),
        *(ClaimRow.id.in_(where) for where in (answered, noted, spoken)),
    )


def _loss(row: AnyRow) -> ClaimLoss:
    day = loss_day(row.when) or row.reported_on
    return ClaimLoss(row.number, cast("ClaimStatus", row.status), row.policy_id, row.caller, row.kind, day)


def _case(row: AnyRow) -> ClaimCase:
    return ClaimCase(
        id=row.id,
        number=row.number,
        policy=row.policy or row.policy_said,
        policy_known=row.policy is not None,
        customer=row.customer or "",
        customer_name=row.customer_name or "",
        caller=row.caller,
        level=row.level,
        call=row.call_id,
        status=cast("ClaimStatus", row.status),
        kind=row.kind,
        begun_at=row.begun_at,
        submitted_at=row.submitted_at,
        reported_on=row.reported_on,
        broken_off=row.broken_off,
        paid=None if row.paid is None else Money(row.paid, row.currency),
        missing=missing_items(row.missing),
        adjuster=row.adjuster or "",
        opened_at=row.opened_at,
        checked_by=row.checked_by or "",
        checked_at=row.checked_at,
        checked_how=row.checked_how or "",
        changed_at=row.changed_at,
        changed_by=row.changed_by or "",
        version=row.version or 0,
        held=row.hold is not None,
        policy_id=row.policy_id,
    )

"""Callers' messages as staff see them: the inboxes of mailboxes and people, and one message with all that was done.

A message is a voicemail recording with a row of `messages` beside it. Recordings come in by themselves when a call
keeps them; `take_in` gives them their row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Select, and_, case, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.message_changes import MessageChanges
from policy_db.message_facts import (
    DUE_HOURS,
    CallBack,
    CallBackState,
    Category,
    HistoryEntry,
    Message,
    MessageCounts,
    MessageFilter,
    MessageState,
    Sight,
    Transcript,
    Urgency,
)
from policy_db.store import AnyRow
from policy_db.tables import (
    CallBackRow,
    ClaimRow,
    CustomerRow,
    DueRuleRow,
    MessageCategoryRow,
    MessageEventRow,
    MessageRow,
    PolicyRow,
    RecordingRow,
    SalespersonRow,
    TranscriptRow,
)
from policy_db.transcripts import COLUMNS, transcript_of

#: What the mailboxes of salespeople begin with; their number follows.
SALES_BOX: Final = "salesperson-"
KEPT: Final = ("kept", "broken_off")
_OPEN: Final = ("new", "open")
_COLUMNS = (
    *MessageRow.__table__.columns,
    RecordingRow.caller, RecordingRow.level, RecordingRow.reason, RecordingRow.seconds, RecordingRow.call_id,
    RecordingRow.file, RecordingRow.state.label("recording_state"), RecordingRow.confirmed,
    CustomerRow.number.label("customer"), CustomerRow.name.label("customer_name"),
    PolicyRow.number.label("policy"), ClaimRow.number.label("claim"),
    TranscriptRow.recording_id.label("transcript_of"),
)  # fmt: skip


class Messages(MessageChanges):
    """Reads inboxes and messages; what it inherits changes them."""

    async def inbox(
        self, sight: Sight, wanted: MessageFilter, *, now: datetime, limit: int, offset: int = 0
    ) -> tuple[Message, ...]:
        """Messages that somebody sees, as many as `limit` from `offset` on."""
        query = _joined(select(*_COLUMNS)).where(*_conditions(sight, wanted, now))
        query = query.order_by(*_order(wanted)).limit(limit).offset(offset)
        async with self._store.reading() as connection:
            return tuple(message_of(row) for row in await connection.execute(query))

    async def count(
        self, sight: Sight, wanted: MessageFilter, *, now: datetime, most: int = 1000
    ) -> int | None:
        """How many there are of them; None for more than `most`, which nobody wants to wait for."""
        kept = select(MessageRow.recording_id).join(RecordingRow, RecordingRow.id == MessageRow.recording_id)
        query = _joined(select(MessageRow.recording_id)) if wanted.q else kept
        some = query.where(*_conditions(sight, wanted, now)).limit(most + 1).subquery()
        async with self._store.reading() as connection:
            found = int((await connection.execute(select(func.count()).select_from(some))).scalar_one())
        return None if found > most else found

    async def counts(self, sight: Sight, *, now: datetime) -> MessageCounts:
        """What waits for somebody.

        Mailboxes are counted whole, by an index alone, and whose they are is asked of each mailbox and not of each of
        its messages; what was given to somebody in a mailbox that they do not see comes on top.
        """
        columns = (
            MessageRow.mailbox,
            func.sum(case((MessageRow.state == "new", 1), else_=0)),
            func.sum(case((MessageRow.due_at < now, 1), else_=0)),
        )
        waits = MessageRow.state.in_(_OPEN)
        boxes = select(*columns).where(waits).group_by(MessageRow.mailbox)
        if not sight.shared:
            boxes = boxes.where(MessageRow.mailbox.in_(sight.boxes))
        untold = func.sum(case((MessageRow.told_at.is_(None), 1), else_=0))
        own = select(*columns, func.count(), untold).where(waits, _mine(sight)).group_by(MessageRow.mailbox)
        async with self._store.reading() as connection:
            seen = [row for row in await connection.execute(boxes) if reads(sight, row[0])]
            mine = (await connection.execute(own)).all()
        seen += [row for row in mine if not reads(sight, row[0])]
        return MessageCounts(
            new=sum(int(row[1]) for row in seen),
            mine=sum(int(row[3]) for row in mine),
            untold=sum(int(row[4]) for row in mine),
            overdue=sum(int(row[2]) for row in seen),
        )

    async def find(self, message: str, sight: Sight | None = None) -> Message | None:
        """The message of that id; with a `sight`, only if it is seen with it."""
        conditions: list[ColumnElement[bool]] = [
            MessageRow.recording_id == message,
            RecordingRow.state.in_(KEPT),
        ]
        if sight is not None:
            conditions.append(_seen_by(sight))
        async with self._store.reading() as connection:
            return await _one(connection, *conditions)

    async def next_to(
        self, message: Message, sight: Sight, wanted: MessageFilter, *, now: datetime
    ) -> str | None:
        """The id of the message that follows in a list, None at its end."""
        at, key = MessageRow.received_at, MessageRow.recording_id
        here = and_(at == message.received_at, key < message.id)
        query = _joined(select(key)).where(
            *_conditions(sight, wanted, now), or_(at < message.received_at, here)
        )
        async with self._store.reading() as connection:
            found = (await connection.execute(query.order_by(at.desc(), key.desc()).limit(1))).scalar()
        return None if found is None else str(found)

    async def history(self, message: str) -> tuple[HistoryEntry, ...]:
        """Everything that was done to a message, in order."""
        columns = (
            MessageEventRow.at, MessageEventRow.who, MessageEventRow.action, MessageEventRow.details,
            MessageEventRow.text,
        )  # fmt: skip
        query = select(*columns).where(MessageEventRow.recording_id == message).order_by(MessageEventRow.id)
        async with self._store.reading() as connection:
            return tuple(HistoryEntry(*row) for row in await connection.execute(query))

    async def transcript(self, recording: str) -> Transcript | None:
        """What a recording says in writing, if it has been written down."""
        query = select(*COLUMNS).where(TranscriptRow.recording_id == recording)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else transcript_of(row)

    async def call_backs(self, *, message: str = "", claim: str = "") -> tuple[CallBack, ...]:
        """The promises to call back about a message or a claim, the newest first."""
        about = CallBackRow.recording_id == message if message else CallBackRow.claim_id == claim
        query = select(*CallBackRow.__table__.columns).where(about).order_by(CallBackRow.id.desc())
        async with self._store.reading() as connection:
            return tuple(call_back_of(row) for row in await connection.execute(query))

    async def categories(self, *, all_of_them: bool = False) -> tuple[Category, ...]:
        """What messages can be about, in order; with `all_of_them` also what is offered no more."""
        query = select(*MessageCategoryRow.__table__.columns).order_by(
            MessageCategoryRow.position, MessageCategoryRow.code
        )
        if not all_of_them:
            query = query.where(MessageCategoryRow.active)
        async with self._store.reading() as connection:
            rows = await connection.execute(query)
            return tuple(Category(row.code, row.titles, row.active, row.position) for row in rows)

    async def due_hours(self) -> dict[tuple[str, str], float]:
        """Working hours until an answer is due, by mailbox (`*` for any other) and urgency."""
        known = {("*", urgency): hours for urgency, hours in DUE_HOURS.items()}
        async with self._store.reading() as connection:
            rows = await connection.execute(select(DueRuleRow.mailbox, DueRuleRow.urgency, DueRuleRow.hours))
            return known | {(row.mailbox, row.urgency): row.hours for row in rows}

    async def salespeople(self, limit: int = 300) -> tuple[tuple[str, str], ...]:
        """Number and name of the salespeople at work, by number."""
        query = select(SalespersonRow.number, SalespersonRow.name).where(SalespersonRow.left_on.is_(None))
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(SalespersonRow.number).limit(limit))
            return tuple((row.number, row.name) for row in rows)

    async def mailboxes(self, sight: Sight) -> tuple[str, ...]:
        """The mailboxes in which there are messages that somebody sees."""
        every = select(MessageRow.mailbox).distinct()
        own = every.where(_mine(sight))
        if not sight.shared:
            every = every.where(MessageRow.mailbox.in_(sight.boxes))
        async with self._store.reading() as connection:
            found = {box for box in (await connection.execute(every)).scalars() if reads(sight, box)}
            return tuple(sorted(found | set((await connection.execute(own)).scalars())))


async def _one(connection: AsyncConnection, *conditions: ColumnElement[bool]) -> Message | None:
    row = (await connection.execute(_joined(select(*_COLUMNS)).where(*conditions))).first()
    return None if row is None else message_of(row)


def _joined(query: Select[Any]) -> Select[Any]:
    return (
        query.select_from(MessageRow)
        .join(RecordingRow, RecordingRow.id == MessageRow.recording_id)
        .outerjoin(CustomerRow, CustomerRow.id == MessageRow.customer_id)
        .outerjoin(PolicyRow, PolicyRow.id == MessageRow.policy_id)
        .outerjoin(ClaimRow, ClaimRow.id == MessageRow.claim_id)
        .outerjoin(TranscriptRow, TranscriptRow.recording_id == MessageRow.recording_id)
    )


def _mine(sight: Sight) -> ColumnElement[bool]:
    """Given to them by name; a mailbox of one's own is one's own too."""
    ways: list[ColumnElement[bool]] = [MessageRow.assignee == sight.user]
    if sight.salesperson:
        ways.append(MessageRow.salesperson == sight.salesperson)
    if sight.boxes:
        ways.append(and_(MessageRow.mailbox.in_(sight.boxes), MessageRow.assignee == ""))
    return or_(*ways)


def _seen_by(sight: Sight) -> ColumnElement[bool]:
    ways = [_mine(sight)]
    if sight.boxes:
        ways.append(MessageRow.mailbox.in_(sight.boxes))
    if sight.shared:
        anybodys = not_(MessageRow.mailbox.startswith(SALES_BOX, autoescape=True))
        ways.append(and_(anybodys, MessageRow.mailbox.not_in(sight.personal)))
    return or_(*ways)


def reads(sight: Sight, mailbox: str) -> bool:
    """Whether everything in a mailbox is seen; the same as `_seen_by` has it, without what is one's own by name."""
    return mailbox in sight.boxes or (
        sight.shared and not mailbox.startswith(SALES_BOX) and mailbox not in sight.personal
    )


def _conditions(sight: Sight, wanted: MessageFilter, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        RecordingRow.state.in_(KEPT),
        _seen_by(sight),
        _in_view(sight, wanted),
    ]
    exact = {
        MessageRow.mailbox: wanted.mailbox, MessageRow.category: wanted.category,
        MessageRow.urgency: wanted.urgency, MessageRow.state: wanted.state,
    }  # fmt: skip
    found += [column == ("" if value == "-" else value) for column, value in exact.items() if value]
    if wanted.assigned == "-":
        found += [MessageRow.assignee == "", MessageRow.salesperson == ""]
    elif wanted.assigned:
        found.append(MessageRow.assignee == wanted.assigned)
    if wanted.overdue:
        found += [MessageRow.state.in_(_OPEN), MessageRow.due_at < now]
    found += [_holds(word) for word in wanted.q.split()[:6]]
    return found


def _in_view(sight: Sight, wanted: MessageFilter) -> ColumnElement[bool]:
    match wanted.view:
        case "new":
            return MessageRow.state == "new"
        case "mine":
            return and_(MessageRow.state.in_(_OPEN), _mine(sight))
        case "archived":
            return MessageRow.state == "archived"
        case "all":
            return MessageRow.state != "archived"  # so, and the list's order is that of an index
        case _:
            return false()


def _holds(word: str) -> ColumnElement[bool]:
    """Whether a word is in what is known of a message: who, what about, what was said and noted.

    What was said is asked of the joined row, which is read once however many words are looked for.
    """
    noted = select(MessageEventRow.recording_id).where(MessageEventRow.text.icontains(word, autoescape=True))
    columns = (
        RecordingRow.caller, CustomerRow.name, CustomerRow.number, PolicyRow.number, ClaimRow.number,
        RecordingRow.reason, TranscriptRow.text,
    )  # fmt: skip
    return or_(
        *(column.icontains(word, autoescape=True) for column in columns),
        MessageRow.recording_id == word,
        RecordingRow.call_id == word,
        MessageRow.recording_id.in_(noted),
    )


def _order(wanted: MessageFilter) -> tuple[ColumnElement[Any], ...]:
    at, key = MessageRow.received_at, MessageRow.recording_id
    if wanted.order == "oldest":
        return (at.asc(), key.asc())
    if wanted.order == "due":
        return (MessageRow.due_at.asc().nulls_last(), at.asc(), key.asc())
    return (at.desc(), key.desc())


def message_of(row: AnyRow) -> Message:
    """A message from a row of all its columns."""
    return Message(
        id=row.recording_id,
        mailbox=row.mailbox,
        received_at=row.received_at,
        state=cast("MessageState", row.state),
        category=row.category,
        urgency=cast("Urgency", row.urgency),
        assignee=row.assignee,
        salesperson=row.salesperson,
        due_at=row.due_at,
        due_set=row.due_set,
        done_at=row.done_at,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        version=row.version,
        caller=row.caller,
        level=row.level,
        reason=row.reason,
        seconds=row.seconds,
        call=row.call_id,
        file=row.file,
        broken_off=row.recording_state == "broken_off",
        confirmed=row.confirmed,
        customer=row.customer or "",
        customer_name=row.customer_name or "",
        policy=row.policy or "",
        claim=row.claim or "",
        has_transcript=row.transcript_of is not None,
    )


def call_back_of(row: AnyRow) -> CallBack:
    """A promise to call back from its row."""
    return CallBack(
        id=row.id,
        message=row.recording_id or "",
        claim=row.claim_id or "",
        number=row.number,
        who=row.who,
        state=cast("CallBackState", row.state),
        asked_at=row.asked_at,
        done_at=row.done_at,
    )

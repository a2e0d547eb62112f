"""What happens to callers' messages: they come in, are read, changed, noted, called back about, and written down.

Every change is checked against the version that it was made from, and becomes part of the message's history in the
same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.errors import BadValueError, NotFoundError
from policy_db.message_facts import (
    MESSAGE_STATES,
    URGENCIES,
    CallBackState,
    Category,
    Due,
    MessageChange,
    StaleError,
    Transcript,
)
from policy_db.store import AnyRow, Store
from policy_db.tables import (
    CallBackRow,
    CallRow,
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
    UserRow,
)
from policy_db.transcripts import columns_of
from policy_db.writes import insert

#: Characters of a note; more is a mistake, or an attack.
LONGEST_NOTE: Final = 4000
LONGEST_TRANSCRIPT: Final = 20_000
_AT_ONCE: Final = 200
_PLAIN: Final = ("state", "category", "urgency", "mailbox", "assignee", "salesperson")


class MessageChanges:
    """Writes messages. `who` is a user's name, or `system`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # They come in

    async def take_in(self, due: Due, *, since: datetime | None = None) -> tuple[str, ...]:
        """Give every voicemail that a caller has left its place on a desk; gives the ids of the new ones.

        One that its caller may still say again is left for later. `since` is how far back to look, None for all.
        """
        taken: list[str] = []
        async with self._store.reading() as connection:
            if (await connection.execute(_arrived(since).limit(1))).first() is None:
                return ()
        while True:
            async with self._store.writing("messages") as connection:
                rows = (await connection.execute(_arrived(since))).all()
                if rows:
                    await self._add(connection, rows, due)
            taken += [row.id for row in rows]
            if len(rows) < _AT_ONCE:
                return tuple(taken)

    async def _add(self, connection: AsyncConnection, rows: Sequence[AnyRow], due: Due) -> None:
        now, owners = self._clock(), await _owners(connection, rows)
        values = [
            {
                "recording_id": row.id,
                "mailbox": row.mailbox,
                "received_at": row.started_at,
                "state": "new",
                "category": "complaint" if row.reason == "complaint" else "",
                "urgency": "normal",
                "assignee": "",
                "salesperson": "",
                "told_at": None,
                "due_at": due(row.mailbox, "normal", row.started_at),
                "due_set": False,
                "customer_id": owners.get(row.id) or row.customer_id,
                "policy_id": row.policy_id,
                "claim_id": row.claim_id,
                "done_at": None,
                "changed_at": now,
                "changed_by": "",
                "version": 0,
            }
            for row in rows
        ]
        await connection.execute(insert(self._store, MessageRow).on_conflict_do_nothing(), values)
        await self._remember(
            connection, [(row.id, row.started_at, "system", "arrived", {}, "") for row in rows]
        )

    # They are read and answered

    async def opened(self, message: str, who: str, *, assigned: bool = False) -> bool:
        """Somebody has the message before them; True if nobody had before. `assigned` if it was given to them."""
        now = self._clock()
        async with self._store.writing(f"message:{message}") as connection:
            if assigned:
                tell = update(MessageRow).where(
                    MessageRow.recording_id == message, MessageRow.told_at.is_(None)
                )
                await connection.execute(tell.values(told_at=now))
            first = update(MessageRow).where(MessageRow.recording_id == message, MessageRow.state == "new")
            changed = (await connection.execute(first.values(state="open"))).rowcount > 0
            if changed:
                await self._remember(connection, [(message, now, who, "opened", {}, "")])
        return changed

    async def note(self, message: str, who: str, text: str) -> None:
        """Keep a note, which every version takes. Raises NotFoundError, or BadValueError for none or too long a one."""
        text = checked_note(text)
        now = self._clock()
        async with self._store.writing(f"message:{message}") as connection:
            row = await _row(connection, message)
            await self._remember(connection, [(message, now, who, "note", {}, text)])
            if row.state == "new":
                await connection.execute(
                    update(MessageRow).where(MessageRow.recording_id == message).values(state="open")
                )

    async def change(
        self, message: str, who: str, change: MessageChange, *, version: int, due: Due
    ) -> Mapping[str, Any]:
        """Make a change to the message as it was at `version`; gives what is different now, by name.

        A new urgency or mailbox moves the due time, unless a person had set it. Raises StaleError when somebody
        else was first, NotFoundError, or BadValueError for a word, person or number that does not exist.
        """
        now = self._clock()
        async with self._store.writing(f"message:{message}") as connection:
            row = await _row(connection, message)
            if row.version != version:
                raise StaleError(row.version, row.changed_by, row.changed_at)
            values, told = await _differences(connection, row, change)
            if not values and not change.text.strip():
                return {}
            _follow(row, values, due, now)
            values |= {"version": version + 1, "changed_at": now, "changed_by": who}
            await connection.execute(
                update(MessageRow).where(MessageRow.recording_id == message).values(values)
            )
            await self._remember(connection, _entries(message, now, who, told, change.text))
        return told

    # They are called back about

    async def ask_call_back(self, number: str, who: str, *, message: str) -> int:
        """Somebody promises to call back; gives the id of the promise. An open one of theirs is the same one."""
        if not number.strip():
            raise BadValueError("There is no number to call back.", "The caller withheld it.")
        now = self._clock()
        async with self._store.writing(f"message:{message}") as connection:
            await _row(connection, message)
            known = select(CallBackRow.id).where(
                CallBackRow.recording_id == message, CallBackRow.who == who, CallBackRow.state == "open"
            )
            found = (await connection.execute(known)).scalar()
            if found is not None:
                return int(found)
            added = await connection.execute(
                insert(self._store, CallBackRow)
                .values(recording_id=message, number=number, who=who, state="open", asked_at=now)
                .returning(CallBackRow.id)
            )
            await self._remember(connection, [(message, now, who, "call_back", {}, "")])
            return int(added.scalar_one())

    async def end_call_back(self, call_back: int, who: str, state: CallBackState, *, message: str) -> None:
        """The promise is kept, or not. Raises NotFoundError for one that is not open."""
        now = self._clock()
        async with self._store.writing(f"message:{message}") as connection:
            ended = await connection.execute(
                update(CallBackRow)
                .where(
                    CallBackRow.id == call_back,
                    CallBackRow.recording_id == message,
                    CallBackRow.state == "open",
                )
                .values(state=state, done_at=now)
            )
            if not ended.rowcount:
                raise NotFoundError("There is no open call-back of that number.")
            await self._remember(connection, [(message, now, who, "called", {"state": state}, "")])

    # What they say, and how they are sorted

    async def write_down(self, recording: str, transcript: Transcript) -> None:
        """Keep what a recording says; a later transcript takes the place of an earlier one."""
        values = columns_of(transcript)
        statement: Any = insert(self._store, TranscriptRow).values(recording_id=recording, **values)
        statement = statement.on_conflict_do_update(index_elements=[TranscriptRow.recording_id], set_=values)
        async with self._store.writing() as connection:
            await connection.execute(statement)

    async def correct(self, recording: str, text: str, who: str) -> None:
        """A person has heard it and writes what it says; what was recognised stays with it.

        Raises NotFoundError for a recording that has not been written down, BadValueError for no text or too long a one.
        """
        text = text.strip()
        if not 0 < len(text) <= LONGEST_TRANSCRIPT:
            raise BadValueError(f"A transcript has 1 to {LONGEST_TRANSCRIPT} characters.")
        now = self._clock()
        values = {"text": text, "corrected_by": who, "corrected_at": now}
        async with self._store.writing(f"message:{recording}") as connection:
            change = update(TranscriptRow).where(TranscriptRow.recording_id == recording)
            if not (await connection.execute(change.values(values))).rowcount:
                raise NotFoundError("This recording has not been written down.")
            known = select(MessageRow.recording_id).where(MessageRow.recording_id == recording)
            if (await connection.execute(known)).first() is not None:
                await self._remember(connection, [(recording, now, who, "corrected", {}, "")])

    async def save_category(self, category: Category) -> None:
        """Add one, or change the one of that code. Raises BadValueError for a code or title that cannot be used."""
        code = category.code
        if not (0 < len(code) <= 40 and code.isascii() and code.replace("_", "").isalnum()):
            raise BadValueError("A code has 1 to 40 letters, digits and underscores.")
        if (
            not all(0 < len(title.strip()) <= 100 for title in category.titles.values())
            or not category.titles
        ):
            raise BadValueError("A category needs a title of up to 100 characters in each language.")
        values = {"titles": dict(category.titles), "active": category.active, "position": category.position}
        statement: Any = insert(self._store, MessageCategoryRow).values(code=code, **values)
        statement = statement.on_conflict_do_update(index_elements=[MessageCategoryRow.code], set_=values)
        async with self._store.writing() as connection:
            await connection.execute(statement)

    async def save_due_hours(self, mailbox: str, urgency: str, hours: float) -> None:
        """Say within how many working hours such messages are answered; messages that are there keep their time."""
        if urgency not in URGENCIES or not 0.1 <= hours <= 1000 or not 0 < len(mailbox) <= 64:
            raise BadValueError("Working hours are a number from 0.1 to 1000.")
        statement: Any = insert(self._store, DueRuleRow).values(mailbox=mailbox, urgency=urgency, hours=hours)
        key = [DueRuleRow.mailbox, DueRuleRow.urgency]
        statement = statement.on_conflict_do_update(index_elements=key, set_={"hours": hours})
        async with self._store.writing() as connection:
            await connection.execute(statement)

    async def _remember(
        self,
        connection: AsyncConnection,
        entries: Sequence[tuple[str, datetime, str, str, Mapping[str, Any], str]],
    ) -> None:
        names = ("recording_id", "at", "who", "action", "details", "text")
        rows = [dict(zip(names, entry, strict=True)) for entry in entries]
        if rows:
            await connection.execute(insert(self._store, MessageEventRow), rows)


def checked_note(text: str) -> str:
    """A note without blanks around it. Raises BadValueError for none or one that is too long."""
    text = text.strip()
    if not text:
        raise BadValueError("The note is empty.", "Write something first.")
    if len(text) > LONGEST_NOTE:
        raise BadValueError(f"A note has at most {LONGEST_NOTE} characters.", "Shorten it.")
    return text


def phone_forms(number: str) -> tuple[str, ...]:
    """A caller's number as it may stand in a customer's file: E.164, and for China also as dialled at home."""
    if number.startswith("0086"):
        return (number, f"+{number[2:]}")
    if len(number) == 11 and number.startswith("1"):
        return (number, f"+86{number}")
    return (number,)


def _arrived(since: datetime | None) -> Any:
    """Voicemails without a place yet, whose caller has sent them or is gone."""
    sure = or_(RecordingRow.confirmed, CallRow.id.is_(None), CallRow.state != "running")
    recent = () if since is None else (RecordingRow.started_at >= since,)
    return (
        select(
            RecordingRow.id,
            RecordingRow.mailbox,
            RecordingRow.started_at,
            RecordingRow.caller,
            RecordingRow.reason,
            RecordingRow.claim_id,
            CallRow.policy_id,
            PolicyRow.customer_id,
        )
        .outerjoin(MessageRow, MessageRow.recording_id == RecordingRow.id)
        .outerjoin(CallRow, CallRow.id == RecordingRow.call_id)
        .outerjoin(PolicyRow, PolicyRow.id == CallRow.policy_id)
        .where(
            RecordingRow.purpose == "voicemail",
            RecordingRow.state.in_(("kept", "broken_off")),
            MessageRow.recording_id.is_(None),
            sure,
            *recent,
        )
        .order_by(RecordingRow.started_at)
        .limit(_AT_ONCE)
    )


async def _owners(connection: AsyncConnection, rows: Sequence[AnyRow]) -> dict[str, int]:
    """The customer whose number each of them came from, where it is one customer's alone."""
    forms = {row.id: phone_forms(row.caller) for row in rows if row.caller and row.customer_id is None}
    wanted = {form for them in forms.values() for form in them}
    query = select(CustomerRow.id, CustomerRow.phone).where(CustomerRow.phone.in_(wanted))
    by_phone: dict[str, list[int]] = {}
    for customer, phone in await connection.execute(query):
        by_phone.setdefault(phone, []).append(customer)
    found = {id_: [one for form in them for one in by_phone.get(form, ())] for id_, them in forms.items()}
    return {id_: them[0] for id_, them in found.items() if len(them) == 1}


async def _row(connection: AsyncConnection, message: str) -> AnyRow:
    query = select(*MessageRow.__table__.columns).where(MessageRow.recording_id == message)
    row = (await connection.execute(query.with_for_update())).first()
    if row is None:
        raise NotFoundError("There is no message of that id.")
    return row


async def _differences(
    connection: AsyncConnection, row: AnyRow, change: MessageChange
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The columns that change, and how they are told in the history."""
    values: dict[str, Any] = {}
    told: dict[str, dict[str, Any]] = {}
    for name in _PLAIN:
        wanted, is_now = getattr(change, name), getattr(row, name)
        if wanted is not None and wanted != is_now:
            await _require(connection, name, wanted)
            values[name] = wanted
            told[name] = {"was": is_now, "is": wanted}
    for name, table in (("customer", CustomerRow), ("policy", PolicyRow), ("claim", ClaimRow)):
        wanted = getattr(change, name)
        if wanted is not None:
            id_ = await _id_of(connection, table, wanted, name)
            if id_ != getattr(row, f"{name}_id"):
                values[f"{name}_id"] = id_
                told[name] = {"is": wanted}
    if change.due_at is not None and change.due_at != row.due_at:
        values |= {"due_at": change.due_at, "due_set": True}
        told["due"] = {"is": change.due_at.isoformat()}
    return values, told


def _follow(row: AnyRow, values: dict[str, Any], due: Due, now: datetime) -> None:
    """What follows from a change: a new due time, a new assignee to tell, the moment it was done."""
    if ("urgency" in values or "mailbox" in values) and not (row.due_set or "due_at" in values):
        mailbox, urgency = values.get("mailbox", row.mailbox), values.get("urgency", row.urgency)
        values["due_at"] = due(mailbox, urgency, row.received_at)
    if "assignee" in values or "salesperson" in values:
        values["told_at"] = None
    if row.state == "new" and "state" not in values:
        values["state"] = "open"
    if values.get("state") in ("done", "archived"):
        values["done_at"] = row.done_at or now
    elif values.get("state") == "open":
        values["done_at"] = None


def _entries(
    message: str, now: datetime, who: str, told: Mapping[str, dict[str, Any]], text: str
) -> list[tuple[str, datetime, str, str, Mapping[str, Any], str]]:
    entries: list[tuple[str, datetime, str, str, Mapping[str, Any], str]] = [
        (message, now, who, name, details, "") for name, details in told.items()
    ]
    if text.strip():
        entries.append((message, now, who, "note", {}, checked_note(text)))
    return entries


async def _require(connection: AsyncConnection, name: str, value: str) -> None:
    """Raises BadValueError for a word or person that does not exist."""
    if name == "state" and value not in MESSAGE_STATES:
        raise BadValueError(f"There is no state {value!r}.")
    if name == "urgency" and value not in URGENCIES:
        raise BadValueError(f"There is no urgency {value!r}.")
    if name == "mailbox" and not 0 < len(value) <= 64:
        raise BadValueError("A mailbox has a name of 1 to 64 characters.")
    people: dict[str, Any] = {
        "assignee": select(UserRow.id).where(UserRow.name == value, UserRow.disabled.is_(False)),
        "salesperson": select(SalespersonRow.id).where(
            SalespersonRow.number == value, SalespersonRow.left_on.is_(None)
        ),
        "category": select(MessageCategoryRow.code).where(
            MessageCategoryRow.code == value, MessageCategoryRow.active
        ),
    }
    if value and name in people and (await connection.execute(people[name])).first() is None:
        raise BadValueError(f"There is no {name} {value!r}.", "Choose one of those offered.")


async def _id_of(connection: AsyncConnection, table: Any, number: str, name: str) -> Any:
    if not number.strip():
        return None
    found = (await connection.execute(select(table.id).where(table.number == number.strip()))).scalar()
    if found is None:
        raise BadValueError(f"There is no {name} {number}.", "Check the number.")
    return found

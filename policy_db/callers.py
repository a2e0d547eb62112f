"""Who is calling, in one look: for the person at a seat, before they pick up.

Every query is bounded and goes by an index, so that the picture is there in time however many calls there were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.caller_facts import (
    CallerClaim,
    CallerComplaint,
    CallerMessage,
    CallerPicture,
    EarlierCall,
    Known,
    SeatCall,
    Standing,
)
from policy_db.calls import call_record
from policy_db.claim_facts import CLOSED
from policy_db.clock import Clock
from policy_db.facts import CallRecord, ClaimStatus, Customer, TimelineEntry
from policy_db.policies import Policies
from policy_db.seat_facts import QueueCall
from policy_db.seat_rows import call_of
from policy_db.store import Store
from policy_db.tables import (
    CallEventRow,
    CallRow,
    ClaimRow,
    ComplaintRow,
    CustomerRow,
    PolicyRow,
    RecordingRow,
    SeatMoveRow,
    SeatRow,
    WaitingCallRow,
    WrapUpRow,
)
from policy_db.talk_facts import WrapUp

#: Entries of the timeline that tell what a caller did, and how the talk stands.
TOLD: Final = (
    "flow_entered", "flow_left", "step_left", "key_used", "speech_used", "missed", "level_raised", "language_changed",
    "service_answered", "recorded", "transfer_asked", "transfer_ended", "fault",
    "talk_joined", "talk_held", "talk_resumed", "talk_ended", "muted", "unmuted", "consult_rings", "consulted",
    "conference", "left_talk", "seat_missed", "seat_lost", "transferred", "returned",
    "recording_began", "recording_silent", "recording_goes_on", "recording_refused", "recording_ended",
    "recording_failed", "call_back", "not_reached",
)  # fmt: skip
#: How long a seat may make up for notes that it missed.
NOTED_WITHIN: Final = timedelta(days=7)
_NOBODY: Final[dict[str, str]] = {"number": "", "name": "", "policy": "", "queue": ""}
_MOST_ENTRIES: Final = 400
_MOST: Final = 10
#: Calls of one number that are looked at for messages.
_CALLS_LOOKED_AT: Final = 50
_CALLS = select(*CallRow.__table__.columns, PolicyRow.number.label("policy")).outerjoin(
    PolicyRow, PolicyRow.id == CallRow.policy_id
)
_CUSTOMER = (
    CustomerRow.number, CustomerRow.name, CustomerRow.sex, CustomerRow.born_on, CustomerRow.phone, CustomerRow.email,
    CustomerRow.address, CustomerRow.province, CustomerRow.city, CustomerRow.postcode, CustomerRow.occupation,
    CustomerRow.language,
)  # fmt: skip


class Callers:
    """Reads pictures of callers."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._policies = Policies(store)

    async def picture(self, call: str, today: date) -> CallerPicture | None:
        """All that is known of a call and its caller, policies as of `today`; None if there is no such call."""
        async with self._store.reading() as connection:
            places = await _places(connection, call)
            records = await _records(connection, CallRow.id.in_(_names(call, places)), _MOST)
            record = records[0] if records else None
            if record is None and not places:
                return None
            number = _number(record, places)
            known, customers = await self._who(connection, record, places, number)
            timeline = await _timeline(connection, [one.id for one in reversed(records)])
        customer = customers[0] if customers else None
        standings = () if customer is None else await self._policies.standings(customer.number, today)
        return await self._with_history(
            CallerPicture(
                id=call,
                number=number,
                call=record,
                places=places,
                timeline=timeline,
                known=known,
                customer=customer,
                others=customers[1:],
                policies=tuple(Standing(policy, premium) for policy, premium in standings),
                claims=(),
                complaints=(),
                messages=(),
                earlier=(),
            )
        )

    async def served_at(self, call: str, seat: str) -> datetime | None:
        """When a seat began to talk in a call, within the days in which notes can be made up for; None if never."""
        mine = (
            SeatMoveRow.seat_id == seat,
            SeatMoveRow.at > self._clock() - NOTED_WITHIN,
            SeatMoveRow.call_id == call,
            SeatMoveRow.after == "talking",
        )
        query = select(SeatMoveRow.at).where(*mine).order_by(SeatMoveRow.at).limit(1)
        async with self._store.reading() as connection:
            return (await connection.execute(query)).scalar()

    async def of_seat(self, seat: str, limit: int = 12) -> tuple[SeatCall, ...]:
        """The latest calls that a seat talked in, the newest first."""
        moves = (
            select(SeatMoveRow.call_id, SeatMoveRow.at, SeatMoveRow.before, SeatMoveRow.after)
            .where(SeatMoveRow.seat_id == seat, SeatMoveRow.at > self._clock() - NOTED_WITHIN)
            .where(or_(SeatMoveRow.after == "talking", SeatMoveRow.before == "talking"))
            .order_by(SeatMoveRow.at.desc(), SeatMoveRow.id.desc())
            .limit(4 * limit)
        )
        async with self._store.reading() as connection:
            spans = _spans((await connection.execute(moves)).all())[:limit]
            ids = [call for call, _, _ in spans]
            callers = await _callers(connection, ids)
            notes = await _notes(connection, ids)
        return tuple(
            SeatCall(
                call=call,
                began_at=began_at,
                ended_at=ended_at,
                **callers.get(call, _NOBODY),
                note=next((note for note in notes[call] if note.seat == seat), None),
            )
            for call, began_at, ended_at in spans
        )

    async def search(self, text: str, limit: int = 8) -> tuple[Customer, ...]:
        """Customers by telephone number, customer or policy number, or the whole name: for a seat to call."""
        text = text.strip()
        if not text:
            return ()
        by_policy = select(PolicyRow.customer_id).where(PolicyRow.number == text)
        same = or_(
            CustomerRow.number == text.upper(),
            CustomerRow.phone.in_(forms(text)),
            CustomerRow.name == text,
            CustomerRow.id.in_(by_policy),
        )
        async with self._store.reading() as connection:
            return await _customers(connection, same, limit)

    async def _who(
        self,
        connection: AsyncConnection,
        record: CallRecord | None,
        places: Sequence[QueueCall],
        number: str,
    ) -> tuple[Known, tuple[Customer, ...]]:
        """How the caller is known, and as whom; by the number alone it may be several."""
        policy = (record.policy if record is not None else None) or (places[-1].policy if places else "")
        if policy:
            holder = select(PolicyRow.customer_id).where(PolicyRow.number == policy)
            found = await _customers(connection, CustomerRow.id.in_(holder), 1)
            if found:
                return ("proved" if record is not None and record.level >= 2 else "named"), found
        named = places[-1].customer if places else ""
        if named and (found := await _customers(connection, CustomerRow.number == named, 1)):
            return "named", found
        if number and (found := await _customers(connection, CustomerRow.phone.in_(forms(number)), 4)):
            return "number", found
        return "nobody", ()

    async def _with_history(self, picture: CallerPicture) -> CallerPicture:
        """The picture with claims, complaints, messages and earlier calls."""
        async with self._store.reading() as connection:
            policies = await _policy_ids(connection, [one.policy.number for one in picture.policies])
            numbers = forms(picture.number)
            claims = await _claims(connection, numbers, policies, picture.id)
            complaints = await _complaints(connection, picture.customer, policies)
            messages = await _messages(connection, numbers)
            known = _names(picture.id, picture.places)
            earlier = await _earlier(connection, numbers, policies, known)
        return replace(picture, claims=claims, complaints=complaints, messages=messages, earlier=earlier)


def forms(number: str) -> tuple[str, ...]:
    """The ways in which one telephone number may be written down: as a line tells it, and as E.164 in China."""
    number = "".join(one for one in number if one.isdecimal() or one == "+")
    if not number:
        return ()
    national = number.removeprefix("+86") if number.startswith("+86") else number.lstrip("+")
    if len(national) in (10, 11, 12) and not number.startswith("+"):
        return (number, f"+86{national}", f"+86{national.lstrip('0')}")
    return (number, national)


def _number(record: CallRecord | None, places: Sequence[QueueCall]) -> str:
    """Where the caller is."""
    if record is not None and record.caller:
        return record.caller
    return (places[-1].caller or places[-1].call_back_to) if places else ""


async def _records(
    connection: AsyncConnection, condition: ColumnElement[bool], limit: int
) -> list[CallRecord]:
    query = _CALLS.where(condition).order_by(CallRow.started_at.desc(), CallRow.id.desc()).limit(limit)
    return [call_record(row) for row in await connection.execute(query)]


async def _places(connection: AsyncConnection, call: str) -> tuple[QueueCall, ...]:
    query = (
        select(*WaitingCallRow.__table__.columns)
        .where(WaitingCallRow.call_id == call)
        .order_by(WaitingCallRow.queued_at, WaitingCallRow.id)
    )
    return tuple(call_of(row) for row in await connection.execute(query))


async def _timeline(connection: AsyncConnection, calls: Sequence[str]) -> tuple[TimelineEntry, ...]:
    """What tells what the caller did, in one call after the other; of very long ones the latest."""
    told: list[TimelineEntry] = []
    for call in calls:
        query = (
            select(CallEventRow.seq, CallEventRow.at, CallEventRow.kind, CallEventRow.data)
            .where(CallEventRow.call_id == call, CallEventRow.kind.in_(TOLD))
            .order_by(CallEventRow.seq.desc())
            .limit(_MOST_ENTRIES)
        )
        told += [TimelineEntry(*row) for row in (await connection.execute(query)).all()[::-1]]
    return tuple(told)


def _names(call: str, places: Sequence[QueueCall]) -> list[str]:
    """The records of a call: its own, and one for each time that its caller was called back."""
    attempts = places[-1].attempts + 1 if places else 0
    return [call, *(f"{call}-r{number}" for number in range(1, attempts + 1))]


async def _customers(
    connection: AsyncConnection, condition: ColumnElement[bool], limit: int
) -> tuple[Customer, ...]:
    rows = await connection.execute(select(*_CUSTOMER).where(condition).order_by(CustomerRow.id).limit(limit))
    return tuple(Customer(**row._mapping) for row in rows)


async def _policy_ids(connection: AsyncConnection, numbers: Sequence[str]) -> dict[int, str]:
    rows = await connection.execute(
        select(PolicyRow.id, PolicyRow.number).where(PolicyRow.number.in_(numbers))
    )
    return {row.id: row.number for row in rows}


async def _claims(
    connection: AsyncConnection, numbers: Collection[str], policies: Mapping[int, str], call: str
) -> tuple[CallerClaim, ...]:
    """Open claims of these policies, or reported from this number; two queries, each by its own index."""
    columns = (
        ClaimRow.number, ClaimRow.policy_id, ClaimRow.policy_said, ClaimRow.kind, ClaimRow.status,
        ClaimRow.reported_on, ClaimRow.missing, ClaimRow.broken_off, ClaimRow.call_id, PolicyRow.number.label("policy"),
    )  # fmt: skip
    found: dict[str, Any] = {}
    for condition in (ClaimRow.policy_id.in_(policies), ClaimRow.caller.in_(numbers)):
        query = select(*columns).outerjoin(PolicyRow, PolicyRow.id == ClaimRow.policy_id)
        query = query.where(condition, ClaimRow.status.not_in(CLOSED))
        query = query.order_by(ClaimRow.begun_at.desc(), ClaimRow.number.desc()).limit(_MOST)
        found |= {row.number: row for row in await connection.execute(query)}
    return tuple(
        CallerClaim(
            number=row.number,
            policy=row.policy or row.policy_said,
            kind=row.kind,
            status=cast("ClaimStatus", row.status),
            reported_on=row.reported_on,
            missing=row.missing or "",
            broken_off=row.broken_off,
            mine=row.call_id == call,
        )
        for row in sorted(found.values(), key=lambda row: (row.reported_on, row.number), reverse=True)[:_MOST]
    )


async def _complaints(
    connection: AsyncConnection, customer: Customer | None, policies: Mapping[int, str]
) -> tuple[CallerComplaint, ...]:
    if customer is None:
        return ()
    holder = select(CustomerRow.id).where(CustomerRow.number == customer.number).scalar_subquery()
    query = (
        select(
            ComplaintRow.number, ComplaintRow.policy_id, ComplaintRow.subject, ComplaintRow.status, ComplaintRow.opened_on
        )
        .where(
            or_(ComplaintRow.customer_id == holder, ComplaintRow.policy_id.in_(policies)),
            ComplaintRow.status != "closed",
        )
        .order_by(ComplaintRow.opened_on.desc(), ComplaintRow.id.desc())
        .limit(_MOST)
    )  # fmt: skip
    return tuple(
        CallerComplaint(row.number, policies.get(row.policy_id, ""), row.subject, row.status, row.opened_on)
        for row in await connection.execute(query)
    )


async def _messages(connection: AsyncConnection, numbers: Collection[str]) -> tuple[CallerMessage, ...]:
    """Messages left in the number's latest calls."""
    recent = (
        select(CallRow.id)
        .where(CallRow.caller.in_(numbers))
        .order_by(CallRow.started_at.desc())
        .limit(_CALLS_LOOKED_AT)
    )
    calls = list((await connection.execute(recent)).scalars())
    query = (
        select(
            RecordingRow.id,
            RecordingRow.call_id,
            RecordingRow.mailbox,
            RecordingRow.reason,
            RecordingRow.seconds,
            RecordingRow.started_at,
        )
        .where(
            RecordingRow.call_id.in_(calls), RecordingRow.purpose == "voicemail", RecordingRow.state == "kept"
        )
        .order_by(RecordingRow.started_at.desc())
        .limit(_MOST)
    )
    return tuple(CallerMessage(*row) for row in await connection.execute(query))


async def _earlier(
    connection: AsyncConnection, numbers: Collection[str], policies: Mapping[int, str], known: Collection[str]
) -> tuple[EarlierCall, ...]:
    """The latest calls of the number and about the policies, with who served and what was noted."""
    found: dict[str, CallRecord] = {}
    for condition in (CallRow.caller.in_(numbers), CallRow.policy_id.in_(policies)):
        for record in await _records(connection, condition, _MOST + len(known)):
            found[record.id] = record
    for name in known:
        found.pop(name, None)
    latest = sorted(found.values(), key=lambda one: (one.started_at, one.id), reverse=True)[:_MOST]
    ids = [one.id for one in latest]
    served, notes = await _served(connection, ids), await _notes(connection, ids)
    return tuple(
        EarlierCall(
            call=one,
            queue=served[one.id][-1].queue if served[one.id] else "",
            seats=tuple(dict.fromkeys(row.name for row in served[one.id] if row.name)),
            outcome=served[one.id][-1].outcome if served[one.id] else "",
            notes=tuple(notes[one.id]),
        )
        for one in latest
    )


async def _served(connection: AsyncConnection, calls: Sequence[str]) -> dict[str, list[Any]]:
    query = (
        select(WaitingCallRow.call_id, WaitingCallRow.queue, WaitingCallRow.outcome, SeatRow.name)
        .outerjoin(SeatRow, SeatRow.id == WaitingCallRow.seat_id)
        .where(WaitingCallRow.call_id.in_(calls))
        .order_by(WaitingCallRow.queued_at, WaitingCallRow.id)
    )
    grouped: dict[str, list[Any]] = defaultdict(list)
    for row in await connection.execute(query):
        grouped[row.call_id].append(row)
    return grouped


async def _notes(connection: AsyncConnection, calls: Sequence[str]) -> dict[str, list[WrapUp]]:
    query = (
        select(
            WrapUpRow.call_id, WrapUpRow.seat_id, WrapUpRow.user, WrapUpRow.disposition, WrapUpRow.note,
            WrapUpRow.began_at, WrapUpRow.saved_at,
        )
        .where(WrapUpRow.call_id.in_(calls))
        .order_by(WrapUpRow.began_at)
    )  # fmt: skip
    grouped: dict[str, list[WrapUp]] = defaultdict(list)
    for row in await connection.execute(query):
        grouped[row.call_id].append(WrapUp(*row))
    return grouped


def _spans(moves: Sequence[Any]) -> list[tuple[str, datetime, datetime | None]]:
    """From when to when a seat talked in each call; moves are the newest first, and so are the calls."""
    began: dict[str, datetime] = {}
    ended: dict[str, datetime | None] = {}
    for move in moves:
        if not move.call_id:
            continue
        if move.after == "talking":
            began[move.call_id] = move.at
            ended.setdefault(move.call_id, None)
        else:
            ended.setdefault(move.call_id, move.at)
    return [(call, began[call], until) for call, until in ended.items() if call in began]


async def _callers(connection: AsyncConnection, calls: Sequence[str]) -> dict[str, dict[str, str]]:
    """Number, name, policy and queue of each of these calls, as far as they are known."""
    query = (
        select(
            WaitingCallRow.call_id,
            WaitingCallRow.caller,
            WaitingCallRow.call_back_to,
            WaitingCallRow.queue,
            WaitingCallRow.policy,
            CustomerRow.name,
        )
        .outerjoin(CallRow, CallRow.id == WaitingCallRow.call_id)
        .outerjoin(
            PolicyRow, or_(PolicyRow.id == CallRow.policy_id, PolicyRow.number == WaitingCallRow.policy)
        )
        .outerjoin(
            CustomerRow,
            or_(CustomerRow.id == PolicyRow.customer_id, CustomerRow.number == WaitingCallRow.customer),
        )
        .where(WaitingCallRow.call_id.in_(calls))
        .order_by(WaitingCallRow.queued_at)
    )
    return {
        row.call_id: {
            "number": row.caller or row.call_back_to,
            "name": row.name or "",
            "policy": row.policy,
            "queue": row.queue,
        }
        for row in await connection.execute(query)
    }

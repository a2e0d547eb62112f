"""Records of calls: searched, one page after another, and one call with all that came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, or_, select, tuple_

from policy_db.clock import Clock
from policy_db.facts import Recording
from policy_db.recordings import recording_of
from policy_db.seat_facts import QueueCall
from policy_db.seat_rows import call_of
from policy_db.store import Store
from policy_db.tables import (
    CallFlowRow,
    CallRow,
    ClaimRow,
    CustomerRow,
    PolicyRow,
    RecordingRow,
    TalkRow,
    TalkSeatRow,
    WaitingCallRow,
)

#: Policies that a search for a customer goes by.
_MOST_POLICIES: Final = 200
#: Telephone numbers that end as it is asked.
_MOST_NUMBERS: Final = 200
_COLUMNS: Final = (
    CallRow.id, CallRow.started_at, CallRow.ended_at, CallRow.caller, CallRow.language, CallRow.level, CallRow.channel,
    CallRow.state, CallRow.end_reason, CallRow.step, CallRow.asked, CallRow.faults, CallRow.missed, PolicyRow.number,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls: those that fit everything that is given.

    `text` is a telephone number or the end of one, a policy, a customer's number or name, or a call's id. `since` and
    `until` are instants, the second not included. `before` is the place (`started_at`, id) after which a page begins,
    the newest calls coming first. `seen_by` is a seat that sees the calls it served and no others.
    """

    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    outcome: str = ""
    queue: str = ""
    seat: str = ""
    flow: str = ""
    language: str = ""
    channel: str = ""
    before: tuple[datetime, str] | None = None
    seen_by: str | None = None


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A call in a list, with the queue and seat that it came to last."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    caller: str
    language: str
    level: int
    channel: str
    state: str
    end_reason: str
    step: str
    asked: bool
    faults: int
    missed: int
    policy: str | None
    queue: str = ""
    seat: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class CameOfIt:
    """What a call left: places in line, recordings, claim reports by number with their status, the holder's number."""

    places: tuple[QueueCall, ...] = ()
    recordings: tuple[Recording, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    customer: tuple[str, str] | None = None
    flows: tuple[str, ...] = field(default=())


class CallRecords:
    """Reads for the records of calls."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, wanted: CallFilter, limit: int = 51) -> tuple[CallSummary, ...]:
        """The newest calls that fit, with the queue and seat they came to."""
        async with self._store.reading() as connection:
            said = await _said(connection, wanted.text) if wanted.text else None
            query = (
                select(*_COLUMNS)
                .outerjoin(PolicyRow, PolicyRow.id == CallRow.policy_id)
                .where(*_conditions(wanted), *(() if said is None else (said,)))
                .order_by(CallRow.started_at.desc(), CallRow.id.desc())
                .limit(limit)
            )
            rows: Any = await connection.execute(query)
            calls = [CallSummary(*row) for row in rows]
            places = await _last_places(connection, [call.id for call in calls])
        return tuple(
            replace(call, queue=places[call.id][0], seat=places[call.id][1]) if call.id in places else call
            for call in calls
        )

    async def of_number(self, caller: str, without: str, limit: int = 10) -> tuple[CallSummary, ...]:
        """The latest calls of a telephone number, without one of them. A hidden number has none."""
        if caller in ("", "anonymous"):
            return ()
        query = (
            select(*_COLUMNS)
            .outerjoin(PolicyRow, PolicyRow.id == CallRow.policy_id)
            .where(CallRow.caller == caller, CallRow.id != without)
            .order_by(CallRow.started_at.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            rows: Any = await connection.execute(query)
            return tuple(CallSummary(*row) for row in rows)

    async def served_by(self, call: str, seat: str) -> bool:
        """Whether a seat has served a call, or took part in it."""
        served = select(WaitingCallRow.id).where(
            WaitingCallRow.call_id == call, WaitingCallRow.seat_id == seat
        )
        spoke = (
            select(TalkSeatRow.id)
            .join(TalkRow, TalkRow.id == TalkSeatRow.talk_id)
            .where(TalkRow.call_id == call, TalkSeatRow.seat_id == seat)
        )
        async with self._store.reading() as connection:
            for query in (served, spoke):
                if (await connection.execute(query.limit(1))).first() is not None:
                    return True
        return False

    async def came_of(self, call: str) -> CameOfIt:
        """Everything that a call left behind, but for its timeline and talks."""
        async with self._store.reading() as connection:
            place = WaitingCallRow.__table__
            places = await connection.execute(
                select(*place.columns).where(place.c.call_id == call).order_by(place.c.queued_at)
            )
            recording = RecordingRow.__table__
            recordings = await connection.execute(
                select(*recording.columns)
                .where(recording.c.call_id == call, recording.c.state != "discarded")
                .order_by(recording.c.started_at, recording.c.id)
            )
            claims = await connection.execute(
                select(ClaimRow.number, ClaimRow.status)
                .where(ClaimRow.call_id == call)
                .order_by(ClaimRow.number)
            )
            flows = await connection.execute(select(CallFlowRow.flow).where(CallFlowRow.call_id == call))
            customer = await connection.execute(
                select(CustomerRow.number, CustomerRow.name)
                .join(PolicyRow, PolicyRow.customer_id == CustomerRow.id)
                .join(CallRow, CallRow.policy_id == PolicyRow.id)
                .where(CallRow.id == call)
            )
            holder = customer.first()
            return CameOfIt(
                tuple(call_of(row) for row in places),
                tuple(recording_of(row) for row in recordings),
                tuple((row.number, row.status) for row in claims),
                None if holder is None else (holder.number, holder.name),
                tuple(flows.scalars()),
            )

    async def words(self) -> dict[str, tuple[str, ...]]:
        """What calls have ended as, come by and been in, for choices: by `outcome`, `channel`, `language`, `flow`."""
        found = {}
        columns: dict[str, Any] = {
            "outcome": CallRow.end_reason, "channel": CallRow.channel, "language": CallRow.language,
            "flow": CallFlowRow.flow,
        }  # fmt: skip
        async with self._store.reading() as connection:
            for name, column in columns.items():
                values: Iterable[str] = (await connection.execute(select(column).distinct())).scalars()
                found[name] = tuple(sorted(value for value in values if value))
        return found


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        found.append(CallRow.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(CallRow.started_at < wanted.until)
    if wanted.before is not None:
        found.append(tuple_(CallRow.started_at, CallRow.id) < tuple_(*wanted.before))
    for column, value in (
        (CallRow.end_reason, wanted.outcome),
        (CallRow.language, wanted.language),
        (CallRow.channel, wanted.channel),
    ):
        if value:
            found.append(column == value)
    if wanted.flow:
        found.append(_exists(CallFlowRow, CallFlowRow.flow == wanted.flow))
    if wanted.queue:
        found.append(_exists(WaitingCallRow, WaitingCallRow.queue == wanted.queue))
    if wanted.seat:
        found.append(_served(wanted.seat))
    if wanted.seen_by is not None:
        found.append(_served(wanted.seen_by))
    return found


def _exists(table: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(table.call_id).where(table.call_id == CallRow.id, condition).exists()


def _served(seat: str) -> ColumnElement[bool]:
    spoke = (
        select(TalkRow.call_id)
        .join(TalkSeatRow, TalkSeatRow.talk_id == TalkRow.id)
        .where(TalkRow.call_id == CallRow.id, TalkSeatRow.seat_id == seat)
    )
    return or_(_exists(WaitingCallRow, WaitingCallRow.seat_id == seat), spoke.exists())


async def _said(connection: Any, text: str) -> ColumnElement[bool]:
    """Calls of a number or the end of one, of an id, or about the policies that a text stands for.

    What the text stands for is looked up first, so that the calls are then found by index.
    """
    digits = text.lstrip("+").replace(" ", "").replace("-", "")
    either: list[ColumnElement[bool]] = [CallRow.id == text]
    if digits.isdigit() and len(digits) >= 4:
        query = (
            select(CallRow.caller).where(CallRow.caller.like(f"%{digits}")).distinct()
        )  # reads the index alone
        numbers = list((await connection.execute(query.limit(_MOST_NUMBERS))).scalars())
        either.append(CallRow.caller.in_(numbers))
    else:
        either.append(CallRow.caller == text)
    if policies := await _policies(connection, text):
        either.append(CallRow.policy_id.in_(policies))
    return or_(*either)


async def _policies(connection: Any, text: str) -> list[int]:
    """The policies that a text stands for: by their own number, or their holder's number or name."""
    holders = (
        select(CustomerRow.id).where(or_(CustomerRow.number == text, CustomerRow.name == text)).limit(50)
    )
    query = select(PolicyRow.id).where(or_(PolicyRow.number == text, PolicyRow.customer_id.in_(holders)))
    return list((await connection.execute(query.limit(_MOST_POLICIES))).scalars())


async def _last_places(connection: Any, calls: list[str]) -> dict[str, tuple[str, str]]:
    """Queue and seat of the last place in line of each call."""
    if not calls:
        return {}
    place = WaitingCallRow
    query = (
        select(place.call_id, place.queue, place.seat_id)
        .where(and_(place.call_id.in_(calls)))
        .order_by(place.queued_at)
    )
    return {row.call_id: (row.queue, row.seat_id or "") for row in await connection.execute(query)}

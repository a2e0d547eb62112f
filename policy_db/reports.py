"""Reports: figures over a period, computed by the database from calls, places in line and the history of seats.

Everything is counted where it began: a call that began in the period counts, however late it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from policy_db.clock import Clock
from policy_db.moments import DAY, Period, day_of, local_epoch, seconds_between
from policy_db.report_facts import CallFigures, QueueFigures, Repeats, SeatFigures
from policy_db.store import AnyRow, Store
from policy_db.tables import CallFlowRow, CallRow, QueueRow, RecordingRow, SeatMoveRow, WaitingCallRow

#: Calls that came in: those that the hotline made have figures of their own (`Outreach.figures`).
_CAME: Final = CallRow.outbound.is_(False)
#: A call that ended sooner than this many seconds, and asked for nobody, never used the hotline.
BRIEF: Final = 10.0
#: Within which a second call of the same number is a repeat.
REPEAT: Final = timedelta(days=7)
#: A seat's state is looked for so long before the period.
_BACK: Final = timedelta(days=1)
_BUSY: Final = ("ringing", "talking", "wrap_up")

T = TypeVar("T")


class Reports:
    """Figures over a period, whole or by day, hour of the day, flow, queue or seat."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    # Calls

    async def calls(self, period: Period) -> CallFigures:
        """All calls that came in the period."""
        found = await self._rows(_calls_query(period))
        return _call_figures(found[0], 0)

    async def calls_by_day(self, period: Period, zone: ZoneInfo) -> dict[date, CallFigures]:
        """By day of the zone; days without calls are left out."""
        day = local_epoch(CallRow.started_at, zone, period) // DAY
        rows = await self._rows(_calls_query(period, day))
        return {day_of(int(row[0])): _call_figures(row, 1) for row in rows}

    async def calls_by_hour(self, period: Period, zone: ZoneInfo) -> dict[int, CallFigures]:
        """By hour of the day, 0 to 23, as the zone's clocks show it."""
        hour = local_epoch(CallRow.started_at, zone, period) % DAY // 3600
        rows = await self._rows(_calls_query(period, hour))
        return {int(row[0]): _call_figures(row, 1) for row in rows}

    async def calls_by_flow(self, period: Period) -> dict[str, CallFigures]:
        """By each flow that a call was in: a call counts in every one of them."""
        query = _calls_query(period, CallFlowRow.flow).join(CallFlowRow, CallFlowRow.call_id == CallRow.id)
        return {row[0]: _call_figures(row, 1) for row in await self._rows(query)}

    async def repeats(self, period: Period) -> Repeats:
        """How many called again within seven days, and how many did not have to."""
        rows = await self._rows(_repeats_query(period, self._clock()))
        return Repeats(*(int(value or 0) for value in rows[0]))

    # Queues and seats

    async def queues(self, period: Period) -> dict[str, QueueFigures]:
        """By queue; queues that nobody waited in are left out."""
        return await self._places(period, WaitingCallRow.queue)

    async def queues_by_day(self, period: Period, zone: ZoneInfo) -> dict[date, QueueFigures]:
        """All queues together, by day of the zone on which callers began to wait."""
        day = local_epoch(WaitingCallRow.queued_at, zone, period) // DAY
        found: dict[int, QueueFigures] = await self._places(period, day)
        return {day_of(key): value for key, value in found.items()}

    async def queues_by_hour(self, period: Period, zone: ZoneInfo) -> dict[int, QueueFigures]:
        """All queues together, by hour of the day at which callers began to wait."""
        return await self._places(period, local_epoch(WaitingCallRow.queued_at, zone, period) % DAY // 3600)

    async def seats(self, period: Period) -> dict[str, SeatFigures]:
        """By seat: the calls it answered, and what it did meanwhile."""
        served = await self._places(period, WaitingCallRow.seat_id, WaitingCallRow.answered_at.is_not(None))
        rows = await self._rows(_states_query(period, min(self._clock(), period.until)))
        states = {row.seat_id: row for row in rows}
        return {
            seat: _seat_figures(served.get(seat, QueueFigures()), states.get(seat))
            for seat in sorted({*served, *states} - {None})
        }

    async def _places(
        self, period: Period, key: ColumnElement[Any] | Any, *conditions: ColumnElement[bool]
    ) -> dict[Any, QueueFigures]:
        places = await self._rows(_places_query(period, key, *conditions))
        wraps = {row[0]: row for row in await self._rows(_wrap_ups_query(period, key, *conditions))}
        return {row[0]: _queue_figures(row, wraps.get(row[0])) for row in places}

    async def _rows(self, query: Any) -> Sequence[AnyRow]:
        async with self._store.reading() as connection:
            rows: Sequence[AnyRow] = (await connection.execute(query)).all()
            return rows


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """How many rows meet a condition."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _total(value: ColumnElement[Any], condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, value), else_=0)), 0)


def _calls_query(period: Period, *keys: ColumnElement[Any] | Any) -> Select[Any]:
    length = seconds_between(CallRow.started_at, CallRow.ended_at)
    ended = CallRow.ended_at.is_not(None)
    asked = CallRow.asked.is_(True)
    brief = and_(ended, ~asked, length < BRIEF)
    told = select(RecordingRow.call_id).where(
        RecordingRow.purpose == "voicemail",
        RecordingRow.state != "discarded",
        RecordingRow.started_at >= period.since,
    )
    message = CallRow.id.in_(told)
    faulty = or_(CallRow.faults > 0, CallRow.state == "broken_off")
    contained = and_(ended, ~brief, ~asked, ~message, ~faulty)
    return (
        select(
            *keys,
            func.count(),
            _number(ended),
            _number(brief),
            _number(contained),
            _number(asked),
            _number(message),
            _number(faulty),
            func.coalesce(func.sum(CallRow.missed), 0),
            _total(length, ended),
        )
        .where(CallRow.started_at >= period.since, CallRow.started_at < period.until, _CAME)
        .group_by(*keys)
    )


def _call_figures(row: AnyRow, first: int) -> CallFigures:
    calls, ended, brief, contained, asked, messages, faulty, missed, seconds = row[first:]
    counts = (int(one) for one in (calls, ended, brief, contained, asked, messages, faulty, missed))
    return CallFigures(*counts, float(seconds))  # type: ignore[call-arg]


def _repeats_query(period: Period, now: datetime) -> Any:
    """Each call beside the one before and the one after of the same number."""
    order: dict[str, Any] = {
        "partition_by": CallRow.caller,
        "order_by": (CallRow.started_at, CallRow.id),
    }
    length = seconds_between(CallRow.started_at, CallRow.ended_at)
    near = (
        select(
            CallRow.started_at.label("at"),
            func.lag(CallRow.started_at).over(**order).label("earlier"),
            func.lead(CallRow.started_at).over(**order).label("later"),
        )
        .where(
            CallRow.started_at >= period.since - REPEAT,
            CallRow.started_at < period.until + REPEAT,
            CallRow.caller.not_in(("", "anonymous")),
            _CAME,
            or_(CallRow.asked.is_(True), CallRow.ended_at.is_(None), length >= BRIEF),
        )
        .subquery()
    )
    limit = REPEAT.total_seconds()
    repeated = and_(near.c.earlier.is_not(None), seconds_between(near.c.earlier, near.c.at) <= limit)
    again = and_(near.c.later.is_not(None), seconds_between(near.c.at, near.c.later) <= limit)
    first = or_(near.c.earlier.is_(None), seconds_between(near.c.earlier, near.c.at) > limit)
    judged = and_(first, or_(near.c.at <= now - REPEAT, again))
    return select(
        func.count(), _number(repeated), _number(first), _number(judged), _number(and_(judged, ~again))
    ).where(near.c.at >= period.since, near.c.at < period.until)


def _places_query(
    period: Period, key: ColumnElement[Any] | Any, *conditions: ColumnElement[bool]
) -> Select[Any]:
    place = WaitingCallRow
    live = place.call_back_to == ""
    answered = and_(live, place.answered_at.is_not(None))
    abandoned = and_(live, place.answered_at.is_(None), place.state == "abandoned")
    left = or_(
        and_(live, place.answered_at.is_(None), place.state.in_(("left", "voicemail", "ended"))), ~live
    )
    wait = seconds_between(place.queued_at, place.answered_at)
    gave_up = seconds_between(place.queued_at, place.ended_at)
    limit = QueueRow.service_level_seconds
    talked = and_(place.answered_at.is_not(None), place.state == "ended")
    return (
        select(
            key,
            _number(answered),
            _number(abandoned),
            _number(left),
            _number(place.state == "overflowed"),
            _number(and_(~live, place.answered_at.is_not(None))),
            _number(and_(answered, wait <= limit)),
            _number(and_(abandoned, gave_up <= limit)),
            _total(wait, answered),
            func.coalesce(func.max(case((answered, wait))), 0),
            _number(talked),
            _total(seconds_between(place.answered_at, place.ended_at), talked),
        )
        .join(QueueRow, QueueRow.name == place.queue)
        .where(place.queued_at >= period.since, place.queued_at < period.until, *conditions)
        .group_by(key)
    )


def _moves(since: datetime, until: datetime) -> Any:
    """Each state of a seat, from when until when."""
    order: dict[str, Any] = {"partition_by": SeatMoveRow.seat_id, "order_by": SeatMoveRow.id}
    return (
        select(
            SeatMoveRow.seat_id,
            SeatMoveRow.call_id,
            SeatMoveRow.before,
            SeatMoveRow.after,
            SeatMoveRow.reason,
            SeatMoveRow.at,
            func.lead(SeatMoveRow.at).over(**order).label("until"),
        )
        .where(SeatMoveRow.at >= since, SeatMoveRow.at < until)
        .subquery()
    )


def _wrap_ups_query(
    period: Period, key: ColumnElement[Any] | Any, *conditions: ColumnElement[bool]
) -> Select[Any]:
    """Wrap-ups that are over, by the place in line of their call that the same seat answered."""
    moves = _moves(period.since, period.until + _BACK)
    over = and_(moves.c.after == "wrap_up", moves.c.until.is_not(None))
    place = WaitingCallRow
    return (
        select(key, func.count(), _total(seconds_between(moves.c.at, moves.c.until), over))
        .select_from(moves)
        .join(
            place,
            and_(
                place.call_id == moves.c.call_id,
                func.coalesce(place.seat_id, "") == moves.c.seat_id,  # by the call's index, not the seat's
                place.answered_at.is_not(None),
                place.state == "ended",
            ),
        )
        .where(over, place.queued_at >= period.since, place.queued_at < period.until, *conditions)
        .group_by(key)
    )


def _queue_figures(row: AnyRow, wraps: AnyRow | None) -> QueueFigures:
    _, *counts, wait, longest, talked, talk = row
    wrapped, wrap_up = (0, 0.0) if wraps is None else (int(wraps[1]), float(wraps[2]))
    whole = [int(count) for count in counts]
    figures = (*whole, float(wait), float(longest), int(talked), float(talk), wrapped, wrap_up)
    return QueueFigures(*figures)  # type: ignore[arg-type]


def _states_query(period: Period, end: datetime) -> Select[Any]:
    """Seconds that each seat spent in its states, cut to the period."""
    moves = _moves(period.since - _BACK, period.until)
    since, until = (literal(moment, SeatMoveRow.at.type) for moment in (period.since, end))
    start = case((moves.c.at < since, since), else_=moves.c.at)
    finish = case((moves.c.until.is_(None), until), (moves.c.until > until, until), else_=moves.c.until)
    spent = seconds_between(start, finish)
    some = spent > 0
    missed = and_(
        moves.c.before == "ringing", moves.c.after.not_in(("talking", "ringing")), moves.c.at >= since
    )
    return select(
        moves.c.seat_id,
        _number(missed).label("missed"),
        _total(spent, and_(some, moves.c.after != "offline")).label("signed_in"),
        _total(spent, and_(some, moves.c.after.in_(_BUSY))).label("busy"),
        _total(spent, and_(some, moves.c.after.in_(("paused", "do_not_disturb", "away")))).label("paused"),
    ).group_by(moves.c.seat_id)


def _seat_figures(calls: QueueFigures, states: AnyRow | None) -> SeatFigures:
    if states is None:
        return SeatFigures(calls)
    return SeatFigures(
        calls, int(states.missed), float(states.signed_in), float(states.busy), float(states.paused)
    )

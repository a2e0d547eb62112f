"""The board as JSON."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from ivr.console.audit import looked_at
from ivr.console.board.names import masked
from ivr.console.board.pages import Watcher
from ivr.console.board.state import Board, CallLine, QueueLine, board, shared
from ivr.console.parts import Parts
from policy_db.report_facts import QueueFigures

router = APIRouter()
#: Seconds for which the last hour's curves serve everybody.
_CURVES = 10.0


class CallOut(BaseModel):
    """A running call. `caller` is shown whole to managers alone; `step` is `flow.step`; we made an `outbound` one."""

    id: str
    caller: str
    language: str
    level: int
    channel: str
    started_at: datetime
    step: str
    queue: str
    state: str
    seats: list[str]
    worker: str
    outbound: bool


class TodayOut(BaseModel):
    """What came of today's callers who waited for a person; shares are 0 to 1, durations in seconds."""

    answered: int
    abandoned: int
    left: int
    service_level: float | None
    service_level_2: float | None
    answer_time: float | None


class QueueOut(BaseModel):
    """A queue now and today."""

    name: str
    waiting: int
    callbacks: int
    longest: float | None
    expected: float | None
    serving: int
    ready: int
    today: TodayOut


class SeatOut(BaseModel):
    """A seat that is signed in."""

    id: str
    name: str
    state: str
    reason: str
    since: datetime | None
    call: str


class AlarmOut(BaseModel):
    """Something to look at."""

    name: str
    weight: str
    values: dict[str, str | float]


class BoardOut(BaseModel):
    """The whole board."""

    at: datetime
    calls: list[CallOut]
    queues: list[QueueOut]
    seats: list[SeatOut]
    offline: int
    waiting: int
    longest: float | None
    begun_today: int
    today: TodayOut
    alarms: list[AlarmOut]


class HourOut(BaseModel):
    """The last hour by minute (seconds since 1970): calls that went on, callers who waited."""

    minutes: list[int]
    calls: list[int]
    waiting: list[int]


@router.get("/board", response_model=BoardOut)
async def whole(parts: Parts, visitor: Watcher) -> Response:
    """Everything of this moment."""
    found, whole_numbers = await board(parts), visitor.has("manager")
    if whole_numbers:
        await looked_at(parts, visitor, "board", "calls")
    key = f"json {whole_numbers}"
    if key not in found.made:
        found.made[key] = _out(found, whole_numbers).model_dump_json().encode()
    return Response(found.made[key], media_type="application/json")


@router.get("/board/hour")
async def hour(parts: Parts, visitor: Watcher) -> HourOut:
    """The last hour's curves."""
    curves = await shared(parts).get("hour", _CURVES, parts.database.boards.last_hour)
    minutes = [round(at.timestamp()) for at in curves.minutes]
    return HourOut(minutes=minutes, calls=list(curves.calls), waiting=list(curves.waiting))


def _out(found: Board, whole_numbers: bool) -> BoardOut:
    return BoardOut(
        at=found.at,
        calls=[_call(line, whole_numbers) for line in found.calls],
        queues=[_queue(line) for line in found.queues],
        seats=[
            SeatOut(
                id=one.id,
                name=one.name,
                state=one.state,
                reason=one.reason,
                since=one.since,
                call=one.call_id or "",
            )
            for one in found.seats
        ],
        offline=found.offline,
        waiting=found.waiting,
        longest=found.longest,
        begun_today=found.begun,
        today=_today(found.today),
        alarms=[AlarmOut(name=one.name, weight=one.weight, values=dict(one.values)) for one in found.alarms],
    )


def _call(line: CallLine, whole_numbers: bool) -> CallOut:
    call, place = line.call, line.place
    return CallOut(
        id=call.id,
        caller=call.caller if whole_numbers else masked(call.caller),
        language=call.language,
        level=call.level,
        channel=call.channel,
        started_at=call.started_at,
        step=call.step,
        queue="" if place is None else place.queue,
        state="" if place is None else place.state,
        seats=[seat.id for seat in line.seats],
        worker=call.worker,
        outbound=call.outbound,
    )


def _queue(line: QueueLine) -> QueueOut:
    return QueueOut(
        name=line.queue.name,
        waiting=line.waiting,
        callbacks=line.callbacks,
        longest=line.longest,
        expected=line.expected,
        serving=line.serving,
        ready=line.ready,
        today=_today(line.today),
    )


def _today(figures: QueueFigures) -> TodayOut:
    return TodayOut(
        answered=figures.answered,
        abandoned=figures.abandoned,
        left=figures.left,
        service_level=figures.service_level,
        service_level_2=figures.service_level_2,
        answer_time=figures.answer_time,
    )

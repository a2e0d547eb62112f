"""Calls, places in line and seats made directly in the database, for boards, records and reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from policy_db import PolicyDatabase
from policy_db.seat_facts import Queue, QueueCall, Seat
from policy_db.seat_rows import values_of
from policy_db.tables import CallRow, WaitingCallRow


async def call_now(
    database: PolicyDatabase,
    call: str,
    *,
    caller: str = "+8613800001111",
    step: str = "main.menu",
    since: timedelta = timedelta(seconds=30),
    worker: str = "w1",
    **known: Any,
) -> None:
    """A call that goes on since a while."""
    await database.calls.begin(
        call, worker=worker, caller=caller, called="4000001234", flow="main", language="zh-CN"
    )
    await database.calls.update(call, step=step, step_at=1.0, **known)
    began = database.clock() - since
    async with database.store.writing() as connection:
        await connection.execute(update(CallRow).where(CallRow.id == call).values(started_at=began))


async def queue_and_seats(database: PolicyDatabase, *, ready: int = 0, queue: str = "q1") -> None:
    """A queue, and seats that are ready."""
    now = database.clock()
    seats = [
        Seat(f"s{number}", f"Seat {number}", "sip:s@192.0.2.1", ("zh-CN",), state="ready", since=now)
        for number in range(ready)
    ]
    await database.seats.add(queues=[Queue(queue, {"zh-CN": "一队", "en": "First"})], seats=seats)


async def place_now(
    database: PolicyDatabase, call: str, *, waited: float = 0.0, queue: str = "q1", **values: Any
) -> None:
    """A place in line, `waited` seconds old."""
    at = database.clock() - timedelta(seconds=waited)
    place = QueueCall(f"{call}-place", call, queue, at, at, language="zh-CN", worker="w1")
    async with database.store.writing() as connection:
        await connection.execute(insert(WaitingCallRow).values({**values_of(place), **values}))


async def ended_call(
    database: PolicyDatabase, call: str, at: datetime, seconds: float = 60.0, **values: Any
) -> None:
    """A call that is over."""
    row: dict[str, Any] = {
        "id": call, "worker": "w1", "channel": "sip", "caller": "+8613800001111", "called": "4000001234",
        "language": "zh-CN", "level": 0, "flow": "main", "version": "v", "state": "finished", "started_at": at,
        "ended_at": at + timedelta(seconds=seconds), "end_reason": "caller_hung_up",
    }  # fmt: skip
    async with database.store.writing() as connection:
        await connection.execute(insert(CallRow).values({**row, **values}))

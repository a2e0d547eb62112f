"""A hotline's past, made up: calls with their timelines, places in line, seats' days, recordings of messages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from policy_db import PolicyDatabase
from policy_db.seat_facts import Queue, Seat
from policy_db.tables import (
    Base,
    CallEventRow,
    CallFlowRow,
    CallRow,
    RecordingRow,
    SeatMoveRow,
    WaitingCallRow,
)

FLOWS = (
    "policy_enquiry",
    "premium_enquiry",
    "claim_report",
    "claim_progress",
    "products",
    "guidance",
    "leave_message",
)
QUEUES = ("service", "claims")
_BATCH = 2000


@dataclass
class Past:
    """Rows by table, as they will be inserted."""

    rows: dict[type[Base], list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: type[Base], **values: Any) -> None:
        self.rows.setdefault(table, []).append(values)


async def fill(
    database: PolicyDatabase,
    *,
    calls: int,
    messages: int,
    running: int = 0,
    days: int = 60,
    seats: int = 20,
    timelines: int = 500,
    seed: int = 11,
) -> None:
    """Put in `calls` ended calls of the last `days` days, the latest `timelines` of them with every step, and
    `running` ones that go on now."""
    chance = random.Random(seed)
    names = [f"seat{number:02}" for number in range(seats)]
    await database.seats.add(
        queues=[Queue(name, {"zh-CN": name, "en": name}) for name in QUEUES],
        seats=[Seat(name, name.title(), f"sip:{name}@192.0.2.1", languages=("zh-CN",)) for name in names],
    )
    now, past = database.clock(), Past()
    moments = sorted(now - timedelta(seconds=chance.uniform(300, days * 86_400)) for _ in range(calls))
    spoken = set(chance.sample(range(calls), min(messages, calls)))
    for number, at in enumerate(moments):
        _call(past, chance, number, at, names, number in spoken, number >= calls - timelines)
        if sum(map(len, past.rows.values())) > _BATCH * 4:
            await _write(database, past)
    for number in range(running):
        _running(past, chance, number, now)
    await _write(database, past)


async def _write(database: PolicyDatabase, past: Past) -> None:
    async with database.store.writing() as connection:
        for table in (CallRow, CallEventRow, CallFlowRow, WaitingCallRow, SeatMoveRow, RecordingRow):
            if rows := past.rows.pop(table, []):
                await connection.execute(insert(table), rows)


def _call(
    past: Past, chance: random.Random, number: int, at: datetime, seats: list[str], message: bool, told: bool
) -> None:
    call = f"{at:%Y%m%d-%H%M%S}-0-{number:08x}"
    caller = f"+86138{chance.randrange(60_000):08}"
    asked = chance.random() < 0.3
    length = chance.uniform(5, 420)
    flow = chance.choice(FLOWS)
    language = chance.choice(("zh-CN", "zh-CN", "zh-CN", "en"))
    ended = at + timedelta(seconds=length)
    past.add(
        CallRow, id=call, worker="old-0", channel="sip", caller=caller, called="4000001234", language=language,
        level=chance.choice((0, 1, 2)), flow="main", version="v", state="finished", started_at=at, ended_at=ended,
        end_reason=chance.choice(("caller_hung_up", "normal", "transferred")), asked=asked, counted=True,
        missed=chance.choice((0, 0, 0, 1, 2)), faults=int(chance.random() < 0.01), step=f"{flow}.menu", step_at=5.0,
    )  # fmt: skip
    for visited in ("main", flow):
        past.add(CallFlowRow, call_id=call, flow=visited)
    if told:
        for seq, (kind, data) in enumerate(_story(flow)):
            past.add(CallEventRow, call_id=call, seq=seq, at=seq * 1.5, kind=kind, data=data)
    if asked:
        _place(past, chance, call, caller, at + timedelta(seconds=min(20, length / 4)), ended, seats)
    if message:
        past.add(
            RecordingRow, id=f"{call}-r1", purpose="voicemail", call_id=call, worker="old-0", mailbox="service",
            reason="", caller=caller, level=0, file=f"{call}.wav", seconds=12.0, size=96_044, state="kept",
            why="hang_up", confirmed=False, started_at=at, ended_at=ended,
        )  # fmt: skip


def _place(
    past: Past, chance: random.Random, call: str, caller: str, at: datetime, ended: datetime, seats: list[str]
) -> None:
    lost = chance.random() < 0.12
    seat = None if lost else chance.choice(seats)
    answered = None if lost else at + (ended - at) * chance.uniform(0.05, 0.4)
    past.add(
        WaitingCallRow, id=f"{call}-w", call_id=call, queue=chance.choice(QUEUES), entered_at=at, queued_at=at,
        caller=caller, customer="", policy="", language="zh-CN", skills={}, priority=0,
        state="abandoned" if lost else "ended", seat_id=seat, tried=[], visited=[], worker="old-0", call_back_to="",
        attempts=0, answered_at=answered, ended_at=ended, outcome="hung_up" if lost else "served", version=3,
    )  # fmt: skip
    if seat is None or answered is None:
        return
    for when, before, after in (
        (answered - timedelta(seconds=4), "ready", "ringing"),
        (answered, "ringing", "talking"),
        (ended, "talking", "wrap_up"),
        (ended + timedelta(seconds=chance.uniform(5, 40)), "wrap_up", "ready"),
    ):
        past.add(
            SeatMoveRow,
            at=when,
            seat_id=seat,
            before=before,
            after=after,
            reason="",
            call_id=call,
            who="system",
        )


def _running(past: Past, chance: random.Random, number: int, now: datetime) -> None:
    at = now - timedelta(seconds=chance.uniform(1, 400))
    flow = chance.choice(FLOWS)
    past.add(
        CallRow, id=f"now-{number:04}", worker="old-0", channel="sip", caller=f"+86139{number:08}", called="4000001234",
        language="zh-CN", level=1, flow="main", version="v", state="running", started_at=at, ended_at=None,
        end_reason="", asked=False, counted=False, missed=0, faults=0, step=f"{flow}.menu", step_at=3.0,
    )  # fmt: skip


def _story(flow: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "flow_entered", {"flow": "main", "version": "v"}
    for step in ("start", "who_calls", "welcome", "menu"):
        yield "step_entered", {"flow": "main", "step": step}
        yield "said", {"flow": "main", "step": step, "prompts": ["welcome"]}
        yield "step_left", {"flow": "main", "step": step, "outcome": "done", "target": "menu", "edge": "next"}
    yield "key_used", {"flow": "main", "step": "menu", "key": "1"}
    yield "flow_entered", {"flow": flow, "version": "v"}
    yield "step_entered", {"flow": flow, "step": "menu"}
    yield "call_ended", {"reason": "caller"}

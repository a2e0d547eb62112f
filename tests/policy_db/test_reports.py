"""Every figure of the reports, with calls that are counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from policy_kit import HandClock
from sqlalchemy import insert

from policy_db import PolicyDatabase
from policy_db.moments import Period, offsets
from policy_db.outreach_facts import Campaign, NewPerson
from policy_db.report_facts import OutreachFigures, Repeats
from policy_db.seat_facts import Queue, QueueCall, Seat
from policy_db.seat_rows import values_of
from policy_db.tables import (
    CallFlowRow,
    CallRow,
    CampaignAttemptRow,
    PromiseRow,
    RecordingRow,
    SeatMoveRow,
    WaitingCallRow,
)

ZONE = ZoneInfo("Asia/Shanghai")
DAY = datetime(2026, 3, 2, 16, tzinfo=UTC)  # the third of March begins in Shanghai
PERIOD = Period(DAY, DAY + timedelta(days=1))


@pytest.fixture
def clock() -> HandClock:
    """Weeks later, so that everything can be judged."""
    return HandClock(DAY + timedelta(days=30))


async def put(db: PolicyDatabase, table: Any, **values: Any) -> None:
    async with db.store.writing() as connection:
        await connection.execute(insert(table).values(values))


async def call(db: PolicyDatabase, name: str, at: float, seconds: float | None = 60.0, **values: Any) -> None:
    """A call that came `at` seconds after the day's beginning."""
    began = DAY + timedelta(seconds=at)
    row: dict[str, Any] = {
        "id": name, "worker": "w", "channel": "sip", "caller": "", "called": "1", "language": "zh-CN", "level": 0,
        "flow": "main", "version": "v", "state": "running" if seconds is None else "finished", "started_at": began,
        "ended_at": None if seconds is None else began + timedelta(seconds=seconds), "end_reason": "normal",
    }  # fmt: skip
    await put(db, CallRow, **{**row, **values})


async def place(
    db: PolicyDatabase,
    name: str,
    at: float,
    *,
    answered: float | None = None,
    ended: float | None,
    state: str = "ended",
    **values: Any,
) -> None:
    """A place in the queue `q`, entered `at` seconds after the day's beginning; the rest in seconds after that."""
    began = DAY + timedelta(seconds=at)
    facts = QueueCall(
        name, values.pop("call_id", name), values.pop("queue", "q"), began, began, state=state,  # type: ignore[arg-type]
        answered_at=None if answered is None else began + timedelta(seconds=answered),
        ended_at=None if ended is None else began + timedelta(seconds=ended),
    )  # fmt: skip
    await put(db, WaitingCallRow, **{**values_of(facts), **values})


async def move(db: PolicyDatabase, seat: str, at: float, before: str, after: str, call_id: str = "") -> None:
    await put(
        db, SeatMoveRow, seat_id=seat, at=DAY + timedelta(seconds=at), before=before, after=after, reason="",
        call_id=call_id, who="system",
    )  # fmt: skip


@pytest.fixture
async def queue(db: PolicyDatabase) -> None:
    await db.seats.add(
        queues=[Queue("q", service_level_seconds=20.0), Queue("other", service_level_seconds=20.0)],
        seats=[Seat("anna", "Anna", "sip:a@b"), Seat("bo", "Bo", "sip:b@b")],
    )


async def test_contained_calls_are_those_that_self_service_alone_answered(db: PolicyDatabase) -> None:
    await call(db, "contained", 10)
    await call(db, "asked", 20, asked=True)
    await call(db, "asked-at-once", 25, 5.0, asked=True)
    await call(db, "brief", 30, 9.0)
    await call(db, "faulty", 40, faults=1)
    await call(db, "broken", 50, state="broken_off")
    await call(db, "told", 60)
    await put(
        db, RecordingRow, id="r", purpose="voicemail", call_id="told", worker="w", mailbox="m", reason="", caller="",
        level=0, file="f", seconds=3.0, size=9, state="kept", why="key", confirmed=True, started_at=DAY,
    )  # fmt: skip
    await call(db, "runs", 70, None)
    await call(db, "before", -1)
    await call(db, "after", 86_400)
    found = await db.reports.calls(PERIOD)
    assert (found.calls, found.ended, found.brief, found.served) == (8, 7, 1, 6)
    assert (found.contained, found.asked, found.messages, found.faulty) == (1, 2, 1, 2)
    assert found.containment == pytest.approx(1 / 6)
    assert found.length == pytest.approx((5 * 60 + 9 + 5) / 7, abs=0.01)


async def test_an_empty_period_has_no_shares(db: PolicyDatabase) -> None:
    found = await db.reports.calls(PERIOD)
    assert (found.calls, found.containment, found.length) == (0, None, None)
    assert await db.reports.queues(PERIOD) == {}
    assert await db.reports.seats(PERIOD) == {}
    assert (await db.reports.repeats(PERIOD)).first_call_resolution is None


async def test_service_levels_are_those_of_asterisk(db: PolicyDatabase, queue: None) -> None:
    await place(db, "in time", 0, answered=20, ended=80)
    await place(db, "too late", 0, answered=21, ended=81)
    await place(db, "gave up at once", 0, ended=20, state="abandoned")
    await place(db, "gave up late", 0, ended=90, state="abandoned")
    await place(db, "left a message", 0, ended=60, state="voicemail")
    await place(db, "nobody in time", 0, ended=120, state="left")
    await place(db, "went on", 0, ended=60, state="overflowed")
    await place(db, "waits", 0, ended=None, state="waiting")
    found = (await db.reports.queues(PERIOD))["q"]
    assert (found.answered, found.abandoned, found.left, found.overflowed, found.offered) == (2, 2, 2, 1, 6)
    assert found.service_level == pytest.approx(1 / 2)
    assert found.service_level_2 == pytest.approx(2 / 4)
    assert found.abandonment == pytest.approx(2 / 6)
    assert (found.answer_time, found.longest) == (pytest.approx(20.5), pytest.approx(21))


async def test_a_call_back_is_no_wait_at_the_telephone(db: PolicyDatabase, queue: None) -> None:
    await place(db, "kept", 0, answered=1800, ended=1900, call_back_to="+86138")
    found = (await db.reports.queues(PERIOD))["q"]
    assert (found.answered, found.called_back, found.left, found.answer_time) == (0, 1, 1, None)


async def test_handling_is_talk_and_wrap_up_for_each_talk(db: PolicyDatabase, queue: None) -> None:
    await place(db, "one", 0, answered=10, ended=110, seat_id="anna")
    await place(db, "two", 0, answered=10, ended=60, seat_id="bo")
    for seat, name, end, rests in (("anna", "one", 110, 140), ("bo", "two", 60, 70)):
        await move(db, seat, 10, "ringing", "talking", name)
        await move(db, seat, end, "talking", "wrap_up", name)
        await move(db, seat, rests, "wrap_up", "ready", name)
    found = (await db.reports.queues(PERIOD))["q"]
    assert (found.talk_time, found.wrap_up_time) == (pytest.approx(75), pytest.approx(20))
    assert found.handling_time == pytest.approx(95)
    seats = await db.reports.seats(PERIOD)
    assert seats["anna"].calls.handling_time == pytest.approx(130)
    assert seats["bo"].calls.handling_time == pytest.approx(60)


async def test_a_seats_time_is_cut_to_the_period_and_counted_by_state(
    db: PolicyDatabase, queue: None
) -> None:
    await move(db, "anna", -600, "offline", "ready")
    await move(db, "anna", 100, "ready", "ringing", "c1")
    await move(db, "anna", 110, "ringing", "ready", "c1")
    await move(db, "anna", 200, "ready", "ringing", "c2")
    await move(db, "anna", 210, "ringing", "talking", "c2")
    await move(db, "anna", 310, "talking", "wrap_up", "c2")
    await move(db, "anna", 340, "wrap_up", "paused")
    await move(db, "anna", 440, "paused", "ready")
    await move(db, "anna", 500, "ready", "offline")
    found = (await db.reports.seats(PERIOD))["anna"]
    assert (found.signed_in, found.paused, found.missed) == (pytest.approx(500), pytest.approx(100), 1)
    assert found.busy == pytest.approx(10 + 10 + 100 + 30)
    assert found.occupancy == pytest.approx(150 / 400)


async def test_a_repeat_is_a_second_call_of_a_number_within_seven_days(db: PolicyDatabase) -> None:
    week = 7 * 86_400
    await call(db, "a1", 100 - week, caller="+861")
    await call(db, "a2", 50, caller="+861")  # within seven days of a1
    await call(db, "b1", 40 - week - 10, caller="+862")
    await call(db, "b2", 45, caller="+862")  # ten seconds too late for a repeat, and followed by none
    await call(db, "c1", 60, caller="+863")
    await call(db, "c2", 60 + week, caller="+863")  # to the second within seven days of c1
    await call(db, "d1", 70, caller="+864")
    await call(db, "hidden", 80, caller="")
    await call(db, "hidden-2", 90, caller="")
    await call(db, "brief", 95, 5.0, caller="+864")
    assert await db.reports.repeats(PERIOD) == Repeats(known=4, repeated=1, first=3, judged=3, resolved=2)


async def test_what_is_too_young_to_tell_counts_neither_way(db: PolicyDatabase, clock: HandClock) -> None:
    clock.now = DAY + timedelta(days=2)
    await call(db, "alone", 10, caller="+861")
    await call(db, "first", 20, caller="+862")
    await call(db, "second", 4000, caller="+862")
    found = await db.reports.repeats(PERIOD)
    assert found == Repeats(known=3, repeated=1, first=2, judged=1, resolved=0)


async def test_days_and_hours_are_those_of_the_company(db: PolicyDatabase) -> None:
    await call(db, "midnight", 0)
    await call(db, "last second", 86_399)
    await call(db, "next day", 86_400)
    period = Period(DAY, DAY + timedelta(days=2))
    days = await db.reports.calls_by_day(period, ZONE)
    assert {day: found.calls for day, found in days.items()} == {date(2026, 3, 3): 2, date(2026, 3, 4): 1}
    hours = await db.reports.calls_by_hour(period, ZONE)
    assert {hour: found.calls for hour, found in hours.items()} == {0: 2, 23: 1}


async def test_days_and_hours_stay_right_where_clocks_are_changed(db: PolicyDatabase) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for name, moment in {
        "winter": "2026-03-28T23:30:00+01:00", "before": "2026-03-29T01:59:59+01:00",
        "after": "2026-03-29T03:00:00+02:00", "summer": "2026-03-30T00:00:00+02:00",
        "autumn twice": "2026-10-25T02:30:00+02:00", "and again": "2026-10-25T02:30:00+01:00",
        "autumn": "2026-10-25T23:59:59+01:00",
    }.items():  # fmt: skip
        await call(db, name, (datetime.fromisoformat(moment) - DAY).total_seconds())
    spring = Period.of_days(date(2026, 3, 28), date(2026, 3, 30), berlin)
    days = await db.reports.calls_by_day(spring, berlin)
    assert {day.day: found.calls for day, found in days.items()} == {28: 1, 29: 2, 30: 1}
    hours = await db.reports.calls_by_hour(spring, berlin)
    assert {hour: found.calls for hour, found in hours.items()} == {23: 1, 1: 1, 3: 1, 0: 1}
    autumn = Period.of_days(date(2026, 10, 25), date(2026, 10, 25), berlin)
    assert autumn.until - autumn.since == timedelta(hours=25)
    hours = await db.reports.calls_by_hour(autumn, berlin)
    assert {hour: found.calls for hour, found in hours.items()} == {2: 2, 23: 1}


def test_a_change_of_clocks_is_found_to_the_second() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    year = Period.of_days(date(2026, 1, 1), date(2026, 12, 31), berlin)
    assert [(at.isoformat(), offset) for at, offset in offsets(berlin, year)][1:] == [
        ("2026-03-29T01:00:00+00:00", 7200),
        ("2026-10-25T01:00:00+00:00", 3600),
    ]


async def test_a_call_counts_in_every_flow_that_it_was_in(db: PolicyDatabase) -> None:
    await call(db, "one", 0, missed=2)
    await call(db, "two", 10, asked=True)
    for name, flow in (("one", "main"), ("one", "products"), ("two", "main")):
        await put(db, CallFlowRow, call_id=name, flow=flow)
    found = await db.reports.calls_by_flow(PERIOD)
    assert {flow: (one.calls, one.containment, one.missed) for flow, one in found.items()} == {
        "main": (2, 0.5, 2),
        "products": (1, 1.0, 2),
    }


async def test_queues_by_day_and_hour_count_where_callers_began_to_wait(
    db: PolicyDatabase, queue: None
) -> None:
    await place(db, "early", 3600, answered=10, ended=4000)
    await place(db, "late", 86_399, answered=10, ended=60, queue="other")
    period = Period(DAY, DAY + timedelta(days=2))
    days = await db.reports.queues_by_day(period, ZONE)
    assert {day: found.answered for day, found in days.items()} == {date(2026, 3, 3): 2}
    hours = await db.reports.queues_by_hour(period, ZONE)
    assert {hour: found.answered for hour, found in hours.items()} == {1: 1, 23: 1}


async def test_calls_that_the_hotline_made_are_no_calls_that_came_and_have_figures_of_their_own(
    db: PolicyDatabase,
) -> None:
    await call(db, "in", 3600, caller="+8613800000001")
    await call(db, "out", 7200, caller="+8613800000001", outbound=True, faults=1, missed=3)
    await campaign(db)
    for number, (outcome, answered) in enumerate(
        (("promised", True), ("busy", False), ("machine", True), ("abandoned", True), ("not_placed", False))
    ):
        await attempt(db, f"a-{number}", 7200 + number, outcome, answered=answered)
    calls = await db.reports.calls(PERIOD)
    assert (calls.calls, calls.faulty, calls.missed) == (1, 0, 0)
    assert (await db.reports.repeats(PERIOD)).repeated == 0
    assert await db.boards.begun(DAY) == 1
    assert (await db.boards.trouble(DAY)).faulty == 0
    for number, state in enumerate(("kept", "broken")):
        await put(
            db, PromiseRow, attempt=f"a-{number}", campaign="c", customer="", policy=f"p-{number}", due_on=DAY.date(),
            pay_on=DAY.date(), amount=Decimal(1), currency="CNY", made_at=DAY, state=state, settled_at=DAY,
        )  # fmt: skip
    (found,) = await db.outreach.figures(PERIOD)
    assert found == OutreachFigures("Premiums", made=4, taken=3, spoken=1, promised=1, kept=1, none_free=1)
    assert found.reached == 0.25


async def campaign(db: PolicyDatabase) -> None:
    await db.campaigns.add(Campaign("c", "Premiums", "list", "f", DAY, "test"))
    await db.campaigns.put("c", [NewPerson("+8613800000001", "CN:Asia/Shanghai")], due=DAY)


async def attempt(db: PolicyDatabase, name: str, at: float, outcome: str, *, answered: bool) -> None:
    (person,) = await db.campaigns.people("c")
    planned = DAY + timedelta(seconds=at)
    said = outcome if outcome in ("promised", "abandoned") else ""
    await put(
        db, CampaignAttemptRow, id=name, campaign="c", person=person.id, seq=int(name[2:]) + 1, number=person.number,
        customer="", policy="", line="sip", state="ended", outcome=outcome, disposition=said, answered_by="",
        holder="w/1", carrier_id="", call_id="", status=0, planned_at=planned,
        answered_at=planned if answered else None, ended_at=planned,
    )  # fmt: skip

"""The live board: what it shows to whom, that watchers share a reading, and when it warns."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from board_kit import call_now, place_now, queue_and_seats

from ivr.console.board.alarms import USUAL, QueueSight, judge
from ivr.console.board.state import board, shared
from policy_db.boards import Trouble
from policy_db.seat_facts import Seat

QUIET = Trouble(0, 0, 0)
OFF = dict.fromkeys(USUAL)


async def test_the_board_shows_a_call_with_its_step_by_title_and_masks_its_caller_unless_for_a_manager(
    console,
) -> None:
    await call_now(console.database, "c1", caller="+8613800138000", step="main.menu")
    manager, seat = await console.signed_in("mei"), await console.signed_in("anna")
    page = (await manager.get("/board")).text
    assert "+8613800138000" in page
    assert "Main menu" in page
    page = (await seat.get("/board")).text
    assert "+8613800138000" not in page
    assert "•••• 8000" in page
    assert (await seat.get("/api/board")).json()["calls"][0]["caller"] == "•••• 8000"


async def test_who_saw_whole_numbers_is_in_the_audit_once(console) -> None:
    manager, seat = await console.signed_in("mei"), await console.signed_in("anna")
    for _ in range(3):
        await manager.get("/board")
        await seat.get("/board")
    assert [one.actor for one in await console.database.audit.about("board:calls")] == ["staff:mei"]


async def test_an_administrator_alone_sees_no_board(console) -> None:
    client = await console.signed_in("root")
    for path in ("/board", "/board/now", "/board/calls", "/board/alarms", "/api/board", "/api/board/hour"):
        assert (await client.get(path)).status_code == 403, path
    assert (await console.client().get("/api/board")).status_code == 401


async def test_waiting_callers_and_seats_are_counted(console) -> None:
    await queue_and_seats(console.database, ready=2)
    await call_now(console.database, "c1")
    await place_now(console.database, "c1", waited=95)
    client = await console.signed_in("mei")
    found = (await client.get("/api/board")).json()
    (queue,) = [one for one in found["queues"] if one["name"] == "q1"]
    assert (found["waiting"], queue["waiting"], queue["ready"]) == (1, 1, 2)
    assert 95 <= queue["longest"] < 155
    assert re.search(r"1:[3-5]\d|2:[0-3]\d", (await client.get("/board/now")).text)


async def test_twenty_watchers_at_once_cost_one_reading(console) -> None:
    await call_now(console.database, "c1")
    clients = [await console.signed_in("mei") for _ in range(20)]
    await board(console.parts)
    shared(console.parts).changed()
    before = shared(console.parts).reads
    pages = await asyncio.gather(*(one.get("/board/calls") for one in clients))
    assert len({page.text for page in pages}) == 1
    assert shared(console.parts).reads - before == 1


async def test_who_asks_after_a_change_never_sees_what_was_read_before_it(console) -> None:
    client = await console.signed_in("mei")
    for number in range(5):
        await call_now(console.database, f"c{number}")
        shared(console.parts).changed()
        assert len((await client.get("/api/board")).json()["calls"]) == number + 1
        assert f'id="call-c{number}"' in (await client.get("/board/calls")).text


async def test_a_nudge_makes_the_board_be_read_again(console) -> None:
    before = shared(console.parts).version
    console.parts.bus.publish("seat", "s1")
    while shared(console.parts).version == before:
        await asyncio.sleep(0)
    assert shared(console.parts).version == before + 1


async def test_a_row_is_made_anew_when_its_call_moves_and_in_each_language_and_role(console) -> None:
    await call_now(console.database, "c1", caller="+8613800138000", step="main.menu")
    manager, seat = await console.signed_in("mei"), await console.signed_in("anna")
    assert "Main menu" in (await manager.get("/board/calls")).text
    manager.cookies.set("hotline_language", "zh-CN")
    chinese = (await manager.get("/board/calls")).text
    manager.cookies.delete("hotline_language")
    assert "Main menu" not in chinese
    assert "+8613800138000" in chinese
    assert "+8613800138000" not in (await seat.get("/board/calls")).text
    await console.database.calls.update("c1", step="claim_report.start", step_at=9.0)
    shared(console.parts).changed()
    assert "Main menu" not in (await manager.get("/board/calls")).text


async def test_a_supervisor_in_a_talk_can_leave_it_from_the_board(console) -> None:
    database, now = console.database, console.database.clock()
    await queue_and_seats(database, ready=0)
    await call_now(database, "c1")
    await place_now(database, "c1", state="connected")
    await database.seats.add(
        seats=[
            Seat("s9", "Mei", "browser", ("en",), state="talking", since=now, call_id="c1", part="supervisor")
        ]
    )
    manager = await console.signed_in("mei")
    assert 'hx-post="/board/calls/c1/listen"' in (await manager.get("/board/calls")).text
    assert "c1/leave" not in (await manager.get("/board/calls")).text
    await database.users.change("mei", seat="s9")
    shared(console.parts).changed()
    assert 'hx-post="/board/calls/c1/leave"' in (await manager.get("/board/calls")).text
    assert "c1/leave" not in (await (await console.signed_in("anna")).get("/board/calls")).text


async def test_the_longest_wait_is_judged_by_the_queues_own_target_and_the_managers_limit(console) -> None:
    await queue_and_seats(console.database, ready=1)
    await call_now(console.database, "c1")
    await place_now(console.database, "c1", waited=10)
    assert (await board(console.parts)).wait_weight == ""
    await call_now(console.database, "c2")
    await place_now(console.database, "c2", waited=60)
    shared(console.parts).changed()
    assert (await board(console.parts)).wait_weight == "warn"
    await console.database.boards.set_limits({"longest_wait": 50.0}, "mei")
    shared(console.parts).forget()
    assert (await board(console.parts)).wait_weight == "bad"


async def test_the_last_hour_counts_who_was_there_at_each_minute(console) -> None:
    now = console.parts.clock()
    for number in range(3):
        await call_now(console.database, f"c{number}", since=timedelta(minutes=10 * (number + 1)))
    await console.database.calls.finish("c2", "normal")
    hour = (await (await console.signed_in("mei")).get("/api/board/hour")).json()
    assert len(hour["minutes"]) == 60
    assert abs(hour["minutes"][-1] - now.timestamp()) < 120
    assert hour["calls"][-1] == 2
    assert hour["calls"][-6] == 3
    assert hour["calls"][-16] == 2
    assert hour["calls"][-26] == 1
    assert hour["calls"][-40] == 0


async def test_a_manager_sets_limits_and_nobody_else(console) -> None:
    manager = await console.signed_in("mei")
    form = {"longest_wait": "30", "longest_wait_on": "on", "disk": "5"}
    assert (await manager.post("/board/alarms", data=form)).status_code == 303
    limits = await console.database.boards.limits()
    assert (limits["longest_wait"].value, limits["disk"].value, limits["longest_wait"].changed_by) == (
        30.0,
        None,
        "mei",
    )
    assert "30" in (await manager.get("/board/alarms")).text
    wrong = await manager.post("/board/alarms", data={"longest_wait": "soon", "longest_wait_on": "on"})
    assert (wrong.status_code, (await console.database.boards.limits())["longest_wait"].value) == (422, 30.0)
    assert (await (await console.signed_in("rui")).post("/board/alarms", data=form)).status_code == 403


async def test_supervising_needs_a_manager_a_running_call_and_a_telephone(console) -> None:
    await call_now(console.database, "c1", worker="nowhere")
    manager, seat = await console.signed_in("mei"), await console.signed_in("anna")
    assert (await seat.post("/board/calls/c1/listen")).status_code == 403
    assert (await manager.post("/board/calls/c1/listen")).status_code == 422
    assert (await manager.post("/board/calls/c1/listen", data={"to": "sip:x@y"})).status_code == 422
    assert (await manager.post("/board/calls/c1/hang_up", data={"to": "123"})).status_code == 404
    assert (await manager.post("/board/calls/c1/listen", data={"to": "+86 138 0013"})).status_code == 409


def sight(**values: object) -> QueueSight:
    known: dict = {
        "name": "q1",
        "longest": None,
        "answered": 0,
        "service_level": None,
        "seats": 1,
        "open": True,
    }
    return QueueSight(**{**known, **values})


@pytest.mark.parametrize(
    ("name", "limit", "queue", "trouble", "workers", "due"),
    [
        ("longest_wait", 60.0, sight(longest=61.0), QUIET, (), True),
        ("longest_wait", 60.0, sight(longest=60.0), QUIET, (), False),
        ("service_level", 80.0, sight(answered=10, service_level=0.79), QUIET, (), True),
        ("service_level", 80.0, sight(answered=9, service_level=0.1), QUIET, (), False),
        ("no_seat", 1.0, sight(seats=0), QUIET, (), True),
        ("no_seat", 1.0, sight(seats=0, open=False), QUIET, (), False),
        ("faults", 5.0, sight(), Trouble(20, 5, 0), (), True),
        ("faults", 5.0, sight(), Trouble(20, 4, 0), (), False),
        ("missed", 1.5, sight(), Trouble(10, 0, 15), (), True),
        ("missed", 1.5, sight(), Trouble(9, 0, 90), (), False),
        ("worker_gone", 1.0, sight(), QUIET, ("w1",), True),
        ("disk", 100.0, sight(), QUIET, (), True),
    ],
)
def test_an_alarm_is_raised_past_its_limit_alone_and_not_when_it_is_off(
    tmp_path, name, limit, queue, trouble, workers, due
) -> None:
    known = {"queues": (queue,), "trouble": trouble, "workers": workers, "folder": tmp_path}
    assert [one.name for one in judge({**OFF, name: limit}, **known)] == ([name] if due else [])
    assert judge(OFF, **known) == ()

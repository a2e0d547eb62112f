"""Queues, seats and calls in line as rows: all of a move or none of it, and never a wait for somebody's lock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from policy_kit import HandClock, Places, open_database
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from policy_db import PolicyDatabase
from policy_db.seat_facts import Lost, Move, Queue, QueueCall, Seat, SeatMove, SeatPause
from policy_db.seat_rows import values_of
from policy_db.seats import Seats
from policy_db.tables import SeatRow, WaitingCallRow

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
SERVICE = Queue(
    "service",
    {"zh-CN": "客户服务", "en": "Customer service"},
    skills={"claims": 2},
    licences=("life",),
    week={"mon": "09:00-12:00,13:30-17:30"},
)
SEAT = Seat(
    "seat1",
    "林小雨",
    "sip:seat1@127.0.0.1:5071",
    languages=("zh-CN", "en"),
    skills={"claims": 3},
    licences=("life",),
    state="ready",
    since=NOW,
    lease_until=NOW + timedelta(seconds=15),
)
CALL = QueueCall(
    "p1",
    "call-1",
    "service",
    entered_at=NOW,
    queued_at=NOW,
    caller="+8613800138000",
    skills={"claims": 1},
    tried=("seat9",),
    tried_at=NOW,
    worker="w1",
    lease_until=NOW + timedelta(seconds=15, microseconds=7),
)


@pytest.fixture
async def seats(db: PolicyDatabase) -> Seats:
    """One queue, two ready seats."""
    await db.seats.add(queues=[SERVICE], seats=[SEAT, replace(SEAT, id="seat2")])
    return db.seats


def joining(call: QueueCall) -> Move:
    return Move(NOW, "worker:w1", joins=(call,))


def ringing(seat: Seat, call: QueueCall) -> Move:
    rings = replace(seat, state="ringing", call_id=call.call_id, part="main", version=seat.version + 1)
    offered = replace(call, state="offered", seat_id=seat.id, version=call.version + 1)
    return Move(NOW, "worker:w1", ((seat, rings),), ((call, offered),))


async def test_what_was_put_in_comes_out_the_same(seats: Seats) -> None:
    assert await seats.apply(joining(CALL)) is None
    snapshot = await seats.snapshot()
    assert snapshot.queues == {"service": SERVICE}
    assert snapshot.seats == (SEAT, replace(SEAT, id="seat2"))
    assert snapshot.calls == (CALL,)


async def test_a_known_queue_or_seat_is_not_overwritten(seats: Seats) -> None:
    await seats.add(queues=[replace(SERVICE, priority=9)], seats=[replace(SEAT, name="x")])
    snapshot = await seats.snapshot()
    assert (snapshot.queues["service"].priority, snapshot.seats[0].name) == (0, "林小雨")


async def test_seat_and_call_move_together_and_the_scene_shows_both(seats: Seats) -> None:
    await seats.apply(joining(CALL))
    move = ringing(SEAT, CALL)
    assert await seats.apply(move) is None
    for scene in (await seats.scene(call="call-1"), await seats.scene(seat="seat1")):
        assert scene.call == move.calls[0][1]
        assert scene.at == (move.seats[0][1],)
        assert scene.queue == SERVICE
    other = await seats.scene(call="call-1", seat="seat2")
    assert (other.seat, other.at) == (replace(SEAT, id="seat2"), (move.seats[0][1],))
    nobody = await seats.scene(call="call-9", seat="seat9")
    assert (nobody.call, nobody.queue, nobody.at, nobody.seat) == (None, None, (), None)


async def test_a_loser_changes_nothing_and_is_told_who_won(seats: Seats) -> None:
    await seats.apply(joining(CALL))
    other = replace(CALL, id="p2", call_id="call-2")
    await seats.apply(joining(other))
    await seats.apply(ringing(SEAT, CALL))
    lost = await seats.apply(ringing(SEAT, other))
    assert isinstance(lost, Lost)
    assert [(seat.call_id, seat.state) for seat in lost.seats] == [("call-1", "ringing")]
    assert lost.calls == (other,)
    assert (await seats.scene(call="call-2")).call == other


async def test_a_lease_that_was_prolonged_meanwhile_counts_as_a_change(seats: Seats) -> None:
    await seats.apply(joining(CALL))
    assert await seats.beat_worker("w1", NOW + timedelta(seconds=20)) == {"call-1"}
    ended = replace(CALL, state="ended", version=1)
    assert isinstance(await seats.apply(Move(NOW, "system", calls=((CALL, ended),))), Lost)
    assert await seats.beat_seat("seat1", NOW + timedelta(seconds=20))
    assert isinstance(await seats.apply(ringing(SEAT, CALL)), Lost)


async def test_a_call_has_one_open_place_and_may_come_again_after_it(seats: Seats) -> None:
    await seats.apply(joining(CALL))
    again = replace(CALL, id="p2")
    lost = await seats.apply(joining(again))
    assert lost == Lost((), (CALL,))
    left = replace(CALL, state="left", ended_at=NOW, version=1)
    assert await seats.apply(Move(NOW, "caller", calls=((CALL, left),))) is None
    assert await seats.apply(joining(again)) is None
    assert await seats.calls_of("call-1") == (left, again)


async def test_a_move_to_another_queue_ends_one_place_and_begins_the_next_or_neither(seats: Seats) -> None:
    await seats.apply(joining(CALL))
    await seats.apply(joining(replace(CALL, id="p2", call_id="call-2")))
    ended = replace(CALL, state="overflowed", ended_at=NOW, version=1)
    clash = Move(NOW, "system", calls=((CALL, ended),), joins=(replace(CALL, id="p2"),))
    assert isinstance(await seats.apply(clash), Lost)
    assert (await seats.scene(call="call-1")).call == CALL
    assert (
        await seats.apply(Move(NOW, "system", calls=((CALL, ended),), joins=(replace(CALL, id="p3"),)))
        is None
    )
    assert (await seats.scene(call="call-1")).call == replace(CALL, id="p3")


async def test_a_call_goes_from_seat_to_seat_in_one_move(seats: Seats) -> None:
    await seats.apply(joining(CALL))
    move = ringing(SEAT, CALL)
    await seats.apply(move)
    one, call = move.seats[0][1], move.calls[0][1]
    free = replace(one, state="wrap_up", call_id=None, part="", version=2)
    two = replace(SEAT, id="seat2")
    takes = replace(two, state="ringing", call_id="call-1", part="main", version=1)
    moved = replace(call, seat_id="seat2", version=2)
    assert await seats.apply(Move(NOW, "seat:seat1", ((two, takes), (one, free)), ((call, moved),))) is None
    assert [seat.id for seat in (await seats.scene(call="call-1")).at] == ["seat2"]


async def test_the_database_itself_refuses_two_main_seats_and_two_calls_at_one(
    db: PolicyDatabase, seats: Seats
) -> None:
    await seats.apply(joining(CALL))
    await seats.apply(ringing(SEAT, CALL))
    second = update(SeatRow).where(SeatRow.id == "seat2")
    wrong = [
        second.values(state="ringing", call_id="call-1", part="main"),
        second.values(state="talking"),
        second.values(state="asleep"),
        insert(WaitingCallRow).values(
            values_of(replace(CALL, id="p2", call_id="call-2", state="connected", seat_id="seat1"))
        ),
    ]
    for statement in wrong:
        with pytest.raises(IntegrityError):
            async with db.store.writing() as connection:
                await connection.execute(statement)


async def test_history_and_pauses_keep_every_change_with_its_reason_and_by_whom(seats: Seats) -> None:
    later = NOW + timedelta(minutes=5)
    paused = replace(SEAT, state="paused", reason="lunch", version=1)
    other = replace(paused, reason="training", version=2)
    back = replace(SEAT, version=3)
    await seats.apply(Move(NOW, "seat:seat1", ((SEAT, paused),)))
    await seats.apply(Move(NOW, "staff:chief", ((paused, other),)))
    await seats.apply(Move(later, "seat:seat1", ((other, back),)))
    assert await seats.history("seat1") == (
        SeatMove(later, "seat1", "paused", "ready", "", "", "seat:seat1"),
        SeatMove(NOW, "seat1", "paused", "paused", "training", "", "staff:chief"),
        SeatMove(NOW, "seat1", "ready", "paused", "lunch", "", "seat:seat1"),
    )
    assert await seats.pauses("seat1") == (
        SeatPause("seat1", "training", NOW, later, "staff:chief"),
        SeatPause("seat1", "lunch", NOW, NOW, "seat:seat1"),
    )
    assert await seats.history("seat2") == ()


async def test_heartbeats_prolong_what_is_alive_and_tell_what_is_not(seats: Seats) -> None:
    await seats.apply(joining(CALL))
    until = NOW + timedelta(seconds=30)
    assert await seats.beat_worker("w2", until) == frozenset()
    assert await seats.beat_worker("w1", until) == {"call-1"}
    assert (await seats.snapshot()).calls[0] == replace(CALL, lease_until=until)
    gone = replace(SEAT, state="offline", lease_until=None, version=1)
    await seats.apply(Move(NOW, "system", ((SEAT, gone),)))
    assert not await seats.beat_seat("seat1", until)
    assert not await seats.beat_seat("seat9", until)
    assert [seat.id for seat in (await seats.snapshot()).seats] == ["seat2"]
    assert await seats.all_seats() == (gone, replace(SEAT, id="seat2"))


async def test_the_last_seat_of_a_number_or_customer_and_how_long_calls_take(seats: Seats) -> None:
    for index, (caller, customer, seat, minutes) in enumerate(
        [("+861", "C1", "seat1", 2), ("+862", "C1", "seat2", 4), ("+863", "", None, 9)]
    ):
        ended_at = NOW + timedelta(minutes=minutes)
        served = replace(CALL, id=f"p{index}", call_id=f"c{index}", caller=caller, customer=customer)
        answered = NOW if seat else None
        served = replace(served, state="ended", seat_id=seat, answered_at=answered, ended_at=ended_at)
        await seats.apply(joining(served))
    assert await seats.last_seat("+861", "", NOW) == "seat1"
    assert await seats.last_seat("+861", "C1", NOW) == "seat2"
    assert await seats.last_seat("+863", "", NOW) is None
    assert await seats.last_seat("", "", NOW) is None
    assert await seats.last_seat("+861", "", NOW + timedelta(minutes=3)) is None
    assert await seats.talk_seconds("service") == (240.0, 120.0)
    assert await seats.talk_seconds("service", limit=1) == (240.0,)


async def test_a_kept_place_is_found_by_its_number(seats: Seats) -> None:
    kept = replace(CALL, state="callback", call_back_to="+8613900139000", worker="", lease_until=None)
    await seats.apply(joining(kept))
    assert await seats.kept_place("+8613900139000") == kept
    assert await seats.kept_place("+861") is None


async def test_of_many_who_want_one_seat_exactly_one_gets_it(places: Places) -> None:
    url = places.empty()
    async with (
        await open_database(url, HandClock()) as first,
        await open_database(url, HandClock()) as second,
    ):
        await first.seats.add(queues=[SERVICE], seats=[SEAT])
        calls = [replace(CALL, id=f"p{number}", call_id=f"c{number}") for number in range(8)]
        for call in calls:
            await first.seats.apply(joining(call))
        stores = (first.seats, second.seats)
        asked = [stores[number % 2].apply(ringing(SEAT, call)) for number, call in enumerate(calls)]
        won = [result is None for result in await asyncio.gather(*asked)]
        assert won.count(True) == 1
        assert (await second.seats.snapshot()).seats[0].call_id == calls[won.index(True)].call_id


@pytest.mark.postgres
async def test_a_row_in_the_hands_of_a_process_that_stands_still_makes_nobody_wait(
    postgres_places: Places,
) -> None:
    async with await open_database(postgres_places.empty(), HandClock()) as db:
        await db.seats.add(queues=[SERVICE], seats=[SEAT, replace(SEAT, id="seat2")])
        await db.seats.apply(joining(CALL))
        async with db.store.writing() as stands_still:
            await stands_still.execute(update(SeatRow).where(SeatRow.id == "seat1").values(missed=1))
            await stands_still.execute(update(WaitingCallRow).values(attempts=1))
            async with asyncio.timeout(5):
                assert isinstance(await db.seats.apply(ringing(SEAT, CALL)), Lost)
                assert await db.seats.beat_worker("w1", NOW + timedelta(seconds=20)) == {"call-1"}
                assert await db.seats.beat_seat("seat1", NOW + timedelta(seconds=20))
                two = replace(SEAT, id="seat2")
                away = replace(two, state="away", version=1)
                assert await db.seats.apply(Move(NOW, "seat:seat2", ((two, away),))) is None


async def test_the_demonstration_has_three_seats_and_the_queues_of_its_flows(demo: PolicyDatabase) -> None:
    seats = await demo.seats.all_seats()
    assert [(seat.id, seat.address, seat.state) for seat in seats] == [
        ("seat1", "browser", "offline"),
        *((f"seat{n}", f"sip:seat{n}@127.0.0.1:507{n}", "offline") for n in (2, 3)),
    ]
    assert all("zh-CN" in seat.languages for seat in seats)
    assert sorted((await demo.seats.snapshot()).queues) == [
        "health_specialists",
        "life_specialists",
        "property_specialists",
        "sales",
        "service",
    ]


async def test_finding_the_open_calls_uses_no_scan_of_all_that_ever_waited(db: PolicyDatabase) -> None:
    if db.store.dialect != "sqlite":
        pytest.skip("the plan of a small table on PostgreSQL is a scan")
    query = select(WaitingCallRow.id).where(
        WaitingCallRow.state.in_(["callback", "connected", "offered", "waiting"])
    )
    compiled = query.compile(compile_kwargs={"literal_binds": True})
    async with db.store.reading() as connection:
        plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))).all()
    assert "SEARCH" in str(plan)


async def test_a_seat_is_removed_with_its_history_only_when_it_is_offline_and_never_served(
    db: PolicyDatabase,
) -> None:
    home = replace(SEAT, state="offline", lease_until=None)
    await db.seats.add(queues=[SERVICE], seats=[SEAT, replace(home, id="seat2"), replace(home, id="seat3")])
    served = replace(CALL, state="ended", seat_id="seat3", ended_at=NOW)
    assert await db.seats.apply(Move(NOW, "worker:w1", joins=(served,))) is None

    assert [await db.seats.remove(f"seat{n}") for n in (1, 2, 3, 4)] == [False, True, False, False]
    assert [seat.id for seat in await db.seats.all_seats()] == ["seat1", "seat3"]

"""The pure rules: states, the order of the line, who gets which seat, what a caller is told, opening hours."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.model import Hours
from ivr.seats import Desk, MemorySeatStore, Telling, open_by
from ivr.seats.choose import fits, line, pairs
from ivr.seats.states import CALL_MOVES, ENGAGED, SEAT_MOVES, ForbiddenMoveError, call_to, seat_to
from ivr.seats.waiting import Estimate, estimate, handling_seconds, minutes
from policy_db.seat_facts import (
    OPEN_STATES,
    Move,
    Queue,
    QueueCall,
    QueueCallState,
    Seat,
    SeatState,
    Snapshot,
)
from tests.seats.invariants import suits
from tests.seats.seat_bench import PATIENT, START

SERVICE = Queue("service")
READY = Seat("s1", "A", "browser", ("zh-CN",), state="ready")


def waiting(number: int, seconds: float = 0.0, queue: str = "service", **more: object) -> QueueCall:
    """A call that came `seconds` after the start."""
    at = START + timedelta(seconds=seconds)
    return QueueCall(f"p{number:03}", f"c{number}", queue, at, at, worker="w", **more)  # type: ignore[arg-type]


def snapshot(*calls: QueueCall, queue: Queue = SERVICE, seats: tuple[Seat, ...] = ()) -> Snapshot:
    return Snapshot({queue.name: queue}, seats, calls)


def test_the_tables_know_every_state_and_only_those() -> None:
    assert set(SEAT_MOVES) == set(get_args(SeatState))
    assert set(CALL_MOVES) == set(get_args(QueueCallState))
    assert all(after in SEAT_MOVES for afters in SEAT_MOVES.values() for after in afters)
    assert {state for state, afters in CALL_MOVES.items() if not afters} == set(CALL_MOVES) - OPEN_STATES


@pytest.mark.parametrize(("before", "after"), [*itertools.permutations(get_args(SeatState), 2)])
def test_a_seat_goes_where_the_table_says_and_nowhere_else(before: SeatState, after: SeatState) -> None:
    seat = replace(READY, state=before, call_id="c1", part="main", worker="w", wrap_up_until=START)
    if after not in SEAT_MOVES[before]:
        with pytest.raises(ForbiddenMoveError):
            seat_to(seat, after, START)
        return
    moved = seat_to(seat, after, START)
    assert (moved.state, moved.since, moved.version) == (after, START, 1)
    assert (moved.call_id is not None) == (after in ENGAGED)
    assert moved.wrap_up_until is None or after == "wrap_up"


@pytest.mark.parametrize(("before", "after"), [*itertools.permutations(get_args(QueueCallState), 2)])
def test_a_call_goes_where_the_table_says_and_nowhere_else(
    before: QueueCallState, after: QueueCallState
) -> None:
    call = replace(waiting(1), state=before)
    if after not in CALL_MOVES[before]:
        with pytest.raises(ForbiddenMoveError):
            call_to(call, after, START)
        return
    assert (call_to(call, after, START).ended_at is None) == (after in OPEN_STATES)


@given(
    came=st.lists(st.tuples(st.integers(0, 3600), st.integers(0, 3)), min_size=2, max_size=12),
    later=st.integers(0, 7200),
    ageing=st.sampled_from([0.0, 1.0, 60.0, 7.3]),
)
def test_of_equals_who_came_first_is_first_and_n_steps_are_worth_n_ageings(
    came: list[tuple[int, int]], later: int, ageing: float
) -> None:
    calls = [waiting(n, seconds, priority=priority) for n, (seconds, priority) in enumerate(came)]
    queue = replace(SERVICE, ageing_seconds=ageing)
    order = line(snapshot(*calls, queue=queue), START + timedelta(seconds=3600 + later))
    for first, second in itertools.combinations(order, 2):
        ahead = (second.entered_at - first.entered_at).total_seconds()
        steps = first.priority - second.priority
        if steps == 0:
            assert ahead > 0 or (ahead == 0 and first.id < second.id)
        elif ageing:
            assert ahead + steps * ageing >= -1e-6
        else:
            assert steps > 0


@given(st.data())
def test_after_the_pairing_nobody_waits_whom_a_seat_that_is_left_fits(data: st.DataObject) -> None:
    skills = st.dictionaries(st.sampled_from(["claims", "life"]), st.integers(0, 3))
    languages = st.sampled_from(["", "zh-CN", "en"])
    calls = [
        waiting(n, data.draw(st.integers(0, 60)), language=data.draw(languages), skills=data.draw(skills))
        for n in range(data.draw(st.integers(0, 6)))
    ]
    seats = tuple(
        replace(
            READY,
            id=f"s{n}",
            languages=data.draw(st.sampled_from([("zh-CN",), ("en",), ("zh-CN", "en")])),
            skills=data.draw(skills),
        )
        for n in range(data.draw(st.integers(0, 5)))
    )
    queue = replace(
        SERVICE,
        best_first=data.draw(st.booleans()),
        strategy=data.draw(st.sampled_from(["longest_idle", "round_robin", "last_seat_first"])),
    )
    now = START + timedelta(seconds=60)
    found = pairs(snapshot(*calls, queue=queue, seats=seats), now, PATIENT)
    taken, served = {seat.id for _, seat in found}, {call.id for call, _ in found}
    assert len(taken) == len(served) == len(found)
    assert all(suits(call, queue, seat) for call, seat in found)
    for call in calls:
        if call.id not in served:
            assert not [seat for seat in seats if seat.id not in taken and suits(call, queue, seat)]


def test_a_seat_fits_by_language_level_and_licence() -> None:
    queue = Queue("claims", skills={"claims": 2}, licences=("life",))
    able = replace(READY, skills={"claims": 2}, licences=("life", "motor"))
    call = waiting(1, language="zh-CN")
    assert fits(call, queue, able)
    assert not fits(replace(call, language="en"), queue, able)
    assert not fits(replace(call, skills={"claims": 3}), queue, able)
    assert not fits(call, queue, replace(able, skills={"claims": 1}))
    assert not fits(call, queue, replace(able, licences=("motor",)))


def test_who_has_been_idle_longest_who_was_rung_longest_ago_who_is_best() -> None:
    early, late = START - timedelta(hours=2), START - timedelta(hours=1)
    one = replace(READY, id="a", idle_since=early, rung_at=late, skills={"claims": 1})
    two = replace(READY, id="b", idle_since=late, rung_at=early, skills={"claims": 3})
    wanted = {
        "longest_idle": (SERVICE, "a"),
        "round_robin": (replace(SERVICE, strategy="round_robin"), "b"),
        "best": (replace(SERVICE, best_first=True, skills={"claims": 1}), "b"),
    }
    for queue, seat in wanted.values():
        ((_, chosen),) = pairs(snapshot(waiting(1), queue=queue, seats=(one, two)), START, PATIENT)
        assert chosen.id == seat
    new = replace(READY, id="c")
    ((_, chosen),) = pairs(snapshot(waiting(1), seats=(one, two, new)), START, PATIENT)
    assert chosen.id == "c"


def test_a_queue_that_matters_more_comes_first_at_a_shared_seat() -> None:
    vip = Queue("vip", priority=5)
    both = Snapshot({"vip": vip, "service": SERVICE}, (READY,), (waiting(1), waiting(2, 30, "vip")))
    ((call, _),) = pairs(both, START + timedelta(seconds=31), PATIENT)
    assert call.queue == "vip"
    ((call, _),) = pairs(
        replace(both, calls=(waiting(1), waiting(2, 301, "vip"))), START + timedelta(seconds=302), PATIENT
    )
    assert call.queue == "service"


def test_a_place_that_may_not_be_called_yet_is_passed_over() -> None:
    kept = replace(waiting(1), state="callback", not_before=START + timedelta(minutes=10))
    assert pairs(snapshot(kept, seats=(READY,)), START, PATIENT) == []
    assert len(pairs(snapshot(kept, seats=(READY,)), START + timedelta(minutes=10), PATIENT)) == 1


def test_the_wait_is_turns_before_mine_shared_by_the_seats_that_serve() -> None:
    busy = tuple(replace(READY, id=f"s{n}", state="talking", call_id=f"x{n}", part="main") for n in range(2))
    calls = [waiting(n, n) for n in range(4)]
    third = estimate(snapshot(*calls, seats=busy), calls[2], 120.0, START)
    assert third == Estimate(3, 180.0, 3, 5)
    ready = estimate(snapshot(*calls, seats=(READY, *busy)), calls[0], 120.0, START)
    assert ready == Estimate(1, 0.0, 0, 1)
    paused = replace(READY, state="paused")
    assert estimate(snapshot(*calls, seats=(paused,)), calls[0], 120.0, START) == Estimate(1, None, 60, None)


@given(st.floats(0, 20_000))
def test_a_range_holds_the_wait_and_half_of_it_more(seconds: float) -> None:
    least, most = minutes(seconds)
    assert least * 60 <= seconds
    assert most is None or (seconds * 1.5 <= most * 60 and least < most)
    assert (most is None) == (seconds * 1.5 > 3600)


def test_recent_calls_weigh_more_and_notes_count() -> None:
    assert handling_seconds([], 30) == 270
    assert handling_seconds([100, 100, 100], 30) == pytest.approx(130)
    assert handling_seconds([300, 100], 0) > handling_seconds([100, 300], 0)


def test_a_caller_is_told_at_once_and_then_only_what_is_better_and_not_too_often() -> None:
    telling, now = Telling(), START

    def told(position: int, most: int | None, seconds: float) -> bool:
        return telling.due(Estimate(position, 0.0, 0, most), now + timedelta(seconds=seconds))

    assert told(5, 10, 0)
    assert not told(4, 8, 44)
    assert told(4, 10, 45)
    assert not told(4, 10, 200)
    assert not told(3, 15, 200)
    assert not told(5, 5, 200)
    assert told(4, 8, 200)
    assert told(4, 5, 245)
    unknown = Telling()
    assert unknown.due(Estimate(1, None, 60, None), now)
    assert unknown.due(Estimate(1, 60.0, 1, 2), now + timedelta(seconds=45))


def test_a_queue_has_the_companys_hours_or_a_week_of_its_own_but_the_same_holidays() -> None:
    company = Hours(week={"tue": "09:00-17:00", "thu": "09:00-17:00"}, exceptions={"2026-03-12": "holiday"})
    is_open = open_by(lambda queue, now: company)
    tuesday, thursday = datetime(2026, 3, 10, 2, tzinfo=UTC), datetime(2026, 3, 12, 2, tzinfo=UTC)
    night = replace(SERVICE, week={"tue": "20:00-24:00", "thu": "09:00-17:00"})
    assert is_open(SERVICE, tuesday)
    assert not is_open(SERVICE, tuesday + timedelta(hours=8))
    assert not is_open(night, tuesday)
    assert is_open(night, tuesday + timedelta(hours=11))
    assert not is_open(SERVICE, thursday)
    assert not is_open(night, thursday)


async def test_who_waited_before_the_seat_was_free_is_seen_though_they_came_in_during_the_look() -> None:
    turns = iter(range(1_000_000))

    async def meanwhile() -> None:
        """Between the two reads of the first look a more urgent call comes in, and then the seat comes free."""
        if next(turns) == 1:
            store.calls["c2"] = waiting(2, priority=9)
            store.seats["s1"] = READY

    store = MemorySeatStore(queues=[SERVICE], seats=[replace(READY, state="wrap_up")], turn=meanwhile)
    store.calls["c1"] = waiting(1)
    desk = Desk(store, clock=lambda: START)
    assert await desk.next_offers("w") == ()
    assert [offer.call_id for offer in await desk.next_offers("w")] == ["c2"]


async def test_the_store_in_memory_forgets_old_ends() -> None:
    store = MemorySeatStore(queues=[SERVICE])
    for number in range(1200):
        call = waiting(number)
        await store.apply(Move(START, "w", joins=(call,)))
        ended = call_to(call, "left", START)
        assert await store.apply(Move(START, "w", calls=((call, ended),))) is None
    assert (len(store.calls), len(store.ended)) == (0, 1000)

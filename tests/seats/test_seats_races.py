"""Races, each told step by step: what another process does between two reads, or between reading and writing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ivr.seats import Desk, Joined, MemorySeatStore, NotJoined, Result
from ivr.seats.plans import By, Refused, overflow
from policy_db.seat_facts import Lost, Move, QueueCall, Scene, Seat
from tests.seats.invariants import check_world
from tests.seats.seat_bench import QUEUES, SEATS, START, Bench


class Meddler:
    """A store in memory in which, at the nth stop of a request, somebody else does something."""

    def __init__(self) -> None:
        self.stops = 0
        self.meddling: dict[int, Callable[[], None]] = {}
        self.store = MemorySeatStore(queues=QUEUES, seats=SEATS, turn=self._stop)
        self.bench = Bench(self.store)

    async def _stop(self) -> None:
        act = self.meddling.pop(self.stops, None)
        self.stops += 1
        if act is not None:
            act()

    def at(self, stop: int, act: Callable[[], None]) -> None:
        """Do `act` at that stop from now on: 0 and 1 are the two halves of a read, 2 is before the write."""
        self.stops, self.meddling = 0, {stop: act}

    def change_seat(self, seat: str, **changes: Any) -> None:
        known = self.store.seats[seat]
        self.store.seats[seat] = replace(known, version=known.version + 1, **changes)

    def change_call(self, call: str, **changes: Any) -> None:
        known = self.store.calls[call]
        self.store.calls[call] = replace(known, version=known.version + 1, **changes)

    def offer(self, call: str, seat: str) -> None:
        """What another worker does when it claims a seat."""
        self.change_call(call, state="offered", seat_id=seat, offered_at=START)
        self.change_seat(seat, state="ringing", call_id=call, part="main", worker="w1", rung_at=START)

    def check(self) -> None:
        check_world(self.store.seats.values(), self.store.calls.values())


@pytest.fixture
def meddler() -> Iterator[Meddler]:
    """The store, which must have been meddled with in the end."""
    meddler = Meddler()
    yield meddler
    assert not meddler.meddling


async def test_a_seat_that_is_paused_before_it_is_claimed_is_not_rung(meddler: Meddler) -> None:
    bench = meddler.bench
    await bench.sign_in("bob")
    await bench.join("c1")
    meddler.at(2, lambda: meddler.change_seat("bob", state="paused"))
    assert await bench.offers() == []
    assert await bench.state("c1") == "waiting"


async def test_who_loses_a_seat_keeps_the_turn_before_those_behind(meddler: Meddler) -> None:
    bench = meddler.bench
    await bench.sign_in("bob", "cai")
    await bench.join("first")
    bench.later(1)
    await bench.join("second")
    meddler.at(2, lambda: meddler.change_seat("bob", state="paused"))
    assert await bench.offers() == [("first", "cai")]


async def test_a_call_that_is_offered_while_it_is_looked_at_is_looked_at_again(meddler: Meddler) -> None:
    bench = meddler.bench
    await bench.sign_in("bob")
    await bench.join("c1")
    meddler.at(1, lambda: meddler.offer("c1", "bob"))
    assert await bench.desk.answered("c1", "bob")
    assert await bench.state("c1") == "connected"
    meddler.check()


async def test_a_seat_that_begins_to_ring_while_its_console_is_found_dead_leaves_no_call_behind(
    meddler: Meddler,
) -> None:
    bench = meddler.bench
    await bench.desk.sign_in("bob")
    await bench.join("c1")
    await bench.live(20, "w1")
    meddler.at(3, lambda: meddler.offer("c1", "bob"))
    await bench.desk.sweep()
    assert (await bench.state("c1"), (await bench.seat("bob")).state) == ("waiting", "offline")
    meddler.check()


async def test_a_console_that_is_heard_of_just_before_it_is_given_up_stays(meddler: Meddler) -> None:
    bench = meddler.bench
    await bench.desk.sign_in("bob")
    await bench.live(20)
    beats = replace(meddler.store.seats["bob"], lease_until=bench.now + timedelta(seconds=15))
    meddler.at(4, lambda: meddler.store.seats.update(bob=beats))
    assert await bench.desk.sweep() == ()
    assert (await bench.seat("bob")).state == "ready"


async def test_a_ring_that_is_answered_just_before_it_is_given_up_is_answered(meddler: Meddler) -> None:
    bench = meddler.bench
    await bench.sign_in("bob")
    await bench.join("c1")
    await bench.offers()
    await bench.live(30, "w1")

    def answers() -> None:
        meddler.change_call("c1", state="connected")
        meddler.change_seat("bob", state="talking")

    meddler.at(4, answers)
    assert await bench.desk.sweep() == ()
    assert await bench.state("c1") == "connected"


async def test_two_who_join_one_call_get_one_place(meddler: Meddler) -> None:
    bench = meddler.bench
    await bench.sign_in("bob")
    other = QueueCall("px", "c1", "service", START, START, worker="w2")
    meddler.at(2, lambda: meddler.store.calls.update(c1=other))
    assert await bench.desk.join("c1", queue="service", worker="w1") == Joined(other)


class NeverFirst(MemorySeatStore):
    """A store in which somebody else always was first: another call has every seat."""

    winner = Seat("bob", "Bob", "browser", state="ringing", call_id="c9", part="main")

    async def apply(self, move: Move) -> Lost | None:
        return Lost((self.winner,), ())


async def test_who_never_comes_first_gives_up_and_is_told_who_has_it() -> None:
    seat = replace(SEATS[1], state="ready")
    store = NeverFirst(queues=QUEUES, seats=[seat])
    desk = Desk(store, clock=lambda: START)
    assert await desk.join("c1", queue="service", worker="w1") == NotJoined("busy")
    store.calls["c1"] = QueueCall("p1", "c1", "service", START, START, worker="w1")
    assert await desk.next_offers("w1") == ()
    assert await desk.pause("bob", "lunch") == Result(False, "busy", None, (NeverFirst.winner,))


async def test_a_call_that_has_ended_is_gone_for_every_request(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.talk("c1")
    await bench.desk.ended("c1")
    desk = bench.desk
    for request in (
        desk.answered("c1", "bob"),
        desk.missed("c1", "bob"),
        desk.refused("c1", "bob"),
        desk.leave("c1"),
        desk.abandon("c1"),
        desk.ended("c1"),
        desk.keep_place("c1", "+861"),
        desk.reached("c1"),
        desk.not_reached("c1"),
        desk.consult("c1", "cai"),
        desk.complete("c1", "cai"),
        desk.conference("c1", "cai"),
        desk.drop("c1", "bob"),
        desk.hand_over("c1", seat="cai"),
        desk.hand_over("c1", queue="known"),
    ):
        result = await request
        assert (result.done, result.why, result.call) == (False, "gone", None)


async def test_a_kept_place_whose_seat_does_not_answer_stays_in_line_without_a_worker(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.join("c1")
    await bench.desk.keep_place("c1", "+861")
    again = await bench.desk.keep_place("c1", "+862")
    assert (again.done, again.why) == (False, "callback")
    assert await bench.offers("w2") == [("c1", "bob")]
    await bench.desk.missed("c1", "bob")
    call = await bench.call("c1")
    assert call is not None
    assert (call.state, call.worker, call.lease_until) == ("callback", "", None)
    assert await bench.offers("w3") == [("c1", "cai")]


async def test_asking_twice_for_the_same_is_done_and_changes_nothing(bench: Bench) -> None:
    await bench.sign_in("bob")
    assert await bench.desk.pause("bob", "lunch")
    version = (await bench.seat("bob")).version
    assert await bench.desk.pause("bob", "lunch")
    assert (await bench.seat("bob")).version == version


async def test_a_queue_without_wrap_up_makes_the_seat_ready_at_once(bench: Bench) -> None:
    await bench.sign_in("ann")
    await bench.talk("c1", "claims")
    bench.later(9)
    await bench.desk.ended("c1")
    seat = await bench.seat("ann")
    assert (seat.state, seat.idle_since) == ("ready", bench.now)


def test_a_call_never_overflows_back_to_where_it_came_from() -> None:
    queue, by = QUEUES[0], By(START, "system")
    call = QueueCall("p1", "c1", "night", START, START, visited=("service",))
    assert overflow(Scene(call, QUEUES[1], (), None), queue, "p2", by) == Refused("visited")
    served = replace(call, state="connected", seat_id="bob")
    assert overflow(Scene(served, QUEUES[1], (), None), queue, "p2", by) == Refused("connected")
    assert overflow(Scene(None, None, (), None), queue, "p2", by) == Refused("gone")

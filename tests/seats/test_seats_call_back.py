"""Callers who kept their place are called back: the seat first, then they, and nobody twice."""

from __future__ import annotations

from itertools import pairwise

from ivr.lines.base import Ended
from ivr.lines.script import HangUp, Keys, ScriptedCaller, Wait, WaitFor
from ivr.seats import MemorySeatStore, Rules
from tests.seats.floor import Place

NUMBER = "+8613800138000"


async def kept(place: Place) -> None:
    """A caller keeps the place while the only seat talks for half a minute."""
    place.seat_does("ann", Wait(30), HangUp())
    await place.sign_in("ann")
    await place.call("c0", timeout=600)
    await place.talking("c0")
    await place.call(
        "c1", Wait(3), Keys("2"), WaitFor("call_own"), Keys("1"), WaitFor("kept"), HangUp(), timeout=600
    )
    await place.until(lambda: "c1" in place.store.calls and place.store.calls["c1"].state == "callback")


def dialled(place: Place) -> list[str]:
    return [to for _, to, _ in place.line.dialled][1:]


async def test_seat_and_caller_are_rung_in_turn_hear_why_and_then_each_other(floor: Place) -> None:
    people = floor.person_does(NUMBER, Wait(500))
    await kept(floor)
    floor.seat_does("ann", Wait(60), HangUp())
    await floor.until(lambda: any(room.roles and len(floor.line.dialled) > 2 for room in floor.ears.rooms))

    assert dialled(floor) == ["sip:ann@desk", NUMBER]
    assert people[0].heard[0] == "greeting"
    assert (floor.hears("ann"), floor.hears(NUMBER)) == ({NUMBER}, {"ann"})
    assert floor.row("c1").state == "connected"
    assert floor.records.begun == ["c1-r1"]
    assert ("c1-r1", "call_back", {"of": "c1", "to": "…8000"}) in [note[1:] for note in floor.notes]

    await floor.until(lambda: bool(floor.records.finished))
    assert floor.records.finished == {"c1-r1": "transferred"}
    await floor.later(1)
    assert isinstance(people[0].end, Ended)
    assert (floor.row("c1").state, floor.row("c1").outcome, floor.row("c1").seat_id) == (
        "ended",
        "served",
        "ann",
    )


async def test_who_is_not_reached_is_tried_again_later_and_after_three_times_no_more() -> None:
    place = Place(rules=Rules(call_back_gap_seconds=300))
    async with place.transfers.tended():
        place.person_does(NUMBER, after=None)
        await kept(place)
        place.seat_does("ann", Wait(500))
        await place.later(1600)
        assert dialled(place).count(NUMBER) == 3
        times = [at for at, to, _ in place.line.dialled if to == NUMBER]
        assert all(later - earlier >= 300 for earlier, later in pairwise(times))
        assert (place.row("c1").state, place.row("c1").outcome) == ("ended", "not_reached")
        assert place.states()["ann"] in ("ready", "wrap_up")
        assert place.records.finished == {f"c1-r{number}": "not_reached" for number in (1, 2, 3)}
        await place.close()
    place.check_clean()


async def test_a_seat_that_does_not_answer_is_followed_by_the_next_and_the_caller_rings_once(
    floor: Place,
) -> None:
    floor.person_does(NUMBER, Wait(20), HangUp())
    await kept(floor)
    floor.seat_does("ann", after=None)
    floor.seat_does("bob", Wait(100))
    await floor.later(60)
    await floor.sign_in("bob")
    await floor.until(lambda: bool(floor.records.finished))
    assert dialled(floor).count(NUMBER) == 1
    assert floor.row("c1").seat_id == "bob"


async def test_a_called_back_caller_is_handed_to_another_seat_and_heard_on_hold(floor: Place) -> None:
    floor.person_does(NUMBER, Wait(500))
    await kept(floor)
    floor.seat_does("ann", Wait(100))
    floor.seat_does("bob", Wait(50), HangUp())
    await floor.until(lambda: bool(floor.records.begun))
    await floor.later(10)
    await floor.ask("c1", "hold")
    assert floor.hears(NUMBER) == {"music"}
    await floor.ask("c1", "unhold")
    await floor.sign_in("bob")
    await floor.ask("c1", "transfer", seat="bob")
    await floor.later(8)
    assert (floor.hears(NUMBER), floor.row("c1").seat_id) == ({"bob"}, "bob")
    await floor.until(lambda: bool(floor.records.finished))


async def test_at_whatever_instant_seat_or_called_caller_hang_up_everything_is_given_back() -> None:
    for who in ("ann", NUMBER):
        for step in range(24):
            place = Place()
            async with place.transfers.tended():
                place.person_does(
                    NUMBER, *([Wait(step / 2), HangUp()] if who == NUMBER else [Wait(30), HangUp()])
                )
                await kept(place)
                place.seat_does("ann", *([Wait(step / 2), HangUp()] if who == "ann" else [Wait(60)]))
                await place.later(150)
                await place.transfers.desk.leave("c1")
                await place.later(40)
                assert not place.store.calls, f"a place is left when {who} goes after {step / 2} s"
                assert set(place.states().values()) <= {"ready", "offline", "wrap_up"}, place.states()
                await place.close()
            place.check_clean()


async def test_two_workers_dial_one_caller_once() -> None:
    place = Place()
    other = Place()
    other.store = place.store
    other.transfers.desk.store = place.store
    async with place.transfers.tended():
        place.person_does(NUMBER, Wait(20), HangUp())
        await kept(place)
        assert isinstance(place.store, MemorySeatStore)
        place.seat_does("ann", Wait(100))
        await place.until(lambda: place.row("c1").state == "offered")
        assert await other.transfers.desk.next_offers("w2") == ()
        await place.until(lambda: bool(place.records.finished))
        assert dialled(place).count(NUMBER) == 1
        await place.close()
    place.check_clean()


async def test_a_place_whose_worker_was_killed_while_it_dialled_is_kept_and_dialled_later_not_at_once() -> (
    None
):
    place = Place(rules=Rules(call_back_gap_seconds=120))
    desk = place.transfers.desk
    await place.sign_in("ann")
    await desk.join("c1", queue="service", worker="w1")
    await desk.keep_place("c1", NUMBER)
    (offer,) = await desk.next_offers("w1")
    assert await desk.answered("c1", offer.seat.id)
    people: list[ScriptedCaller] = place.person_does(NUMBER, Wait(10), HangUp())
    place.seat_does("ann", Wait(100))

    async with place.transfers.tended():  # the same worker, begun anew
        await place.at(30)
        row = place.row("c1")
        assert (row.state, row.attempts, people) == ("callback", 1, [])
        await place.until(lambda: bool(place.records.finished))
        assert dialled(place).count(NUMBER) == 1
        assert place.clock.time() > 120
        await place.close()
    place.check_clean()

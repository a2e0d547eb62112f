"""What seats and supervisors ask of a talk: who hears whom, where the rows are, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.errors import SeatError
from ivr.lines.base import HoldChanged
from ivr.lines.script import HangUp, Wait
from ivr.seats import Manners
from policy_db.seat_facts import Queue, Seat
from tests.seats.floor import Place, in_talk

OUTSIDE = "+8613911112222"


@pytest.fixture
async def talk(floor: Place) -> Place:
    await in_talk(floor, OUTSIDE)
    return floor


async def refused(place: Place, code: str, command: str, asker: str = "ann", /, **arguments: str) -> None:
    with pytest.raises(SeatError) as error:
        await place.ask("c1", command, asker, **arguments)
    assert error.value.code == code, error.value


async def test_on_hold_the_caller_hears_music_and_nobody_hears_the_caller(talk: Place) -> None:
    assert (talk.hears("c1"), talk.hears("ann")) == ({"ann"}, {"caller"})
    assert await talk.ask("c1", "hold") == {"held": True}
    assert (talk.hears("c1"), talk.hears("ann")) == ({"music"}, set())
    assert await talk.ask("c1", "unhold") == {"held": False}
    assert (talk.hears("c1"), talk.hears("ann")) == ({"ann"}, {"caller"})
    assert talk.noted("c1")[-2:] == ["talk_held", "talk_resumed"]


async def test_a_seat_that_holds_by_its_own_telephone_gives_the_caller_music_too(talk: Place) -> None:
    talk.line.legs["sip:ann@desk"]._desk.emit(HoldChanged(True))
    await talk.later(0.1)
    assert talk.hears("c1") == {"music"}
    talk.line.legs["sip:ann@desk"]._desk.emit(HoldChanged(False))
    await talk.later(0.1)
    assert talk.hears("c1") == {"ann"}


async def test_a_muted_seat_is_not_heard(talk: Place) -> None:
    await talk.ask("c1", "mute")
    assert (talk.hears("c1"), talk.hears("ann")) == (set(), {"caller"})
    await talk.ask("c1", "unmute")
    assert talk.hears("c1") == {"ann"}


async def test_asking_another_seat_while_the_caller_hears_music_then_handing_over(talk: Place) -> None:
    assert (await talk.ask("c1", "consult", to="bob"))["state"] == "ringing"
    assert (talk.states()["bob"], talk.hears("c1")) == ("ringing", {"music"})
    await refused(talk, "H602", "complete")
    await talk.later(3)
    assert (talk.hears("c1"), talk.hears("ann"), talk.hears("bob")) == ({"music"}, {"bob"}, {"ann"})

    assert await talk.ask("c1", "complete") == {"state": "transferred", "seat": "bob"}
    await talk.later(0.1)
    assert (talk.hears("c1"), talk.hears("bob")) == ({"bob"}, {"caller"})
    assert talk.states() == {"ann": "wrap_up", "bob": "talking"}
    assert talk.row("c1").seat_id == "bob"
    await refused(talk, "H603", "hold", "ann")
    assert (await talk.ask("c1", "hold", "bob"))["held"]


async def test_who_hangs_up_on_the_one_asked_hands_over_too(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    talk.line.legs["sip:ann@desk"].phone.hang_up()
    await talk.later(0.1)
    assert (talk.hears("c1"), talk.row("c1").seat_id) == ({"bob"}, "bob")


async def test_a_consultation_is_cancelled_while_it_rings_and_while_they_talk(talk: Place) -> None:
    for wait in (1, 4):
        await talk.ask("c1", "consult", to="bob")
        await talk.later(wait)
        assert await talk.ask("c1", "cancel_consult") == {"state": "talking"}
        await talk.later(0.1)
        assert (talk.hears("c1"), talk.hears("ann")) == ({"ann"}, {"caller"})
        assert talk.states() == {"ann": "talking", "bob": "ready"}
    await refused(talk, "H602", "cancel_consult")


async def test_a_seat_that_is_asked_and_does_not_answer_leaves_caller_and_seat_together(talk: Place) -> None:
    talk.seat_does("bob", after=None)
    await talk.ask("c1", "consult", to="bob")
    await talk.later(21)
    assert (talk.hears("c1"), talk.states()["bob"]) == ({"ann"}, "ready")
    assert talk.store.seats["bob"].missed == 1


async def test_three_hear_one_another_and_go_on_when_the_first_seat_leaves(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    await talk.ask("c1", "conference")
    assert (talk.hears("c1"), talk.hears("ann"), talk.hears("bob")) == (
        {"ann", "bob"}, {"caller", "bob"}, {"caller", "ann"},
    )  # fmt: skip
    await talk.ask("c1", "leave")
    await talk.later(0.1)
    assert (talk.hears("c1"), talk.row("c1").seat_id, talk.states()["ann"]) == ({"bob"}, "bob", "wrap_up")
    await talk.ask("c1", "hang_up", "bob")
    assert await talk.over("c1") == "answered"


async def test_an_outside_number_is_asked_and_takes_the_caller(talk: Place) -> None:
    await talk.ask("c1", "consult", to="+86 139 1111-2222")
    await talk.later(3)
    assert talk.hears("ann") == {OUTSIDE}
    await talk.ask("c1", "complete")
    await talk.later(0.1)
    assert talk.hears("c1") == {OUTSIDE}
    assert (talk.states()["ann"], talk.row("c1").outcome) == ("wrap_up", "transferred")
    assert await talk.over("c1") == "answered"
    assert not any("1111-2222" in str(entry) or OUTSIDE in str(entry[3].get("to")) for entry in talk.notes)


@pytest.mark.parametrize("where", [{"seat": "bob"}, {"queue": "service"}])
async def test_a_blind_transfer_frees_the_seat_at_once_and_rings_the_next(
    talk: Place, where: dict[str, str]
) -> None:
    await talk.ask("c1", "transfer", **where)
    await talk.later(1.5)
    assert talk.states() == {"ann": "wrap_up", "bob": "ringing"}
    assert talk.hears("c1") == {"music"}
    await talk.later(6)
    assert (talk.hears("c1"), talk.row("c1").seat_id) == ({"bob"}, "bob")


async def test_a_blind_transfer_to_a_number_and_one_that_nobody_answers_there(talk: Place) -> None:
    await talk.ask("c1", "transfer", number=OUTSIDE)
    await talk.later(3)
    assert (talk.hears("c1"), talk.states()["ann"]) == ({OUTSIDE}, "wrap_up")
    assert await talk.over("c1") == "answered"


async def test_whom_nobody_answers_outside_is_the_next_in_line(talk: Place) -> None:
    talk.person_does("800", after=None)
    await talk.ask("c1", "transfer", number="800")
    await talk.later(20)
    assert talk.hears("c1") == {"music"}
    await talk.later(30)
    assert (talk.hears("c1"), talk.row("c1").seat_id) == ({"bob"}, "bob")
    assert talk.row("c1").priority == 100


async def test_a_seat_that_is_away_is_asked_where_its_calls_go(talk: Place) -> None:
    await talk.transfers.desk.away("bob", OUTSIDE)
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    assert talk.hears("ann") == {OUTSIDE}
    await talk.ask("c1", "cancel_consult")
    await talk.ask("c1", "transfer", seat="bob")
    await talk.later(3)
    assert talk.hears("c1") == {OUTSIDE}
    assert talk.states()["bob"] == "away"


async def test_what_cannot_be_asked_is_refused_with_what_to_do(talk: Place) -> None:
    await refused(talk, "H603", "hold", "bob")
    await refused(talk, "H641", "transfer")
    await refused(talk, "H604", "consult", to="nobody@here")
    await refused(talk, "H604", "consult", to="ann")
    await refused(talk, "H604", "transfer", queue="nowhere")
    await refused(talk, "H641", "dance")
    await refused(talk, "H603", "mute", "bob")
    await refused(talk, "H602", "leave")
    with pytest.raises(SeatError, match="H640"):
        await talk.ask("c9", "hold")
    await talk.ask("c1", "consult", to="bob")
    await refused(talk, "H602", "consult", to="bob")
    await refused(talk, "H602", "hold")
    await refused(talk, "H602", "unhold")
    assert talk.hears("c1") == {"music"}


async def test_declining_sends_the_caller_to_the_next_seat_and_blames_nobody(floor: Place) -> None:
    people = floor.seat_does("ann", after=10)
    floor.seat_does("bob", Wait(20), HangUp())
    await floor.sign_in("ann")
    await floor.call("c1")
    await floor.at(2)
    await refused(floor, "H602", "hold")
    assert await floor.ask("c1", "decline") == {"state": "declined"}
    await floor.sign_in("bob")
    assert await floor.over("c1") == "answered"
    assert people[0].end is not None
    assert (floor.row("c1").seat_id, floor.states()["ann"], floor.store.seats["ann"].missed) == (
        "bob",
        "ready",
        0,
    )


async def test_hang_up_by_console_ends_the_talk_as_by_telephone(talk: Place) -> None:
    await talk.ask("c1", "hang_up")
    assert await talk.over("c1") == "answered"
    assert talk.states()["ann"] == "wrap_up"


# Supervisors


@pytest.mark.parametrize("state", ["ready", "paused"])
async def test_a_supervisor_listens_whispers_joins_and_leaves_as_they_were(talk: Place, state: str) -> None:
    if state == "paused":
        await talk.transfers.desk.pause("bob", "reports")
    assert (await talk.ask("c1", "listen", "bob"))["state"] == "ringing"
    await talk.later(3)
    both = (talk.hears("c1"), talk.hears("ann"), talk.hears("bob"))
    assert both == ({"ann"}, {"caller"}, {"ann", "caller"})
    await talk.ask("c1", "whisper", "bob")
    assert (talk.hears("c1"), talk.hears("ann")) == ({"ann"}, {"caller", "bob"})
    await talk.ask("c1", "join", "bob")
    assert talk.hears("c1") == {"ann", "bob"}
    await refused(talk, "H603", "hold", "bob")
    await talk.ask("c1", "leave", "bob")
    await talk.later(0.1)
    assert (talk.hears("c1"), talk.states()["bob"]) == ({"ann"}, state)


async def test_a_supervisor_listens_by_any_telephone_and_whispers_to_who_serves_now(talk: Place) -> None:
    await talk.ask("c1", "whisper", "", to=OUTSIDE)
    await talk.later(3)
    assert talk.hears("ann") == {"caller", OUTSIDE}
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    await talk.ask("c1", "complete")
    await talk.later(0.1)
    assert (talk.hears("bob"), talk.hears("c1")) == ({"caller", OUTSIDE}, {"bob"})
    await talk.ask("c1", "leave", "", to=OUTSIDE)
    assert talk.hears("bob") == {"caller"}


async def test_when_the_talk_ends_its_listeners_are_hung_up(talk: Place) -> None:
    await talk.ask("c1", "listen", "bob")
    await talk.later(3)
    await talk.ask("c1", "hang_up")
    assert await talk.over("c1") == "answered"
    await talk.later(0.1)
    assert (talk.states()["bob"], talk.line.active) == ("ready", 1)


# To self-service and back


async def test_a_caller_goes_to_self_service_while_the_seat_waits_and_is_joined_at_once_when_back(
    talk: Place,
) -> None:
    assert await talk.ask("c1", "retrieve", why="PIN") == {"state": "parked"}
    assert await talk.over("c1") == "returned"
    assert (talk.hears("c1"), talk.hears("ann"), talk.states()["ann"]) == (set(), {"music"}, "talking")
    assert talk.row("c1").outcome == "parked"
    await refused(talk, "H602", "hold")
    await talk.later(90)
    talk.transfer("c1", policy="86009999", level=2)
    await talk.later(0.1)
    assert (talk.hears("c1"), talk.hears("ann")) == ({"ann"}, {"caller"})
    assert (talk.row("c1").policy, talk.row("c1").outcome) == ("86009999", "")
    assert talk.notes[-1][2:] == ("caller_back", {"level": 2})
    person = talk.line.legs["sip:ann@desk"]
    assert person.talking
    await talk.ask("c1", "hang_up")
    assert await talk.over("c1") == "answered"


async def test_a_seat_that_does_not_wait_is_free_and_the_caller_gets_another(talk: Place) -> None:
    await talk.ask("c1", "retrieve")
    assert await talk.over("c1") == "returned"
    talk.line.legs["sip:ann@desk"].phone.hang_up()
    await talk.later(1)
    assert talk.states()["ann"] == "wrap_up"
    talk.transfer("c1")
    await talk.later(8)
    assert (talk.hears("c1"), talk.row("c1").seat_id) == ({"bob"}, "bob")


async def test_a_caller_who_comes_back_in_the_instant_in_which_the_seat_hangs_up_is_the_next_in_line(
    talk: Place,
) -> None:
    await talk.ask("c1", "retrieve")
    assert await talk.over("c1") == "returned"
    talk.line.legs["sip:ann@desk"].end("caller")
    talk.transfer("c1")
    await talk.later(8)
    assert (talk.hears("c1"), talk.row("c1").seat_id) == ({"bob"}, "bob")


async def test_a_caller_who_hangs_up_in_self_service_frees_the_seat(talk: Place) -> None:
    await talk.ask("c1", "retrieve")
    assert await talk.over("c1") == "returned"
    await talk.transfers.over("c1")
    assert talk.states()["ann"] == "wrap_up"
    assert not talk.store.calls


async def test_where_the_flow_takes_nobody_back_it_is_not_possible(floor: Place) -> None:
    floor.seat_does("ann", Wait(100))
    await floor.sign_in("ann")
    await floor.call("c1", handles=frozenset())
    await floor.talking()
    await refused(floor, "H605", "retrieve")
    assert floor.hears("c1") == {"ann"}


# When lines break


async def test_a_caller_whose_seat_breaks_off_is_the_first_in_line_for_the_next(talk: Place) -> None:
    talk.seat_does("bob", Wait(20), HangUp())
    await talk.call("c2", timeout=600)
    await talk.later(8)
    await talk.call("c3", timeout=600)
    await talk.later(1)
    talk.line.legs["sip:ann@desk"].end("line", 408)
    await talk.later(1)
    assert (talk.hears("c1"), talk.states()) == ({"music"}, {"ann": "wrap_up", "bob": "talking"})
    await talk.transfers.desk.pause("ann", "tea")
    await talk.later(60)
    assert talk.row("c1").seat_id == "bob", "before c3, who waits too"
    assert talk.row("c3").answered_at is None
    assert "seat_lost" in talk.noted("c1")


async def test_where_nobody_else_serves_the_flow_goes_on_after_an_apology(floor: Place) -> None:
    floor.seat_does("ann", Wait(100))
    await floor.sign_in("ann")
    caller = await floor.call("c1")
    await floor.talking()
    floor.line.legs["sip:ann@desk"].end("line", 408)
    assert await floor.over("c1") == "timeout"
    assert caller.heard[-1] == "seat_lost"
    assert floor.row("c1").outcome == "seat_lost"


@pytest.mark.parametrize(
    ("address", "console", "shown_after", "least", "most"),
    [
        ("sip:ann@desk", True, None, 0.85, 1.0),  # its screen says nothing: the ring does not wait for ever
        ("sip:ann@desk", True, 0.2, 0.5, 0.65),
        ("sip:ann@desk", True, 0.8, 1.1, 1.2),  # a screen that is late is still before the ring
        ("sip:ann@desk", False, None, 0.0, 0.1),  # there is no screen
        ("browser", True, None, 0.0, 0.1),  # the page itself rings when it has shown the call
    ],
)
async def test_a_telephone_rings_a_moment_after_the_seats_screen_has_shown_who_calls(
    address: str, console: bool, shown_after: float | None, least: float, most: float
) -> None:
    place = Place(seats=(Seat("ann", "Ann", address, ("zh-CN",)),), manners=Manners(pop_lead=0.9))
    async with place.transfers.tended():
        place.person_does("browser:ann" if address == "browser" else address, Wait(10), HangUp())
        await place.transfers.desk.sign_in("ann", console=console)
        await place.call("c1")
        if shown_after is not None:
            await place.at(shown_after)
            await place.ask("c1", "shown", seat="ann")
        assert await place.over("c1") == "answered"
        ((rung_at, _to, _),) = place.line.dialled
        nudged = min(at for at, topic, about in place.nudges if (topic, about) == ("seat", "ann") and at >= 0)
        assert least <= rung_at - nudged <= most
        await place.close()
    place.check_clean()


async def test_a_console_that_is_gone_loses_its_talk_to_the_next_seat_when_its_lease_ends() -> None:
    seats = (Seat("ann", "Ann", "browser", ("zh-CN",)), Seat("bob", "Bob", "sip:bob@desk", ("zh-CN",)))
    place = Place(seats=seats)
    async with place.transfers.tended():
        place.person_does("browser:ann", Wait(500))
        place.seat_does("bob", Wait(20), HangUp())
        await place.transfers.desk.sign_in("ann")
        await place.call("c1")
        await place.at(6)
        await place.sign_in("bob")
        assert await place.over("c1") == "answered"
        assert (place.row("c1").seat_id, place.states()["ann"]) == ("bob", "offline")
        await place.close()
    place.check_clean()


def at_every_instant() -> list[Callable[[Place], object]]:
    return [
        lambda place: place.ask("c1", "hold"),
        lambda place: place.ask("c1", "consult", to="bob"),
        lambda place: place.ask("c1", "transfer", seat="bob"),
        lambda place: place.ask("c1", "transfer", number=OUTSIDE),
        lambda place: place.ask("c1", "retrieve"),
        lambda place: place.ask("c1", "listen", "bob"),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("who", ["caller", "seat"])
async def test_at_whatever_instant_somebody_hangs_up_everything_is_given_back(number: int, who: str) -> None:
    for step in range(14):
        place = Place(queues=(Queue("service", wrap_up_seconds=0),))
        place.seat_does("ann", Wait(900))
        place.seat_does("bob", Wait(12), HangUp())
        place.person_does(OUTSIDE, Wait(12), HangUp())
        async with place.transfers.tended():
            await place.sign_in("ann")
            await place.call("c1", timeout=20)
            await place.talking()
            await place.sign_in("bob")
            await at_every_instant()[number](place)  # type: ignore[misc]
            await place.later(step * 0.5)
            if who == "caller":
                leg = place.legs["c1"]
                leg.phone.hang_up()  # type: ignore[attr-defined]
            else:
                place.line.legs["sip:ann@desk"].phone.hang_up()
            await place.later(120)
            if "c1" in place.outcomes and who == "seat":
                place.legs["c1"].phone.hang_up()  # type: ignore[attr-defined]
                await place.later(5)
            assert not place.store.calls, f"a place is left after {step}"
            assert set(place.states().values()) <= {"ready"}, f"a seat is left after {step}: {place.states()}"
            await place.close()
        place.check_clean()

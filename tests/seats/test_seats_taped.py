"""What seats tell whoever records talks: when one begins and ends, who talks, and what the caller hears before."""

from __future__ import annotations

from typing import Any

from ivr.lines.base import Leg
from ivr.lines.script import HangUp, Keys, Wait, WaitFor
from ivr.seats.taping import SilentTape
from ivr.speech import Rendered
from tests.seats.floor import Place


class Notebook(SilentTape):
    """A tape that only notes what is asked of it."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    def seat(self, leg: Leg | None, name: str = "") -> None:
        self.notes.append(f"seat {name if leg else None}")

    def also(self, leg: Leg, name: str = "") -> None:
        self.notes.append(f"also {name}")

    def without(self, leg: Leg) -> None:
        self.notes.append("without")

    def pause(self, by: str) -> None:
        self.notes.append(f"pause {by}")

    def pressed(self, key: str) -> None:
        self.notes.append(f"pressed {key}")

    def end(self) -> None:
        self.notes.append("end")


class Notes:
    """A taping with an announcement that takes 6 seconds."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def announcement(self, language: str) -> Rendered | None:
        return Rendered((), "this talk is recorded".ljust(100, "."))

    def begin(self, call_id: str, caller: Leg, *, queue: str, language: str) -> Any:
        self.notes.append(f"begin {call_id} {queue} {language}")
        return Notebook(self.notes)


async def test_the_caller_is_told_in_whole_before_a_recorded_talk_and_once_only() -> None:
    taping = Notes()
    place = Place(taping=taping)
    async with place.transfers.tended():
        place.seat_does("ann", Wait(100))
        place.seat_does("bob", Wait(20), HangUp())
        await place.sign_in("ann")
        caller = await place.call("c1", WaitFor("recorded", until="begins"), Keys("2"))
        await place.talking()
        assert round(place.clock.time(), 2) == 8.0, "2 s of ringing, 6 s of announcement"
        await place.ask("c1", "hold")
        await place.ask("c1", "unhold")
        await place.ask("c1", "pause_recording")
        await place.sign_in("bob")
        await place.ask("c1", "consult", to="bob")
        await place.later(3)
        await place.ask("c1", "complete")
        assert await place.over("c1") == "answered"
        assert caller.heard.count("this talk is recorded".ljust(100, ".")) == 1
        await place.close()
    place.check_clean()
    told = [note for note in taping.notes if note != "without"]
    assert told == [
        "begin c1 service zh-CN", "pressed 2", "seat ann", "seat None", "seat ann", "pause seat:ann", "seat None",
        "seat bob", "seat None", "end",
    ]  # fmt: skip


async def test_while_the_caller_is_in_self_service_nobody_is_on_the_tape() -> None:
    taping = Notes()
    place = Place(taping=taping)
    async with place.transfers.tended():
        place.seat_does("ann", Wait(100))
        await place.sign_in("ann")
        await place.call("c1")
        await place.talking()
        await place.ask("c1", "retrieve")
        assert await place.over("c1") == "returned"
        place.transfer("c1", level=2)
        await place.later(1)
        assert taping.notes == ["begin c1 service zh-CN", "seat ann", "seat None", "seat ann"]
        await place.ask("c1", "hang_up")
        assert await place.over("c1") == "answered"
        await place.close()
    place.check_clean()
    assert taping.notes[-1] == "end"

"""Meet-me rooms: who is let in, who hears whom, and what a moderator can do by key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ivr.clock import VirtualClock
from ivr.flow.instructions import Transfer
from ivr.lines.base import KeyDown, LegInfo
from ivr.lines.port_leg import PortLeg
from ivr.media import g711
from ivr.media.clock import MediaClock
from ivr.media.g711 import FRAME, Law
from ivr.media.port import AudioPort
from ivr.media.writer import RecordingWriter
from ivr.seats import PortSound
from ivr.seats.rooms import Meetings
from ivr.speech import Rendered
from policy_db.rooms import Room

_WAVE = np.tile(np.repeat([1, -1], 4), FRAME // 8)


class MemoryRooms:
    """A fake of the database's rooms: one room, and who holds it."""

    def __init__(self) -> None:
        self.room = Room("801", capacity=4)
        self.elsewhere = False

    async def find(self, number: str) -> Room | None:
        return self.room if number == self.room.number else None

    async def host(self, number: str, worker: str, lease: timedelta, *, present: int, locked: bool) -> bool:
        if self.elsewhere:
            return False
        self.room = replace(self.room, host=worker, present=present, locked=locked)
        return True

    async def release(self, number: str, worker: str) -> None:
        self.room = replace(self.room, host="", present=0, locked=False)


class Hall:
    """Meetings of one worker, and people who say a level each and note what they hear."""

    def __init__(self) -> None:
        self.time = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.media = MediaClock(self.time)
        self.rooms = MemoryRooms()
        self.said: list[tuple[str, Mapping[str, Any]]] = []
        self.meetings = Meetings(
            self.rooms,
            worker="w1",
            sound=PortSound(lambda: self.media),
            words=self._words,
            clock=self.time,
        )
        self.legs: dict[str, PortLeg] = {}
        self.levels: dict[str, int] = {}
        self.heard: dict[str, int] = {}
        self.calls: dict[str, asyncio.Task[str]] = {}

    def _words(self, language: str, *prompts: tuple[str, Mapping[str, Any]]) -> Rendered:
        self.said += prompts
        return Rendered((), "")

    async def comes(self, name: str, level: int = 0, *, moderator: bool = False, room: str = "801") -> None:
        leg = PortLeg(
            LegInfo(name, "sip", "13800138000", "95500"),
            clock=self.time,
            port=AudioPort(Law.MU, post=lambda callback: callback()),
            writer=RecordingWriter(),
            post=lambda callback: callback(),
        )
        self.legs[name], self.levels[name] = leg, level
        self.media.add(lambda: self._beat(name), lambda error: None)
        request = Transfer("x1", "room", 60.0, details={"room": room, "moderator": moderator})
        self.calls[name] = asyncio.create_task(self.meetings.transfer(name, leg, request, language="en"))
        await self._settle()

    def _beat(self, name: str) -> None:
        port = self.legs[name].port
        self.heard[name] = int(np.abs(g711.decode(port.next_frame(), port.law)).max())
        port.frame_received(g711.encode((_WAVE * self.levels[name]).astype(np.int16), port.law))

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def goes(self, name: str) -> None:
        """Hangs up."""
        self.calls[name].cancel()
        await asyncio.gather(self.calls[name], return_exceptions=True)

    async def presses(self, name: str, keys: str) -> None:
        for key in keys:
            self.meetings.told(name, KeyDown(key))
        await self._settle()

    def listens(self, seconds: float = 1.0) -> dict[str, int]:
        """What everybody hears after a while: the loudest sample."""
        end = self.time.time() + seconds
        while (due := self.time.next_timer()) is not None and due < end:
            self.time.advance_to_next()
        return dict(self.heard)

    def outcome(self, name: str) -> str | None:
        """How it went for a caller; None while they are there."""
        task = self.calls[name]
        return task.result() if task.done() else None


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    hall = Hall()
    async with hall.meetings.tended():
        yield hall
    assert not hall.meetings.has("ann")
    for task in hall.calls.values():
        task.cancel()
    await asyncio.gather(*hall.calls.values(), return_exceptions=True)


async def everybody(hall: Hall) -> None:
    """A moderator (1000) and two guests (2000 and 4000), who hear each other."""
    await hall.comes("mod", 1000, moderator=True)
    await hall.comes("ann", 2000)
    await hall.comes("bob", 4000)


def near(**levels: int) -> object:
    return pytest.approx(levels, abs=450)


async def test_all_hear_the_others_once_the_moderator_is_there(hall: Hall) -> None:
    await hall.comes("ann", 2000)
    await hall.comes("bob", 4000)
    assert hall.rooms.room.present == 2
    waiting = hall.listens()
    assert all(level not in (2000, 4000) for level in waiting.values())
    await hall.comes("mod", 1000, moderator=True)
    assert hall.listens() == near(mod=6000, ann=5000, bob=3000)
    assert (hall.rooms.room.present, hall.rooms.room.host) == (3, "w1")


async def test_where_nobody_need_wait_guests_hear_each_other_at_once(hall: Hall) -> None:
    hall.rooms.room = replace(hall.rooms.room, waits=False)
    await hall.comes("ann", 2000)
    await hall.comes("bob", 4000)
    assert hall.listens() == near(ann=4000, bob=2000)


async def test_who_comes_is_announced_by_a_tone(hall: Hall) -> None:
    await hall.comes("mod", 0, moderator=True)
    hall.listens()
    await hall.comes("ann", 0)
    assert hall.listens(0.15)["mod"] > 1000
    assert hall.listens()["mod"] < 100


async def test_the_meeting_ends_with_its_moderator(hall: Hall) -> None:
    await everybody(hall)
    await hall.goes("mod")
    await hall._settle()
    assert (hall.outcome("ann"), hall.outcome("bob")) == ("answered", "answered")
    assert (hall.rooms.room.host, hall.rooms.room.present) == ("", 0)


async def test_a_meeting_goes_on_without_its_moderator_where_the_room_says_so(hall: Hall) -> None:
    hall.rooms.room = replace(hall.rooms.room, ends=False)
    await everybody(hall)
    await hall.goes("mod")
    levels = hall.listens()
    assert {name: levels[name] for name in ("ann", "bob")} == near(ann=4000, bob=2000)
    await hall.comes("cat", 0)
    assert hall.listens()["cat"] == pytest.approx(6000, abs=450)


async def test_nobody_comes_into_a_room_that_is_full_unknown_closed_or_held_elsewhere(hall: Hall) -> None:
    await hall.comes("eve", room="999")
    assert hall.outcome("eve") == "closed"
    await everybody(hall)
    await hall.comes("cat")
    await hall.comes("dan")
    assert (hall.outcome("cat"), hall.outcome("dan")) == (None, "busy")
    await hall.goes("cat")
    hall.rooms.elsewhere = True
    await hall.comes("fay")
    assert hall.outcome("fay") == "closed"
    hall.rooms.room = replace(hall.rooms.room, active=False)
    await hall.comes("gus")
    assert hall.outcome("gus") == "closed"


async def test_the_moderator_locks_the_room_and_opens_it_again(hall: Hall) -> None:
    await hall.comes("mod", moderator=True)
    await hall.presses("mod", "*2")
    await hall.comes("ann")
    assert hall.outcome("ann") == "closed"
    await hall.comes("second", moderator=True)
    assert hall.outcome("second") is None
    await hall.presses("mod", "*2")
    await hall.comes("bob")
    assert hall.outcome("bob") is None


async def test_everybody_may_mute_themselves_and_the_moderator_all_others(hall: Hall) -> None:
    await everybody(hall)
    await hall.presses("ann", "*1")
    assert hall.listens() == near(mod=4000, ann=5000, bob=1000)
    await hall.presses("ann", "*1")
    await hall.presses("mod", "*3")
    assert hall.listens() == near(mod=0, ann=1000, bob=1000)
    await hall.comes("cat", 500)
    assert hall.listens()["mod"] == pytest.approx(0, abs=450)
    await hall.presses("mod", "*3")
    assert hall.listens()["mod"] == pytest.approx(6500, abs=450)


async def test_the_moderator_hears_how_many_are_there_and_puts_out_the_last(hall: Hall) -> None:
    await everybody(hall)
    await hall.presses("mod", "*4")
    assert hall.said == [("room.people", {"count": 3})]
    await hall.presses("mod", "*5")
    assert (hall.outcome("bob"), hall.outcome("ann")) == ("answered", None)


async def test_a_guests_orders_and_keys_without_a_star_do_nothing(hall: Hall) -> None:
    await everybody(hall)
    await hall.presses("ann", "*2*3*4*5")
    await hall.presses("mod", "2345")
    await hall.presses("mod", "*")
    hall.listens(4.0)  # the star is forgotten
    await hall.presses("mod", "5")
    assert hall.said == []
    assert hall.outcome("bob") is None
    assert hall.listens() == near(mod=6000, ann=5000, bob=3000)


async def test_who_waits_in_vain_for_the_moderator_is_back_in_time(hall: Hall) -> None:
    await hall.comes("ann")
    hall.listens(61.0)
    await hall._settle()
    assert hall.outcome("ann") == "timeout"
    assert hall.rooms.room.host == ""


async def test_a_call_that_is_over_leaves_its_room(hall: Hall) -> None:
    await everybody(hall)
    await hall.meetings.over("ann")
    await hall.meetings.over("ann")
    assert not hall.meetings.has("ann")
    assert hall.rooms.room.present == 2

"""Meet-me rooms as rows: their PINs, their rules, and one worker that holds a meeting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from policy_kit import HandClock

from policy_db import PolicyDatabase
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.rooms import Room

ROOM = Room("801", "Claims", capacity=5)
LEASE = timedelta(seconds=30)


async def _enter(db: PolicyDatabase, pin: str, number: str = "801") -> tuple[str, str | None]:
    check = await db.identity.check_room(number, pin, caller="13800138000", call_id="call-1")
    return check.outcome, check.name


async def test_each_pin_opens_the_room_for_whom_it_is_meant(db: PolicyDatabase) -> None:
    await db.rooms.add(ROOM, pin="246810", moderator_pin="135790")
    assert await _enter(db, "246810") == ("passed", "guest")
    assert await _enter(db, "135790") == ("passed", "moderator")
    assert await _enter(db, "000000") == ("refused", None)
    assert await db.rooms.all() == (ROOM,)


async def test_wrong_pins_lock_and_an_unknown_or_closed_room_is_refused_like_a_wrong_pin(
    db: PolicyDatabase, clock: HandClock
) -> None:
    await db.rooms.add(ROOM, pin="246810", moderator_pin="135790")
    assert await _enter(db, "246810", "802") == ("refused", None)
    for _ in range(2):
        assert await _enter(db, "000000") == ("refused", None)
    assert await _enter(db, "246810") == ("locked", None)
    clock.forward(minutes=20)
    assert await _enter(db, "246810") == ("passed", "guest")
    await db.rooms.change(replace(ROOM, active=False))
    assert await _enter(db, "246810") == ("refused", None)


async def test_new_pins_take_the_place_of_the_old(db: PolicyDatabase) -> None:
    await db.rooms.add(ROOM, pin="246810", moderator_pin="135790")
    await db.rooms.set_pins("801", pin="111222", moderator_pin="333444")
    assert await _enter(db, "246810") == ("refused", None)
    assert await _enter(db, "333444") == ("passed", "moderator")


async def test_one_worker_holds_a_meeting_until_its_lease_ends(db: PolicyDatabase, clock: HandClock) -> None:
    await db.rooms.add(ROOM, pin="246810", moderator_pin="135790")
    assert await db.rooms.host("801", "w1", LEASE, present=1, locked=False)
    assert not await db.rooms.host("801", "w2", LEASE, present=1, locked=False)
    assert await db.rooms.host("801", "w1", LEASE, present=3, locked=True)
    room = await db.rooms.find("801")
    assert room is not None
    assert (room.host, room.present, room.locked) == ("w1", 3, True)
    clock.forward(seconds=31)
    assert await db.rooms.host("801", "w2", LEASE, present=1, locked=False)
    await db.rooms.release("801", "w1")
    await db.rooms.release("801", "w2")
    assert await db.rooms.find("801") == ROOM
    assert not await db.rooms.host("999", "w1", LEASE, present=1, locked=False)


@pytest.mark.parametrize(
    ("room", "pin", "moderator_pin"),
    [
        (replace(ROOM, number="80"), "246810", "135790"),
        (replace(ROOM, number="8o1"), "246810", "135790"),
        (replace(ROOM, capacity=1), "246810", "135790"),
        (replace(ROOM, title="x" * 101), "246810", "135790"),
        (ROOM, "246810", "246810"),
        (ROOM, "24", "135790"),
    ],
)
async def test_what_cannot_be_a_room_is_refused(
    db: PolicyDatabase, room: Room, pin: str, moderator_pin: str
) -> None:
    with pytest.raises(BadValueError):
        await db.rooms.add(room, pin=pin, moderator_pin=moderator_pin)


async def test_a_room_is_there_once_and_can_go(db: PolicyDatabase) -> None:
    await db.rooms.add(ROOM, pin="246810", moderator_pin="135790")
    with pytest.raises(ConflictError):
        await db.rooms.add(ROOM, pin="246810", moderator_pin="135790")
    with pytest.raises(NotFoundError):
        await db.rooms.change(replace(ROOM, number="802"))
    assert await db.rooms.remove("801")
    assert not await db.rooms.remove("801")

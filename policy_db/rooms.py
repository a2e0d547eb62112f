"""Meet-me rooms: their numbers, PINs and rules, and which worker holds a meeting now."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update

from policy_db.clock import Clock
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.pins import PinHasher
from policy_db.store import Store
from policy_db.tables import RoomRow
from policy_db.writes import insert


@dataclass(frozen=True, slots=True)
class Room:
    """A room. `capacity` counts everybody; callers wait for a moderator if it `waits`, and go with them if it `ends`.

    While they meet, `present` are in it and `host` is the worker that holds the meeting, until `host_until`.
    """

    number: str
    title: str = ""
    capacity: int = 20
    waits: bool = True
    ends: bool = True
    active: bool = True
    locked: bool = False
    host: str = ""
    host_until: datetime | None = None
    present: int = 0


_COLUMNS = [getattr(RoomRow, one.name) for one in fields(Room)]
_RULES = ("title", "capacity", "waits", "ends", "active")


class Rooms:
    """The rooms. PINs are kept as hashes and checked by `Identity.check_room`."""

    def __init__(self, store: Store, pins: PinHasher, clock: Clock) -> None:
        self._store = store
        self._pins = pins
        self._clock = clock

    async def find(self, number: str) -> Room | None:
        """The room of that number."""
        return next(iter(await self._where(RoomRow.number == number)), None)

    async def all(self) -> tuple[Room, ...]:
        """Every room, by number."""
        return await self._where()

    async def add(self, room: Room, *, pin: str, moderator_pin: str) -> None:
        """Make a room. Raises BadValueError for what a room cannot be, ConflictError where there is one already."""
        _check(room)
        if pin == moderator_pin:
            raise BadValueError("The two PINs of a room are the same.", "Give the moderator another.")
        values = {name: getattr(room, name) for name in _RULES} | {
            "number": room.number,
            "pin_hash": await self._pins.hash(pin),
            "moderator_hash": await self._pins.hash(moderator_pin),
            "locked": False,
            "host": "",
            "present": 0,
        }
        statement = insert(self._store, RoomRow).values(values).on_conflict_do_nothing()
        async with self._store.writing() as connection:
            if (await connection.execute(statement.returning(RoomRow.number))).first() is None:
                raise ConflictError(f"There is a room {room.number} already.", "Choose another number.")

    async def change(self, room: Room) -> None:
        """Change the rules of a room; who meets there now stays. Raises BadValueError and NotFoundError."""
        _check(room)
        await self._change(room.number, {name: getattr(room, name) for name in _RULES})

    async def set_pins(self, number: str, *, pin: str, moderator_pin: str) -> None:
        """Give a room new PINs. Raises BadValueError and NotFoundError."""
        if pin == moderator_pin:
            raise BadValueError("The two PINs of a room are the same.", "Give the moderator another.")
        hashes = {
            "pin_hash": await self._pins.hash(pin),
            "moderator_hash": await self._pins.hash(moderator_pin),
        }
        await self._change(number, hashes)

    async def remove(self, number: str) -> bool:
        """Take a room away; whether there was one. A meeting in it goes on."""
        async with self._store.writing() as connection:
            gone = await connection.execute(delete(RoomRow).where(RoomRow.number == number))
            return bool(gone.rowcount)

    # Meetings

    async def host(self, number: str, worker: str, lease: timedelta, *, present: int, locked: bool) -> bool:
        """Hold the room's meeting for `lease` from now, with so many in it; False where another worker holds it."""
        now = self._clock()
        free = or_(RoomRow.host == "", RoomRow.host == worker, RoomRow.host_until < now)
        change = (
            update(RoomRow)
            .where(RoomRow.number == number, free)
            .values(host=worker, host_until=now + lease, present=present, locked=locked)
        )
        async with self._store.writing() as connection:
            return bool((await connection.execute(change)).rowcount)

    async def release(self, number: str, worker: str) -> None:
        """The meeting is over."""
        change = update(RoomRow).where(RoomRow.number == number, RoomRow.host == worker)
        async with self._store.writing() as connection:
            await connection.execute(change.values(host="", host_until=None, present=0, locked=False))

    # Inside

    async def _change(self, number: str, values: dict[str, Any]) -> None:
        async with self._store.writing() as connection:
            known = await connection.execute(update(RoomRow).where(RoomRow.number == number).values(values))
        if not known.rowcount:
            raise NotFoundError(f"There is no room {number}.")

    async def _where(self, *conditions: Any) -> tuple[Room, ...]:
        query = select(*_COLUMNS).where(*conditions).order_by(RoomRow.number)
        async with self._store.reading() as connection:
            return tuple(Room(*row) for row in await connection.execute(query))


def _check(room: Room) -> None:
    number = room.number
    if not (3 <= len(number) <= 12 and number.isascii() and number.isdigit()):
        raise BadValueError("A room's number has 3 to 12 digits.")
    if not 2 <= room.capacity <= 100:
        raise BadValueError("A room takes 2 to 100 callers.")
    if len(room.title) > 100:
        raise BadValueError("A room's title has at most 100 characters.")

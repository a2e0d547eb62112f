"""Meet-me rooms: callers who have shown a room's PIN hear each other, and a moderator keeps order by keys.

A meeting lives in one worker, which holds the room by a lease. Everybody may press *1 (mute myself); a moderator also
*2 (lock), *3 (mute all others), *4 (how many are here), *5 (put the last one out).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, Literal, Protocol

from ivr.clock import Clock, TimerHandle
from ivr.flow.instructions import Transfer
from ivr.flow.model import ROOM, SELLER, SENDER
from ivr.lines.base import KeyDown, Leg, PlayEnded
from ivr.media import tones
from ivr.media.clip import Clip
from ivr.seats.case import OUTCOMES, Outcome, Words
from ivr.seats.outside import OutsideCalls
from ivr.seats.sound import End, Room, Sound
from ivr.seats.transfer import SeatTransfers
from policy_db.errors import PolicyDatabaseError
from policy_db.rooms import Room as RoomRules

_log = logging.getLogger(__name__)
#: Seconds between signs of life of a meeting, and after which it is taken for dead.
BEAT: Final = 10.0
LEASE: Final = timedelta(seconds=35)
#: Seconds in which a key must follow a star.
STAR_SECONDS: Final = 3.0
_SAYS: Final = "seats:room"
_CLOSED: Final[Outcome] = OUTCOMES["closed"]


class RoomStore(Protocol):
    """The rooms of the database (`policy_db.rooms.Rooms`)."""

    async def find(self, number: str) -> RoomRules | None:
        """The room of that number."""

    async def host(self, number: str, worker: str, lease: timedelta, *, present: int, locked: bool) -> bool:
        """Hold its meeting; False where another worker does."""

    async def release(self, number: str, worker: str) -> None:
        """The meeting is over."""


@dataclass(slots=True, eq=False)
class _Guest:
    """A caller in a room, or waiting before it."""

    call: str
    leg: Leg
    language: str
    moderator: bool
    left: asyncio.Future[Outcome]
    muted: bool = False
    starred: bool = False
    #: Ends the music of who waits for the moderator.
    music: End | None = None
    timers: list[TimerHandle] = field(default_factory=list)


class _Meeting:
    """One room while somebody is in it."""

    def __init__(self, rules: RoomRules, room: Room) -> None:
        self.rules = rules
        self.room = room
        self.guests: dict[str, _Guest] = {}
        self.locked = False
        self.hushed = False
        #: Whether a moderator has been there; after that nobody waits any more.
        self.opened = not rules.waits

    @property
    def moderated(self) -> bool:
        """Whether a moderator is there."""
        return any(one.moderator for one in self.guests.values())

    @property
    def inside(self) -> list[_Guest]:
        """Who is in it and does not wait."""
        return [one for one in self.guests.values() if one.music is None]


class Meetings:
    """The meetings of one worker. A caller is brought into one as into any transfer (see `Transfers`)."""

    def __init__(
        self,
        store: RoomStore,
        *,
        worker: str,
        sound: Sound,
        words: Words,
        clock: Clock,
        note: Callable[..., None] = lambda call_id, kind, **details: None,
    ) -> None:
        self._store = store
        self._worker = worker
        self._sound = sound
        self._words = words
        self._clock = clock
        self._note = note
        self._meetings: dict[str, _Meeting] = {}
        self._where: dict[str, _Meeting] = {}
        self._doors: dict[str, asyncio.Lock] = {}

    def has(self, call_id: str) -> bool:
        """Whether a caller is in a room, or before one."""
        return call_id in self._where

    # Coming and going

    async def transfer(self, call_id: str, leg: Leg, request: Transfer, *, language: str = "") -> Outcome:
        """Bring a caller into the room that the request names; returns when they have left it."""
        number = str(request.details.get(ROOM, ""))
        moderator = request.details.get("moderator") is True
        guest = _Guest(call_id, leg, language, moderator, asyncio.get_running_loop().create_future())
        with self._clock.hold():
            refused = await self._enter(number, guest)
        if refused is not None:
            self._note(call_id, "room_refused", room=number, why=refused)
            return _REFUSALS[refused]
        try:
            if guest.music is not None:
                guest.timers.append(self._later(request.timeout, partial(self._out_of_patience, guest)))
            return await guest.left
        finally:
            with self._clock.hold():
                await self._leave(guest)

    async def _enter(
        self, number: str, guest: _Guest
    ) -> Literal["unknown", "full", "locked", "elsewhere"] | None:
        """Let somebody in, or say why not. One after the other: rules are looked at while nobody else comes."""
        async with self._doors.setdefault(number, asyncio.Lock()):
            rules = await self._store.find(number)
            if rules is None or not rules.active:
                return "unknown"
            meeting = self._meetings.get(number) or _Meeting(rules, self._sound.room())
            if meeting.locked and not guest.moderator:
                return "locked"
            if len(meeting.guests) >= rules.capacity:
                return "full"
            count = len(meeting.guests) + 1
            if not await self._store.host(number, self._worker, LEASE, present=count, locked=meeting.locked):
                return "elsewhere"
            self._meetings[number] = meeting
            self._admit(meeting, guest)
        return None

    def _admit(self, meeting: _Meeting, guest: _Guest) -> None:
        meeting.guests[guest.call] = guest
        self._where[guest.call] = meeting
        self._note(guest.call, "room_joined", room=meeting.rules.number, moderator=guest.moderator)
        meeting.opened = meeting.opened or guest.moderator
        if not meeting.opened:
            guest.music = self._sound.music(guest.leg)
            return
        waiting = [one for one in meeting.guests.values() if one.music is not None]
        for one in (*waiting, guest):
            self._bring_in(meeting, one)

    def _bring_in(self, meeting: _Meeting, guest: _Guest) -> None:
        """They hear the others from now on, and the others a tone."""
        if guest.music is not None:
            guest.music()
            guest.music = None
        for timer in guest.timers:
            timer.cancel()
        meeting.room.join(guest.leg)
        if meeting.hushed and not guest.moderator:
            meeting.room.mute(guest.leg, True)
        self._play_all(meeting, tones.entering())

    async def _leave(self, guest: _Guest) -> None:
        """Somebody is gone; perhaps the meeting with them. Harmless if repeated."""
        meeting = self._where.pop(guest.call, None)
        if meeting is None:
            return
        del meeting.guests[guest.call]
        for timer in guest.timers:
            timer.cancel()
        if guest.music is not None:
            guest.music()
        meeting.room.leave(guest.leg)
        self._note(guest.call, "room_left", room=meeting.rules.number)
        if guest.moderator and meeting.rules.ends and not meeting.moderated:
            for one in meeting.guests.values():
                _resolve(one, "answered")
        elif meeting.guests:
            self._play_all(meeting, tones.leaving())
        await self._tell(meeting)

    async def _tell(self, meeting: _Meeting) -> None:
        """The database knows how many are there; when nobody is, the room is free."""
        number = meeting.rules.number
        try:
            if meeting.guests:
                await self._store.host(
                    number, self._worker, LEASE, present=len(meeting.guests), locked=meeting.locked
                )
            elif self._meetings.get(number) is meeting:
                del self._meetings[number]
                meeting.room.close()
                await self._store.release(number, self._worker)
        except PolicyDatabaseError as error:
            _log.warning("the room %s is not told of: %s", number, error.code)  # its lease ends by itself

    def _out_of_patience(self, guest: _Guest) -> None:
        _resolve(guest, "timeout")

    async def over(self, call_id: str) -> None:
        """The call is over."""
        meeting = self._where.get(call_id)
        if meeting is not None:
            guest = meeting.guests[call_id]
            _resolve(guest, _CLOSED)
            await self._leave(guest)

    @asynccontextmanager
    async def tended(self) -> AsyncIterator[Meetings]:
        """Say that meetings live for the length of the block; at its end all are over."""
        beat = asyncio.create_task(self._beat())
        try:
            yield self
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)
            for call in tuple(self._where):
                await self.over(call)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            for meeting in tuple(self._meetings.values()):
                await self._tell(meeting)

    # Keys

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """A caller pressed a key: after a star it is an order."""
        meeting = self._where.get(call_id)
        if meeting is None or not isinstance(event, KeyDown):
            return
        guest = meeting.guests[call_id]
        if guest.music is not None:
            return
        if event.key == "*":
            guest.starred = True
            guest.timers.append(self._later(STAR_SECONDS, partial(setattr, guest, "starred", False)))
        elif guest.starred:
            guest.starred = False
            self._order(meeting, guest, event.key)

    def _order(self, meeting: _Meeting, guest: _Guest, key: str) -> None:
        act = _ORDERS.get(key)
        if act is not None and (guest.moderator or key == "1"):
            self._note(guest.call, "room_order", room=meeting.rules.number, order=act)
            getattr(self, f"_{act}")(meeting, guest)

    def _mute(self, meeting: _Meeting, guest: _Guest) -> None:
        guest.muted = not guest.muted
        self._hush(meeting, guest)
        self._confirm(guest, on=guest.muted)

    def _lock(self, meeting: _Meeting, guest: _Guest) -> None:
        meeting.locked = not meeting.locked
        self._confirm(guest, on=meeting.locked)

    def _mute_others(self, meeting: _Meeting, guest: _Guest) -> None:
        meeting.hushed = not meeting.hushed
        for one in meeting.inside:
            self._hush(meeting, one)
        self._confirm(guest, on=meeting.hushed)

    def _roll(self, meeting: _Meeting, guest: _Guest) -> None:
        said = self._words(guest.language, ("room.people", {"count": len(meeting.guests)}))
        guest.leg.play(said.clips, token=_SAYS, text=said.text)

    def _drop(self, meeting: _Meeting, guest: _Guest) -> None:
        others = [one for one in meeting.guests.values() if not one.moderator and not one.left.done()]
        if others:
            _resolve(others[-1], "answered")

    def _hush(self, meeting: _Meeting, guest: _Guest) -> None:
        meeting.room.mute(guest.leg, guest.muted or (meeting.hushed and not guest.moderator))

    def _confirm(self, guest: _Guest, *, on: bool) -> None:
        guest.leg.play([tones.leaving() if on else tones.entering()], token=_SAYS)

    def _play_all(self, meeting: _Meeting, clip: Clip) -> None:
        for one in meeting.inside:
            one.leg.play([clip], token=_SAYS)

    def _later(self, seconds: float, act: Callable[[], Any]) -> TimerHandle:
        return self._clock.call_at(self._clock.time() + seconds, act)


_ORDERS: Final = {"1": "mute", "2": "lock", "3": "mute_others", "4": "roll", "5": "drop"}
_REFUSALS: Final[dict[str, Outcome]] = {
    "unknown": "closed", "locked": "closed", "elsewhere": "closed", "full": "busy",
}  # fmt: skip


def _resolve(guest: _Guest, outcome: Outcome) -> None:
    if not guest.left.done():
        guest.left.set_result(outcome)


class SeatsAndRooms:
    """Brings callers to seats, into rooms, or to people outside: whichever the request names (see `Transfers`)."""

    def __init__(self, seats: SeatTransfers, meetings: Meetings, outside: OutsideCalls | None = None) -> None:
        self._seats = seats
        self._meetings = meetings
        self._outside = outside

    async def transfer(
        self,
        call_id: str,
        leg: Leg,
        request: Transfer,
        *,
        language: str = "",
        policy: str = "",
        level: int = 0,
    ) -> Outcome:
        """See `Transfers`."""
        if ROOM in request.details:
            return await self._meetings.transfer(call_id, leg, request, language=language)
        if request.queue in (SELLER, SENDER):
            if self._outside is None:
                return "closed"
            return await self._outside.transfer(call_id, leg, request, level=level)
        return await self._seats.transfer(
            call_id, leg, request, language=language, policy=policy, level=level
        )

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """See `Transfers`."""
        if self._outside is not None and self._outside.has(call_id):
            self._outside.told(call_id, event)
        else:
            (self._meetings if self._meetings.has(call_id) else self._seats).told(call_id, event)

    async def over(self, call_id: str) -> None:
        """See `Transfers`."""
        await self._meetings.over(call_id)
        await self._seats.over(call_id)

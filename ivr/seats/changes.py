"""How every change is made: read, plan, apply if nothing moved meanwhile, and tell who listens."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ivr.seats.choose import Rules
from ivr.seats.hours import IsOpen, always_open
from ivr.seats.plans import By, Plan, Refused
from ivr.seats.store import SeatStore
from policy_db.clock import Clock, utc_now
from policy_db.seat_facts import Lost, Move, QueueCall, QueueCallState, Scene, Seat, SeatState

_log = logging.getLogger(__name__)
#: How often a change is planned anew when others keep coming first.
_TRIES: Final = 20
#: The state of the main seat of a call that is at one.
_AT_SEAT: Final[Mapping[QueueCallState | None, SeatState]] = {"offered": "ringing", "connected": "talking"}


@dataclass(frozen=True, slots=True)
class Changed:
    """What has just changed: seats and calls as they are now. Told after the commit, once, and never again."""

    at: datetime
    who: str
    seats: tuple[Seat, ...]
    calls: tuple[QueueCall, ...]


Listener = Callable[[Changed], None]


@dataclass(frozen=True, slots=True)
class Result:
    """Whether a request is done, `why` not, and the call and its seats as they stand: so who won, if another did.

    `why` is `gone` (the call, or the seat's part in it, has ended), `unknown`, `busy` (others kept coming first),
    or the state that stands in the way.
    """

    done: bool
    why: str = ""
    call: QueueCall | None = None
    seats: tuple[Seat, ...] = ()

    def __bool__(self) -> bool:
        return self.done


def _hear_nothing(change: Changed) -> None:
    return


def _new_id() -> str:
    return secrets.token_hex(12)


class Changes:
    """The store with the loop of reading, planning and applying around it.

    `clock` gives aware times, `ids` the names of places in line, `is_open` the hours of a queue. `listener` is told
    of every change after it was committed; it must not block, and what it raises is logged and goes no further.
    """

    def __init__(
        self,
        store: SeatStore,
        *,
        clock: Clock = utc_now,
        rules: Rules | None = None,
        ids: Callable[[], str] = _new_id,
        is_open: IsOpen = always_open,
        listener: Listener = _hear_nothing,
    ) -> None:
        self.store = store
        self.rules = rules or Rules()
        self._clock = clock
        self._ids = ids
        self._is_open = is_open
        self._listener = listener

    async def _change(
        self, plan: Callable[[Scene, By], Plan], *, call: str = "", seat: str = "", who: str
    ) -> Result:
        """Plan on the scene of a call or seat and apply, again if somebody else was first."""
        lost: Lost | None = None
        for _ in range(_TRIES):
            scene = await self.store.scene(call=call, seat=seat)
            if not is_whole(scene) or (seat and not call and not _is_of_seat(scene)):
                continue
            planned = plan(scene, By(self._clock(), who))
            if isinstance(planned, Refused):
                return Result(planned.done, planned.why, scene.call, _everybody(scene))
            lost = await self._apply(planned)
            if lost is None:
                return _done(planned)
        return Result(False, "busy", *_first(lost))

    async def _apply(self, move: Move) -> Lost | None:
        """Apply one move, and tell of it if it was made."""
        lost = await self.store.apply(move)
        if lost is None:
            self._tell(move)
        return lost

    def _tell(self, move: Move) -> None:
        seats = tuple(after for _, after in move.seats)
        calls = (*(after for _, after in move.calls), *move.joins)
        try:
            self._listener(Changed(move.at, move.who, seats, calls))
        except Exception:
            _log.exception("what listens to queues and seats failed")

    def _lease(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.rules.lease_seconds)


def is_whole(scene: Scene) -> bool:
    """Whether call and seats belong to one moment, as far as they tell; another's change may come between."""
    mains = [(seat.id, seat.state) for seat in scene.at if seat.part == "main"]
    state = None if scene.call is None else scene.call.state
    if scene.call is None or state not in _AT_SEAT:
        return not scene.at
    if state == "offered" and len(scene.at) > 1:
        return False
    return mains == [(scene.call.seat_id, _AT_SEAT[state])]


def _is_of_seat(scene: Scene) -> bool:
    """Whether the call of a scene that was named by a seat is that seat's, still."""
    if scene.seat is None:
        return True
    return scene.seat.call_id == (None if scene.call is None else scene.call.call_id)


def _everybody(scene: Scene) -> tuple[Seat, ...]:
    if scene.seat is None or scene.seat in scene.at:
        return scene.at
    return (*scene.at, scene.seat)


def _done(move: Move) -> Result:
    calls = [*move.joins, *(after for _, after in move.calls)]
    return Result(True, "", calls[0] if calls else None, tuple(after for _, after in move.seats))


def _first(lost: Lost | None) -> tuple[QueueCall | None, tuple[Seat, ...]]:
    if lost is None:
        return None, ()
    return (lost.calls[0] if lost.calls else None), lost.seats

"""A person at a seat calls somebody: a place in line that is theirs alone, which rings them first and then the number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from ivr.seats.changes import Changes, Result
from ivr.seats.choose import fits
from ivr.seats.plans import FIRST_IN_LINE, GONE, By, Plan, Refused, finish, settled
from ivr.seats.states import seat_to
from policy_db.seat_facts import CALL_OUT, Move, QueueCall, Scene, SeatState, Snapshot

#: Seconds within which some worker must have taken up a call that a seat makes.
TAKEN_UP_WITHIN: Final = 10.0
#: States in which a person may call out; those that want no calls are as they were when it is over.
_FREE: Final[frozenset[SeatState]] = frozenset({"ready", "wrap_up", "paused", "do_not_disturb"})


class Calling(Changes):
    """Calls that a seat makes itself."""

    async def call_out(
        self, call: str, seat: str, number: str, *, customer: str = "", policy: str = "", who: str = ""
    ) -> Result:
        """Ring the seat and then `number`, as the call `call`, before all who wait.

        Not done while the seat has a call or is not there; its wrap-up is over by it. `unknown` also where there is
        no queue that the seat serves, since every call belongs to one.
        """
        snapshot = await self.store.snapshot()
        place = QueueCall(
            id=self._ids(),
            call_id=call,
            queue="",
            entered_at=self._clock(),
            queued_at=self._clock(),
            customer=customer,
            policy=policy,
            priority=2 * FIRST_IN_LINE,
            state="callback",
            preferred_seat=seat,
            call_back_to=number,
            outcome=CALL_OUT,
        )
        own = next((one for one in snapshot.seats if one.id == seat), None)
        queues = [] if own is None else [one for one in snapshot.queues.values() if fits(place, one, own)]
        if not queues:
            return Result(False, "offline" if own is None else "unknown")
        return await self._change(
            partial(_call_out, place, queues[0].name), seat=seat, who=who or f"seat:{seat}"
        )


def _call_out(place: QueueCall, queue: str, scene: Scene, by: By) -> Plan:
    """The seat is ready for nobody but this call, which comes first; afterwards it is as it was."""
    seat = scene.seat
    if seat is None:
        return Refused("unknown")
    if seat.state not in _FREE:
        return Refused(seat.state)
    joins = (replace(place, queue=queue, entered_at=by.at, queued_at=by.at),)
    if seat.state == "ready":
        return Move(by.at, by.who, joins=joins)
    later = {} if seat.state == "wrap_up" else {"afterwards": seat.state, "afterwards_reason": seat.reason}
    return Move(by.at, by.who, ((seat, seat_to(seat, "ready", by.at, missed=0, **later)),), joins=joins)


def late_calls(snapshot: Snapshot, now: datetime) -> Iterator[str]:
    """Calls that seats make and no worker has taken up."""
    for call in snapshot.calls:
        if _waits(call) and call.queued_at + timedelta(seconds=TAKEN_UP_WITHIN) < now:
            yield call.call_id


def left_ready(snapshot: Snapshot) -> Iterator[str]:
    """Seats that are ready for a call of their own alone, and have none (any more)."""
    calling = {call.preferred_seat for call in snapshot.calls if _waits(call)}
    for seat in snapshot.seats:
        if seat.state == "ready" and seat.afterwards is not None and seat.id not in calling:
            yield seat.id


def not_called(scene: Scene, by: By) -> Plan:
    """Nobody took the call up: it is over."""
    if scene.call is None or not _waits(scene.call):
        return GONE
    return finish(scene, by, state="ended", outcome="not_called")


def settle(scene: Scene, by: By) -> Plan:
    """The seat is as it was before it wanted to call."""
    seat = scene.seat
    if seat is None or seat.state != "ready" or seat.afterwards is None:
        return GONE
    return Move(by.at, by.who, ((seat, settled(seat, by.at)),))


def _waits(call: QueueCall) -> bool:
    return call.state == "callback" and call.outcome == CALL_OUT

"""The desk: queues and seats as one object, and the sweep that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from ivr.seats import plans, plans_seat
from ivr.seats.calling import Calling, late_calls, left_ready, not_called, settle
from ivr.seats.changes import Result
from ivr.seats.choose import Rules
from ivr.seats.handing import Handing
from ivr.seats.line import Caller, Joined, Line, NotJoined, Offer
from ivr.seats.people import People
from ivr.seats.plans import By, Plan
from policy_db.seat_facts import Queue, QueueCall, Scene, Seat, Snapshot

__all__ = ["Caller", "Desk", "Joined", "NotJoined", "Offer"]

_Chore = tuple[str, str, Callable[[Scene, By], Plan]]


class Desk(Line, People, Calling, Handing):
    """Everything that can be asked of queues and seats; any number of them work on one store."""

    async def sweep(self) -> tuple[Result, ...]:
        """Do what time has brought about, whoever's it is; gives what was done. Doing it twice does it once.

        Wrap-ups end; rings that nobody ended are missed; seats without their console go offline, and their
        callers on to the next; calls of dead workers end, and the seats at them are free; who has waited long
        overflows.
        """
        snapshot, now = await self.store.snapshot(), self._clock()
        done = []
        for call, seat, plan in self._chores(snapshot, now):
            result = await self._change(plan, call=call, seat=seat, who="system")
            if result:
                done.append(result)
        return tuple(done)

    def _chores(self, snapshot: Snapshot, now: datetime) -> Iterator[_Chore]:
        """What is due: the call or the seat that it is read by, and the plan, which looks again."""
        for call in snapshot.calls:
            if call.lease_until is not None and call.lease_until < now:
                yield call.call_id, "", partial(plans.worker_lost, rules=self.rules)
        for seat in snapshot.seats:
            if seat.lease_until is not None and seat.lease_until < now:
                yield "", seat.id, partial(plans.console_lost, rules=self.rules)
            if seat.wrap_up_until is not None and seat.wrap_up_until <= now:
                yield "", seat.id, plans_seat.wrap_up_over
            if seat.state == "ringing" and rung_out(seat, _queue_of(seat, snapshot), now, self.rules):
                yield "", seat.id, partial(_rung_out, seat.id, self.rules)
        yield from ((call, "", not_called) for call in late_calls(snapshot, now))
        yield from (("", seat, settle) for seat in left_ready(snapshot))
        for call in snapshot.calls:
            to = self._overflows(call, snapshot, now)
            if to is not None:
                yield call.call_id, "", partial(_overflow, to, self._ids())

    def _overflows(self, call: QueueCall, snapshot: Snapshot, now: datetime) -> Queue | None:
        """The queue that a call should go on to now."""
        queue = snapshot.queues[call.queue]
        if call.state != "waiting" or queue.overflow_to is None or queue.overflow_seconds <= 0:
            return None
        if now < call.queued_at + timedelta(seconds=queue.overflow_seconds):
            return None
        to = snapshot.queues[queue.overflow_to]
        if to.name in (*call.visited, call.queue) or self._problem(snapshot, to, call, now) is not None:
            return None
        return to


def rung_out(seat: Seat, queue: Queue | None, now: datetime, rules: Rules) -> bool:
    """Whether a ringing seat has rung for longer than its queue rings, and a grace."""
    longest = 0.0 if queue is None else queue.ring_seconds
    return seat.rung_at is not None and now > seat.rung_at + timedelta(
        seconds=longest + rules.ring_grace_seconds
    )


def _queue_of(seat: Seat, snapshot: Snapshot) -> Queue | None:
    names = (call.queue for call in snapshot.calls if call.call_id == seat.call_id)
    return snapshot.queues.get(next(names, ""))


def _rung_out(seat: str, rules: Rules, scene: Scene, by: By) -> Plan:
    """The ring is missed, if it still is the same ring."""
    if scene.seat is None or not rung_out(scene.seat, scene.queue, by.at, rules):
        return plans.GONE
    return plans.missed(scene, seat, "no answer", by, rules)


def _overflow(to: Queue, new_id: str, scene: Scene, by: By) -> Plan:
    return plans.overflow(scene, to, new_id, by)

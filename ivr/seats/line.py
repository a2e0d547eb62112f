"""Callers come into the line, wait, are offered to seats, and leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from ivr.seats import plans
from ivr.seats.changes import Changes, Result
from ivr.seats.choose import fits, pairs
from ivr.seats.plans import By
from ivr.seats.waiting import Estimate, estimate, handling_seconds
from policy_db.seat_facts import Move, Queue, QueueCall, Seat, Snapshot

_ROUNDS: Final = 20
Turned = Literal["closed", "full", "nobody", "unknown", "busy"]


@dataclass(frozen=True, slots=True)
class Joined:
    """The call is in line; `call.queue` is the queue that took it, its own or the one it overflowed to."""

    call: QueueCall


@dataclass(frozen=True, slots=True)
class NotJoined:
    """The call is not in line: out of hours, too many wait, no fitting seat is signed in, no such queue."""

    why: Turned


@dataclass(frozen=True, slots=True)
class Offer:
    """Ring this seat for this call, for `queue.ring_seconds`; then say what came of it.

    A call with `call.call_back_to` has nobody on the line yet: when the seat has answered, dial that number.
    """

    call: QueueCall
    seat: Seat
    queue: Queue

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.call.call_id


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits, and what they need: `skills` are least levels, `priority` steps above their queue's.

    `preferred_seat` is the seat they had best get. None of it needs to be known.
    """

    number: str = ""
    customer: str = ""
    policy: str = ""
    language: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    priority: int = 0
    preferred_seat: str | None = None


class Line(Changes):
    """The callers' side of the desk."""

    async def join(
        self, call: str, *, queue: str, worker: str, caller: Caller | None = None
    ) -> Joined | NotJoined:
        """Put a call in line, once however often it is asked for.

        A queue that cannot take it passes it to the queue it overflows to.
        """
        asked = caller or Caller()
        for _ in range(_ROUNDS):
            snapshot, now = await self.store.snapshot(), self._clock()
            known = next((one for one in snapshot.calls if one.call_id == call), None)
            if known is not None:
                return Joined(known)
            place = self._place(call, worker, asked, now)
            taken = self._admitted(snapshot, queue, place, now)
            if not isinstance(taken, Queue):
                return NotJoined(taken)
            place = await self._with_last_seat(place, taken, asked, now)
            lost = await self._apply(Move(now, f"worker:{worker}", joins=(place,)))
            if lost is None:
                return Joined(place)
        return NotJoined("busy")

    async def next_offers(self, worker: str, *, call_backs: bool = True) -> tuple[Offer, ...]:
        """Claim a seat for each of this worker's calls whose turn it is; what others carry is left to them.

        With `call_backs`, kept places whose turn it is are claimed too, whoever kept them.
        """
        claimed: list[Offer] = []
        for _ in range(_ROUNDS):
            snapshot, now = await self.store.snapshot(), self._clock()
            by, lost = By(now, f"worker:{worker}"), False
            for call, seat in pairs(snapshot, now, self.rules):
                if not _is_for(call, worker, call_backs=call_backs):
                    continue
                move = plans.offer(call, seat, worker, self._lease(now), by)
                lost = await self._apply(move) is not None
                if lost:
                    break  # what was read is no longer so, and the line may begin with another
                claimed.append(Offer(move.calls[0][1], move.seats[0][1], snapshot.queues[call.queue]))
            if not lost:
                break
        return tuple(claimed)

    async def answered(self, call: str, seat: str) -> Result:
        """The seat has picked up. Not done: the caller is gone, and the seat free already; hang up on it."""
        return await self._change(
            lambda scene, by: plans.answered(scene, seat, by), call=call, who=f"seat:{seat}"
        )

    async def missed(self, call: str, seat: str, why: str = "no answer") -> Result:
        """The seat did not answer in its time; too many such in a row pause it."""
        return await self._change(
            lambda scene, by: plans.missed(scene, seat, why, by, self.rules), call=call, who="system"
        )

    async def refused(self, call: str, seat: str) -> Result:
        """The person at the seat has declined the call, which goes to the next."""
        return await self._change(
            lambda scene, by: plans.missed(scene, seat, "refused", by, self.rules, counts=False),
            call=call,
            who=f"seat:{seat}",
        )

    async def apologised(self, call: str) -> Result:
        """The waiting caller hears that we are sorry for the wait."""
        return await self._change(plans.apologised, call=call, who="system")

    async def leave(self, call: str, how: Literal["left", "voicemail"] = "left", why: str = "") -> Result:
        """The caller leaves the line to go on in the flow, or to speak a message; a kept place is given up.

        `why` is a word for the record: `key` (offer keys only where `queue.leave_by_key`), `timeout`…
        """
        return await self._change(
            partial(plans.finish, state=how, outcome=why or how), call=call, who="caller"
        )

    async def abandon(self, call: str) -> Result:
        """The caller has hung up, waiting or talking. Not done for a place that is kept: it stays."""
        return await self._change(plans.hung_up, call=call, who="caller")

    async def ended(self, call: str, outcome: str = "served") -> Result:
        """The call with the seat is over; `outcome` is a word for the record, such as `returned` to the flow."""
        return await self._change(
            partial(plans.finish, state="ended", outcome=outcome), call=call, who="system"
        )

    async def broken_off(self, call: str) -> Result:
        """Nobody carries the call any more: the process that did is gone. A kept place stays kept."""
        return await self._change(
            lambda scene, by: plans.broken_off(scene, by, self.rules), call=call, who="system"
        )

    async def keep_place(self, call: str, number: str) -> Result:
        """Keep the caller's place to call them back at `number`; one place for a number, the earlier."""
        kept = await self.store.kept_place(number)
        if kept is not None and kept.call_id != call:
            ended = await self._change(
                partial(plans.finish, state="left", outcome="called_back_already"), call=call, who="caller"
            )
            return Result(ended.done, ended.why, kept if ended else ended.call, ended.seats)
        return await self._change(
            lambda scene, by: plans.keep_place(scene, number, by, self.rules), call=call, who="caller"
        )

    async def reached(self, call: str) -> Result:
        """The caller of a kept place has answered, and talks with the seat."""
        return await self._change(plans.reached, call=call, who="system")

    async def not_reached(self, call: str) -> Result:
        """The caller of a kept place did not answer: they are tried again later, a few times."""
        return await self._change(
            lambda scene, by: plans.not_reached(scene, by, self.rules), call=call, who="system"
        )

    async def carried(self, worker: str) -> tuple[QueueCall, ...]:
        """The open calls that a worker carries, as they stand."""
        return tuple(one for one in (await self.store.snapshot()).calls if one.worker == worker)

    async def heartbeat(self, worker: str) -> frozenset[str]:
        """The worker lives; gives its calls. One of its own that is not among them was given up for dead."""
        return await self.store.beat_worker(worker, self._lease(self._clock()))

    async def expected_wait(self, call: str) -> Estimate | None:
        """Where a waiting call is in line and how long it will wait; None if it does not wait."""
        snapshot, now = await self.store.snapshot(), self._clock()
        found = next((one for one in snapshot.calls if one.call_id == call and one.state == "waiting"), None)
        if found is None:
            return None
        talks = await self.store.talk_seconds(found.queue)
        return estimate(
            snapshot, found, handling_seconds(talks, snapshot.queues[found.queue].wrap_up_seconds), now
        )

    def _place(self, call: str, worker: str, asked: Caller, now: datetime) -> QueueCall:
        return QueueCall(
            id=self._ids(),
            call_id=call,
            queue="",
            entered_at=now,
            queued_at=now,
            caller=asked.number,
            customer=asked.customer,
            policy=asked.policy,
            language=asked.language,
            skills=asked.skills,
            priority=asked.priority,
            preferred_seat=asked.preferred_seat,
            worker=worker,
            lease_until=self._lease(now),
        )

    def _admitted(self, snapshot: Snapshot, name: str, place: QueueCall, now: datetime) -> Queue | Turned:
        """The first queue from `name` on that takes the call, or why the first does not."""
        first: Turned | None = None
        for queue in _overflowing(snapshot, name):
            problem = self._problem(snapshot, queue, place, now)
            if problem is None:
                return queue
            first = first or problem
        return first or "unknown"

    def _problem(self, snapshot: Snapshot, queue: Queue, call: QueueCall, now: datetime) -> Turned | None:
        """Why a queue does not take a call now."""
        if not self._is_open(queue, now):
            return "closed"
        if queue.most_waiting:
            waiting = sum(one.queue == queue.name and one.state == "waiting" for one in snapshot.calls)
            if waiting >= queue.most_waiting:
                return "full"
        if not any(fits(call, queue, seat) for seat in snapshot.seats):
            return "nobody"
        return None

    async def _with_last_seat(
        self, place: QueueCall, queue: Queue, asked: Caller, now: datetime
    ) -> QueueCall:
        """The place in the queue that takes it, with the seat that knows the caller where the queue cares."""
        seat = asked.preferred_seat
        if seat is None and queue.strategy == "last_seat_first":
            since = now - timedelta(days=self.rules.remember_days)
            seat = await self.store.last_seat(asked.number, asked.customer, since)
        return plans.placed(place, queue, seat)


def _overflowing(snapshot: Snapshot, name: str | None) -> Iterator[Queue]:
    """The queue, the one it overflows to, and so on, each once."""
    seen: set[str] = set()
    while name is not None and name not in seen and name in snapshot.queues:
        seen.add(name)
        yield snapshot.queues[name]
        name = snapshot.queues[name].overflow_to


def _is_for(call: QueueCall, worker: str, *, call_backs: bool) -> bool:
    return call_backs if call.state == "callback" else call.worker == worker

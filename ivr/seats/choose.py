"""Who comes next, and to which seat: pure functions of what the store has read.

The line: a call's urgency is its queue's priority, and its own, and a step for every `ageing_seconds` of waiting.
The most urgent comes first; of equals, who has waited longest. Two calls of one queue therefore never change places
while they wait, and a call overtakes another of n steps more exactly when it has waited n ageings longer.

The seat: each call in the order of the line takes the seat that suits it best of those that are left. So nobody is
passed over for want of a seat that went to somebody behind, and after it no one waits who fits a seat that is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from policy_db.seat_facts import CALL_OUT, Queue, QueueCall, Seat, Snapshot

_BEGINNING: Final = timedelta(0)
#: States of a seat from which it may be free in a moment.
_SOON: Final = frozenset({"ready", "ringing", "talking", "wrap_up"})


@dataclass(frozen=True, slots=True)
class Rules:
    """The desk's rules that are not of one queue; times in seconds.

    `missed_rings` in a row pause a seat. A lease lasts `lease_seconds`, and a call whose worker has not been heard
    of for `late_seconds` no longer holds back those behind it. A seat that did not answer a caller is not rung
    again for that caller for `retry_seconds`. `ring_grace_seconds` after its time a ring is over whatever its
    worker says. A called-back caller is tried `call_back_attempts` times, `call_back_gap_seconds` apart, and not
    before `call_back_rest_seconds` after they have hung up.
    `remember_days` is how long a caller's last seat is remembered.
    """

    missed_rings: int = 2
    lease_seconds: float = 15.0
    late_seconds: float = 8.0
    retry_seconds: float = 10.0
    ring_grace_seconds: float = 5.0
    call_back_attempts: int = 3
    call_back_gap_seconds: float = 600.0
    call_back_rest_seconds: float = 0.0
    remember_days: float = 7.0


def urgency(call: QueueCall, queue: Queue, now: datetime) -> float:
    """How urgent a call is, in steps of priority."""
    waited = max(now - call.entered_at, _BEGINNING).total_seconds()
    aged = waited / queue.ageing_seconds if queue.ageing_seconds > 0 else 0.0
    return queue.priority + call.priority + aged


def line(snapshot: Snapshot, now: datetime) -> list[QueueCall]:
    """The calls that wait for a seat, in their order; kept places whose caller may be called now among them."""
    waiting = [call for call in snapshot.calls if _waits(call, now) and call.queue in snapshot.queues]
    queues = snapshot.queues
    return sorted(
        waiting, key=lambda call: (-urgency(call, queues[call.queue], now), call.entered_at, call.id)
    )


def fits(call: QueueCall, queue: Queue, seat: Seat) -> bool:
    """Whether the seat has the language, the levels and the licences that the call and its queue want."""
    if call.language and call.language not in seat.languages:
        return False
    if any(seat.skills.get(skill, 0) < level for skill, level in queue.skills.items()):
        return False
    if any(seat.skills.get(skill, 0) < level for skill, level in call.skills.items()):
        return False
    return all(licence in seat.licences for licence in queue.licences)


def may_serve(call: QueueCall, queue: Queue, seat: Seat) -> bool:
    """Whether the seat fits, and is free or may be in a moment."""
    return seat.state in _SOON and fits(call, queue, seat)


def may_ring(call: QueueCall, queue: Queue, seat: Seat, now: datetime, rules: Rules) -> bool:
    """Whether the seat fits, and has not just failed to answer this very caller."""
    tried_at = call.tried_at if seat.id in call.tried else None
    if tried_at is not None and now < tried_at + timedelta(seconds=rules.retry_seconds):
        return False
    return fits(call, queue, seat)


def is_late(call: QueueCall, now: datetime, rules: Rules) -> bool:
    """Whether the call's worker has not been heard of for a while; a kept place has none and is never late."""
    if call.lease_until is None:
        return False
    return call.lease_until < now + timedelta(seconds=rules.lease_seconds - rules.late_seconds)


def pairs(snapshot: Snapshot, now: datetime, rules: Rules) -> list[tuple[QueueCall, Seat]]:
    """Which seat each call should ring now, in the order of the line, whoever carries the calls."""
    free = {seat.id: seat for seat in snapshot.seats if seat.state == "ready"}
    everyone = {seat.id: seat for seat in snapshot.seats}
    found: list[tuple[QueueCall, Seat]] = []
    if not free:
        return found
    for call in line(snapshot, now):
        queue = snapshot.queues[call.queue]
        if is_late(call, now, rules):
            continue
        seat = _seat_for(call, queue, free, everyone, now, rules)
        if seat is not None:
            found.append((call, seat))
            del free[seat.id]
            if not free:
                break
    return found


def _waits(call: QueueCall, now: datetime) -> bool:
    if call.state == "callback":
        return call.not_before is None or call.not_before <= now
    return call.state == "waiting"


def _seat_for(
    call: QueueCall,
    queue: Queue,
    free: Mapping[str, Seat],
    everyone: Mapping[str, Seat],
    now: datetime,
    rules: Rules,
) -> Seat | None:
    """The best of the free seats for a call, None if none fits or the caller had better wait a moment."""
    if call.outcome == CALL_OUT:
        return free.get(call.preferred_seat or "")
    if call.preferred_seat is not None:
        preferred = free.get(call.preferred_seat)
        if preferred is not None and may_ring(call, queue, preferred, now, rules):
            return preferred
        if waits_for_preferred(call, queue, everyone, now, rules):
            return None
    candidates = [seat for seat in free.values() if may_ring(call, queue, seat, now, rules)]
    return min(candidates, key=lambda seat: _preference(call, queue, seat), default=None)


def waits_for_preferred(
    call: QueueCall, queue: Queue, everyone: Mapping[str, Seat], now: datetime, rules: Rules
) -> bool:
    """Whether the seat that knows the caller may be free in the few seconds that the queue allows for it."""
    seat = everyone.get(call.preferred_seat or "")
    if seat is None or seat.state not in _SOON:
        return False
    patience = timedelta(seconds=queue.patience_seconds)
    return now < call.queued_at + patience and may_ring(call, queue, seat, now, rules)


def _preference(call: QueueCall, queue: Queue, seat: Seat) -> tuple[int, float, str]:
    """The less, the sooner: the higher level where asked, then longest idle, or rung longest ago; who never was
    comes before all."""
    level = 0
    if queue.best_first:
        level = -sum(seat.skills.get(skill, 0) for skill in {*queue.skills, *call.skills})
    moment = seat.rung_at if queue.strategy == "round_robin" else seat.idle_since
    return (level, moment.timestamp() if moment is not None else 0.0, seat.id)

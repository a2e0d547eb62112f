"""What must be true of queues and seats at every moment, said a second time and without the code under test."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from ivr.seats import Rules
from policy_db.seat_facts import Queue, QueueCall, Seat, SeatMove, Snapshot


class BrokenError(AssertionError):
    """An invariant does not hold."""


def require(holds: bool, *what: object) -> None:
    if not holds:
        raise BrokenError(" ".join(str(one) for one in what))


def check_world(seats: Iterable[Seat], calls: Iterable[QueueCall]) -> None:
    """No seat without its call or with two, no call at two seats but for advice or in conference."""
    mains: dict[str, Seat] = {}
    others: list[Seat] = []
    for seat in seats:
        engaged = seat.state in ("ringing", "talking")
        require(engaged == (seat.call_id is not None) == (seat.part != ""), "half engaged", seat)
        if seat.call_id is None:
            continue
        if seat.part != "main":
            others.append(seat)
            continue
        require(seat.call_id not in mains, "a call at two seats", seat, mains.get(seat.call_id))
        mains[seat.call_id] = seat
    connected = set()
    for call in calls:
        main = mains.pop(call.call_id, None)
        if call.state in ("offered", "connected"):
            require(main is not None and main.id == call.seat_id, "a call without its seat", call, main)
            wanted = "ringing" if call.state == "offered" else "talking"
            require(main is not None and main.state == wanted, "seat and call disagree", call, main)
            if call.state == "connected":
                connected.add(call.call_id)
            parked = call.outcome == "parked"
            require(not parked or call.state == "connected", "a parked call that is not connected", call)
            require(not (parked and call.call_back_to), "a parked call whose caller is not there", call)
        else:
            require(main is None and call.seat_id is None, "a waiting call at a seat", call, main)
            require(call.outcome == "", "a call in line with an end", call)
    require(not mains, "seats without their calls", mains)
    for seat in others:
        require(seat.call_id in connected, "advice on a call that is not connected", seat)
        require(seat.part in ("consult", "conference", "supervisor"), "no such part", seat)


def check_line(snapshot: Snapshot, call: QueueCall, now: datetime, rules: Rules) -> None:
    """A call that is offered a seat has passed over nobody who is its equal and was before it in the line."""
    queue = snapshot.queues[call.queue]
    ahead = [one for one in snapshot.calls if is_before(one, call, queue) and not late(one, now, rules)]
    free = [seat for seat in snapshot.seats if seat.state == "ready" and suits(call, queue, seat)]
    require(len(ahead) < len(free), call, "passed over", ahead, "with", free)


def is_before(one: QueueCall, call: QueueCall, queue: Queue) -> bool:
    """Whether `one` waits for the very same seats, and has the better place: earlier, a step worth an ageing."""
    same = (one.queue, one.language, dict(one.skills)) == (call.queue, call.language, dict(call.skills))
    if not same or one.state != "waiting" or one.id == call.id or one.tried or one.preferred_seat:
        return False
    step = timedelta(seconds=queue.ageing_seconds)
    place = one.entered_at - one.priority * step, call.entered_at - call.priority * step
    return place[0] < place[1] - timedelta(milliseconds=1)


def late(call: QueueCall, now: datetime, rules: Rules) -> bool:
    """Whether a call's worker has missed its beats."""
    beat = timedelta(seconds=rules.lease_seconds - rules.late_seconds)
    return call.lease_until is not None and call.lease_until - now < beat


def suits(call: QueueCall, queue: Queue, seat: Seat) -> bool:
    """Language, skills and licences, said again."""
    wanted = [*queue.skills.items(), *call.skills.items()]
    able = all(
        level <= 0 or (skill in seat.skills and seat.skills[skill] >= level) for skill, level in wanted
    )
    return (
        able
        and (not call.language or call.language in seat.languages)
        and {*queue.licences} <= {*seat.licences}
    )


def check_nobody_waits(snapshot: Snapshot, now: datetime, rules: Rules) -> None:
    """After every living worker has looked for offers: nobody waits for whom a fitting seat is ready."""
    free = [seat for seat in snapshot.seats if seat.state == "ready"]
    seats = {seat.id: seat for seat in snapshot.seats}
    for call in snapshot.calls:
        due = call.state == "callback" and (call.not_before is None or call.not_before <= now)
        if call.state != "waiting" and not due:
            continue
        queue = snapshot.queues[call.queue]
        if late(call, now, rules) or _holds_out(call, queue, seats, now):
            continue
        left = [seat for seat in free if suits(call, queue, seat) and not _just_tried(call, seat, now, rules)]
        require(not left, call, "waits though there is", left)


def _just_tried(call: QueueCall, seat: Seat, now: datetime, rules: Rules) -> bool:
    if call.tried_at is None or seat.id not in call.tried:
        return False
    return now - call.tried_at < timedelta(seconds=rules.retry_seconds)


def _holds_out(call: QueueCall, queue: Queue, seats: dict[str, Seat], now: datetime) -> bool:
    known = seats.get(call.preferred_seat or "")
    waits = now - call.queued_at < timedelta(seconds=queue.patience_seconds)
    return known is not None and waits and known.state in ("ready", "ringing", "talking", "wrap_up")


def check_history(moves: Sequence[SeatMove]) -> None:
    """The changes of one seat, in their order, each begin where the one before ended."""
    for before, after in pairwise(moves):
        require(before.after == after.before and before.at <= after.at, "a gap in the history", before, after)

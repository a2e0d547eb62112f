"""Every change of a call in line, with the seats at it, as a pure function of what was read: a move, or why not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from ivr.seats.choose import Rules
from ivr.seats.states import CALL_MOVES, call_to, seat_to
from policy_db.seat_facts import CALL_OUT, Move, Part, Queue, QueueCall, QueueCallState, Scene, Seat

_CONSOLE_LOST: Final = "console lost"
#: Steps of priority that put a caller before all who wait: their seat has broken off.
FIRST_IN_LINE: Final = 100


@dataclass(frozen=True, slots=True)
class By:
    """When a change is made and by whom: `worker:…`, `seat:…`, `staff:…` or `system`."""

    at: datetime
    who: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing is to be changed: it is so already (`done`), or the word why it cannot be."""

    why: str
    done: bool = False


Plan = Move | Refused
ALREADY: Final = Refused("", done=True)
GONE: Final = Refused("gone")


def offer(call: QueueCall, seat: Seat, worker: str, lease: datetime, by: By) -> Move:
    """The call rings the seat; `worker` carries it from now on, if it had no worker."""
    offered = call_to(
        call,
        "offered",
        by.at,
        seat_id=seat.id,
        offered_at=by.at,
        worker=worker,
        lease_until=call.lease_until or lease,
    )
    return Move(by.at, by.who, ((seat, ringing(seat, call, "main", worker, by.at)),), ((call, offered),))


def answered(scene: Scene, seat: str, by: By) -> Plan:
    """The seat has picked up: it talks with the caller, or with the seat that asks it."""
    call, there = scene.call, member(scene, seat)
    if call is None or there is None:
        return GONE
    if there.state == "talking":
        return ALREADY
    talks = seat_to(there, "talking", by.at, missed=0)
    if there.part != "main":
        return Move(by.at, by.who, ((there, talks),), ((call, call_to(call, call.state, by.at)),))
    connected = call_to(call, "connected", by.at, answered_at=call.answered_at or by.at)
    return Move(by.at, by.who, ((there, talks),), ((call, connected),))


def apologised(scene: Scene, by: By) -> Plan:
    """The caller hears, once, that we are sorry for the wait."""
    call = scene.call
    if call is None:
        return GONE
    if call.apologised_at is not None or call.state not in ("waiting", "offered"):
        return ALREADY
    return Move(by.at, by.who, calls=((call, call_to(call, call.state, by.at, apologised_at=by.at)),))


def missed(scene: Scene, seat: str, why: str, by: By, rules: Rules, *, counts: bool = True) -> Plan:
    """The seat did not take the call, which goes to the next. `counts` towards the seat's being paused."""
    call, there = scene.call, member(scene, seat)
    if call is None or there is None or there.state != "ringing":
        return GONE
    rests = _unanswered(there, why, by.at, rules) if counts else settled(there, by.at)
    return _away_from_ring(call, there, rests, by, rules)


def finish(scene: Scene, by: By, *, state: QueueCallState, outcome: str) -> Plan:
    """The call leaves the line for good, and whoever was at it is free."""
    call = scene.call
    if call is None:
        return GONE
    if state not in CALL_MOVES[call.state]:
        return Refused(call.state)
    ended = call_to(
        call, state, by.at, outcome=outcome, seat_id=call.seat_id if call.state == "connected" else None
    )
    return Move(by.at, by.who, _all_released(scene, by.at), ((call, ended),))


def hung_up(scene: Scene, by: By) -> Plan:
    """The caller has hung up, waiting or talking; who is to be called back does so without losing the place."""
    if scene.call is not None and scene.call.call_back_to:
        return Refused("callback")
    talking = scene.call is not None and scene.call.state == "connected"
    return finish(scene, by, state="ended" if talking else "abandoned", outcome="hung_up")


def keep_place(scene: Scene, number: str, by: By, rules: Rules) -> Plan:
    """The caller hangs up, keeps the place, and is called back at `number`, when they have put the receiver down."""
    call = scene.call
    if call is None:
        return GONE
    if scene.queue is None or not scene.queue.call_back:
        return Refused("not_allowed")
    if call.state not in ("waiting", "offered"):
        return Refused(call.state)
    rest = rules.call_back_rest_seconds
    earliest = by.at + timedelta(seconds=rest) if rest else None
    return _set_aside(scene, call, by, call_back_to=number, not_before=earliest)


def not_reached(scene: Scene, by: By, rules: Rules) -> Plan:
    """A caller who was to be called back did not answer: again later, or no more."""
    call = scene.call
    if call is None:
        return GONE
    if call.state != "connected" or not call.call_back_to:
        return Refused(call.state)
    attempts = call.attempts + 1
    if attempts >= rules.call_back_attempts or call.outcome == CALL_OUT:
        return finish(scene, by, state="ended", outcome="not_reached")
    later = by.at + timedelta(seconds=rules.call_back_gap_seconds)
    return _set_aside(scene, call, by, attempts=attempts, not_before=later)


def reached(scene: Scene, by: By) -> Plan:
    """A caller who was called back is on the line, and is a call like others from now on."""
    call = scene.call
    if call is None:
        return GONE
    if not call.call_back_to:
        return ALREADY
    if call.state != "connected":
        return Refused(call.state)
    reached_now = call_to(call, "connected", by.at, call_back_to="", outcome="")
    return Move(by.at, by.who, calls=((call, reached_now),))


def overflow(scene: Scene, to: Queue, new_id: str, by: By) -> Plan:
    """A waiting call goes on in another queue with its place in time; not back to one it came from."""
    call = scene.call
    if call is None:
        return GONE
    if call.state != "waiting":
        return Refused(call.state)
    visited = (*call.visited, call.queue)
    if to.name in visited:
        return Refused("visited")
    ended = call_to(call, "overflowed", by.at, outcome=to.name)
    joins = (_anew(call, to, new_id, by.at, visited=visited),)
    return Move(by.at, by.who, calls=((call, ended),), joins=joins)


def to_queue(scene: Scene, to: Queue, new_id: str, by: By) -> Plan:
    """The seat sends the caller on to a queue, where they keep their place in time."""
    call = scene.call
    if call is None:
        return GONE
    if call.state != "connected" or call.call_back_to:
        return Refused(call.state)
    ended = call_to(call, "ended", by.at, outcome="transferred")
    joins = (_anew(call, to, new_id, by.at, visited=(), preferred_seat=None),)
    return Move(by.at, by.who, _all_released(scene, by.at), ((call, ended),), joins)


def worker_lost(scene: Scene, by: By, rules: Rules) -> Plan:
    """The worker that carried the call is dead."""
    call = scene.call
    if call is None or call.lease_until is None or call.lease_until >= by.at:
        return GONE
    return broken_off(scene, by, rules)


def broken_off(scene: Scene, by: By, rules: Rules) -> Plan:
    """The call is over with its process. Who is yet to be called back is tried later: they may be ringing still."""
    call = scene.call
    if call is None:
        return GONE
    if not call.call_back_to:
        return finish(scene, by, state="ended", outcome="broken_off")
    if call.state == "callback":
        return ALREADY
    if call.state == "connected":
        return not_reached(scene, by, rules)
    return _set_aside(scene, call, by)


def console_lost(scene: Scene, by: By, rules: Rules) -> Plan:
    """A seat's console is gone: so is the seat, at once or when the call on its telephone is over."""
    seat, call = scene.seat, scene.call
    if seat is None or seat.lease_until is None or seat.lease_until >= by.at:
        return GONE
    if call is None or member(scene, seat.id) is None:
        return Move(by.at, by.who, ((seat, seat_to(seat, "offline", by.at, reason=_CONSOLE_LOST)),))
    if seat.state == "ringing":
        gone = seat_to(seat, "offline", by.at, reason=_CONSOLE_LOST)
        return _away_from_ring(call, seat, gone, by, rules)
    if seat.address != "browser":
        later: dict[str, Any] = {"afterwards": "offline", "afterwards_reason": _CONSOLE_LOST}
        return Move(by.at, by.who, ((seat, seat_to(seat, "talking", by.at, lease_until=None, **later)),))
    gone = seat_to(seat, "offline", by.at, reason=_CONSOLE_LOST, idle_since=by.at)
    return _voice_lost(scene, call, seat, gone, by)


def seat_lost(scene: Scene, seat: str, by: By) -> Plan:
    """The line to the seat that serves has broken: its caller is the next to be served, by somebody else."""
    call, there = scene.call, member(scene, seat)
    if call is None or there is None:
        return GONE
    if call.state != "connected" or there.part != "main":
        return Refused(call.state)
    return _voice_lost(scene, call, there, released(there, scene.queue, by.at), by)


def member(scene: Scene, seat: str) -> Seat | None:
    """The seat of that id, if it is at the scene's call."""
    return next((one for one in scene.at if one.id == seat), None)


def settled(seat: Seat, at: datetime, **changes: object) -> Seat:
    """The seat when a call is over, or was none: what it asked for meanwhile, else ready."""
    state = seat.afterwards or "ready"
    reason = seat.afterwards_reason
    return seat_to(seat, state, at, reason=reason, afterwards=None, afterwards_reason="", **changes)


def released(seat: Seat, queue: Queue | None, at: datetime) -> Seat:
    """The seat when it leaves its call: wrap-up follows a talk with the caller, not a ring, advice or listening."""
    if seat.state == "ringing" or seat.part in ("consult", "supervisor"):
        return settled(seat, at)
    seconds = queue.wrap_up_seconds if queue is not None else 0.0
    if seconds <= 0:
        return settled(seat, at, idle_since=at)
    return seat_to(seat, "wrap_up", at, idle_since=at, wrap_up_until=at + timedelta(seconds=seconds))


def ringing(seat: Seat, call: QueueCall, part: Part, worker: str, at: datetime) -> Seat:
    """The seat rung for a call that `worker` carries."""
    return seat_to(seat, "ringing", at, call_id=call.call_id, part=part, worker=worker, rung_at=at)


def _unanswered(seat: Seat, why: str, at: datetime, rules: Rules) -> Seat:
    """One ring more that nobody answered: the seat is ready again, or paused if it was one too many."""
    count = seat.missed + 1
    if count < rules.missed_rings or seat.afterwards is not None:
        return settled(seat, at, missed=count)
    return seat_to(seat, "paused", at, reason=why, missed=0)


def _away_from_ring(call: QueueCall, seat: Seat, rests: Seat, by: By, rules: Rules) -> Move:
    """The seat no longer rings; if the call was for it, the call is back in line and will try others first."""
    if seat.part != "main":
        return Move(by.at, by.who, ((seat, rests),), ((call, call_to(call, call.state, by.at)),))
    fresh = call.tried_at is not None and by.at < call.tried_at + timedelta(seconds=rules.retry_seconds)
    tried = (*(call.tried if fresh else ()), seat.id)
    if call.outcome == CALL_OUT:
        back = call_to(call, "ended", by.at, outcome="seat_not_there", seat_id=None)
    else:
        back = _back_in_line(call, by.at, tried=tried, tried_at=by.at)
    return Move(by.at, by.who, ((seat, rests),), ((call, back),))


def _back_in_line(call: QueueCall, at: datetime, **changes: object) -> QueueCall:
    """The call waits again in its place; one whose caller is yet to be called back, without a worker."""
    if call.call_back_to:
        changes |= {"worker": "", "lease_until": None}
        return call_to(call, "callback", at, seat_id=None, **changes)
    return call_to(call, "waiting", at, seat_id=None, outcome="", **changes)


def _set_aside(scene: Scene, call: QueueCall, by: By, **changes: object) -> Move:
    """The place stays in line without a call."""
    kept = call_to(call, "callback", by.at, seat_id=None, worker="", lease_until=None, **changes)
    return Move(by.at, by.who, _all_released(scene, by.at), ((call, kept),))


def _voice_lost(scene: Scene, call: QueueCall, seat: Seat, gone: Seat, by: By) -> Move:
    """A talking seat is gone with its sound: others in the conference go on, else the caller waits for the next."""
    if seat.part != "main":
        return Move(by.at, by.who, ((seat, gone),), ((call, call_to(call, call.state, by.at)),))
    heir = next((one for one in scene.at if one.part == "conference" and one.state == "talking"), None)
    if heir is not None:
        leads = seat_to(heir, "talking", by.at, part="main")
        goes_on = call_to(call, "connected", by.at, seat_id=heir.id)
        return Move(by.at, by.who, ((seat, gone), (heir, leads)), ((call, goes_on),))
    others = tuple((one, released(one, scene.queue, by.at)) for one in scene.at if one.id != seat.id)
    tried = {"tried": (*call.tried, seat.id), "tried_at": by.at, "priority": call.priority + FIRST_IN_LINE}
    return Move(by.at, by.who, ((seat, gone), *others), ((call, _back_in_line(call, by.at, **tried)),))


def _all_released(scene: Scene, at: datetime) -> tuple[tuple[Seat, Seat], ...]:
    return tuple((one, released(one, scene.queue, at)) for one in scene.at)


def _anew(call: QueueCall, to: Queue, new_id: str, at: datetime, **changes: Any) -> QueueCall:
    """The call's new place in another queue: as long in line as before, with nothing tried."""
    fresh: dict[str, Any] = {
        "id": new_id,
        "queue": to.name,
        "queued_at": at,
        "state": "waiting",
        "seat_id": None,
        "tried": (),
        "tried_at": None,
        "offered_at": None,
        "answered_at": None,
        "outcome": "",
        "version": 0,
    }
    return replace(call, **fresh, **changes)


def placed(place: QueueCall, queue: Queue, seat: str | None) -> QueueCall:
    """A place in the queue that takes it, with the seat that the caller had best get."""
    return replace(place, queue=queue.name, preferred_seat=seat)

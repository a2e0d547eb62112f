"""What people at seats ask for, and what their time brings: pure functions of the seat as it was read."""

from __future__ import annotations

from datetime import datetime, timedelta

from ivr.seats.plans import ALREADY, GONE, By, Plan, Refused, settled
from ivr.seats.states import ENGAGED, seat_to
from policy_db.seat_facts import Move, Scene, Seat, SeatState


def sign_in(scene: Scene, lease: datetime | None, by: By) -> Plan:
    """The seat is there: ready, if it was offline; a console that comes back takes up its lease again."""
    seat = scene.seat
    if seat is None:
        return Refused("unknown")
    if seat.state == "offline":
        return _only(seat, seat_to(seat, "ready", by.at, lease_until=lease), by)
    stays = {"afterwards": None, "afterwards_reason": ""} if seat.afterwards == "offline" else {}
    return _only(seat, seat_to(seat, seat.state, by.at, reason=seat.reason, lease_until=lease, **stays), by)


def wish(scene: Scene, state: SeatState, reason: str, by: By, *, forward_to: str = "") -> Plan:
    """The seat goes into a state of its own choice, at once or when its call is over."""
    seat = scene.seat
    if seat is None:
        return Refused("unknown")
    if seat.state == "offline":
        return ALREADY if state == "offline" else Refused("offline")
    if seat.state in ENGAGED:
        return _afterwards(seat, state, reason, forward_to, by)
    if (seat.state, seat.reason, seat.forward_to) == (state, reason, forward_to):
        return ALREADY
    changes = {"forward_to": forward_to, "missed": 0, "afterwards": None, "afterwards_reason": ""}
    return _only(seat, seat_to(seat, state, by.at, reason=reason, **changes), by)


def wrap_up_over(scene: Scene, by: By) -> Plan:
    """The time for notes is over."""
    seat = scene.seat
    if seat is None or seat.wrap_up_until is None or seat.wrap_up_until > by.at:
        return GONE
    return _only(seat, settled(seat, by.at), by)


def more_wrap_up(scene: Scene, seconds: float, by: By) -> Plan:
    """The seat needs longer for its notes."""
    seat = scene.seat
    if seat is None:
        return Refused("unknown")
    if seat.state != "wrap_up" or seat.wrap_up_until is None:
        return Refused(seat.state)
    until = max(seat.wrap_up_until, by.at) + timedelta(seconds=seconds)
    return _only(seat, seat_to(seat, "wrap_up", by.at, reason=seat.reason, wrap_up_until=until), by)


def _afterwards(seat: Seat, state: SeatState, reason: str, forward_to: str, by: By) -> Plan:
    wanted = None if state == "ready" else state
    because = "" if wanted is None else reason
    if (seat.afterwards, seat.afterwards_reason, seat.forward_to) == (wanted, because, forward_to):
        return ALREADY
    changes = {"afterwards": wanted, "afterwards_reason": because, "forward_to": forward_to}
    return _only(seat, seat_to(seat, seat.state, by.at, reason=seat.reason, **changes), by)


def _only(seat: Seat, becomes: Seat, by: By) -> Move:
    return Move(by.at, by.who, ((seat, becomes),))

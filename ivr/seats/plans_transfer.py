"""From seat to seat: advice, handing over, conference, listening. A call is at two seats in no other relation."""

from __future__ import annotations

from dataclasses import replace

from ivr.seats.plans import ALREADY, GONE, By, Plan, Refused, member, released, ringing
from ivr.seats.states import call_to, seat_to
from policy_db.seat_facts import PARKED, Move, QueueCall, Scene, Seat


def consult(scene: Scene, by: By) -> Plan:
    """Ring a ready seat for advice on a connected call, whose caller stays with the seat that asks."""
    call, seat = scene.call, scene.seat
    if call is None:
        return GONE
    if seat is None:
        return Refused("unknown")
    if call.state != "connected":
        return Refused(call.state)
    if seat.call_id == call.call_id:
        return ALREADY
    if seat.state != "ready":
        return Refused(seat.state)
    return _touching(call, ((seat, ringing(seat, call, "consult", call.worker, by.at)),), by)


def complete(scene: Scene, seat: str, by: By) -> Plan:
    """The seat that was asked takes the caller over, and the one that asked is free."""
    call, there = scene.call, member(scene, seat)
    if call is None or there is None:
        return GONE
    if there.part == "main":
        return ALREADY
    if there.state != "talking":
        return Refused(there.state)
    leaving = tuple((one, released(one, scene.queue, by.at)) for one in scene.at if one.part == "main")
    leads = seat_to(there, "talking", by.at, part="main")
    moved = call_to(call, "connected", by.at, seat_id=seat)
    return Move(by.at, by.who, (*leaving, (there, leads)), ((call, moved),))


def conference(scene: Scene, seat: str, by: By) -> Plan:
    """The seat that was asked joins the talk with the caller."""
    call, there = scene.call, member(scene, seat)
    if call is None or there is None:
        return GONE
    if there.part != "consult":
        return ALREADY
    if there.state != "talking":
        return Refused(there.state)
    return _touching(call, ((there, seat_to(there, "talking", by.at, part="conference")),), by)


def drop(scene: Scene, seat: str, by: By) -> Plan:
    """One of several seats leaves the call; if it was the one that served, another of the conference serves."""
    call, there = scene.call, member(scene, seat)
    if call is None or there is None:
        return GONE
    leaves = (there, released(there, scene.queue, by.at))
    if there.part != "main":
        return _touching(call, (leaves,), by)
    heir = next((one for one in scene.at if one.part == "conference" and one.state == "talking"), None)
    if heir is None:
        return Refused("last")
    leads = seat_to(heir, "talking", by.at, part="main")
    goes_on = call_to(call, "connected", by.at, seat_id=heir.id)
    return Move(by.at, by.who, (leaves, (heir, leads)), ((call, goes_on),))


def to_seat(scene: Scene, by: By) -> Plan:
    """The serving seat sends the caller on to a ready one, which rings; if it does not answer, the next will."""
    call, seat = scene.call, scene.seat
    if call is None:
        return GONE
    if seat is None:
        return Refused("unknown")
    if call.state != "connected" or call.call_back_to:
        return Refused(call.state)
    if seat.state != "ready":
        return Refused(seat.state)
    leaving = tuple((one, released(one, scene.queue, by.at)) for one in scene.at)
    offered = call_to(call, "offered", by.at, seat_id=seat.id, offered_at=by.at, outcome="")
    return Move(
        by.at, by.who, (*leaving, (seat, ringing(seat, call, "main", call.worker, by.at))), ((call, offered),)
    )


def supervise(scene: Scene, by: By) -> Plan:
    """Ring a seat that will listen. It may have asked for no calls, and is as it was when it has listened."""
    call, seat = scene.call, scene.seat
    if call is None:
        return GONE
    if seat is None:
        return Refused("unknown")
    if call.state != "connected":
        return Refused(call.state)
    if seat.call_id == call.call_id:
        return ALREADY
    if seat.state not in ("ready", "paused", "do_not_disturb"):
        return Refused(seat.state)
    rings = ringing(seat, call, "supervisor", call.worker, by.at)
    if seat.state != "ready":
        rings = replace(rings, afterwards=seat.state, afterwards_reason=seat.reason)
    return _touching(call, ((seat, rings),), by)


def park(scene: Scene, by: By) -> Plan:
    """The caller goes to self-service for a moment, and the seat waits for them."""
    call = scene.call
    if call is None:
        return GONE
    if call.state != "connected" or call.call_back_to:
        return Refused(call.state)
    if call.outcome == PARKED:
        return ALREADY
    return Move(by.at, by.who, calls=((call, call_to(call, call.state, by.at, outcome=PARKED)),))


def unpark(scene: Scene, policy: str, by: By) -> Plan:
    """The caller is back at the seat, and has proved to hold `policy` if it is not empty."""
    call = scene.call
    if call is None:
        return GONE
    if call.state != "connected" or call.outcome != PARKED:
        return Refused(call.state)
    back = call_to(call, call.state, by.at, outcome="", policy=policy or call.policy)
    return Move(by.at, by.who, calls=((call, back),))


def _touching(call: QueueCall, seats: tuple[tuple[Seat, Seat], ...], by: By) -> Move:
    """A change of who is at the call: the call's version tells."""
    return Move(by.at, by.who, seats, ((call, call_to(call, call.state, by.at)),))

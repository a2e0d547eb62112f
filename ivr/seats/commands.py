"""What a seat's console or a supervisor can ask of a talk, command by command.

    hold, unhold                    the caller hears music
    mute, unmute                    nobody hears the seat that asks
    pause_recording, resume_recording
    consult {to}                    ring a seat, number or address for advice; the caller hears music
    cancel_consult                  back to the caller without it
    swap                            to the caller while whoever was asked hears music, and back
    complete                        whoever was asked takes the caller (warm)
    conference                      whoever was asked joins the talk
    transfer {seat|queue|number}    send the caller on (blind)
    retrieve {why}                  send the caller to self-service for a moment; the seat waits
    hang_up, leave                  the seat's part is over
    listen, whisper, join {to?}     a supervisor at their own seat, or at the telephone `to`

Codes: H602 not now, H603 not yours to ask, H604 unknown or not free, H605 not allowed here, H641 unreadable.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from ivr.errors import SeatError
from ivr.seats.desk import Offer
from ivr.seats.news import Command
from ivr.seats.ring import Ring, hidden
from ivr.seats.talk import Member, Talk
from policy_db.seat_facts import Seat

Facts = Mapping[str, Any]
Act = Callable[[Talk, Command], Awaitable[Facts]]
#: What may be dialled for a seat: a number of a PBX or the world, or a SIP address.
_ADDRESS: Final = re.compile(r"\+?[0-9*#]{2,20}|sips?:[^\s<>\"]{1,190}")
#: Why the desk did not do it, in words for people.
_WHY: Final[Mapping[str, str]] = {
    "gone": "the call is over",
    "unknown": "there is no such seat or queue; look at the list of seats",
    "busy": "others were quicker each time; ask again",
    "last": "there is nobody else in the talk; hang up instead",
}


async def obey(talk: Talk, command: Command) -> Facts:
    """Do what is asked. Raises SeatError when it cannot be done as things stand."""
    act = _ACTS.get(command.name)
    if act is None:
        raise SeatError(f"{command.name} cannot be asked of a call", code="H641")
    if talk.main is None and command.name not in _OF_SUPERVISORS:
        raise SeatError("no seat serves this call any more", code="H602")
    if command.name in _OF_MAIN and (talk.main is None or talk.main.seat != command.seat):
        raise SeatError("only the seat that serves the caller may ask for this", code="H603")
    return await act(talk, command)


async def _hold(talk: Talk, command: Command) -> Facts:
    if "consult" in talk.held:
        raise SeatError("the caller hears music already, while you ask somebody", code="H602")
    talk.set_held("seat", True)
    return {"held": True}


async def _unhold(talk: Talk, command: Command) -> Facts:
    if "consult" in talk.held:
        raise SeatError(
            "somebody is being asked; end that by cancel_consult, complete or conference", code="H602"
        )
    talk.set_held("seat", False)
    talk.set_held("telephone", False)
    return {"held": bool(talk.held)}


async def _mute(talk: Talk, command: Command) -> Facts:
    return _set_muted(talk, command, True)


async def _unmute(talk: Talk, command: Command) -> Facts:
    return _set_muted(talk, command, False)


def _set_muted(talk: Talk, command: Command, on: bool) -> Facts:
    talk.room.mute(_own(talk, command).leg, on)
    talk.case.note("muted" if on else "unmuted", seat=command.seat)
    return {"muted": on}


async def _pause_recording(talk: Talk, command: Command) -> Facts:
    talk.case.tape.pause(command.by)
    return {"recording": "paused" if talk.case.tape.paused else "off"}


async def _resume_recording(talk: Talk, command: Command) -> Facts:
    tape = talk.case.tape
    tape.resume(command.by)
    return {"recording": "paused" if tape.paused else "on" if tape.running else "off"}


# Asking somebody


async def _consult(talk: Talk, command: Command) -> Facts:
    if talk.consulted is not None or talk.consulting is not None:
        raise SeatError("somebody is being asked already; end that first", code="H602")
    seat, address = await _whom(talk, command.word("to"))
    if seat is not None and talk.member_of(seat.id) is not None:
        raise SeatError(f"{seat.id} is in this talk already; choose another", code="H604")
    if seat is None:
        ring = talk.case.ring_outside(address, "consult")
    else:
        asked = talk.case.desk.consult(talk.case.call, seat.id, who=command.by)
        _require(await talk.case.asked(asked))
        ring = talk.case.ring_seat(seat, _ring_seconds(talk), what="consult")
        talk.case.nudge(seat.id)
    talk.rings.append(ring)
    talk.set_held("consult", True)
    talk.ring_back()
    talk.case.note("consult_rings", seat=ring.seat, to="" if ring.seat else hidden(address))
    return {"state": "ringing", "seat": ring.seat, "to": "" if ring.seat else address}


async def _cancel_consult(talk: Talk, command: Command) -> Facts:
    ring, member = talk.consulting, talk.consulted
    if ring is not None:
        await _stop_ringing(talk, ring)
        talk.set_held("consult", False)
    elif member is not None:
        await talk.other_gone(member)
    else:
        raise SeatError("nobody is being asked", code="H602")
    return {"state": "talking"}


async def _stop_ringing(talk: Talk, ring: Ring) -> None:
    ring.stop()
    talk.rings.remove(ring)
    talk.ring_back()
    if ring.seat:
        await talk.case.asked(talk.case.desk.drop(talk.case.call, ring.seat))
        talk.case.nudge(ring.seat)


def _who_was_asked(talk: Talk) -> Member:
    if talk.consulted is None:
        raise SeatError(
            "whom you ask has not answered yet; wait, or cancel_consult and transfer", code="H602"
        )
    return talk.consulted


async def _swap(talk: Talk, command: Command) -> Facts:
    _who_was_asked(talk)
    talk.swap()
    return {"state": "asking" if "consult" in talk.held else "talking"}


async def _complete(talk: Talk, command: Command) -> Facts:
    asked, main = _who_was_asked(talk), cast(Member, talk.main)
    talk.put_out(main)
    await talk.hand_to(asked)
    talk.case.nudge(main.seat)
    return {"state": "transferred", "seat": asked.seat}


async def _conference(talk: Talk, command: Command) -> Facts:
    asked = _who_was_asked(talk)
    if asked.seat:
        joined = talk.case.desk.conference(talk.case.call, asked.seat, who=command.by)
        _require(await talk.case.asked(joined))
    asked.part = "conference"
    talk.room.hold(asked.leg, False)
    talk.case.note("conference", seat=asked.seat)
    talk.set_held("seat", False)
    talk.set_held("consult", False)
    return {"state": "conference", "seat": asked.seat}


# Sending the caller on


async def _transfer(talk: Talk, command: Command) -> Facts:
    queue, to = command.word("queue"), command.word("seat") or command.word("number") or command.word("to")
    if talk.consulting is not None:
        await _stop_ringing(talk, talk.consulting)
    if queue:
        return await _to_queue(talk, command, queue)
    seat, address = await _whom(talk, to)
    if seat is not None:
        return await _to_seat(talk, command, seat)
    await talk.case.asked(talk.case.desk.ended(talk.case.call, "transferred"))
    talk.outward, talk.ending = address, "outward"
    talk.case.note("transferred", to=hidden(address), by=command.by)
    return {"state": "transferred", "to": address}


async def _to_queue(talk: Talk, command: Command, queue: str) -> Facts:
    handed = talk.case.desk.hand_over(talk.case.call, queue=queue, who=command.by)
    _require(await talk.case.asked(handed))
    talk.case.note("transferred", queue=queue, by=command.by)
    talk.ending = "onward"
    return {"state": "transferred", "queue": queue}


async def _to_seat(talk: Talk, command: Command, seat: Seat) -> Facts:
    handed = await talk.case.asked(talk.case.desk.hand_over(talk.case.call, seat=seat.id, who=command.by))
    _require(handed)
    rung = next((one for one in handed.seats if one.id == seat.id), seat)
    if handed.call is not None and talk.offer is not None:
        talk.case.mailbox.put_back(Offer(handed.call, rung, talk.offer.queue))
    talk.case.note("transferred", seat=seat.id, by=command.by)
    talk.ending = "onward"
    return {"state": "transferred", "seat": seat.id}


async def _retrieve(talk: Talk, command: Command) -> Facts:
    if "returned" not in talk.case.request.handles:
        raise SeatError(
            "this call's flow does not take callers back; let its transfer step handle `returned`",
            code="H605",
        )
    if len(talk.members) > 1 or talk.rings:
        raise SeatError("others are in the talk; let them leave first", code="H602")
    _require(await talk.case.asked(talk.case.desk.park(talk.case.call, who=command.by)))
    talk.case.note("returned", seat=command.seat, why=command.word("why"))
    talk.ending = "retrieved"
    return {"state": "parked"}


# Leaving


async def _hang_up(talk: Talk, command: Command) -> Facts:
    member = _own(talk, command)
    if member is talk.main:
        await talk.main_gone(broken=False)
    else:
        await talk.other_gone(member)
    return {"state": "hung_up"}


async def _leave(talk: Talk, command: Command) -> Facts:
    member = _theirs(talk, command)
    if member is None:
        raise SeatError("you are not in this talk", code="H602")
    if member is talk.main and not any(one.part == "conference" for one in talk.members.values()):
        raise SeatError("there is nobody else in the talk; hang up, or transfer the caller", code="H602")
    if member is talk.main:
        await talk.main_gone(broken=False)
    else:
        await talk.other_gone(member)
    return {"state": "left"}


# Supervisors


async def _listen(talk: Talk, command: Command) -> Facts:
    return await _supervise(talk, command, "listener")


async def _whisper(talk: Talk, command: Command) -> Facts:
    return await _supervise(talk, command, "whisperer")


async def _join(talk: Talk, command: Command) -> Facts:
    return await _supervise(talk, command, "party")


async def _supervise(talk: Talk, command: Command, role: str) -> Facts:
    """Ring the supervisor's telephone, or change the role of one who is there."""
    there = _theirs(talk, command)
    if there is not None and there.part == "supervisor":
        talk.set_role(there, role)
        return {"state": role}
    if there is not None:
        raise SeatError("you are in this talk yourself", code="H602")
    if any(_is_for(ring, command) for ring in talk.rings):
        raise SeatError("your telephone rings already; pick it up", code="H602")
    seat, address = await _whom(talk, command.word("to") or command.seat)
    if seat is None:
        ring = talk.case.ring_outside(address, role)
    else:
        asked = talk.case.desk.supervise(talk.case.call, seat.id, who=command.by)
        _require(await talk.case.asked(asked))
        ring = talk.case.ring_seat(seat, _ring_seconds(talk), what=role)
        talk.case.nudge(seat.id)
    talk.rings.append(ring)
    talk.case.note("supervisor_rings", seat=ring.seat, role=role, by=command.by)
    return {"state": "ringing", "role": role}


def _theirs(talk: Talk, command: Command) -> Member | None:
    """Who asks, if they are in the talk: by their seat, or by the telephone they have named."""
    to = command.word("to")
    there = talk.member_of(to or command.seat)
    return there or next((one for one in talk.members.values() if to and one.name == to), None)


def _is_for(ring: Ring, command: Command) -> bool:
    whom = command.word("to") or command.seat
    return whom in (ring.seat, ring.to)


# What several need


def _own(talk: Talk, command: Command) -> Member:
    member = talk.member_of(command.seat)
    if member is None:
        raise SeatError("your seat is not in this talk", code="H603")
    return member


async def _whom(talk: Talk, to: str) -> tuple[Seat | None, str]:
    """A seat to be rung, or the address to dial: an outside number, or where an absent seat has its calls sent."""
    if not to:
        raise SeatError("say whom: a seat, a queue, or a number", code="H641")
    seat = await _seat(talk, to)
    if seat is not None and seat.state == "away" and seat.forward_to:
        onward = await _seat(talk, seat.forward_to)
        if onward is None:
            return None, _dialable(seat.forward_to)
        seat = onward
    return (seat, "") if seat is not None else (None, _dialable(to))


async def _seat(talk: Talk, name: str) -> Seat | None:
    return (await talk.case.asked(talk.case.desk.store.scene(seat=name))).seat


def _dialable(address: str) -> str:
    plain = re.sub(r"[\s()-]", "", address) if not address.startswith("sip") else address
    if not _ADDRESS.fullmatch(plain):
        raise SeatError(f"{address!r} is neither a seat nor a number or sip: address", code="H604")
    return plain


def _ring_seconds(talk: Talk) -> float:
    return 20.0 if talk.offer is None else talk.offer.queue.ring_seconds


def _require(result: Any) -> None:
    """Raises SeatError for what the desk has not done."""
    if result:
        return
    why = _WHY.get(result.why, f"the seat or call is in the state {result.why}; choose another, or wait")
    raise SeatError(why, code="H604")


_ACTS: Final[Mapping[str, Act]] = {
    "hold": _hold,
    "unhold": _unhold,
    "mute": _mute,
    "unmute": _unmute,
    "pause_recording": _pause_recording,
    "resume_recording": _resume_recording,
    "consult": _consult,
    "cancel_consult": _cancel_consult,
    "swap": _swap,
    "complete": _complete,
    "conference": _conference,
    "transfer": _transfer,
    "retrieve": _retrieve,
    "hang_up": _hang_up,
    "leave": _leave,
    "listen": _listen,
    "whisper": _whisper,
    "join": _join,
}
_OF_MAIN: Final = frozenset({
    "hold", "unhold", "pause_recording", "resume_recording", "consult", "cancel_consult", "swap", "complete",
    "conference", "transfer", "retrieve",
})  # fmt: skip
_OF_SUPERVISORS: Final = frozenset({"listen", "whisper", "join", "leave"})

"""What a person at a seat asks for. Every refusal is a SeatError that says what to do, in their language."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final, Literal, cast
from zoneinfo import ZoneInfo

from fastapi import Request

from ivr.console.access import Visitor
from ivr.console.audit import did
from ivr.console.control import command as ask_worker
from ivr.console.pages import text
from ivr.console.parts import ConsoleParts
from ivr.console.seat.mine import noting_of
from ivr.console.seat.presence import tabs_of
from ivr.errors import SeatError
from ivr.seats import Result
from policy_db.seat_facts import Seat
from policy_db.talk_facts import WrapUp

#: What a person may choose to be.
Wish = Literal["ready", "paused", "do_not_disturb", "away", "offline"]
#: Commands of a seat; supervisors have theirs on the board.
Command = Literal[
    "shown",
    "hold", "unhold", "mute", "unmute", "pause_recording", "resume_recording", "consult", "cancel_consult", "swap",
    "complete", "conference", "transfer", "retrieve", "hang_up", "leave", "decline",
]  # fmt: skip
_AUDITED: Final = frozenset({"pause_recording", "resume_recording", "transfer", "retrieve", "complete"})
_NUMBER: Final = re.compile(r"\+?\d{3,18}")
LONGEST_REASON: Final = 100
#: Seconds by which a wrap-up can be made longer at once.
MOST_LONGER: Final = 300


async def seat_of(request: Request, parts: ConsoleParts, visitor: Visitor) -> Seat:
    """The visitor's seat. Raises SeatError (H650) if they have none."""
    found = None
    if visitor.seat is not None:
        found = (await parts.database.seats.scene(seat=visitor.seat)).seat
    if found is None:
        raise SeatError(text(request, visitor, "seat.none"), code="H650")
    return found


async def be(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    state: Wish,
    reason: str = "",
    forward_to: str = "",
) -> Result:
    """Go into a state, at once or after the call. Raises SeatError for what cannot be."""
    seat = await seat_of(request, parts, visitor)
    desk, who = parts.desk, visitor.who
    if seat.state == "offline" and state != "offline":
        await sign_in(request, parts, visitor)
        if state == "ready":
            return Result(True)
    match state:
        case "ready":
            return _done(request, visitor, await desk.resume(seat.id, who=who))
        case "paused":
            if not reason.strip():
                raise SeatError(text(request, visitor, "seat.pause.why"), code="H651")
            return _done(
                request, visitor, await desk.pause(seat.id, reason.strip()[:LONGEST_REASON], who=who)
            )
        case "do_not_disturb":
            return _done(request, visitor, await desk.do_not_disturb(seat.id, who=who))
        case "away":
            forward_to = await _forward(request, parts, visitor, seat, forward_to)
            return _done(request, visitor, await desk.away(seat.id, forward_to, who=who))
        case "offline":
            return _done(request, visitor, await desk.sign_out(seat.id, who=who))


async def sign_in(request: Request, parts: ConsoleParts, visitor: Visitor) -> Result:
    """The seat is there, with a console that must be heard of."""
    seat = await seat_of(request, parts, visitor)
    return _done(request, visitor, await parts.desk.sign_in(seat.id, who=visitor.who))


async def beat(
    request: Request, parts: ConsoleParts, visitor: Visitor, tab: str, *, take: bool
) -> tuple[bool, Seat]:
    """A tab of the seat lives: whether it is the one that works, and the seat as it stands."""
    seat = await seat_of(request, parts, visitor)
    works = tabs_of(parts).beat(seat.id, tab, parts.clock(), take=take)
    if take:
        parts.bus.publish("seat", seat.id)  # the tab that worked so far looks, and says that it does no more
    if works and seat.lease_until is not None:
        await parts.desk.seat_heartbeat(seat.id)
    return works, seat


async def longer(request: Request, parts: ConsoleParts, visitor: Visitor, seconds: float) -> Result:
    """More time for notes."""
    seat = await seat_of(request, parts, visitor)
    return _done(request, visitor, await parts.desk.more_wrap_up(seat.id, seconds, who=visitor.who))


async def command(
    request: Request, parts: ConsoleParts, visitor: Visitor, name: Command, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Ask something of the talk that the seat is in. Raises SeatError."""
    seat = await seat_of(request, parts, visitor)
    if seat.call_id is None:
        raise SeatError(text(request, visitor, "seat.no_call"), code="H652")
    if name == "decline" and seat.state != "ringing":
        raise SeatError(text(request, visitor, "seat.rings_not"), code="H652")
    given = {key: value for key, value in arguments.items() if value}
    if "seat" in given:  # whom; the seat that asks is one's own
        given["to"] = given.pop("seat")
    try:
        answer = await ask_worker(parts, seat.call_id, name, seat=seat.id, by=visitor.who, **given)
    except SeatError:
        if name != "shown":
            raise
        return {
            "state": "over"
        }  # nobody waits for the screen any more: answered, gone, or not rung by a worker
    if name in _AUDITED:
        await did(parts, visitor, name, f"call:{seat.call_id}", seat=seat.id)
    return answer


async def call_out(
    request: Request, parts: ConsoleParts, visitor: Visitor, number: str, *, customer: str, about: str
) -> str:
    """Ring the visitor's seat and then a number; the id of the call. Raises SeatError."""
    seat = await seat_of(request, parts, visitor)
    number = plain_number(number)
    if not number:
        raise SeatError(text(request, visitor, "seat.call.no_number"), code="H653")
    policy = about.removeprefix("policy:") if about.startswith("policy:") else ""
    now = parts.clock().astimezone(ZoneInfo(parts.settings.zone))
    call = f"{now:%Y%m%d-%H%M%S}-o-{secrets.token_hex(4)}"
    result = await parts.desk.call_out(
        call, seat.id, number, customer=customer[:20], policy=policy[:40], who=visitor.who
    )
    _done(request, visitor, result)
    await did(parts, visitor, "called", f"call:{call}", seat=seat.id, about=about[:80])
    return call


async def save_wrap_up(
    request: Request, parts: ConsoleParts, visitor: Visitor, call: str, disposition: str, note: str
) -> WrapUp:
    """Note what one of the seat's own calls came to. Raises SeatError, BadValueError."""
    seat = await seat_of(request, parts, visitor)
    own = await parts.database.callers.served_at(call, seat.id)
    if own is None:
        raise SeatError(text(request, visitor, "seat.not_yours"), code="H654")
    saved = await parts.database.talks.save_wrap_up(
        call, seat.id, user=visitor.name, disposition=disposition, note=note, began_at=own
    )
    parts.bus.publish("call", call)
    return saved


async def finish_wrap_up(request: Request, parts: ConsoleParts, visitor: Visitor, call: str) -> None:
    """The notes of a call are done: the seat is what it wanted to be afterwards, else ready. Harmless otherwise."""
    seat = await seat_of(request, parts, visitor)
    if seat.state != "wrap_up" or await noting_of(parts, seat) != call:
        return
    await be(
        request,
        parts,
        visitor,
        cast("Wish", seat.afterwards or "ready"),
        seat.afterwards_reason,
        seat.forward_to,
    )


def plain_number(number: str) -> str:
    """A number as it is dialled; empty for what is none."""
    plain = re.sub(r"[\s()\-.]", "", number)
    return plain if _NUMBER.fullmatch(plain) else ""


async def _forward(request: Request, parts: ConsoleParts, visitor: Visitor, seat: Seat, to: str) -> str:
    """Where personal calls go meanwhile: a number, another seat's id, or nowhere."""
    to = to.strip()
    if not to or to.startswith(("sip:", "sips:")):
        return to[:190]
    if number := plain_number(to):
        return number
    if to != seat.id and (await parts.database.seats.scene(seat=to)).seat is not None:
        return to
    raise SeatError(text(request, visitor, "seat.away.to_wrong"), code="H653")


def _done(request: Request, visitor: Visitor, result: Result) -> Result:
    """The result, if it is done. Raises SeatError (H655) that says what stands in the way."""
    if result:
        return result
    known = f"seat.why.{result.why}"
    try:
        why = text(request, visitor, known)
    except KeyError:
        state = text(request, visitor, f"seat_state.{result.why}") if result.why else ""
        why = text(request, visitor, "seat.why.state", state=state)
    raise SeatError(why, code="H655")

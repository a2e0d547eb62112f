"""A caller and a seat: the whisper, the talk, who else comes to it, and how it ends.

The talk's state has one owner, whoever runs it; consoles and supervisors ask by `Command`, one after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from ivr.errors import HotlineError
from ivr.flow.instructions import Transfer
from ivr.lines.base import Ended, HoldChanged, KeyDown, Leg, LegEvent, PlayEnded, TransferAsked
from ivr.lines.port_leg import PortLeg
from ivr.media import tones
from ivr.media.bridge import Role
from ivr.seats import referring
from ivr.seats.case import Case
from ivr.seats.changes import Result
from ivr.seats.desk import Offer
from ivr.seats.news import (
    CallerGone,
    CallerTold,
    Command,
    LegTold,
    News,
    NotPickedUp,
    PickedUp,
    PlaceLost,
    not_yet,
)
from ivr.seats.ring import Ring, why_not
from ivr.seats.sound import Room
from ivr.seats.taping import Tape
from ivr.seats.waiting_room import TOKEN

_log = logging.getLogger(__name__)

#: How a talk ends: it is over; the caller waits for another seat (`onward`: an offer may be there already); is to be
#: joined to an outside number; is in self-service while the seat waits; has hung up; the seat broke off, and no other
#: serves, or the hotline's rule is that the flow goes on.
Ending = Literal["over", "onward", "outward", "retrieved", "caller_gone", "lost"]
Part = Literal["main", "consult", "conference", "supervisor"]
_WHISPER: Final = "whisper"
_CONSENT: Final = f"{TOKEN}consent"
_RING_BACK: Final = f"{TOKEN}ring_back"
#: Rounds of ringing, of five seconds, that a seat hears at most while it waits for somebody.
_ROUNDS: Final = 12


#: Does what a command asks of a talk, and gives the facts that its asker is told.
Obey = Callable[["Talk", Command], Awaitable[Mapping[str, Any]]]


@dataclass(eq=False, slots=True)
class Member:
    """Somebody in the talk who is not the caller: a seat by its id, or an outside number with none."""

    leg: Leg
    seat: str
    part: Part
    role: Role = "party"
    #: How the record names them.
    name: str = ""


class Talk:
    """One caller with those who serve them. `main` is who serves.

    `offer` is what the seat was rung for; without one, an outside number serves, and the desk knows of no call.
    `obey` does what is asked by a command, or raises SeatError.
    """

    def __init__(self, case: Case, main: Member, offer: Offer | None, obey: Obey) -> None:
        self.case = case
        self._obey = obey
        self.offer = offer
        self.main: Member | None = main
        self.members: dict[Leg, Member] = {main.leg: main}
        #: Telephones that ring: one for advice, and supervisors'.
        self.rings: list[Ring] = []
        self.room: Room = case.tools.sound.room()
        #: Why the caller hears music; not at all if for no reason.
        self.held: set[str] = set()
        self.joined = False
        #: Where the caller is sent, when the talk ends `outward`.
        self.outward = ""
        self.ending: Ending | None = None
        #: Whether the caller is sent on because the line to the seat broke.
        self.broken = False
        self._began_at = 0.0
        self._rings_back = False
        self._announced: Tape | None = None

    @property
    def queue(self) -> str:
        """The queue that the call is served for."""
        return self.case.request.queue if self.offer is None else self.offer.queue.name

    def member_of(self, seat: str) -> Member | None:
        """The member who sits at a seat."""
        return next((one for one in self.members.values() if seat and one.seat == seat), None)

    @property
    def consulted(self) -> Member | None:
        """Who is asked behind the caller's back."""
        return next((one for one in self.members.values() if one.part == "consult"), None)

    @property
    def consulting(self) -> Ring | None:
        """The telephone that rings for advice."""
        return next((ring for ring in self.rings if ring.what == "consult"), None)

    # Before they hear each other

    async def introduce(self, request: Transfer, *, whisper: bool = True) -> Ending | None:
        """Whisper to the seat, and tell the caller that talks are recorded; then they may be joined.

        Meanwhile the caller waits on. An ending says that it did not come to that.
        """
        main = self._serving()
        self._attach(main.leg)
        waited_for = self._announce()
        if self.offer is not None and whisper:
            said = self.case.tools.whisper(self.offer, request)
            main.leg.play(said.clips, token=_WHISPER, text=said.text)
            waited_for.add(_WHISPER)
        while waited_for:
            news = await self.case.mailbox.next()
            match news:
                case LegTold(event=PlayEnded(token=token)):
                    waited_for.discard(token)
                case CallerTold(event=PlayEnded(token=token)):
                    waited_for.discard(token)
                case CallerTold(event=KeyDown(key=key)):
                    self._pressed(key)
                case _:
                    ending = await self._before_joined(news)
                    if ending is not None:
                        return ending
        return None

    def _announce(self) -> set[str]:
        said = self.case.announcement()
        if said is None:
            return set()
        self._announced = self.case.tape  # it hears their keys from now on, of which one may mean no
        self.case.leg.stop_playing()
        self.case.leg.play(said.clips, token=_CONSENT, text=said.text)
        return {_CONSENT}

    async def _before_joined(self, news: News) -> Ending | None:
        desk, call, main = self.case.desk, self.case.call, self._serving()
        match news:
            case LegTold(leg, Ended()) if leg is main.leg:
                self.members.pop(leg)
                if self.offer is None:
                    return "lost"
                handed = await self.case.asked(desk.hand_over(call, queue=self.queue, who="system"))
                return "onward" if handed else "over"
            case CallerGone():
                await self.case.asked(desk.abandon(call))
                return "caller_gone"
            case Offer():
                self.case.mailbox.put_back(news)
                return "onward"
            case Command() if news.name == "hang_up" and news.seat == main.seat:
                main.leg.hang_up()
                news.done({"state": "hung_up"})
            case Command():
                news.refuse(not_yet())
        return None

    def join(self) -> None:
        """Let caller and seat hear each other."""
        main, case = self._serving(), self.case
        case.leg.stop_playing()
        self.room.join(case.leg)
        self.room.join(main.leg)
        case.tape.seat(main.leg, main.seat)
        self._began_at = case.clock.time()
        self.joined = True
        case.note("talk_joined", seat=main.seat, to=main.name)
        case.nudge(main.seat)

    def rejoin(self) -> None:
        """The caller is back from self-service, at the seat that waited."""
        main = self._serving()
        self.case.leg.stop_playing()
        self.room.hold(main.leg, False)
        self.room.join(self.case.leg)
        self.case.tape.seat(main.leg, main.seat)
        self.joined = True
        self.ending = None

    def set_aside(self) -> None:
        """The caller goes to self-service; the seat hears music."""
        self.held.clear()
        self.room.leave(self.case.leg)
        self.case.tape.seat(None)
        self.room.hold(self._serving().leg, True)
        self.joined = False

    # While they talk

    async def run(self) -> Ending:
        """Do what is asked, until the talk ends."""
        while self.ending is None:
            news = await self.case.mailbox.next()
            try:
                await self.hear(news)
            except Exception:
                _log.exception("something went wrong in the talk of %s", self.case.call)
        return self.ending

    async def hear(self, news: News) -> None:
        """One piece of news."""
        match news:
            case LegTold(leg, Ended() as ended) if leg in self.members:
                await self._gone(self.members[leg], ended)
            case LegTold(leg, HoldChanged(held=held)) if self.main is not None and leg is self.main.leg:
                self.set_held("telephone", held)
            case CallerTold(event=KeyDown(key=key)):
                self._pressed(key)
            case LegTold(leg, KeyDown(key=key, source=source)) if leg in self.members:
                if source != "inband":  # the others hear that as it is
                    self._pass_on(self.members[leg], key)
            case LegTold(leg, TransferAsked() as asked) if leg in self.members:
                await self._referred(self.members[leg], asked)
            case CallerGone():
                await self.case.asked(self.case.desk.abandon(self.case.call))
                self.ending = "caller_gone"
            case Offer():  # somebody else has sent the caller on: a console that is gone, another process
                self.case.mailbox.put_back(news)
                self.ending = "onward"
            case PickedUp():
                await self._picked_up(news)
            case NotPickedUp():
                await self._not_picked_up(news)
            case PlaceLost():
                _log.warning("the place of %s was given up while they talk", self.case.call)
            case Command():
                await self._commanded(news)

    def _pressed(self, key: str) -> None:
        """The caller's keys are for nobody, but for one that may refuse the recording."""
        if self._announced is not None:
            self._announced.pressed(key)

    def _pass_on(self, presser: Member, key: str) -> None:
        """A seat's key goes to those outside whom the seat talks with: their own menus may want it."""
        if not presser.seat or presser.part not in ("main", "conference"):
            return
        if self.joined and not self.held:
            self.room.press(self.case.leg, key)
        asking = self.consulted if presser is self.main and "consult" in self.held else None
        for other in self.members.values():
            if not other.seat and (other is asking or other.part in ("main", "conference")):
                self.room.press(other.leg, key)

    async def _commanded(self, command: Command) -> None:
        if command.name == "shown":
            self._screen_shows(command)
            return
        try:
            command.done(await self._obey(self, command))
        except HotlineError as error:
            command.refuse(error)
        except Exception as error:
            command.refuse(error)
            raise

    def _screen_shows(self, command: Command) -> None:
        """A seat that is rung for advice, or to supervise, sees who calls."""
        for ring in self.rings:
            if ring.seat == command.seat:
                ring.screen_shows()
        command.done({"state": "shown"})

    async def _referred(self, member: Member, asked: TransferAsked) -> None:
        """A seat's own telephone asks for a transfer: as if it had been asked on the console."""
        if member.part != "main" or not self.joined:
            asked.report(603)
            return
        if asked.replaces and isinstance(member.leg, PortLeg):
            self.case.note("transferred", by=f"seat:{member.seat}", how="attended")
            member.leg.take_over(asked)
            return
        seats = (await self.case.asked(self.case.desk.store.snapshot())).seats
        command = referring.command_of(member.seat, referring.whom(asked.to, seats))
        await self._commanded(command)
        asked.report(referring.status_of(command))

    # Hold

    def set_held(self, why: str, on: bool) -> None:
        """The caller hears music for a reason more, or less."""
        before = bool(self.held)
        (self.held.add if on else self.held.discard)(why)
        if bool(self.held) != before and self.joined:
            self._hold(bool(self.held))

    def _hold(self, on: bool) -> None:
        self.room.hold(self.case.leg, on)
        if on:
            self.case.tape.seat(None)
        else:
            self._tape_everybody()
        self.case.note("talk_held" if on else "talk_resumed", why=",".join(sorted(self.held)))
        self._changed()

    def _tape_everybody(self) -> None:
        """Who talks with the caller now, on the tape."""
        tape = self.case.tape
        if self.main is not None:
            tape.seat(self.main.leg, self.main.seat)
        for member in self.members.values():
            if member.part == "conference" or (member.part == "supervisor" and member.role == "party"):
                tape.also(member.leg, member.seat)

    def swap(self) -> None:
        """Who serves talks with the caller instead of whoever is asked, who hears music; or the other way about."""
        asked = self.consulted
        if asked is None:
            raise RuntimeError("nobody is asked")
        to_caller = "consult" in self.held
        self.room.hold(asked.leg, to_caller)
        self.held.discard("seat")
        self.set_held("consult", not to_caller)
        self._changed(asked.seat)

    def ring_back(self) -> None:
        """Who serves hears the ringing at whom they ask, as long as nobody else is there to be heard."""
        on = self.consulting is not None and len(self.members) == 1
        if on == self._rings_back or self.main is None:
            return
        self._rings_back = on
        if on:
            self.main.leg.play([tones.ringback()] * _ROUNDS, token=_RING_BACK)
        else:
            self.main.leg.stop_playing()

    # Others who come

    async def _picked_up(self, news: PickedUp) -> None:
        """Somebody asked for advice, or to listen, has answered."""
        ring = news.ring
        if ring not in self.rings:
            news.leg.hang_up()
            return
        self.rings.remove(ring)
        self.ring_back()
        if ring.seat and not await self.case.asked(self.case.desk.answered(self.case.call, ring.seat)):
            news.leg.hang_up()
            self._not_consulting(ring)
            return
        self.let_in(ring, news.leg)

    def let_in(self, ring: Ring, leg: Leg) -> None:
        """Let somebody hear those who talk, in the role they were rung for."""
        self._attach(leg)
        name = ring.seat or ring.to
        if ring.what == "consult":
            self.members[leg] = Member(leg, ring.seat, "consult", name=name)
            self.room.join(leg)
            self.case.note("consulted", seat=ring.seat)
        else:
            member = self.members[leg] = Member(leg, ring.seat, "supervisor", name=name)
            self.set_role(member, ring.what)
        self.ring_back()
        self._changed(ring.seat)

    def set_role(self, member: Member, role: str) -> None:
        """Let a supervisor listen, whisper to the seat that serves, or join."""
        to = self.main.leg if role == "whisperer" and self.main is not None else None
        member.role = "party" if role == "party" else "whisperer" if to is not None else "listener"
        self.room.join(member.leg, role=member.role, to=to)
        if member.role == "party" and not self.held:
            self.case.tape.also(member.leg, member.seat)
        else:
            self.case.tape.without(member.leg)
        self.case.note("supervised", seat=member.seat, role=member.role)

    async def _not_picked_up(self, news: NotPickedUp) -> None:
        ring = news.ring
        if ring not in self.rings:
            return
        self.rings.remove(ring)
        self.ring_back()
        why = why_not(news.error)
        if ring.seat:
            desk, call = self.case.desk, self.case.call
            missed = desk.refused(call, ring.seat) if why == "refused" else desk.missed(call, ring.seat, why)
            await self.case.asked(missed)
        self.case.note("seat_missed", seat=ring.seat, why=why)
        self._not_consulting(ring)

    def _not_consulting(self, ring: Ring) -> None:
        if ring.what == "consult":
            self.set_held("consult", False)
        self._changed(ring.seat)

    # Those who go

    async def _gone(self, member: Member, ended: Ended) -> None:
        """A telephone has hung up, or its line has broken."""
        if member is self.main:
            await self.main_gone(broken=ended.by == "line")
        else:
            await self.other_gone(member)

    async def other_gone(self, member: Member) -> None:
        """Somebody leaves who does not serve."""
        self.put_out(member)
        if member.seat:
            await self.case.asked(self.case.desk.drop(self.case.call, member.seat))
        if member.part == "consult":
            self.set_held("consult", False)
        self.case.note("left_talk", seat=member.seat, part=member.part)
        self._changed(member.seat)
        if self.main is None and not self._others():
            self.ending = "over"

    async def main_gone(self, *, broken: bool) -> None:
        """Who served is gone: whoever was asked takes over, or who is in conference; else the talk is over."""
        main, consulted = self._serving(), self.consulted
        self.put_out(main)
        if consulted is not None:
            await self.hand_to(consulted)
        elif self.consulting is not None:
            self._stop_rings()
            handed = await self._asked_to_queue()
            self.ending = "onward" if handed else "over"
        elif self._others():
            await self._hand_to_others(main)
        elif broken and main.seat:
            await self._seat_lost(main)
        else:
            await self.case.asked(self.case.desk.ended(self.case.call))
            self.ending = "over"
        self._changed(main.seat)

    async def _asked_to_queue(self) -> Result:
        desk = self.case.desk
        return await self.case.asked(desk.hand_over(self.case.call, queue=self.queue, who="system"))

    def _others(self) -> list[Member]:
        """Who talks with the caller beside the one who serves."""
        return [one for one in self.members.values() if one.part == "conference"]

    async def _hand_to_others(self, main: Member) -> None:
        """The conference goes on without the seat that served."""
        desk, call, others = self.case.desk, self.case.call, self._others()
        dropped = await self.case.asked(desk.drop(call, main.seat)) if main.seat else None
        heir = None if not dropped else dropped.call and dropped.call.seat_id
        chosen = self.member_of(heir or "")
        if chosen is None:  # an outside number goes on with the caller: nobody's business any more
            await self.case.asked(desk.ended(call, "transferred"))
            chosen = others[0]
        self._serve_by(chosen)

    async def hand_to(self, member: Member) -> None:
        """Somebody who was asked, or is in conference, serves from now on; the seat that did is out."""
        desk, call = self.case.desk, self.case.call
        moved = desk.complete(call, member.seat) if member.seat else desk.ended(call, "transferred")
        done = await self.case.asked(moved)
        if not done:
            _log.warning("%s was not handed over at the desk: %s", call, done.why)
        self.room.hold(member.leg, False)
        self._serve_by(member)
        self.set_held("consult", False)

    def _serve_by(self, member: Member) -> None:
        member.part = "main"
        self.main = member
        for other in self.members.values():
            if other.part == "supervisor" and other.role == "whisperer":
                self.set_role(other, "whisperer")
        if not self.held:
            self._tape_everybody()
        self.case.note("transferred", seat=member.seat, to="" if member.seat else "outside")
        self._changed(member.seat)

    async def _seat_lost(self, main: Member) -> None:
        """The line to the seat broke while they talked."""
        desk, call = self.case.desk, self.case.call
        self.case.note("seat_lost", seat=main.seat)
        self.ending = "lost"
        if self.case.tools.manners.lost == "flow":
            await self.case.asked(desk.ended(call, "seat_lost"))
            return
        await self.case.asked(desk.seat_lost(call, main.seat))  # or its console's lease has run out before
        if await self.case.asked(desk.somebody_else(call, than=main.seat)):
            self.ending, self.broken = "onward", True
        else:
            await self.case.asked(desk.leave(call, why="seat_lost"))

    def put_out(self, member: Member) -> None:
        """Take somebody out of the talk and hang up."""
        self.members.pop(member.leg, None)
        if member is self.main:
            self.main = None
        self.room.leave(member.leg)
        self.case.tape.without(member.leg)
        member.leg.hang_up()

    def close(self) -> None:
        """The talk is over: nobody hears anybody, all telephones but the caller's are hung up."""
        self._stop_rings()
        self.room.close()
        seats = [member.seat for member in self.members.values()]
        for member in self.members.values():
            member.leg.hang_up()
        self.members.clear()
        if self.joined:
            self.case.tape.seat(None)
            self.joined = False
        if self._began_at:
            seconds = round(self.case.clock.time() - self._began_at, 1)
            self.case.note("talk_ended", why=self.ending or "", seconds=seconds)
        self.case.nudge(*filter(None, seats))

    def _stop_rings(self) -> None:
        for ring in self.rings:
            ring.stop()
        self.rings.clear()

    def _serving(self) -> Member:
        if self.main is None:
            raise RuntimeError("nobody serves")
        return self.main

    def _attach(self, leg: Leg) -> None:
        leg.attach(partial(self._told, leg))
        if isinstance(leg, PortLeg):
            leg.hears_transfers = True

    def _told(self, leg: Leg, event: LegEvent) -> None:
        if isinstance(event, Ended | HoldChanged | KeyDown | PlayEnded | TransferAsked):
            self.case.mailbox.post(LegTold(leg, event))

    def _changed(self, *seats: str) -> None:
        mains = [] if self.main is None else [self.main.seat]
        self.case.nudge(*filter(None, {*seats, *mains}))

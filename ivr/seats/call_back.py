"""A kept place whose turn has come: the seat is rung, then the caller at their number, and they are joined.

The place was claimed for the seat before anything rings, so that no two processes dial one caller; a process that
dies with it leaves the place in line, for the next that looks.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Final

from ivr.clock import Clock
from ivr.flow.instructions import Transfer
from ivr.lines.base import Ended, KeyDown, Leg, LegEvent, LegInfo, PlayEnded
from ivr.seats.case import OUTSIDE_SECONDS, Case, Tools
from ivr.seats.commands import obey
from ivr.seats.desk import Caller, Offer
from ivr.seats.handling import Handling
from ivr.seats.news import (
    CallerGone,
    CallerTold,
    Command,
    LegTold,
    Mailbox,
    News,
    NotPickedUp,
    PickedUp,
    PlaceLost,
    not_yet,
)
from ivr.seats.ring import Ring, address_of, hidden, lead_of, why_not
from ivr.seats.talk import Member, Talk
from ivr.seats.waiting_room import TOKEN

_log = logging.getLogger(__name__)
_GREETING: Final = f"{TOKEN}greeting"
_SEAT_TOLD: Final = "call back"
#: Seconds that a called-back caller waits for another seat, if the first sends them on.
_PATIENCE: Final = 180.0


class CallBack:
    """One attempt to call somebody back. Like a `Handling` it is told by `post` and never cancelled."""

    parked = False

    def __init__(self, tools: Tools, clock: Clock, offer: Offer) -> None:
        self.offer = offer
        self._tools = tools
        self._clock = clock
        self._mailbox = Mailbox()
        self._handling: Handling | None = None
        self._joined = True

    @property
    def joined(self) -> bool:
        """Whether the desk has the place as ours."""
        return self._joined if self._handling is None else self._handling.joined

    @property
    def record(self) -> str:
        """The name of this attempt's own record among the calls."""
        return f"{self.offer.call_id}-r{self.offer.call.attempts + 1}"

    def post(self, news: News) -> None:
        """Tell it what has happened."""
        self._mailbox.post(news)

    async def run(self) -> None:
        """Ring the seat, then the caller; returns when all is over."""
        seat: Leg | None = None
        try:
            seat = await self._seat()
            if seat is not None:
                await self._with_seat(seat)
        finally:
            self._joined = False
            if seat is not None:
                seat.hang_up()
            self._mailbox.close()

    # The seat

    async def _seat(self) -> Leg | None:
        """Ring the seat; None: it does not answer, and the place is back in line."""
        offer, desk = self.offer, self._tools.desk
        self._tools.notify("seat", offer.seat.id)
        ring = Ring(
            self._tools, self._mailbox, self._clock, address_of(offer.seat), seconds=offer.queue.ring_seconds,
            lead=lead_of(offer.seat, self._tools.manners.pop_lead), seat=offer.seat.id, offer=offer,
        )  # fmt: skip
        try:
            while True:
                match await self._mailbox.next():
                    case PickedUp(_, leg):
                        return await self._answered(leg)
                    case NotPickedUp() as news:
                        await self._missed(why_not(news.error))
                        return None
                    case Command() as command if command.name == "decline":
                        await desk.refused(offer.call_id, offer.seat.id)
                        command.done({"state": "declined"})
                        return None
                    case Command() as command if command.name == "shown":
                        ring.screen_shows()
                        command.done({"state": "shown"})
                    case Command() as command:
                        command.refuse(not_yet())
                    case CallerGone() | PlaceLost():  # the worker stops
                        await desk.missed(offer.call_id, offer.seat.id, "broken off")
                        return None
        finally:
            ring.stop()

    async def _answered(self, leg: Leg) -> Leg | None:
        with self._clock.hold():
            done = await self._tools.desk.answered(self.offer.call_id, self.offer.seat.id)
        if done:
            return leg
        leg.hang_up()
        return None

    async def _missed(self, why: str) -> None:
        offer, desk = self.offer, self._tools.desk
        with self._clock.hold():
            if why == "refused":
                await desk.refused(offer.call_id, offer.seat.id)
            else:
                await desk.missed(offer.call_id, offer.seat.id, why)
        self._tools.notify("seat", offer.seat.id)

    # The caller

    async def _with_seat(self, seat: Leg) -> None:
        """Tell the seat what is coming, and ring the caller meanwhile."""
        said = self._tools.words(_language(self.offer), ("seat_note.call_back", {}))
        seat.attach(lambda event: self._seat_told(seat, event))
        seat.play(said.clips, token=_SEAT_TOLD, text=said.text)
        music = self._tools.sound.music(seat)
        number = self.offer.call.call_back_to
        ring = Ring(self._tools, self._mailbox, self._clock, number, seconds=OUTSIDE_SECONDS)
        self._begin_record(number)
        outcome = "not_reached"
        try:
            try:
                caller = await self._reached(seat)
            finally:
                ring.stop()
                music()
            if caller is not None:
                outcome = await self._talk(seat, caller)
        finally:
            await self._end_record(outcome)

    def _begin_record(self, number: str) -> None:
        """An attempt is a call like any other, answered or not."""
        records, began, call = self._tools.records, self._clock.time(), self.offer.call
        if records is None:
            return
        info = LegInfo(self.record, "call_back", "", number)
        records.begin(self.record, info, flow="", version="", now=lambda: self._clock.time() - began)
        known = {"language": call.language, "policy": call.policy}
        records.know(self.record, **{name: value for name, value in known.items() if value})
        self._tools.note(self.record, "call_back", of=call.call_id, to=hidden(number))

    async def _end_record(self, outcome: str) -> None:
        if self._tools.records is not None:
            with self._clock.hold():
                await self._tools.records.finish(self.record, outcome)

    async def _reached(self, seat: Leg) -> Leg | None:
        """The caller's leg; None: they are tried again later, or the seat has gone and the next is rung."""
        call, desk = self.offer.call_id, self._tools.desk
        while True:
            match await self._mailbox.next():
                case PickedUp(_, leg):
                    return leg
                case NotPickedUp() as news:
                    _log.info("%s was not reached: %s", call, news.error)
                    await self._not_reached(why_not(news.error))
                    return None
                case LegTold(leg, Ended()) if leg is seat:
                    await self._not_reached("seat gone")
                    return None
                case Command() as command if command.name == "hang_up":
                    command.done({"state": "hung_up"})
                    await self._not_reached("seat gone")
                    return None
                case Command() as command:
                    command.refuse(not_yet())
                case CallerGone():
                    with self._clock.hold():
                        await desk.not_reached(call)
                    return None
                case PlaceLost():
                    return None

    async def _not_reached(self, why: str) -> None:
        with self._clock.hold():
            await self._tools.desk.not_reached(self.offer.call_id)
        self._tools.note(self.record, "not_reached", why=why)
        self._tools.notify("seat", self.offer.seat.id)

    # The talk

    async def _talk(self, seat: Leg, leg: Leg) -> str:
        """Greet the caller and join the two; the word for the record."""
        case = self._case(leg)
        leg.attach(partial(self._caller_told, case))
        try:
            return await self._joined_with(case, seat) if await self._greeted(case, leg) else "caller_hung_up"
        finally:
            leg.hang_up()

    def _case(self, leg: Leg) -> Case:
        call = self.offer.call
        caller = Caller(
            call.call_back_to,
            customer=call.customer,
            policy=call.policy,
            language=call.language,
            skills=call.skills,
        )
        request = Transfer("", call.queue, _PATIENCE)
        case = Case(self._tools, call.call_id, leg, request, caller, record=self.record, in_flow=False)
        case.mailbox = self._mailbox
        return case

    async def _greeted(self, case: Case, leg: Leg) -> bool:
        """Say whose hotline it is; whether the caller has heard it out."""
        said = case.tools.words(case.language, ("call_back.greeting", {}))
        leg.play(said.clips, token=_GREETING, text=said.text)
        while True:
            match await self._mailbox.next():
                case CallerTold(event=PlayEnded(token=token)) if token == _GREETING:
                    return await self._is_there(case)
                case CallerTold() as news if isinstance(news.event, KeyDown):
                    leg.stop_playing()
                    return await self._is_there(case)
                case CallerGone():
                    await self._not_reached("hung up")
                    return False
                case LegTold(_, Ended()):
                    await self._not_reached("seat gone")
                    return False
                case Command() as command:
                    command.refuse(not_yet())
                case PlaceLost():
                    return False

    async def _is_there(self, case: Case) -> bool:
        return bool(await case.asked(case.desk.reached(case.call)))

    async def _joined_with(self, case: Case, seat: Leg) -> str:
        """Let them talk; the word for the record."""
        member = Member(seat, self.offer.seat.id, "main", name=self.offer.seat.id)
        talk = Talk(case, member, self.offer, obey)
        self._handling = handling = Handling(case)
        try:
            outcome = await handling.go_on(talk)
            return "transferred" if outcome == "answered" else outcome
        finally:
            handling.end()

    def _seat_told(self, seat: Leg, event: LegEvent) -> None:
        if isinstance(event, Ended):
            self._mailbox.post(LegTold(seat, event))

    def _caller_told(self, case: Case, event: LegEvent) -> None:
        if isinstance(event, Ended):
            case.mailbox.post(CallerGone())
        elif isinstance(event, KeyDown | PlayEnded):
            case.mailbox.post(CallerTold(event))


def _language(offer: Offer) -> str:
    return offer.seat.languages[0] if offer.seat.languages else offer.call.language

"""One caller's way to a person: waiting, ringing at seats, the talk, self-service for a moment, and back."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import Final, Literal

from ivr.clock import TimerHandle
from ivr.errors import LineError, SeatError
from ivr.flow.instructions import Transfer
from ivr.lines.base import Ended, Leg, PlayEnded
from ivr.lines.port_leg import PortLeg
from ivr.seats.case import OUTCOMES, Case, Outcome, Tools
from ivr.seats.commands import obey
from ivr.seats.desk import Caller, NotJoined, Offer
from ivr.seats.news import (
    CallerBack,
    CallerGone,
    CallerTold,
    Command,
    LegTold,
    News,
    NotPickedUp,
    PickedUp,
    PlaceLost,
    Tick,
    TimeUp,
    not_yet,
)
from ivr.seats.plans import FIRST_IN_LINE
from ivr.seats.ring import Ring, why_not
from ivr.seats.sound import End
from ivr.seats.talk import Ending, Member, Talk
from ivr.seats.waiting_room import TOKEN, WaitingRoom
from policy_db.seat_facts import Queue

__all__ = ["CallerGone", "Handling", "Outcome", "PlaceLost", "Tools"]

_log = logging.getLogger(__name__)
_SORRY: Final = f"{TOKEN}sorry"
_SAID: Final = "level"
#: What a seat hears when its caller is back from self-service, by their assurance.
_LEVELS: Final = ("seat_note.not_verified", "seat_note.not_verified", "seat_note.verified")


class Handling:
    """One call's transfer, from joining the line to its outcome. It is never cancelled: it is told, by `post`.

    `outcome` is what the flow waits for; a caller who was sent back to it and asks for a person again gets another.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Outcome] = loop.create_future()
        #: Done when nothing of it is left.
        self.ended: asyncio.Future[None] = loop.create_future()
        #: Whether the call has a place in line, or at a seat.
        self.joined = False
        self.parked = False
        self._room = WaitingRoom(case)
        self._deadline = 0.0
        self._timer: TimerHandle | None = None
        self._ring: Ring | None = None
        self._talk: Talk | None = None
        #: Whether the next music begins with an apology.
        self._sorry = False

    @classmethod
    def of(cls, tools: Tools, call: str, leg: Leg, request: Transfer, caller: Caller) -> Handling:
        """The handling of a caller on the line."""
        return cls(Case(tools, call, leg, request, caller))

    def post(self, news: News) -> None:
        """Tell it what has happened."""
        self.case.mailbox.post(news)

    def back(self, request: Transfer, policy: str, level: int) -> None:
        """The caller who was sent to self-service asks for a person again."""
        self.outcome = asyncio.get_running_loop().create_future()
        self.post(CallerBack(request, policy, level))

    async def run(self) -> None:
        """Bring the caller to a person; `outcome` is set when they have talked, or are to go back."""
        try:
            self._give(await self._from_the_line())
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self.end()

    async def go_on(self, talk: Talk) -> Outcome:
        """Go on from where somebody else has both on the line (a call-back)."""
        self.joined, self._talk = True, talk
        ending = await talk.introduce(self.case.request, whisper=False)
        if ending is None:
            talk.join()
            ending = await talk.run()
        outcome = await self._after(talk, ending)
        return await self._until_served() if outcome is None else outcome

    def end(self) -> None:
        """Leave nothing behind."""
        self.joined = False
        if self._timer is not None:
            self._timer.cancel()
        self._stop_ringing()
        self._room.close()
        if self._talk is not None:
            self._talk.close()
        self.case.end_tape()
        self.case.mailbox.close()
        if not self.ended.done():
            self.ended.set_result(None)

    def _give(self, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def _fail(self, error: BaseException) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error if isinstance(error, Exception) else RuntimeError("broken off"))

    # In line

    async def _from_the_line(self) -> Outcome:
        outcome = await self._join(self.case.request.queue)
        return await self._until_served() if outcome is None else outcome

    async def _join(self, queue: str, *, first: bool = False) -> Outcome | None:
        """Take a place in line; an outcome says that no queue takes the caller."""
        case = self.case
        caller = replace(case.caller, priority=case.caller.priority + FIRST_IN_LINE) if first else case.caller
        place = await case.asked(
            case.desk.join(case.call, queue=queue, worker=case.tools.worker, caller=caller)
        )
        if isinstance(place, NotJoined):
            return OUTCOMES[place.why]
        self.joined = True
        case.note("queue_joined", queue=place.call.queue)
        case.tools.notify("queue", place.call.queue)
        self._allow_time()
        return None

    async def _until_served(self) -> Outcome:
        while True:
            outcome = await self._wait()
            if outcome is not None:
                return outcome

    def _allow_time(self) -> None:
        """The caller waits for as long as the flow allows, from now on."""
        if self._timer is not None:
            self._timer.cancel()
        self._deadline = self.case.clock.time() + self.case.request.timeout
        self._timer = self.case.clock.call_at(self._deadline, partial(self.post, TimeUp()))

    async def _wait(self) -> Outcome | None:
        """Music, and seats that ring one after the other; None: the one that answered is gone, and so on."""
        self._room.open(await self._queue())
        if self._sorry:
            self._room.sorry()
            self._sorry = False
        try:
            while True:
                news = await self.case.mailbox.next()
                if isinstance(news, PickedUp):
                    offer = await self._taken(news)
                    if offer is not None:
                        return await self._serve(offer, news.leg)
                    continue
                outcome = await self._waiting(news)
                if outcome is not None:
                    return outcome
        finally:
            self._room.close()

    async def _queue(self) -> Queue | None:
        """The queue that the call waits in, with its rules."""
        return (await self.case.asked(self.case.desk.store.scene(call=self.case.call))).queue

    async def _waiting(self, news: News) -> Outcome | None:
        """One piece of news while no seat has answered; an outcome ends the wait."""
        match news:
            case Offer():
                self._ring_for(news)
            case NotPickedUp() if news.ring is self._ring:
                self._ring = None
                await self._not_picked_up(news)
            case CallerTold():
                return await self._chosen(await self._room.told(news.event))
            case Tick():
                await self._room.tick()
            case CallerGone():
                return await self._gone()
            case TimeUp() if not self._room.kept:
                return await self._leave("timeout")
            case PlaceLost() if not self._room.kept:
                return "closed"
            case Command():
                await self._commanded(news)
        return None

    async def _chosen(self, choice: Outcome | None) -> Outcome | None:
        if choice is not None or self._room.kept:
            self.joined = False  # the place is nobody's of this worker any more
            self._stop_ringing()
        return choice

    async def _gone(self) -> Outcome:
        self._stop_ringing()
        if not self._room.kept:
            await self.case.asked(self.case.desk.abandon(self.case.call))
        return "callback" if self._room.kept else "closed"

    async def _leave(self, why: str) -> Outcome:
        self._stop_ringing()
        await self.case.asked(self.case.desk.leave(self.case.call, why=why))
        return "timeout"

    async def _commanded(self, command: Command) -> None:
        """While it rings only one thing can be asked: that it stop. And the seat's screen tells what it shows."""
        ring = self._ring
        if command.name == "shown" and ring is not None and ring.seat == command.seat:
            ring.screen_shows()
            command.done({"state": "shown"})
            return
        if command.name != "decline" or ring is None or ring.seat != command.seat:
            command.refuse(not_yet())
            return
        self._stop_ringing()
        await self.case.asked(self.case.desk.refused(self.case.call, ring.seat))
        self._missed(ring.seat, "refused")
        command.done({"state": "declined"})

    # Ringing

    def _ring_for(self, offer: Offer) -> None:
        self._stop_ringing()
        _log.info("%s rings at %s", self.case.call, offer.seat.id)
        self._ring = self.case.ring_offer(offer)

    def _stop_ringing(self) -> None:
        if self._ring is not None:
            self._ring.stop()
            self._ring = None

    async def _not_picked_up(self, news: NotPickedUp) -> None:
        seat, why, desk = news.ring.seat, why_not(news.error), self.case.desk
        if why == "refused":
            await self.case.asked(desk.refused(self.case.call, seat))
        else:
            await self.case.asked(desk.missed(self.case.call, seat, why))
        if why == "unreachable":
            _log.warning("the seat %s cannot be rung: %s", seat, news.error)
        self._missed(seat, why)

    def _missed(self, seat: str, why: str) -> None:
        self.case.note("seat_missed", seat=seat, why=why)
        self.case.nudge(seat)

    async def _taken(self, news: PickedUp) -> Offer | None:
        """The offer, if the seat that picked up gets the caller; else it is hung up on."""
        offer, taken = news.ring.offer, False
        try:
            if news.ring is self._ring and offer is not None:
                self._ring = None
                taken = bool(await self.case.asked(self.case.desk.answered(self.case.call, offer.seat.id)))
        finally:
            if not taken:
                news.leg.hang_up()
        return offer if taken else None

    # At a seat

    async def _serve(self, offer: Offer, leg: Leg) -> Outcome | None:
        """Whisper to the seat while the caller still waits, then let them talk."""
        self.case.note("seat_answered", seat=offer.seat.id)
        self.case.nudge(offer.seat.id)
        member = Member(leg, offer.seat.id, "main", name=offer.seat.id)
        talk = self._talk = Talk(self.case, member, offer, obey)
        ending = await talk.introduce(self.case.request)
        if ending is None:
            self._room.close()
            talk.join()
            ending = await talk.run()
        return await self._after(talk, ending)

    async def _after(self, talk: Talk, ending: Ending) -> Outcome | None:
        """What comes after a talk; None: the caller waits for the next seat."""
        if ending == "retrieved":
            return await self._self_service(talk)
        talk.ending = ending
        talk.close()
        self._talk = None
        match ending:
            case "onward":
                self._sorry = talk.broken
                self._allow_time()
                return None
            case "outward":
                return await self._outward(talk.outward)
            case "lost":
                await self._apologise()
                return "timeout"
        return "answered"

    async def _apologise(self) -> None:
        """Say that the talk was broken off, before the flow goes on."""
        said = self.case.tools.words(self.case.language, ("waiting.seat_lost", {}))
        self.case.leg.play(said.clips, token=_SORRY, text=said.text)
        while True:
            match await self.case.mailbox.next():
                case CallerGone():
                    return
                case CallerTold(event=PlayEnded(token=token)) if token == _SORRY:
                    return
                case Command() as command:
                    command.refuse(not_yet())

    # In self-service, while the seat waits

    async def _self_service(self, talk: Talk) -> Outcome | None:
        """The flow has the caller back until it asks for a person again; then they are joined at once."""
        talk.set_aside()
        self._stop_timer()
        self.parked = True
        self._give("returned")
        back = await self._back_from_flow(talk)
        self.parked = False
        if back is None:
            talk.ending = "over"
            talk.close()
            self._talk = None
            return await self._seat_is_gone()
        self._join_again(talk, back)
        return await self._after(talk, await talk.run())

    async def _seat_is_gone(self) -> Outcome | None:
        """The seat did not wait. If the caller asks for it in this very moment, they are the next in line."""
        back = self.case.mailbox.first(CallerBack)
        if back is None:
            return "answered"  # nobody hears it: the flow was told already, or the call is over
        self.case.request = back.request
        return await self._join(back.request.queue, first=True)

    async def _back_from_flow(self, talk: Talk) -> CallerBack | None:
        """Wait for the caller; None: they, or the seat, are gone."""
        case = self.case
        while True:
            match await case.mailbox.next():
                case CallerBack() as back:
                    policy = back.policy
                    if await case.asked(case.desk.unpark(case.call, policy=policy)):
                        return back
                    await case.asked(case.desk.ended(case.call, "returned"))
                    self.post(back)
                    return None
                case LegTold(leg, Ended()) if leg in talk.members:
                    talk.members.pop(leg)
                    await case.asked(case.desk.ended(case.call, "returned"))
                    return None
                case Offer() | PlaceLost():
                    await case.asked(case.desk.ended(case.call, "returned"))
                    return None
                case CallerGone():
                    await case.asked(case.desk.abandon(case.call))
                    return None
                case Command() as command if command.name == "hang_up":
                    command.done({"state": "hung_up"})
                    await case.asked(case.desk.ended(case.call, "returned"))
                    return None
                case Command() as command:
                    command.refuse(SeatError("the caller is in self-service; wait, or hang up", code="H602"))

    def _join_again(self, talk: Talk, back: CallerBack) -> None:
        case = self.case
        case.request = back.request
        if back.policy:
            case.caller = replace(case.caller, policy=back.policy)
        case.note("caller_back", level=back.level)
        talk.rejoin()
        if talk.main is not None:
            said = case.tools.words(case.language, (_LEVELS[max(0, min(back.level, 2))], {}))
            talk.main.leg.play(said.clips, token=_SAID, text=said.text)
            case.nudge(talk.main.seat)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # To an outside number

    async def _outward(self, to: str) -> Outcome | None:
        """Ring an outside number while the caller hears music; if nobody answers, the caller is the next in line."""
        self._stop_timer()
        self.joined = False
        if self.case.tools.manners.refer_out and await self._sent_away(to):
            return "answered"
        silence = self.case.tools.sound.music(self.case.leg)
        ring = self.case.ring_outside(to, "outside")
        try:
            answered = await self._outside_answer(ring)
            if isinstance(answered, str):
                return "answered" if answered == "gone" else await self._missed_outside()
            return await self._talk_outside(answered, to, silence)
        finally:
            ring.stop()
            silence()

    async def _sent_away(self, to: str) -> bool:
        """Whether the caller's side has taken the caller there itself (REFER); else we bring them together as ever."""
        leg = self.case.leg
        silence = self.case.tools.sound.music(leg)
        try:
            status = await leg.send_away(to) if isinstance(leg, PortLeg) else 501
        except LineError:
            status = 404
        finally:
            silence()
        self.case.note("referred", status=status)
        return 200 <= status < 300

    async def _outside_answer(self, ring: Ring) -> Leg | Literal["missed", "gone"]:
        while True:
            match await self.case.mailbox.next():
                case PickedUp(other, leg) if other is ring:
                    return leg
                case NotPickedUp() as news if news.ring is ring:
                    self.case.note("seat_missed", seat="", why=why_not(news.error))
                    return "missed"
                case CallerGone():
                    return "gone"
                case Command() as command:
                    command.refuse(not_yet())

    async def _missed_outside(self) -> Outcome | None:
        self._sorry = True
        return await self._join(self.case.request.queue, first=True)

    async def _talk_outside(self, leg: Leg, to: str, silence: End) -> Outcome | None:
        """Join the caller with somebody outside: nobody's business at the desk any more."""
        talk = self._talk = Talk(self.case, Member(leg, "", "main", name=to), None, obey)
        ending = await talk.introduce(self.case.request)
        if ending is None:
            silence()
            talk.join()
            ending = await talk.run()
        return await self._after(talk, ending)

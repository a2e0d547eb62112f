"""One caller's way to a person: waiting, ringing at seats, the whisper, the talk, and back."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeVar

from ivr.clock import Clock, TimerHandle
from ivr.errors import LineError, RefusedError
from ivr.flow.instructions import Transfer
from ivr.lines.base import Ended, Leg, LegEvent, Line, PlayEnded
from ivr.seats.desk import Caller, Desk, NotJoined, Offer
from ivr.seats.line import Turned
from ivr.seats.sound import End, Sound
from ivr.speech import Rendered

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

Outcome = Literal["answered", "busy", "timeout", "closed"]
#: What a flow is told when no queue takes its caller.
OUTCOMES: Final[Mapping[Turned, Outcome]] = {
    "closed": "closed",
    "nobody": "closed",
    "unknown": "closed",
    "full": "busy",
    "busy": "busy",
}
#: Statuses by which a person, or the telephone for them, declines (RFC 3261, sections 21.4.24 and 21.6).
_DECLINED: Final = frozenset({486, 600, 603})
_WHISPER: Final = "whisper"


@dataclass(frozen=True, slots=True)
class Tools:
    """What every caller's way needs, the same for a whole worker."""

    desk: Desk
    worker: str
    line: Line
    sound: Sound
    #: What a seat hears on picking up.
    whisper: Callable[[Offer, Transfer], Rendered]


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller has hung up."""


@dataclass(frozen=True, slots=True)
class PlaceLost:
    """The desk has given the call's place up, as if its worker were dead."""


@dataclass(frozen=True, slots=True)
class _TimeUp:
    pass


@dataclass(frozen=True, slots=True)
class _PickedUp:
    offer: Offer
    leg: Leg


@dataclass(frozen=True, slots=True)
class _NotPickedUp:
    offer: Offer
    error: LineError


@dataclass(frozen=True, slots=True)
class _Whispered:
    leg: Leg


@dataclass(frozen=True, slots=True)
class _SeatGone:
    leg: Leg


News = Offer | CallerGone | PlaceLost | _TimeUp | _PickedUp | _NotPickedUp | _Whispered | _SeatGone


class Handling:
    """One call's transfer, from joining the line to its outcome. It is never cancelled: it is told, by `post`."""

    __slots__ = ("_bell", "_call", "_caller", "_deadline", "_leg", "_news", "_offer", "_request", "_ringing",
                 "_timer", "_tools", "joined")  # fmt: skip

    def __init__(self, tools: Tools, call: str, leg: Leg, request: Transfer, caller: Caller) -> None:
        self._tools = tools
        self._call = call
        self._leg = leg
        self._request = request
        self._caller = caller
        self._news: deque[News] = deque()
        self._bell = asyncio.Event()
        self._deadline = 0.0
        self._timer: TimerHandle | None = None
        #: The offer that rings, and the task that rings it.
        self._offer: Offer | None = None
        self._ringing: asyncio.Task[None] | None = None
        #: Whether the call has a place in line.
        self.joined = False

    def post(self, news: News) -> None:
        """Tell it what has happened."""
        self._news.append(news)
        self._bell.set()

    async def run(self) -> Outcome:
        """Bring the caller to a person; returns when they have talked, or the caller is to go back."""
        place = await self._asked(
            self._tools.desk.join(
                self._call, queue=self._request.queue, worker=self._tools.worker, caller=self._caller
            )
        )
        if isinstance(place, NotJoined):
            return OUTCOMES[place.why]
        self.joined = True
        self._allow_time()
        try:
            while True:
                outcome = await self._wait()
                if outcome is not None:
                    return outcome
        finally:
            self.joined = False
            if self._timer is not None:
                self._timer.cancel()
            self._stop_ringing()
            self._hang_up_late_answers()

    @property
    def _clock(self) -> Clock:
        return self._leg.clock

    def _allow_time(self) -> None:
        """The caller waits for as long as the flow allows, from now on."""
        if self._timer is not None:
            self._timer.cancel()
        self._deadline = self._clock.time() + self._request.timeout
        self._timer = self._clock.call_at(self._deadline, partial(self.post, _TimeUp()))

    async def _next(self) -> News:
        while not self._news:
            self._bell.clear()
            await self._bell.wait()
        return self._news.popleft()

    async def _asked(self, work: Awaitable[_T]) -> _T:
        """What the desk answers; virtual time stands still meanwhile."""
        with self._clock.hold():
            return await work

    # Waiting for a seat

    async def _wait(self) -> Outcome | None:
        """Music, and seats that ring one after the other; None: the one that answered is gone, and so on."""
        silence = self._tools.sound.music(self._leg)
        try:
            while True:
                news = await self._next()
                if isinstance(news, _PickedUp):
                    if await self._takes(news):
                        return await self._serve(news.offer, news.leg, silence)
                    continue
                outcome = await self._waiting(news)
                if outcome is not None:
                    return outcome
        finally:
            silence()

    async def _waiting(self, news: News) -> Outcome | None:
        """One piece of news while no seat has answered; an outcome ends the wait."""
        desk = self._tools.desk
        match news:
            case Offer():
                self._ring(news)
            case _NotPickedUp() if news.offer is self._offer:
                self._offer = None
                await self._not_picked_up(news)
            case CallerGone():
                self._stop_ringing()
                await self._asked(desk.abandon(self._call))
                return "closed"
            case _TimeUp():
                self._stop_ringing()
                await self._asked(desk.leave(self._call, why="timeout"))
                return "timeout"
            case PlaceLost():
                return "closed"
        return None

    def _ring(self, offer: Offer) -> None:
        self._stop_ringing()
        _log.info("%s rings at %s", self._call, offer.seat.id)
        self._offer = offer
        self._ringing = asyncio.create_task(self._dial(offer))

    async def _dial(self, offer: Offer) -> None:
        """Call the seat; what comes of it is posted."""
        try:
            leg = await self._tools.line.dial(
                offer.seat.address, caller=shown(self._caller.number), timeout=offer.queue.ring_seconds
            )
        except LineError as error:
            self.post(_NotPickedUp(offer, error))
        else:
            self.post(_PickedUp(offer, leg))

    def _stop_ringing(self) -> None:
        self._offer = None
        if self._ringing is not None:
            self._ringing.cancel()
            self._ringing = None

    def _hang_up_late_answers(self) -> None:
        """A seat that picked up in the moment in which nobody wanted it any more."""
        for news in self._news:
            if isinstance(news, _PickedUp):
                news.leg.hang_up()
        self._news.clear()

    async def _not_picked_up(self, news: _NotPickedUp) -> None:
        seat, error = news.offer.seat.id, news.error
        if isinstance(error, RefusedError) and error.status in _DECLINED:
            await self._asked(self._tools.desk.refused(self._call, seat))
            return
        why = "no answer" if error.code == "H211" else "unreachable"
        if why == "unreachable":
            _log.warning("the seat %s cannot be rung: %s", seat, error)
        await self._asked(self._tools.desk.missed(self._call, seat, why))

    async def _takes(self, news: _PickedUp) -> bool:
        """Whether the seat that picked up gets the caller; else it is hung up on."""
        taken = False
        try:
            if news.offer is self._offer:
                self._offer = self._ringing = None
                taken = bool(await self._asked(self._tools.desk.answered(self._call, news.offer.seat.id)))
        finally:
            if not taken:
                news.leg.hang_up()
        return taken

    # At a seat

    async def _serve(self, offer: Offer, seat: Leg, silence: End) -> Outcome | None:
        """Whisper to the seat while the caller still waits, then let them talk, until one of them goes."""
        part: End | None = None
        try:
            said = self._tools.whisper(offer, self._request)
            seat.attach(partial(self._seat_told, seat))
            seat.play(said.clips, token=_WHISPER, text=said.text)
            while True:
                match await self._next():
                    case _Whispered(leg) if leg is seat:
                        silence()
                        part = self._tools.sound.bridge(self._leg, seat)
                    case _SeatGone(leg) if leg is seat:
                        return await self._seat_gone(offer, talked=part is not None)
                    case CallerGone():
                        await self._asked(self._tools.desk.abandon(self._call))
                        return "answered"
                    case Offer() as another:  # the seat has sent the caller on
                        self._allow_time()
                        self.post(another)
                        return None
        finally:
            if part is not None:
                part()
            seat.hang_up()

    async def _seat_gone(self, offer: Offer, *, talked: bool) -> Outcome | None:
        """The seat has hung up: the talk is over, or, before they talked, the caller goes to the next."""
        desk = self._tools.desk
        if talked:
            await self._asked(desk.ended(self._call))
            return "answered"
        if not await self._asked(desk.hand_over(self._call, queue=offer.call.queue, who="system")):
            return "closed"
        if self._clock.time() >= self._deadline:
            self.post(_TimeUp())
        return None

    def _seat_told(self, leg: Leg, event: LegEvent) -> None:
        """What the seat's telephone tells; its keys and the like are nothing to us."""
        if isinstance(event, Ended):
            self.post(_SeatGone(leg))
        elif event == PlayEnded(_WHISPER):
            self.post(_Whispered(leg))


def shown(number: str) -> str:
    """The caller's number as a seat's telephone shows it; empty where it is withheld or no number."""
    return number if number.removeprefix("+").isdecimal() else ""

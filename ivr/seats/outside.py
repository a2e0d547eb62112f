"""Callers brought to a salesperson's own telephone, and salespeople to who left them a message.

Only numbers on file are dialled: the salesperson's, or that of a message in the mailbox of the salesperson who asks and
has shown their PIN. Whoever answers for a salesperson hears who calls and takes the call by key, so that no mailbox of
theirs swallows a customer.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol

from ivr.clock import TimerHandle
from ivr.errors import LineError
from ivr.flow.instructions import Transfer
from ivr.flow.model import SELLER, SENDER
from ivr.lines.base import Ended, KeyDown, Leg, LegEvent, PlayEnded
from ivr.seats.case import Dialler, Outcome, Words
from ivr.seats.ring import shown, why_not
from ivr.seats.sound import End, Room, Sound
from policy_db.message_facts import Message, Sight
from policy_db.messages import SALES_BOX
from policy_db.sales_facts import SalesPerson, SalesPreferences

_log = logging.getLogger(__name__)
#: Seconds in which a salesperson must take the call, from when they have heard who calls.
TAKEN_WITHIN: Final = 10.0
TAKE, DECLINE = "1", "2"
_OFFERED: Final = "seats:offered"
_VERIFIED: Final = 2
_NOT_REACHED: Final[dict[str, Outcome]] = {"refused": "busy", "no answer": "timeout"}


class SalesDirectory(Protocol):
    """Who salespeople are (`policy_db.sales_people.SalesPeople`)."""

    async def find(self, number: str) -> SalesPerson | None:
        """The salesperson of a number."""

    async def preferences(self, number: str) -> SalesPreferences:
        """Whether callers are put through to them."""


class SalesMessages(Protocol):
    """Messages (`policy_db.messages.Messages`)."""

    async def find(self, message: str, sight: Sight | None = None) -> Message | None:
        """A message, if it is seen."""


@dataclass(frozen=True, slots=True)
class _Whom:
    """Who is rung: the number, in what language they are told who calls (empty: not at all), and what they see."""

    to: str
    offered_in: str
    shown: str


@dataclass(slots=True, eq=False)
class _Talk:
    """A caller on the way to somebody outside, or talking with them."""

    call: str
    leg: Leg
    over: asyncio.Future[Outcome]
    other: Leg | None = None
    room: Room | None = None
    music: End | None = None
    timer: TimerHandle | None = None


class OutsideCalls:
    """Brings callers to numbers outside, for the flows' `transfer: {seller: …}` and `{sender: …}`.

    `numbers` is what the number of a message must look like to be called, without the prefix `country`; with
    `shows="hotline"` a salesperson's telephone shows our number and not the customer's.
    """

    def __init__(
        self,
        salespeople: SalesDirectory,
        messages: SalesMessages,
        *,
        line: Dialler,
        sound: Sound,
        words: Words,
        numbers: str,
        country: str = "+86",
        shows: Literal["caller", "hotline"] = "caller",
        note: Callable[..., None] = lambda call_id, kind, **details: None,
    ) -> None:
        self._salespeople = salespeople
        self._messages = messages
        self._line = line
        self._sound = sound
        self._words = words
        self._numbers = re.compile(numbers)
        self._country = country
        self._shows = shows
        self._note = note
        self._talks: dict[str, _Talk] = {}

    def has(self, call_id: str) -> bool:
        """Whether a caller is on the way outside, or talks there."""
        return call_id in self._talks

    async def transfer(self, call_id: str, leg: Leg, request: Transfer, *, level: int = 0) -> Outcome:
        """Ring whom the request names; returns when they have talked, or why not. Cancelled, it rings no more."""
        with leg.clock.hold():
            whom = await self._whom(leg, request, level)
        if whom is None:
            self._note(call_id, "put_through", to=request.queue, outcome="closed")
            return "closed"
        talk = _Talk(call_id, leg, asyncio.get_running_loop().create_future())
        self._talks[call_id] = talk
        outcome: Outcome = "closed"
        try:
            outcome = await self._bring(talk, whom, request.timeout)
            return outcome
        finally:
            self._close(talk)
            self._note(call_id, "put_through", to=request.queue, outcome=outcome)

    def told(self, call_id: str, event: KeyDown | PlayEnded) -> None:
        """The caller pressed a key: the other side hears it."""
        talk = self._talks.get(call_id)
        if (
            talk is not None
            and talk.room is not None
            and talk.other is not None
            and isinstance(event, KeyDown)
        ):
            talk.room.press(talk.other, event.key)

    # Who is rung

    async def _whom(self, leg: Leg, request: Transfer, level: int) -> _Whom | None:
        if request.queue == SELLER:
            return await self._seller(leg, str(request.details.get(SELLER, "")))
        return await self._sender(request, level)

    async def _seller(self, leg: Leg, number: str) -> _Whom | None:
        person = await self._salespeople.find(number)
        if person is None or not person.at_work or not person.phone:
            return None
        wanted = await self._salespeople.preferences(number)
        if not wanted.put_through:
            return None
        return _Whom(person.phone, wanted.language, shown(leg.info.caller) if self._shows == "caller" else "")

    async def _sender(self, request: Transfer, level: int) -> _Whom | None:
        """Who left a message, for the salesperson in whose mailbox it is and who has been verified."""
        number = str(request.details.get("number", ""))
        if level < _VERIFIED or not number:
            return None
        sight = Sight(f"salesperson:{number}", (f"{SALES_BOX}{number}",), False, (), number)
        message = await self._messages.find(str(request.details.get(SENDER, "")), sight)
        if message is None or not self._numbers.fullmatch(message.caller.removeprefix(self._country)):
            return None
        return _Whom(message.caller, "", "")

    # Ringing and talking

    async def _bring(self, talk: _Talk, whom: _Whom, seconds: float) -> Outcome:
        talk.music = self._sound.music(talk.leg)
        try:
            other = await self._line.dial(whom.to, caller=whom.shown, timeout=seconds)
        except LineError as error:
            return _NOT_REACHED.get(why_not(error), "closed")
        talk.other = other
        other.attach(partial(self._heard, talk))
        if whom.offered_in:
            said = self._words(whom.offered_in, ("seat_note.seller", {}))
            other.play(said.clips, token=_OFFERED, text=said.text)
        else:
            self._join(talk)
        return await talk.over

    def _heard(self, talk: _Talk, event: LegEvent) -> None:
        """Something came from the other side."""
        match event:
            case Ended():
                self._end(talk, "busy" if talk.room is None else "answered")
            case PlayEnded(token=token) if token == _OFFERED and talk.room is None:
                clock = talk.leg.clock
                talk.timer = clock.call_at(clock.time() + TAKEN_WITHIN, partial(self._end, talk, "timeout"))
            case KeyDown(key=key) if talk.room is not None:
                talk.room.press(talk.leg, key)
            case KeyDown(key=key) if key == TAKE:
                self._join(talk)
            case KeyDown(key=key) if key == DECLINE:
                self._end(talk, "busy")

    def _join(self, talk: _Talk) -> None:
        other = talk.other
        if other is None or talk.over.done():
            return
        self._quiet(talk)
        other.stop_playing()
        talk.leg.stop_playing()
        talk.room = self._sound.room()
        talk.room.join(talk.leg)
        talk.room.join(other)
        self._note(talk.call, "put_through", outcome="connected")

    def _end(self, talk: _Talk, outcome: Outcome) -> None:
        if not talk.over.done():
            talk.over.set_result(outcome)

    def _quiet(self, talk: _Talk) -> None:
        if talk.timer is not None:
            talk.timer.cancel()
            talk.timer = None
        if talk.music is not None:
            talk.music()
            talk.music = None

    def _close(self, talk: _Talk) -> None:
        """Leave nothing behind."""
        del self._talks[talk.call]
        self._quiet(talk)
        if talk.room is not None:
            talk.room.close()
        if talk.other is not None:
            talk.other.hang_up()

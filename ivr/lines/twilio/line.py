"""The Twilio line: takes the streams of calls that came, and places calls by asking Twilio for them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ivr.errors import LineError, RefusedError
from ivr.lines.base import LegInfo
from ivr.lines.stream import StreamLeg, StreamLine, StreamSettings, Wire
from ivr.lines.stream.messages import Start
from ivr.lines.twilio import twiml
from ivr.lines.twilio.faults import TwilioError
from ivr.lines.twilio.rest import CallFact, TwilioRest
from ivr.lines.twilio.tickets import StreamTicket, StreamTickets
from ivr.lines.twilio.words import Word

log = structlog.get_logger("ivr.lines.twilio")

#: What an address of the line begins with: `twilio:+8613800138000`.
PREFIX: Final = "twilio:"
#: Seconds between looks at a call of which nothing is heard, and for which one is looked for that may not be there.
LOOK: Final = 10.0
SEARCH: Final = 12.0
#: Seconds after the longest ringing by which it must be known what became of a call.
SLACK: Final = 20.0
#: Statuses (RFC 3261, section 21) of how a call ended that nobody has answered.
_REFUSED: Final = {"busy": 486, "no-answer": 480, "canceled": 487}

Hears = Callable[[Word], None]


class HungUpAtOnceError(RefusedError):
    """Somebody answered, and hung up before our sound came."""

    def __init__(self) -> None:
        super().__init__("Twilio: answered, and hung up before a word", 480)


class Outgoing:
    """A call that we asked for, until it is over."""

    def __init__(self, key: str, hears: Hears) -> None:
        self.key = key
        self.sid = ""
        self.known = asyncio.Event()
        #: Its leg; or how it ended without one.
        self.outcome: asyncio.Future[TwilioLeg | Word] = asyncio.get_running_loop().create_future()
        self._hears = hears

    def told(self, word: Word) -> None:
        """A word of Twilio's, or what it said when it was asked."""
        if word.sid:
            self.sid = self.sid or word.sid
            self.known.set()
        self._hears(word)
        if word.over and not self.outcome.done():
            self.outcome.set_result(word)

    def picked_up(self, leg: TwilioLeg) -> None:
        """Its stream has come."""
        self.known.set()
        self.outcome.set_result(leg)


class TwilioLeg(StreamLeg):
    """A leg of the Twilio line: Twilio can take whom it talks with elsewhere."""

    __slots__ = ("away",)

    #: Lets Twilio go on with a number instead of us; set by the line.
    away: Callable[[str, str], Any]

    async def send_away(self, to: str) -> int:
        """Let Twilio connect whom we talk with to `to` instead; 200 where it does, else why not.

        If nobody answers there, they come back to us as a new call.
        """
        number = to.removeprefix(PREFIX).removeprefix("tel:")
        if not number.lstrip("+").isdigit():
            raise LineError("no number that Twilio could call; write it as +8613800138000", code="H212")
        try:
            await self.away(self.info.remote_id, number)
        except TwilioError as error:
            return 404 if error.kind in ("gone", "invalid") else 503
        return 200


class TwilioLine(StreamLine):
    """A `Line` over Twilio. `worker` is this process's name, to which streams of its calls are brought back.

    `tickets` are issued for calls that we ask for; whoever brings streams to the line has taken theirs. `look` is how
    often, in seconds, Twilio is asked about a call of which nothing is heard.
    """

    def __init__(
        self,
        settings: StreamSettings,
        rest: TwilioRest,
        tickets: StreamTickets,
        *,
        worker: str,
        now: Callable[[], datetime],
        look: float = LOOK,
        search: float = SEARCH,
        slack: float = SLACK,
        **options: Any,
    ) -> None:
        super().__init__(settings, **options)
        self.rest = rest
        self._tickets = tickets
        self._worker = worker
        self._now = now
        self._look, self._search, self._slack = look, search, slack
        self._outgoing: dict[str, Outgoing] = {}
        self._asides: set[asyncio.Task[None]] = set()

    async def dial(
        self,
        to: str,
        *,
        caller: str = "",
        timeout: float = 60.0,  # noqa: ASYNC109 - ringing
    ) -> TwilioLeg:
        """Call a number; returns once it is answered. Raises LineError."""
        number = to.strip().removeprefix(PREFIX)
        return await self.place(number, caller=caller, key=f"d-{uuid.uuid4().hex}", ring_seconds=timeout)

    async def place(
        self,
        number: str,
        *,
        caller: str = "",
        key: str,
        ring_seconds: float,
        detect: bool = False,
        hears: Hears = lambda word: None,
    ) -> TwilioLeg:
        """Call a number (E.164); returns once it is answered and its sound flows. `hears` is told each word of it.

        Raises RefusedError (486 busy, 480 no answer, 487 given up, else the other network's; HungUpAtOnceError),
        LineError H213 before the start, and TwilioError: of kind `unknown` where nobody knows whether there is a call.
        """
        if self._on_call is None:
            raise LineError("the line is not started; start it before dialling", code="H213")
        call = self._outgoing[key] = Outgoing(key, hears)
        try:
            await self._submit(call, number, caller or self.rest.access.number, ring_seconds, detect)
            return await self._answered(call, ring_seconds)
        except BaseException:
            self._outgoing.pop(key, None)
            if call.sid and not (call.outcome.done() and isinstance(call.outcome.result(), Word)):
                self._aside(self.rest.end_call(call.sid))
            raise

    def told(self, word: Word) -> bool:
        """Twilio has told something of a call; whether it is one of this line's."""
        call = self._outgoing.get(word.key)
        if call is None:
            return False
        call.told(word)
        if word.over:
            self._outgoing.pop(word.key, None)
        return True

    def carries(self, key: str) -> bool:
        """Whether a call that we asked for is under way here."""
        return key in self._outgoing

    async def stop(self) -> None:
        """End every call, and what is asked of Twilio."""
        await super().stop()
        if self._asides:
            await asyncio.wait(self._asides, timeout=2.0)
        for task in self._asides:
            task.cancel()
        await asyncio.gather(*self._asides, return_exceptions=True)
        await self.rest.close()

    # What sockets bring.

    def begun(self, wire: Wire, start: Start, remote_address: str) -> StreamLeg | int:
        """A stream begins: of somebody who calls, or of a call that we asked for."""
        key = start.parameters.get("key", "")
        if not key:
            return super().begun(wire, start, remote_address)
        call = self._outgoing.get(key)
        if call is None or call.outcome.done():
            return 481
        leg = self._new_leg(wire, start, self._caller_of(start, remote_address))
        leg.answer()
        call.sid = call.sid or start.call
        call.picked_up(leg)
        return leg

    def leg_ended(self, leg: StreamLeg) -> None:
        """A call is over: nothing that Twilio tells of it matters any more."""
        super().leg_ended(leg)
        for key, call in tuple(self._outgoing.items()):
            if call.outcome.done() and call.outcome.result() is leg:
                del self._outgoing[key]

    # Inside.

    def _new_leg(self, wire: Wire, start: Start, info: LegInfo) -> TwilioLeg:
        leg = super()._new_leg(wire, start, info)
        assert isinstance(leg, TwilioLeg)  # noqa: S101 - made by `_leg_type`
        leg.away = self._send_away
        return leg

    _leg_type = TwilioLeg

    async def _send_away(self, sid: str, number: str) -> None:
        access = self.rest.access
        action = access.url("/twilio/dialled")
        await self.rest.redirect(sid, twiml.dial(number, caller=access.number, action=action))

    async def _submit(
        self, call: Outgoing, number: str, caller: str, ring_seconds: float, detect: bool
    ) -> None:
        access = self.rest.access
        until = self._now().timestamp() + ring_seconds + self._slack + self._search
        ticket = StreamTicket("", number, caller, call.key, self._worker, until)
        asked_at = self._now()
        about = {"key": call.key, "worker": self._worker}
        try:
            sid = await self.rest.create_call(
                number,
                caller,
                twiml.connect(access, {"ticket": self._tickets.issue(ticket)}),
                status_url=access.url("/twilio/status", **about),
                ring_seconds=ring_seconds,
                amd_url=access.url("/twilio/amd", **about) if detect else "",
            )
        except TwilioError as error:
            if error.kind != "unknown":
                raise
            sid = await self._found(call, number, caller, asked_at)
        call.told(Word(call.key, sid=sid))

    async def _found(self, call: Outgoing, number: str, caller: str, asked_at: datetime) -> str:
        """The SID of a call that may be there: Twilio has not said. Raises TwilioError if it does not turn up."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._search
        while not call.known.is_set():
            with suppress(TwilioError):
                found = await self.find(number, caller, asked_at)
                if found is not None:
                    return found.sid
            if loop.time() >= until:
                raise TwilioError("unknown")
            await _within(call.known.wait(), min(2.0, self._search / 4))
        return call.sid

    async def find(self, number: str, caller: str, asked_at: datetime) -> CallFact | None:
        """A call that was asked for at about a moment, if Twilio has one. Raises TwilioError."""
        calls = await self.rest.calls_to(number, caller, asked_at - timedelta(seconds=5))
        soon = asked_at + timedelta(seconds=60)
        near = [one for one in calls if one.created_at is None or one.created_at <= soon]
        return near[0] if near else None

    async def _answered(self, call: Outgoing, ring_seconds: float) -> TwilioLeg:
        loop = asyncio.get_running_loop()
        until = loop.time() + ring_seconds + self._slack
        while not call.outcome.done():
            await asyncio.wait({call.outcome}, timeout=min(self._look, max(0.0, until - loop.time())))
            if call.outcome.done():
                break
            await self._look_at(call)
            if not call.outcome.done() and loop.time() >= until:
                raise TwilioError("unknown")
        outcome = call.outcome.result()
        if isinstance(outcome, TwilioLeg):
            return outcome
        raise _refused(outcome)

    async def _look_at(self, call: Outgoing) -> None:
        """Ask Twilio how a call is of which nothing was heard: its word may be lost."""
        try:
            fact = await self.rest.call(call.sid)
        except TwilioError as error:
            log.warning("twilio.call_unseen", kind=error.kind, number=error.number)
            return
        call.told(Word(call.key, fact.sid, fact.status))

    def _aside(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)


def _refused(word: Word) -> RefusedError:
    """How a call ended that nobody spoke in."""
    if word.status == "completed":
        return HungUpAtOnceError()
    status = _REFUSED.get(word.status) or (word.sip if word.sip >= 400 else 404)
    return RefusedError(f"Twilio: {word.status}", status)


async def _within(work: Any, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        pass


def parameters_of(ticket: StreamTicket) -> Mapping[str, str]:
    """What the start of a stream says of its call, once its ticket was taken."""
    told = {"caller": ticket.caller, "called": ticket.called, "key": ticket.key}
    return {name: value for name, value in told.items() if value}

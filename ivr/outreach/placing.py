"""The worker's part: an attempt is taken once, dialled, spoken with, and ended.

The right to dial is won in the database before anything leaves the house (`Outreach.take`). From then on this process
has the attempt until its end is written; what the database would not take is kept and tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Protocol

import structlog

from ivr.errors import OutreachError
from ivr.lines.base import Leg
from ivr.lines.port_leg import PortLeg
from ivr.outreach.carrier import AnsweredBy, Carrier, DialOrder, NobodyKnowsError, NotReachedError
from ivr.outreach.detection import AnswerDetector, Heard
from ivr.outreach.rules import Rules
from policy_db import PolicyDatabase, PolicyDatabaseError
from policy_db.outreach_facts import Attempt, Campaign, Person

log = structlog.get_logger(__name__)

#: Seconds for which an end that the database does not take is tried again, and the pause between two tries.
_PATIENCE: Final = 120.0
_PAUSE: Final = 0.5
#: Seconds that a machine's tone is waited for, once it is sure that one speaks.
_TONE_WITHIN: Final = 25.0


class Talk(Protocol):
    """A running call with whom was called."""

    @property
    def touched(self) -> bool:
        """Whether the other side has pressed a key or was understood."""

    @property
    def outcome(self) -> str:
        """How the call has ended."""

    def go_on_with(self, flow: str) -> bool:
        """Leave what it is at, and begin another flow; False where that cannot be."""

    def end(self, reason: str) -> None:
        """Hang up."""

    async def run(self) -> None:
        """Until it is over."""


@dataclass(frozen=True, slots=True)
class Opening:
    """With what a talk begins."""

    call_id: str
    flow: str
    language: str
    facts: Mapping[str, Any]


Begin = Callable[[Leg, Opening], Talk]


class Placer:
    """Places the calls of one worker. `holder` names this very process; `room` says whether it takes another call."""

    def __init__(
        self,
        database: PolicyDatabase,
        carriers: Mapping[str, Carrier],
        *,
        holder: str,
        begin: Begin,
        room: Callable[[], bool],
        stopping: Callable[[], bool] = lambda: False,
        new_call_id: Callable[[], str],
        clock: Callable[[], datetime],
        notify: Callable[[str, str], None] = lambda topic, which: None,
    ) -> None:
        self._database = database
        self._carriers = carriers
        self._holder = holder
        self._begin = begin
        self._room = room
        self._stopping = stopping
        self._new_call_id = new_call_id
        self._clock = clock
        self._notify = notify
        self._running: dict[str, asyncio.Task[None]] = {}
        self._asides: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def running(self) -> tuple[str, ...]:
        """The attempts that this process has."""
        return tuple(self._running)

    async def dial(self, attempt: str) -> None:
        """Take an attempt and dial it; returns as soon as it is this process's. The same again changes nothing.

        Raises OutreachError: H650 there is no room, H651 it is not to be dialled (any more).
        """
        if attempt in self._running:
            return
        if self._closing or not self._room():
            raise OutreachError("this worker takes no more calls now; ask another", code="H650")
        taken = await self._database.outreach.take(
            attempt, holder=self._holder, call_id=self._new_call_id(), at=self._clock()
        )
        if taken is None:
            raise OutreachError("this attempt was taken, given up or ended before", code="H651")
        self._keep(taken)

    async def settle(self, attempt: str) -> str:
        """What became of an attempt that nobody may know of: `running` here, `ended`, or `open` (ask again later)."""
        if attempt in self._running:
            return "running"
        found = await self._database.outreach.find(attempt)
        if found is None or found.state == "ended":
            return "ended"
        carrier = self._carriers.get(found.line or "sip")
        if carrier is None:
            return "open"
        try:
            answer = await carrier.ask(await self._order(found))
        except OutreachError as error:
            log.warning("carrier cannot be asked", attempt=attempt, error=str(error))
            return "open"
        if answer is not None and not answer.outcome:
            return "open"
        if answer is None:
            outcome, status = ("not_placed" if found.state == "submission_unknown" else "lost"), 0
        else:
            outcome, status = answer.outcome, answer.status
        await self._database.outreach.moved(
            attempt, "ended", at=self._clock(), outcome=outcome, status=status
        )
        self._notify("campaign", found.campaign)
        return "ended"

    async def close(self, seconds: float = 3.0) -> None:
        """The worker stops: what still rings is given up and ends as lost; talks have ended before."""
        self._closing = True
        tasks = [*self._running.values(), *self._asides]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # One attempt

    def _keep(self, attempt: Attempt) -> None:
        task = asyncio.create_task(self._run(attempt))
        self._running[attempt.id] = task
        task.add_done_callback(lambda _: self._running.pop(attempt.id, None))

    async def _run(self, attempt: Attempt) -> None:
        outcome, status = "failed", 0
        try:
            outcome, status = await self._reach(attempt)
        except NotReachedError as error:
            # What rings while the worker stops was given up by us, whatever the line says of it.
            outcome, status = ("lost", 0) if self._stopping() else (error.outcome, error.status)
        except NobodyKnowsError:
            await self._tell(attempt, "submission_unknown", only_from=("submitted",))
            return
        except asyncio.CancelledError:
            outcome = "lost"
            await asyncio.shield(self._end(attempt, outcome, status))
            raise
        except Exception:
            log.exception("an attempt failed", attempt=attempt.id)
        await self._end(attempt, outcome, status)

    async def _reach(self, attempt: Attempt) -> tuple[str, int]:
        campaign, person = await self._whom(attempt)
        rules = Rules.read(campaign.rules)
        carrier = self._carriers.get(attempt.line or "sip")
        if carrier is None:
            raise NotReachedError("unreachable", 0, f"no line {attempt.line!r} here")
        told = _Told(self, attempt)
        order = _order(attempt, campaign, rules)
        leg = await carrier.place(order, told)
        await self._tell(attempt, "answered")
        return await self._talk(attempt, campaign, person, rules, leg, told), 0

    async def _talk(
        self, attempt: Attempt, campaign: Campaign, person: Person, rules: Rules, leg: Leg, told: _Told
    ) -> str:
        """Speak with whoever answered, and listen who it is."""
        facts = {"campaign": campaign.kind, "outbound": True}
        opening = Opening(attempt.call_id, campaign.flow, person.language or rules.language, facts)
        talk = self._begin(leg, opening)
        watch = Watch(talk, rules, partial(self._answered_by, attempt))
        watch.listen(leg)
        told.watched_by(watch)
        try:
            await talk.run()
        finally:
            watch.close()
        with suppress(PolicyDatabaseError):
            if await self._database.outreach.waited_in_vain(attempt.call_id):
                await self._database.outreach.said(attempt.call_id, "abandoned")
        return watch.outcome()

    def _answered_by(self, attempt: Attempt, who: str) -> None:
        self._aside(self._database.outreach.known(attempt.id, answered_by=who))

    async def _whom(self, attempt: Attempt) -> tuple[Campaign, Person]:
        campaign = await self._database.campaigns.find(attempt.campaign)
        person = await self._database.campaigns.person(attempt.person)
        if campaign is None or person is None:
            raise NotReachedError("not_placed", 0, "the campaign is gone")
        return campaign, person

    async def _order(self, attempt: Attempt) -> DialOrder:
        campaign, _ = await self._whom(attempt)
        return _order(attempt, campaign, Rules.read(campaign.rules))

    # What is written

    async def _tell(self, attempt: Attempt, state: Any, **known: Any) -> None:
        with suppress(PolicyDatabaseError):
            await self._database.outreach.moved(attempt.id, state, at=self._clock(), **known)
        self._notify("campaign", attempt.campaign)

    async def _end(self, attempt: Attempt, outcome: str, status: int) -> None:
        """Write the end, for as long as it takes within reason; whoever asks meanwhile hears that it is here."""
        at = self._clock()
        for _ in range(int(_PATIENCE / _PAUSE)):
            try:
                await self._database.outreach.moved(
                    attempt.id, "ended", at=at, outcome=outcome, status=status
                )
                break
            except PolicyDatabaseError as error:
                log.warning("an attempt's end is not written, tried again", error=type(error).__name__)
                await asyncio.sleep(_PAUSE)
        self._notify("campaign", attempt.campaign)

    def _aside(self, work: Awaitable[Any]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception as error:
                log.warning("a word about an attempt is lost", error=type(error).__name__)

        task = asyncio.create_task(run())
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)


class _Told:
    """Takes what the carrier tells of one attempt."""

    def __init__(self, placer: Placer, attempt: Attempt) -> None:
        self._placer = placer
        self._attempt = attempt
        self._watch: Watch | None = None
        #: What the carrier made out before there was a talk: its word may be faster than the sound.
        self._early: list[Heard] = []

    def watched_by(self, watch: Watch) -> None:
        """The talk has begun; what was told before it is told to whoever watches it."""
        self._watch = watch
        for heard in self._early:
            watch.heard(heard)

    def submitted(self, carrier_id: str) -> None:
        placer = self._placer
        placer._aside(placer._database.outreach.known(self._attempt.id, carrier_id=carrier_id[:100]))

    def ringing(self) -> None:
        self._placer._aside(self._placer._tell(self._attempt, "ringing"))

    def answered_by(self, who: AnsweredBy, *, tone: bool = False) -> None:
        heard = Heard(who, sure=True, tone=tone)
        if self._watch is None:
            self._early.append(heard)
        else:
            self._watch.heard(heard)


class Watch:
    """Watches a talk: who is there, and what follows when it is no person.

    The flow speaks from the first moment. A key or an understood word settles that it is a person. A machine that is
    only likely changes nothing but the record; a sure one ends the call, or gets the message after its tone.
    """

    def __init__(self, talk: Talk, rules: Rules, told: Callable[[str], None]) -> None:
        self._talk = talk
        self._machine = rules.machine
        self._told = told
        self._leg: PortLeg | None = None
        self._detector: AnswerDetector | None = None
        self._loop = asyncio.get_running_loop()
        self._late: asyncio.TimerHandle | None = None
        self._who = ""
        self._left = False

    def listen(self, leg: Leg) -> None:
        """Hear what the leg's other side says, where the line carries frames and the rules want it."""
        if self._machine.detect and isinstance(leg, PortLeg):
            self._leg = leg
            self._detector = AnswerDetector(leg.port.law)
            leg.port.listen(self._frame)

    def close(self) -> None:
        """Listen no more."""
        if self._late is not None:
            self._late.cancel()
        if self._leg is not None:
            self._leg.port.stop_listening(self._frame)
            self._leg = None

    def heard(self, heard: Heard) -> None:
        """Something was made out, by our own ears or by the carrier's."""
        if self._talk.touched or self._left:
            return
        if heard.who != self._who and (heard.sure or not self._who):
            self._who = heard.who
            self._told(heard.who)
        if heard.who in ("fax", "announcement"):
            self._talk.end(heard.who)
        elif heard.who == "machine" and heard.sure:
            self._machine_sure(tone=heard.tone)

    def outcome(self) -> str:
        """How the attempt ended, where the person has said nothing that counts more."""
        if self._left:
            return "message_left"
        ended = self._talk.outcome
        if ended in ("fax", "announcement"):
            return ended
        if ended in ("error", "failed"):
            return "failed"
        if ended in ("line_failed", "drained", "broken_off"):
            return "lost"
        if self._talk.touched:
            return "hung_up" if ended == "caller_hung_up" else "finished"
        if self._who == "machine":
            return "machine"
        if self._detector is not None and not self._detector.heard_voice:
            return "silent"
        return "hung_up"

    def _machine_sure(self, *, tone: bool) -> None:
        if self._machine.then == "hang_up":
            self._talk.end("machine")
        elif tone:
            self._left = self._talk.go_on_with(self._machine.message_flow)
        elif self._late is None:
            self._late = self._loop.call_later(_TONE_WITHIN, self._no_tone)

    def _no_tone(self) -> None:
        if not self._left and not self._talk.touched:
            self._talk.end("machine")

    def _frame(self, frame: bytes) -> None:
        """On the clock's side."""
        detector, leg = self._detector, self._leg
        if detector is None or leg is None:
            return
        detector.law = leg.port.law
        heard = detector.feed(frame)
        if heard is not None:
            self._loop.call_soon_threadsafe(self.heard, heard)


def _order(attempt: Attempt, campaign: Campaign, rules: Rules) -> DialOrder:
    return DialOrder(
        attempt=attempt.id,
        to=attempt.number,
        caller=campaign.caller,
        ring_seconds=rules.ring_seconds,
        detect=rules.machine.detect,
        call_id=attempt.call_id,
        placed_at=attempt.submitted_at or attempt.planned_at,
        carrier_id=attempt.carrier_id,
    )

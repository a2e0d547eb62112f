"""The script line itself: takes simulated calls, and places calls to simulated people."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from ivr.clock import Clock
from ivr.errors import LineError
from ivr.lines.base import Leg, LegInfo
from ivr.lines.script.caller import Caller
from ivr.lines.script.leg import ScriptLeg


class ScriptLine:
    """A line without wires. `call` lets somebody ring; `people` are those whom `dial` reaches, by number."""

    def __init__(self, clock: Clock, *, name: str = "script", capacity: int = 10_000) -> None:
        self._clock = clock
        self._name = name
        self._capacity = capacity
        self._on_call: Callable[[Leg], None] | None = None
        self._legs: set[ScriptLeg] = set()
        self._ids = itertools.count(1)
        self._draining = False
        #: Who answers at which number; a call to any other number fails.
        self.people: dict[str, Callable[[], Caller]] = {}

    @property
    def name(self) -> str:
        """A short name for logs and metrics."""
        return self._name

    @property
    def capacity(self) -> int:
        """How many calls it carries at once."""
        return self._capacity

    @property
    def active(self) -> int:
        """How many it carries now."""
        return len(self._legs)

    async def start(self, on_call: Callable[[Leg], None]) -> None:
        """Take calls; each new one is offered unanswered to `on_call`."""
        self._on_call = on_call
        self._draining = False

    def call(self, caller: Caller) -> None:
        """Let somebody call. A full line refuses with 486, one that drains or is not started with 503."""
        leg = self._leg(caller, caller.number, caller.dialled)
        if self._on_call is None or self._draining:
            leg.end("line", 503)
        elif self.active >= self._capacity:
            leg.end("line", 486)
        else:
            self._legs.add(leg)
            self._on_call(leg)

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Leg:  # noqa: ASYNC109  # as `Line` has it
        """Call one of `people`; returns once it is answered. Raises LineError otherwise."""
        if to not in self.people:
            raise LineError(f"nobody answers at {to}: add the number to the script line's people")
        if self._draining or self.active >= self._capacity:
            raise LineError(f"the line {self._name} takes no more calls; try again later")
        person = self.people[to]()
        leg = self._leg(person, caller, to)
        self._legs.add(leg)
        answered = False
        try:
            answered = await self._picked_up(leg, person.answers_after, timeout)
        finally:
            if not answered:
                leg.end("us", 487)
        if not answered:
            raise LineError(f"{to} did not answer within {timeout:g} s")
        return leg

    def drain(self) -> None:
        """Take no new calls; running ones go on."""
        self._draining = True

    async def stop(self) -> None:
        """End every call."""
        self._on_call = None
        for leg in tuple(self._legs):
            leg.end("line", 503)

    def _leg(self, caller: Caller, number: str, dialled: str) -> ScriptLeg:
        leg_id = f"{self._name}-{next(self._ids)}"
        info = LegInfo(leg_id, self._name, number, dialled, remote_id=leg_id)
        leg = ScriptLeg(info, self._clock, caller, self._legs.discard)
        caller.placed(leg.phone)
        return leg

    async def _picked_up(self, leg: ScriptLeg, answers_after: float | None, longest: float) -> bool:
        """Wait for the person to answer, in the clock's time; whether that happened."""
        over = asyncio.Event()
        now = self._clock.time()

        def pick_up() -> None:
            leg.connect()
            over.set()

        timers = [self._clock.call_at(now + longest, over.set)]
        if answers_after is not None and answers_after < longest:
            timers.append(self._clock.call_at(now + answers_after, pick_up))
        try:
            await over.wait()
        finally:
            for timer in timers:
                timer.cancel()
        return leg.talking

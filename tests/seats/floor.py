"""A worker with a line, its seats, and whoever calls: on the script line with virtual time and a store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ivr.clock import VirtualClock
from ivr.errors import LineError, RefusedError
from ivr.flow.instructions import Transfer
from ivr.lines.base import Answered, Ended, KeyDown, Leg, LegEvent, LegInfo, PlayEnded
from ivr.lines.script import Action, HangUp, ScriptedCaller, ScriptLeg, ScriptLine, Wait
from ivr.media.bridge import Role
from ivr.seats import Manners, MemorySeatStore, Offer, SeatTransfers
from ivr.speech import Rendered
from policy_db.seat_facts import Queue, QueueCall, Seat

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
QUEUES = (Queue("service", ring_seconds=20, wrap_up_seconds=30, most_waiting=2),)
SEATS = (
    Seat("ann", "Ann", "sip:ann@desk", ("zh-CN", "en")),
    Seat("bob", "Bob", "sip:bob@desk", ("zh-CN",)),
)
#: What the whisper says, which takes 0.06 s a letter on the script line: 3 s.
WHISPER = "x" * 50
#: Seats ring at once, and nobody is told that we are sorry, so that times in tests are whole.
AT_ONCE = Manners(pop_lead=0.0, apology_after=0.0)
HANDLED = frozenset({"returned", "cancelled"})


class Telephones(ScriptLine):
    """A script line on which some numbers decline."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.declining: set[str] = set()
        self.dialled: list[tuple[float, str, str]] = []
        self.legs: dict[str, ScriptLeg] = {}

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Leg:
        self.dialled.append((round(self._clock.time(), 2), to, caller))
        if to in self.declining:
            raise RefusedError("the call was refused: 486 Busy Here", 486)
        try:
            leg = await super().dial(to, caller=caller, timeout=timeout)
        except LineError as error:
            code = "H211" if "did not answer" in str(error) else error.code
            raise LineError(str(error), code=code) from None
        assert isinstance(leg, ScriptLeg)
        self.legs[to] = leg
        return leg


class Ears:
    """Notes who hears what, and since when, in place of sound."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.heard: list[tuple[float, str]] = []
        self.hearing: dict[Leg, str] = {}
        self.rooms: list[EarRoom] = []
        #: Keys that were sent, and to whom.
        self.keys: list[tuple[str, str]] = []

    def music(self, leg: Leg) -> Callable[[], None]:
        self.heard.append((round(self.clock.time(), 2), "music"))
        assert leg not in self.hearing, f"two things are heard at once: {self.hearing[leg]} and music"
        self.hearing[leg] = "music"

        def end() -> None:
            if self.hearing.get(leg) == "music":
                del self.hearing[leg]

        return end

    def room(self) -> EarRoom:
        self.rooms.append(EarRoom(self))
        return self.rooms[-1]

    def who_hears(self, leg: Leg) -> set[str]:
        """The numbers of those whom a leg hears, `music` if it is that; the caller is `caller`."""
        found = {self.hearing[leg]} if leg in self.hearing else set()
        for room in self.rooms:
            found |= room.who_hears(leg)
        return found


class EarRoom:
    """Who of those in a room hears whom, as `ivr.media.bridge` has it."""

    def __init__(self, ears: Ears) -> None:
        self.ears = ears
        self.roles: dict[Leg, tuple[Role, Leg | None]] = {}
        self.muted: set[Leg] = set()
        self.held: set[Leg] = set()

    def join(self, leg: Leg, *, role: Role = "party", to: Leg | None = None) -> None:
        assert leg not in self.ears.hearing, f"{leg.info.called} hears {self.ears.hearing[leg]} yet"
        assert role != "whisperer" or to in self.roles
        if leg not in self.roles:
            self.ears.heard.append((round(self.ears.clock.time(), 2), f"joined {_name(leg)}"))
        self.roles[leg] = (role, to)

    def leave(self, leg: Leg) -> None:
        self.roles.pop(leg, None)
        self.held.discard(leg)
        self.muted.discard(leg)

    def mute(self, leg: Leg, on: bool) -> None:
        assert leg in self.roles
        (self.muted.add if on else self.muted.discard)(leg)

    def hold(self, leg: Leg, on: bool) -> None:
        assert leg in self.roles
        (self.held.add if on else self.held.discard)(leg)

    def press(self, leg: Leg, key: str) -> None:
        assert leg in self.roles
        self.ears.keys.append((_name(leg), key))

    def close(self) -> None:
        self.roles.clear()
        self.held.clear()

    def who_hears(self, leg: Leg) -> set[str]:
        if leg not in self.roles:
            return set()
        if leg in self.held:
            return {"music"}
        return {_name(other) for other in self.roles if other is not leg and self._is_heard(other, leg)}

    def _is_heard(self, speaker: Leg, hearer: Leg) -> bool:
        role, to = self.roles[speaker]
        if speaker in self.held or speaker in self.muted or role == "listener":
            return False
        return role == "party" or to is hearer


def _name(leg: Leg) -> str:
    called = leg.info.called
    return "caller" if called == "95500" else called.removeprefix("sip:").removesuffix("@desk")


class Records:
    """Keeps records of placed calls."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.finished: dict[str, str] = {}

    def begin(
        self, call_id: str, info: LegInfo, *, flow: str, version: str, now: Callable[[], float]
    ) -> None:
        self.begun.append(call_id)

    def know(self, call_id: str, **facts: str) -> None:
        assert call_id in self.begun

    async def finish(self, call_id: str, outcome: str) -> None:
        self.finished[call_id] = outcome


class Place:
    """A worker with a line, two seats and whoever calls."""

    def __init__(
        self,
        *,
        queues: tuple[Queue, ...] = QUEUES,
        seats: tuple[Seat, ...] = SEATS,
        manners: Manners = AT_ONCE,
        **more: Any,
    ) -> None:
        self.clock = VirtualClock(NOW)
        self.line = Telephones(self.clock)
        self.store = MemorySeatStore(queues=queues, seats=seats)
        self.ears = Ears(self.clock)
        self.records = Records()
        self.notes: list[tuple[float, str, str, dict[str, Any]]] = []
        self.nudges: list[tuple[float, str, str]] = []
        self.transfers = SeatTransfers(
            self.store,
            worker="w1",
            line=self.line,
            sound=self.ears,
            whisper=self.whisper,
            words=self.words,
            note=self.note,
            notify=self.notify,
            records=self.records,
            manners=manners,
            clock=self.clock,
            **more,
        )
        self.whispers: list[tuple[str, Transfer]] = []
        self.outcomes: dict[str, str] = {}
        self.legs: dict[str, Leg] = {}
        self.tasks: list[asyncio.Task[None]] = []

    def whisper(self, offer: Offer, request: Transfer) -> Rendered:
        self.whispers.append((offer.seat.id, request))
        return Rendered((), WHISPER)

    def words(self, language: str, *prompts: tuple[str, Mapping[str, Any]]) -> Rendered:
        said = [" ".join([name.split(".")[1], *map(str, values.values())]) for name, values in prompts]
        return Rendered((), ", ".join(said))

    def note(self, call_id: str, kind: str, **details: Any) -> None:
        self.notes.append((round(self.clock.time(), 2), call_id, kind, details))

    def notify(self, topic: str, about: str) -> None:
        self.nudges.append((round(self.clock.time(), 2), topic, about))

    def noted(self, call_id: str) -> list[str]:
        """The kinds of entries of a call's timeline."""
        return [kind for _, call, kind, _ in self.notes if call == call_id]

    def seat_does(self, seat: str, *actions: Action, after: float | None = 2.0) -> list[ScriptedCaller]:
        """What the person at a seat does from picking up on, `after` seconds of ringing; who they were."""
        return self.person_does(f"sip:{seat}@desk", *actions, after=after)

    def person_does(self, to: str, *actions: Action, after: float | None = 2.0) -> list[ScriptedCaller]:
        """The same for any number."""
        people: list[ScriptedCaller] = []

        def person() -> ScriptedCaller:
            people.append(ScriptedCaller(actions))
            people[-1].answers_after = after
            return people[-1]

        self.line.people[to] = person
        return people

    async def sign_in(self, *seats: str) -> None:
        for seat in seats:
            assert await self.transfers.desk.sign_in(seat, console=False)

    async def call(
        self,
        call_id: str,
        *actions: Action,
        timeout: float = 60.0,
        language: str = "zh-CN",
        number: str = "+8613800138000",
        queue: str = "service",
        handles: frozenset[str] = HANDLED,
    ) -> ScriptedCaller:
        """Somebody calls, and asks for a person at once; as a session does, cancels the transfer on hang-up."""
        caller = ScriptedCaller(actions, number=number)
        tasks: list[asyncio.Task[None]] = []

        def take(leg: Leg) -> None:
            self.legs[call_id] = leg

            def told(event: LegEvent) -> None:
                if isinstance(event, Answered):
                    tasks.append(
                        self.transfer(
                            call_id, language=language, queue=queue, timeout=timeout, handles=handles
                        )
                    )
                elif isinstance(event, KeyDown | PlayEnded):
                    self.transfers.told(call_id, event)
                elif isinstance(event, Ended):
                    for task in (*tasks, *self.tasks):
                        if task.get_name() == call_id:
                            task.cancel()
                    self.tasks.append(asyncio.create_task(self.transfers.over(call_id)))

            leg.attach(told)
            leg.answer()

        await self.line.start(take)
        self.line.call(caller)
        return caller

    def transfer(
        self,
        call_id: str,
        *,
        language: str = "zh-CN",
        queue: str = "service",
        timeout: float = 60.0,
        handles: frozenset[str] = HANDLED,
        policy: str = "86001234",
        level: int = 1,
    ) -> asyncio.Task[None]:
        """The call's flow comes to its transfer step; the outcome is in `outcomes` when it is there."""
        self.outcomes.pop(call_id, None)
        request = Transfer("x1", queue, timeout, details={"reason": "claim"}, handles=handles)

        async def wait() -> None:
            with suppress(asyncio.CancelledError):
                self.outcomes[call_id] = await self.transfers.transfer(
                    call_id, self.legs[call_id], request, language=language, policy=policy, level=level
                )

        task = asyncio.create_task(wait(), name=call_id)
        self.tasks.append(task)
        return task

    async def ask(
        self, call_id: str, command: str, asker: str = "ann", /, **arguments: str
    ) -> Mapping[str, Any]:
        """A console asks something of a call."""
        return await self.transfers.control(
            call_id, command, seat=asker, by=f"seat:{asker}", arguments=arguments
        )

    async def talking(self, call_id: str = "c1", seat: str = "ann") -> None:
        """Until a caller and a seat are joined."""
        await self.until(lambda: any(seat in room_names(room) for room in self.ears.rooms))

    async def until(self, condition: Callable[[], bool]) -> None:
        await self.clock.run(condition)

    async def at(self, seconds: float) -> None:
        """Let virtual time come to a moment."""
        reached: list[bool] = []
        self.clock.call_at(seconds, lambda: reached.append(True))
        await self.until(lambda: bool(reached))

    async def later(self, seconds: float) -> None:
        """Let some virtual time go by."""
        await self.at(self.clock.time() + seconds)

    async def over(self, call_id: str) -> str:
        """Wait for an outcome."""
        await self.until(lambda: call_id in self.outcomes)
        return self.outcomes[call_id]

    def hears(self, who: str) -> set[str]:
        """Whom somebody hears: a call by its id, a seat by its name, a number as it is."""
        leg = self.legs.get(who) or self.line.legs.get(f"sip:{who}@desk") or self.line.legs[who]
        return self.ears.who_hears(leg)

    def states(self) -> dict[str, str]:
        return {seat.id: seat.state for seat in self.store.seats.values()}

    def row(self, call_id: str) -> QueueCall:
        """The last place that a call had in line."""
        known = [*self.store.ended, *self.store.calls.values()]
        return next(row for row in reversed(known) if row.call_id == call_id)

    async def close(self) -> None:
        """Everybody hangs up; nothing may be left."""
        await self.line.stop()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def check_clean(self) -> None:
        """Nobody hears anything, and no leg is left."""
        assert not self.ears.hearing, "somebody still hears music"
        assert not any(room.roles for room in self.ears.rooms), "somebody is still joined"
        assert self.line.active == 0


def room_names(room: EarRoom) -> set[str]:
    """Who is in a room."""
    return {_name(leg) for leg in room.roles}


async def in_talk(floor: Place, outside: str) -> None:
    """The caller c1 talks with ann; bob is there too, and somebody answers at the number `outside`."""
    floor.seat_does("ann", Wait(900))
    floor.seat_does("bob", Wait(900))
    floor.person_does(outside, Wait(300), HangUp())
    await floor.sign_in("ann")
    await floor.call("c1", timeout=60)
    await floor.talking()
    await floor.sign_in("bob")

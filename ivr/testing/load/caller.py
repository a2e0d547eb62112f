"""One caller of the call generator: dials, does its script, listens, and says what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ivr.errors import LineError
from ivr.lines.base import Ended, Leg, LegEvent, MediaReport, PlayEnded
from ivr.lines.phone_script import HangUp, Play, Press, Step, UntilSilence, Wait
from ivr.media.clip import Clip
from ivr.media.port import AudioPort
from ivr.testing.load.ear import BREAK, LoadEar
from ivr.testing.load.plan import LoadPlan

#: Seconds a key is pressed, and from one to the next.
_KEY, _NEXT_KEY = 0.1, 0.2
#: How often a caller looks at what it waits for.
_LOOK = 0.02
#: The least share of an expected recording that must be heard.
_ENOUGH = 0.95
#: Seconds in which a call that was hung up must be over.
_GOODBYE = 40.0


class GeneratorLeg(Leg, Protocol):
    """What the generator needs of a leg beyond what calls need."""

    port: AudioPort

    def press(self, keys: str, *, seconds: float = 0.1) -> None:
        """Send keys."""


@dataclass(slots=True)
class CallResult:
    """What one call was like. Times are in seconds; None: it did not come to that."""

    number: str
    #: From dialling to the answer; from the answer to the first sound; from the last key to the next sound.
    setup: float | None = None
    first_sound: float | None = None
    reactions: list[float] = field(default_factory=list)
    seconds: float = 0.0
    #: The media's figures at the end, as `MediaReport` gives them.
    quality: Mapping[str, float | int | None] = field(default_factory=dict)
    #: What was wrong, in words; empty: nothing.
    failures: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not self.failures


class LoadCaller:
    """One answered call."""

    def __init__(self, leg: GeneratorLeg, plan: LoadPlan, result: CallResult, expected: Clip | None) -> None:
        self._leg = leg
        self._plan = plan
        self._result = result
        self._clock = leg.clock
        self._answered = self._clock.time()
        self._ear = LoadEar(leg.port, self._clock.time, expected)
        self._pressed: float | None = None
        self._played: set[str] = set()
        self._ended: Ended | None = None
        self._changed = asyncio.Event()
        leg.attach(self._take)

    def _take(self, event: LegEvent) -> None:
        match event:
            case PlayEnded(token):
                self._played.add(token)
            case MediaReport(quality):
                self._result.quality = quality
            case Ended():
                self._ended = event
        self._changed.set()

    async def run(self, steps: tuple[Step, ...]) -> None:
        """Do the script, hang up, and check what was heard."""
        try:
            async with asyncio.timeout(self._plan.longest):
                for step in steps:
                    if self._ended is not None:
                        break
                    await self._do(step)
        except TimeoutError:
            self._result.failures.append(f"lasted longer than {self._plan.longest:g} s")
        self._leg.hang_up()
        await self._until_ended()
        self._judge()

    async def _do(self, step: Step) -> None:
        match step:
            case Wait(seconds):
                await self._sleep(seconds)
            case UntilSilence(seconds):
                await self._until_silence(seconds)
            case Press(keys):
                await self._press(keys)
            case Play(path):
                self._leg.play([Clip.from_wav(path)], token=str(path))
                while str(path) not in self._played and self._ended is None:
                    self._changed.clear()
                    await self._changed.wait()
            case HangUp():
                self._leg.hang_up()
                await self._until_ended()

    async def _press(self, keys: str) -> None:
        """Press them; the answer's delay is measured where it was quiet before, else nobody could tell it."""
        for key in keys:
            self._pressed = self._clock.time() if self._ear.quiet() > BREAK else None
            self._leg.press(key, seconds=_KEY)
            await self._sleep(_NEXT_KEY)

    async def _until_silence(self, seconds: float) -> None:
        """Wait for sound (since the last key, or the answer), note its delay, then wait for as much quiet."""
        since = self._answered if self._pressed is None else self._pressed
        limit = self._clock.time() + self._plan.sound_within
        while (self._ear.last is None or self._ear.last < since) and self._ended is None:
            if self._clock.time() > limit:
                self._result.failures.append(f"heard nothing for {self._plan.sound_within:g} s")
                return
            await self._sleep(_LOOK)
        if self._pressed is not None and self._ear.began is not None and self._ear.began >= since:
            self._result.reactions.append(self._ear.began - since)
        self._pressed = None
        while self._ended is None and self._ear.quiet() < seconds:
            await self._sleep(_LOOK)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the call."""
        end = self._clock.time() + seconds
        while self._ended is None and (left := end - self._clock.time()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return

    async def _until_ended(self) -> None:
        try:
            async with asyncio.timeout(_GOODBYE):
                while self._ended is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self._result.failures.append("did not end when it was hung up")

    def _judge(self) -> None:
        result, ended = self._result, self._ended
        result.seconds = self._clock.time() - self._answered
        if self._ear.first is None:
            result.failures.append("heard nothing at all")
        else:
            result.first_sound = self._ear.first - self._answered
        if ended is not None and ended.by == "line":
            result.failures.append(f"the line broke: {ended.status} {ended.text}".rstrip())
        if self._ear.recognised < _ENOUGH:
            result.failures.append(f"heard {self._ear.recognised:.0%} of what was expected")
        loss = result.quality.get("loss") or 0.0
        if loss > self._plan.loss_allowed:
            result.failures.append(f"lost more than {self._plan.loss_allowed:.1%} of its packets")


class GeneratorLine(Protocol):
    """What the generator needs of a line."""

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> GeneratorLeg:  # noqa: ASYNC109
        """Call; returns once answered. Raises LineError otherwise."""


async def place_call(
    line: GeneratorLine, plan: LoadPlan, number: str, steps: tuple[Step, ...], expected: Clip | None
) -> CallResult:
    """One call from its first INVITE to its end; never raises for what the other side does."""
    result = CallResult(number)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        leg = await line.dial(plan.target, caller=number, timeout=plan.answer_within)
    except LineError as error:
        result.failures.append(str(error))
        return result
    result.setup = loop.time() - began
    await LoadCaller(leg, plan, result, expected).run(steps)
    return result

"""The script line keeps the contract of a line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from contract import LineContract, LineHarness, Samples, TestCaller

from ivr.clock import VirtualClock
from ivr.lines.base import Ended, Leg, RecordRequest
from ivr.lines.script import Caller, ScriptLine
from ivr.lines.script.playing import Prompt
from ivr.media import tones
from ivr.media.clip import Clip


class HearingCaller(Caller, TestCaller):
    """A simulated caller who remembers every sample heard."""

    def __init__(self, number: str) -> None:
        self.number = number
        self._end: Ended | None = None
        self._answered_at: float | None = None
        self._heard: list[tuple[float, Samples]] = []
        self._prompt: Prompt | None = None
        self._offset = 0.0
        self._since: float | None = None

    @property
    def status(self) -> int | None:
        if self._answered_at is not None:
            return 200
        return self._end.status if self._end is not None else None

    @property
    def over(self) -> bool:
        return self._end is not None

    def heard(self) -> Samples:
        now = self.phone.clock.time()
        began = now if self._answered_at is None else self._answered_at
        samples = np.zeros(round((now - began) * 8000) + 160, dtype=np.int16)
        for at, piece in self._heard:
            start = round((at - began) * 8000)
            samples[start : start + len(piece)] = piece[: len(samples) - start]
        return samples

    def press(self, key: str) -> None:
        self.phone.press(key)

    def send(self, sound: Clip) -> None:
        self.phone.speak(sound)

    def hold(self, on: bool) -> None:
        self._listen(not on)
        self.phone.hold(on)

    def hang_up(self) -> None:
        self.phone.hang_up()

    def answered(self) -> None:
        self._answered_at = self.phone.clock.time()

    def prompt_began(self, prompt: Prompt) -> None:
        self._prompt, self._offset = prompt, 0.0
        self._listen(True)

    def prompt_ended(self, prompt: Prompt, *, cut_off: bool) -> None:
        self._listen(False)
        self._prompt = None

    def recording_began(self, request: RecordRequest) -> None:
        if request.beep:
            self._heard.append((self.phone.clock.time(), tones.beep().samples()))

    def ended(self, event: Ended) -> None:
        self._end = event

    def _listen(self, on: bool) -> None:
        now = self.phone.clock.time()
        if on:
            self._since = now
        elif self._since is not None and self._prompt is not None:
            samples = Clip.joined(self._prompt.clips).samples()
            first, last = round(self._offset * 8000), round((self._offset + now - self._since) * 8000)
            self._heard.append((self._since, samples[first:last]))
            self._offset += now - self._since
            self._since = None


class ScriptHarness(LineHarness):
    """A script line with room for three calls, in virtual time."""

    tolerance = 0.021

    def __init__(self) -> None:
        self.clock: VirtualClock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.line: ScriptLine = ScriptLine(self.clock, capacity=3)
        self.offered: list[Leg] = []

    async def start(self) -> None:
        await self.line.start(self.offered.append)

    async def stop(self) -> None:
        await self.line.stop()

    async def call(self) -> TestCaller:
        caller = HearingCaller(self.caller_number)
        self.line.call(caller)
        return caller

    async def dial(self) -> tuple[Leg, TestCaller]:
        person = HearingCaller("")
        self.line.people["13900139000"] = lambda: person
        dialling = asyncio.ensure_future(self.line.dial("13900139000"))
        await self.until(dialling.done)
        return dialling.result(), person

    async def until(self, condition: Callable[[], bool], longest: float = 10.0) -> None:
        await self.clock.run(condition, longest=self.clock.time() + longest)


class TestScriptLine(LineContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[LineHarness]:
        harness = ScriptHarness()
        await harness.start()
        yield harness
        await harness.stop()

"""The call generator against a line of its own: what it hears, what it finds wrong, and what it leaves."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from ivr.lines.base import Answered, Ended, KeyDown, Leg, LegEvent
from ivr.lines.sip import SipLine, SipSettings
from ivr.media import tones
from ivr.media.clip import Clip
from ivr.testing.load import LoadPlan, LoadReport, place_calls

pytestmark = pytest.mark.sip


def sweep(low: float, high: float) -> Clip:
    """Half a second in which no two frames are alike."""
    time = np.arange(4000) / 8000
    wave = np.sin(2 * np.pi * (low * time + (high - low) * time**2))
    return Clip.from_samples((wave * 10_000).astype(np.int16))


GREETING, OTHER = sweep(300, 900), sweep(1100, 2400)


class Answerer:
    """A line that answers every call, greets, and says the other thing to a key; or stays dumb."""

    def __init__(self, *, dumb: bool = False) -> None:
        self.line = SipLine(SipSettings(host="127.0.0.1", port=0, most_calls=20))
        self._dumb = dumb
        self.keys: list[str] = []

    def take(self, leg: Leg) -> None:
        def heed(event: LegEvent) -> None:
            match event:
                case Answered() if not self._dumb:
                    leg.play([GREETING], token="greeting")
                case KeyDown(key):
                    self.keys.append(key)
                    leg.play([OTHER], token=f"key-{len(self.keys)}")
                case Ended():
                    pass

        leg.attach(heed)
        leg.answer()


@pytest.fixture
async def answerer() -> AsyncIterator[Answerer]:
    one = Answerer()
    await one.line.start(one.take)
    yield one
    await one.line.stop()


async def generated(server: Answerer, **changes: object) -> LoadReport:
    """The calls of a plan, over a line as the generator makes it."""
    line = SipLine(SipSettings(name="load", host="127.0.0.1", port=0, most_calls=20))
    await line.start(lambda leg: leg.refuse(486))
    try:
        address = f"sip:4001@127.0.0.1:{server.line.port}"
        plan = LoadPlan(**{"address": address, "total": 6, "at_once": 3, "rate": 20.0, **changes})  # type: ignore[arg-type]
        return await place_calls(line, plan)
    finally:
        await line.stop()


async def test_every_caller_hears_the_greeting_and_the_answer_to_a_key(
    answerer: Answerer, tmp_path: Path
) -> None:
    expected = tmp_path / "greeting.wav"
    GREETING.to_wav(expected)
    report = await generated(answerer, script="until-silence:0.6 5 until-silence:0.3 hangup", expect=expected)
    assert report.failures() == []
    figures = report.figures()
    assert (figures["calls"], figures["most at once"]) == (6, 3)
    assert answerer.keys == ["5"] * 6
    assert 0 < figures["first sound p50"] < 0.5
    assert 0 < figures["key to sound p50"] < 0.5
    assert figures["packets received"] > 6 * 50
    assert figures["MOS p1"] > 4
    await _emptied(answerer)


async def test_a_caller_who_hears_something_else_says_so(answerer: Answerer, tmp_path: Path) -> None:
    expected = tmp_path / "other.wav"
    tones.busy().to_wav(expected)
    report = await generated(answerer, total=1, script="until-silence:0.3 hangup", expect=expected)
    assert [failure for failure, _ in report.failures()] == ["heard 0% of what was expected"]


async def test_silence_where_a_prompt_should_be_is_a_failure() -> None:
    server = Answerer(dumb=True)
    await server.line.start(server.take)
    try:
        report = await generated(server, total=1, sound_within=0.4)
        assert [failure for failure, _ in report.failures()] == [
            "heard nothing for 0.4 s",
            "heard nothing at all",
        ]
    finally:
        await server.line.stop()


async def test_a_refused_call_is_told_with_its_status(answerer: Answerer) -> None:
    answerer.line.drain()
    report = await generated(answerer, total=2)
    assert report.failed == 2
    assert "503" in report.failures()[0][0]


async def test_the_command_prints_figures_as_json_and_fails_where_calls_failed(answerer: Answerer) -> None:
    done = await _command(f"sip:4001@127.0.0.1:{answerer.line.port}", "--keys", "until-silence:0.3 hangup")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["figures"]["failed"] == 0
    answerer.line.drain()
    done = await _command(f"sip:4001@127.0.0.1:{answerer.line.port}")
    assert done.returncode == 1
    assert json.loads(done.stdout)["figures"]["failed"] == 2


async def _command(address: str, *options: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("hotline"))
    command = [program, "load", address, "--calls", "2", "--json", *options]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)


async def _emptied(answerer: Answerer) -> None:
    async with asyncio.timeout(5):
        while answerer.line.active:
            await asyncio.sleep(0.01)

"""What a call says while something of it must be made first: in order, with patience, and never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from ivr.call.mouth import WAITING, Mouth, Wording
from ivr.clock import SystemClock
from ivr.flow.instructions import Phrase, Say
from ivr.media.clip import Clip
from ivr.speech import Rendered
from ivr.speech.saying import FreeText
from ivr.speech.stretch import Stretcher

NAME = FreeText("en", "Linda")
CLIP = Clip.from_samples((8000 * np.sin(np.arange(8000) / 8)).astype(np.int16), name="clip")


@dataclass
class Leg:
    """A fake leg that notes what it plays."""

    played: list[tuple[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: int = 0

    def play(self, clips: Sequence[Clip], *, token: str, text: str = "") -> None:
        self.played.append((token, text))
        self.seconds.append(round(sum(clip.seconds for clip in clips), 2))

    def stop_playing(self) -> None:
        self.stopped += 1


@dataclass
class Voice:
    """A fake of what says names: it does so when it is let."""

    done: asyncio.Event = field(default_factory=asyncio.Event)
    said: bool = False
    fails: bool = False

    async def prepare(self, wanted: Iterable[FreeText]) -> None:
        await self.done.wait()
        if self.fails:
            raise RuntimeError("no voice")
        self.said = True


@dataclass
class Speaker:
    """A fake speaker: the prompt `greet` has a name in it."""

    saying: Voice

    def render(self, phrases: Sequence[Phrase], recordings: object = None) -> Rendered:
        (phrase,) = phrases
        if phrase.prompt != "greet":
            return Rendered((CLIP,), phrase.prompt)
        if self.saying.said:
            return Rendered((CLIP, CLIP), "with name")
        return Rendered((CLIP,), "without name", (NAME.text,), (NAME,))


class Scene:
    """A mouth with its leg, voice and the sentences that began to be heard."""

    def __init__(self, *, patience: float = 60.0, longest: float = 120.0) -> None:
        self.leg, self.voice, self.begun = Leg(), Voice(), 0
        wording = Wording(
            Speaker(self.voice),  # type: ignore[arg-type]
            Stretcher(), lambda: Phrase("moment", "en"), patience, longest,
        )  # fmt: skip
        self.mouth = Mouth(self.leg, SystemClock(), wording, lambda _: None, self._began)  # type: ignore[arg-type]

    def _began(self) -> None:
        self.begun += 1

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.leg.played) < count:
                await asyncio.sleep(0.001)


def say(token: str, prompt: str, pace: float = 1.0) -> Say:
    return Say(token, (Phrase(prompt, "en"),), pace=pace)


async def test_what_is_ready_is_said_at_once() -> None:
    scene = Scene()
    scene.mouth.say(say("p1", "hello"))
    assert scene.leg.played == [("p1", "hello")]
    assert scene.begun == 1


async def test_a_sentence_waits_for_its_name_and_the_next_one_for_the_sentence() -> None:
    scene = Scene()
    scene.mouth.say(say("p1", "greet"))
    scene.mouth.say(say("p2", "menu"))
    await asyncio.sleep(0)
    assert scene.leg.played == []
    scene.voice.done.set()
    await scene.until(2)
    assert scene.leg.played == [("p1", "with name"), ("p2", "menu")]


async def test_a_slow_voice_is_excused_and_then_done_without() -> None:
    scene = Scene(patience=0.0, longest=0.01)
    scene.mouth.say(say("p1", "greet"))
    await scene.until(2)
    assert scene.leg.played == [(WAITING, "moment"), ("p1", "without name")]
    assert scene.begun == 1


async def test_a_voice_that_fails_costs_the_name_alone() -> None:
    scene = Scene()
    scene.voice.fails = True
    scene.voice.done.set()
    scene.mouth.say(say("p1", "greet"))
    await scene.until(1)
    assert scene.leg.played == [("p1", "without name")]


@pytest.mark.parametrize("close", [False, True])
async def test_what_waits_when_the_caller_cuts_in_is_not_said_any_more(close: bool) -> None:
    scene = Scene()
    scene.mouth.say(say("p1", "greet"))
    await asyncio.sleep(0)
    scene.mouth.close() if close else scene.mouth.stop()
    assert scene.leg.stopped == (0 if close else 1)
    scene.voice.done.set()
    scene.mouth.say(say("p2", "menu"))
    assert scene.leg.played == [("p2", "menu")]
    await asyncio.sleep(0)
    assert len(scene.leg.played) == 1


async def test_slower_speech_is_made_first_and_at_hand_the_next_time() -> None:
    scene = Scene()
    scene.mouth.say(say("p1", "hello", 0.8))
    await scene.until(1)
    scene.mouth.say(say("p2", "hello", 0.8))
    assert scene.leg.played == [("p1", "hello"), ("p2", "hello")]
    assert scene.leg.seconds == [pytest.approx(1.26, abs=0.02)] * 2

"""The contract of a telephone line: one set of tests for any of them.

A line's own tests subclass `LineContract` (as `TestSomethingLine`) with a `harness` fixture that gives a
started `LineHarness` and stops it afterwards:

    class TestScriptLine(LineContract):
        @pytest.fixture
        async def harness(self):
            harness = ScriptHarness()
            await harness.start()
            yield harness
            await harness.stop()

What is played is made of plain tones, and looked for by frequency in what the caller heard, so that levels,
laws and a little jitter do not matter.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ivr.clock import Clock
from ivr.lines.base import (
    Answered,
    Ended,
    HoldChanged,
    KeyDown,
    Leg,
    LegEvent,
    Line,
    MediaReport,
    PlayEnded,
    RecordEnded,
    RecordRequest,
)
from ivr.media import tones
from ivr.media.clip import Clip

Samples = NDArray[np.int16]


class TestCaller(ABC):
    """Somebody outside who calls the line, or is called by it."""

    __test__ = False

    @property
    @abstractmethod
    def status(self) -> int | None:
        """The final SIP status of the call's beginning: None while it rings, 200 once answered."""

    @property
    @abstractmethod
    def over(self) -> bool:
        """Whether this end knows that the call has ended (or was refused)."""

    @abstractmethod
    def heard(self) -> Samples:
        """All it heard since the answer, 8 kHz."""

    @abstractmethod
    def press(self, key: str) -> None:
        """Press a key for about 60 ms. Keys pressed in a row come in that order."""

    @abstractmethod
    def send(self, sound: Clip) -> None:
        """Speak. Returns at once."""

    @abstractmethod
    def hold(self, on: bool) -> None:
        """Put the line on hold, or take it back."""

    @abstractmethod
    def hang_up(self) -> None:
        """End the call; before the answer: cancel it."""


class LineHarness(ABC):
    """A line with somebody outside to call it."""

    #: The line, once started.
    line: Line
    #: The clock by which its legs live.
    clock: Clock
    #: Legs that it offered, unanswered, in order.
    offered: list[Leg]
    #: The number that callers show.
    caller_number: str = "13800138000"
    #: Seconds by which what is heard may be longer or shorter than what was played, and later.
    tolerance: float = 0.06

    @abstractmethod
    async def start(self) -> None:
        """Start the line with `on_call=self.offered.append`."""

    @abstractmethod
    async def stop(self) -> None:
        """Stop the line and everything around it. Harmless if it is stopped."""

    @abstractmethod
    async def call(self) -> TestCaller:
        """Somebody calls; returns when the leg was offered, or the call refused."""

    @abstractmethod
    async def dial(self) -> tuple[Leg, TestCaller]:
        """The line calls somebody, who answers."""

    @abstractmethod
    async def until(self, condition: Callable[[], bool], longest: float = 10.0) -> None:
        """Let time pass until the condition holds. Raises TimeoutError after `longest` seconds."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock.time() + seconds
        waiting = [self.clock.call_at(end, lambda: waiting.clear())]
        await self.until(lambda: not waiting, longest=seconds + 10.0)


class Talk:
    """An answered call: the leg, its events so far, and who is at the other end."""

    def __init__(self, harness: LineHarness, leg: Leg, caller: TestCaller) -> None:
        self.harness = harness
        self.leg = leg
        self.caller = caller
        self.events: list[LegEvent] = []
        #: What was told of the media, by lines that can tell; how many events had come before.
        self.reports: list[tuple[int, MediaReport]] = []
        leg.attach(self._took)

    def _took(self, event: LegEvent) -> None:
        if isinstance(event, MediaReport):
            self.reports.append((len(self.events), event))
        else:
            self.events.append(event)

    def of(self, kind: type[LegEvent]) -> list[LegEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[LegEvent], count: int = 1) -> None:
        await self.harness.until(lambda: len(self.of(kind)) >= count)

    async def record(
        self, path: Path, *, longest: float = 30.0, silence: float = 20.0, beep: bool = False
    ) -> None:
        self.leg.record(RecordRequest("r1", path, longest, silence, beep))
        await self.harness.sleep(self.harness.tolerance)

    def recorded(self) -> RecordEnded:
        (event,) = self.of(RecordEnded)
        assert isinstance(event, RecordEnded)
        return event


async def answered_call(harness: LineHarness) -> Talk:
    before = len(harness.offered)
    caller = await harness.call()
    talk = Talk(harness, harness.offered[before], caller)
    talk.leg.answer()
    await talk.until(Answered)
    await harness.until(lambda: caller.status == 200)
    return talk


def sound(frequency: float, seconds: float) -> Clip:
    return Clip.from_samples((tones.tone(seconds, frequency, level=-10) * 32767).astype(np.int16))


def tones_in(samples: Samples) -> list[tuple[int, float]]:
    """The tones heard, in order: (frequency rounded to 100 Hz, seconds). Clicks are left out."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160).astype(float)
    loud = np.abs(frames).mean(axis=1) > 300
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(160), axis=1))
    spectrum[:, 0] = 0
    pitch = (np.round(spectrum.argmax(axis=1) * 50 / 100) * 100).astype(int)
    found: list[list[float]] = []
    last = 0
    for is_loud, frequency in zip(loud.tolist(), pitch.tolist(), strict=True):
        now = frequency if is_loud else 0
        if now and now == last:
            found[-1][1] += 0.02
        elif now:
            found.append([now, 0.02])
        last = now
    return [(int(frequency), seconds) for frequency, seconds in found if seconds > 0.04]


def voice_in(path: Path) -> list[tuple[int, float]]:
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 8000
    return tones_in(samples)


def _sockets() -> int:
    return sum(1 for fd in Path("/proc/self/fd").iterdir() if _target(fd).startswith("socket:"))


def _target(fd: Path) -> str:
    try:
        return str(fd.readlink())
    except OSError:  # closed meanwhile
        return ""


class LineContract:
    """Every line keeps these."""

    # Answering and refusing.

    async def test_an_answered_call_is_told_once_and_first(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        await harness.sleep(0.1)
        assert talk.events == [Answered()]
        assert harness.line.active == 1

    async def test_a_call_says_who_calls(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        assert talk.leg.info.caller == harness.caller_number
        assert talk.leg.info.called
        assert talk.leg.info.line == harness.line.name

    async def test_legs_have_ids_of_their_own(self, harness: LineHarness) -> None:
        one, other = await answered_call(harness), await answered_call(harness)
        assert one.leg.info.leg_id != other.leg.info.leg_id

    async def test_what_happened_before_somebody_listened_is_told_then(self, harness: LineHarness) -> None:
        caller = await harness.call()
        leg = harness.offered[-1]
        leg.ring()
        leg.answer()
        await harness.until(lambda: caller.status == 200)
        caller.hang_up()
        await harness.until(lambda: harness.line.active == 0)
        events: list[LegEvent] = []
        leg.attach(events.append)
        await harness.until(lambda: any(isinstance(event, Ended) for event in events))
        assert [type(event) for event in events if not isinstance(event, MediaReport)] == [Answered, Ended]

    async def test_a_refused_caller_hears_the_status(self, harness: LineHarness) -> None:
        caller = await harness.call()
        talk = Talk(harness, harness.offered[-1], caller)
        talk.leg.refuse(480)
        await talk.until(Ended)
        await harness.until(lambda: caller.over)
        assert caller.status == 480
        assert [(type(event), event.by) for event in talk.events] == [(Ended, "us")]  # type: ignore[union-attr]
        await harness.until(lambda: harness.line.active == 0)

    async def test_a_caller_who_gives_up_while_it_rings_ends_the_leg_once(self, harness: LineHarness) -> None:
        caller = await harness.call()
        talk = Talk(harness, harness.offered[-1], caller)
        talk.leg.ring()
        await harness.sleep(0.1)
        caller.hang_up()
        await talk.until(Ended)
        await harness.sleep(0.1)
        assert [(type(event), event.by) for event in talk.events] == [(Ended, "caller")]  # type: ignore[union-attr]
        assert caller.status != 200
        await harness.until(lambda: harness.line.active == 0)

    async def test_one_call_more_than_the_line_carries_is_refused(self, harness: LineHarness) -> None:
        line = harness.line
        for _ in range(line.capacity):
            await answered_call(harness)
        offered = len(harness.offered)
        caller = await harness.call()
        await harness.until(lambda: caller.over)
        assert caller.status in (486, 503)
        assert len(harness.offered) == offered
        assert line.active == line.capacity

    async def test_a_place_is_free_again_after_a_call(self, harness: LineHarness) -> None:
        talks = [await answered_call(harness) for _ in range(harness.line.capacity)]
        talks[0].caller.hang_up()
        await talks[0].until(Ended)
        await harness.until(lambda: harness.line.active == harness.line.capacity - 1)
        await answered_call(harness)

    # Playing.

    async def test_clips_are_heard_complete_and_in_order(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        talk.leg.play([sound(500, 0.3), sound(900, 0.2)], token="a")
        talk.leg.play([sound(1500, 0.25)], token="b")
        await talk.until(PlayEnded, 2)
        await harness.sleep(2 * harness.tolerance)
        heard = tones_in(talk.caller.heard())
        assert [frequency for frequency, _ in heard] == [500, 900, 1500]
        assert [seconds for _, seconds in heard] == pytest.approx([0.3, 0.2, 0.25], abs=harness.tolerance)

    async def test_the_end_of_each_play_is_told_in_order_and_in_time(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        began = harness.clock.time()
        for token in ("a", "b"):
            talk.leg.play([sound(500, 0.2)], token=token)
        await talk.until(PlayEnded, 2)
        assert [event.token for event in talk.events[1:]] == ["a", "b"]  # type: ignore[union-attr]
        assert harness.clock.time() - began == pytest.approx(0.4, abs=2 * harness.tolerance)

    async def test_playing_nothing_ends_at_once(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        talk.leg.play([], token="nothing")
        await talk.until(PlayEnded)
        assert PlayEnded("nothing") in talk.events

    async def test_stopping_silences_and_tells_of_no_end(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        talk.leg.play([sound(500, 1.0)], token="a")
        talk.leg.play([sound(900, 0.2)], token="b")
        await harness.sleep(0.4)
        talk.leg.stop_playing()
        await harness.sleep(0.9)
        heard = tones_in(talk.caller.heard())
        assert heard == [(500, pytest.approx(0.4, abs=harness.tolerance + 0.02))]
        assert talk.of(PlayEnded) == []

    async def test_what_is_played_after_a_stop_is_heard(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        talk.leg.play([sound(500, 1.0)], token="a")
        await harness.sleep(0.2)
        talk.leg.stop_playing()
        talk.leg.play([sound(900, 0.2)], token="b")
        await talk.until(PlayEnded)
        await harness.sleep(2 * harness.tolerance)
        assert [frequency for frequency, _ in tones_in(talk.caller.heard())] == [500, 900]
        assert talk.of(PlayEnded) == [PlayEnded("b")]

    async def test_on_hold_playing_stands_still_and_goes_on_afterwards(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        began = harness.clock.time()
        talk.leg.play([sound(500, 0.8)], token="a")
        await harness.sleep(0.2)
        talk.caller.hold(True)
        await talk.until(HoldChanged)
        await harness.sleep(1.0)
        assert talk.of(PlayEnded) == []
        talk.caller.hold(False)
        await talk.until(PlayEnded)
        assert talk.of(HoldChanged) == [HoldChanged(True), HoldChanged(False)]
        assert harness.clock.time() - began > 1.7

    # Keys.

    async def test_keys_during_a_prompt_come_once_and_in_order(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        talk.leg.play([sound(500, 2.0)], token="a")
        for key in "11*0#9":
            talk.caller.press(key)
            await harness.sleep(0.15)
        await talk.until(KeyDown, 6)
        await harness.sleep(0.2)
        assert "".join(event.key for event in talk.of(KeyDown)) == "11*0#9"  # type: ignore[union-attr]

    # Recording.

    async def test_a_recording_holds_what_the_caller_said(self, harness: LineHarness, tmp_path: Path) -> None:
        talk = await answered_call(harness)
        await talk.record(tmp_path / "words.wav")
        talk.caller.send(sound(700, 0.4))
        await harness.sleep(0.7)
        talk.leg.stop_recording("r1")
        await talk.until(RecordEnded)
        recorded = talk.recorded()
        assert (recorded.recording, recorded.why, recorded.path) == ("r1", "key", tmp_path / "words.wav")
        assert voice_in(recorded.path) == [(700, pytest.approx(0.4, abs=harness.tolerance))]
        assert soundfile.info(recorded.path).duration == pytest.approx(recorded.seconds)

    async def test_a_recording_ends_when_the_caller_falls_silent(
        self, harness: LineHarness, tmp_path: Path
    ) -> None:
        talk = await answered_call(harness)
        await talk.record(tmp_path / "words.wav", silence=0.8)
        talk.caller.send(sound(700, 0.4))
        await talk.until(RecordEnded)
        assert talk.recorded().why == "silence"
        assert talk.recorded().seconds < 1.0
        assert [frequency for frequency, _ in voice_in(talk.recorded().path)] == [700]

    async def test_a_caller_who_says_nothing_is_given_twice_as_long(
        self, harness: LineHarness, tmp_path: Path
    ) -> None:
        talk = await answered_call(harness)
        began = harness.clock.time()
        await talk.record(tmp_path / "nothing.wav", silence=0.4)
        await talk.until(RecordEnded)
        assert (talk.recorded().why, talk.recorded().seconds) == ("silence", 0.0)
        assert harness.clock.time() - began == pytest.approx(0.8, abs=0.3)
        assert soundfile.info(talk.recorded().path).frames == 0

    async def test_a_recording_ends_at_its_longest(self, harness: LineHarness, tmp_path: Path) -> None:
        talk = await answered_call(harness)
        talk.caller.send(sound(700, 2.0))
        await talk.record(tmp_path / "words.wav", longest=0.6)
        await talk.until(RecordEnded)
        assert talk.recorded().why == "longest"
        assert talk.recorded().seconds == pytest.approx(0.6, abs=0.03)

    async def test_a_recording_is_closed_before_the_end_of_a_caller_who_hangs_up(
        self, harness: LineHarness, tmp_path: Path
    ) -> None:
        talk = await answered_call(harness)
        await talk.record(tmp_path / "words.wav")
        talk.caller.send(sound(700, 2.0))
        await harness.sleep(0.6)
        talk.caller.hang_up()
        await talk.until(Ended)
        assert [type(event) for event in talk.events] == [Answered, RecordEnded, Ended]
        assert talk.recorded().why == "hang_up"
        assert voice_in(talk.recorded().path)[0][1] > 0.4

    async def test_the_beep_is_heard_and_not_recorded(self, harness: LineHarness, tmp_path: Path) -> None:
        talk = await answered_call(harness)
        await talk.record(tmp_path / "words.wav", beep=True)
        await harness.sleep(0.5)
        talk.caller.send(sound(700, 0.3))
        await harness.sleep(0.6)
        talk.leg.stop_recording("r1")
        await talk.until(RecordEnded)
        assert [frequency for frequency, _ in voice_in(talk.recorded().path)] == [700]
        assert [frequency for frequency, _ in tones_in(talk.caller.heard())] == [1000]
        assert talk.of(PlayEnded) == []

    async def test_a_masked_recording_holds_silence(self, harness: LineHarness, tmp_path: Path) -> None:
        talk = await answered_call(harness)
        await talk.record(tmp_path / "words.wav")
        talk.caller.send(sound(700, 0.3))
        await harness.sleep(0.5)
        talk.leg.mask(True)
        talk.caller.send(sound(1100, 0.3))
        await harness.sleep(0.5)
        talk.leg.mask(False)
        talk.caller.send(sound(1500, 0.3))
        await harness.sleep(0.5)
        talk.leg.stop_recording("r1")
        await talk.until(RecordEnded)
        assert [frequency for frequency, _ in voice_in(talk.recorded().path)] == [700, 1500]

    # Ends.

    async def test_a_caller_who_hangs_up_ends_the_leg_once(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        talk.leg.play([sound(500, 1.0)], token="a")
        talk.caller.hang_up()
        await talk.until(Ended)
        await harness.sleep(0.2)
        talk.leg.hang_up()
        await harness.sleep(0.1)
        assert [(type(event), getattr(event, "by", None)) for event in talk.events[1:]] == [(Ended, "caller")]
        await harness.until(lambda: harness.line.active == 0)

    async def test_a_hang_up_of_ours_ends_both_ends_once(self, harness: LineHarness) -> None:
        talk = await answered_call(harness)
        talk.leg.hang_up()
        talk.leg.hang_up()
        await talk.until(Ended)
        await harness.until(lambda: talk.caller.over)
        await harness.sleep(0.1)
        assert [(type(event), getattr(event, "by", None)) for event in talk.events[1:]] == [(Ended, "us")]
        await harness.until(lambda: harness.line.active == 0)

    async def test_how_it_was_heard_is_told_at_most_once_and_just_before_the_end(
        self, harness: LineHarness
    ) -> None:
        talk = await answered_call(harness)
        await harness.sleep(0.2)
        talk.caller.hang_up()
        await talk.until(Ended)
        for before, report in talk.reports:
            assert before == len(talk.events) - 1
            assert {"mos", "loss", "jitter_ms"} <= report.quality.keys()
        assert len(talk.reports) <= 1

    async def test_nothing_can_be_asked_of_a_leg_that_has_ended(
        self, harness: LineHarness, tmp_path: Path
    ) -> None:
        talk = await answered_call(harness)
        talk.leg.hang_up()
        await talk.until(Ended)
        talk.leg.play([sound(500, 0.1)], token="late")
        talk.leg.record(RecordRequest("late", tmp_path / "late.wav", 10.0, 2.0))
        talk.leg.stop_playing()
        talk.leg.stop_recording("late")
        talk.leg.mask(True)
        talk.leg.answer()
        await harness.sleep(0.3)
        assert isinstance(talk.events[-1], Ended)
        assert not (tmp_path / "late.wav").exists()

    # Placing calls.

    async def test_a_call_that_is_placed_is_answered_and_heard(self, harness: LineHarness) -> None:
        leg, person = await harness.dial()
        talk = Talk(harness, leg, person)
        await talk.until(Answered)
        leg.play([sound(500, 0.3)], token="a")
        await talk.until(PlayEnded)
        await harness.sleep(2 * harness.tolerance)
        assert [frequency for frequency, _ in tones_in(person.heard())] == [500]
        leg.hang_up()
        await talk.until(Ended)
        await harness.until(lambda: person.over)

    # The line itself.

    async def test_a_draining_line_refuses_new_calls_and_keeps_the_running_ones(
        self, harness: LineHarness
    ) -> None:
        talk = await answered_call(harness)
        offered = len(harness.offered)
        harness.line.drain()
        refused = await harness.call()
        await harness.until(lambda: refused.over)
        assert refused.status == 503
        assert len(harness.offered) == offered
        talk.leg.play([sound(500, 0.2)], token="a")
        await talk.until(PlayEnded)
        assert not talk.caller.over

    async def test_stopping_the_line_ends_every_call_and_leaves_nothing_behind(
        self, harness: LineHarness, tmp_path: Path
    ) -> None:
        talks = [await answered_call(harness), await answered_call(harness)]
        await talks[0].record(tmp_path / "words.wav")
        talks[0].caller.send(sound(700, 1.0))
        await harness.sleep(0.4)
        await harness.line.stop()
        assert [isinstance(talk.events[-1], Ended) for talk in talks] == [True, True]
        assert talks[0].recorded().seconds > 0.1
        assert harness.line.active == 0

    async def test_a_stopped_harness_has_given_back_threads_and_sockets(self, harness: LineHarness) -> None:
        await answered_call(harness)
        await harness.stop()
        threads, sockets = set(threading.enumerate()), _sockets()
        await harness.start()
        await answered_call(harness)
        await harness.stop()
        assert set(threading.enumerate()) <= threads
        assert _sockets() <= sockets

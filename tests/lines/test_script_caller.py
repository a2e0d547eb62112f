"""Scripted callers: what they wait for, press, say and leave, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.clock import SystemClock, VirtualClock
from ivr.errors import LineError
from ivr.lines.base import (
    Answered,
    Ended,
    HoldChanged,
    KeyDown,
    Leg,
    LegEvent,
    PlayEnded,
    RecordEnded,
    RecordRequest,
    WordsHeard,
)
from ivr.lines.script import (
    Caller,
    HangUp,
    Hold,
    Keys,
    Say,
    ScriptedCaller,
    ScriptLine,
    Speak,
    Wait,
    WaitFor,
    WaitSilence,
)
from ivr.lines.script.playing import Prompt
from ivr.media.clip import Clip


class Hotline:
    """Answers each call, and does what a test says when something happens."""

    def __init__(self, *on: tuple[LegEvent | type[LegEvent], Callable[[Leg], None]]) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.line = ScriptLine(self.clock)
        self.events: list[tuple[float, LegEvent]] = []
        self._on = on

    async def take(self, caller: ScriptedCaller) -> list[LegEvent]:
        await self.line.start(self._answer)
        self.line.call(caller)
        await self.clock.run(lambda: caller.end is not None, longest=600)
        await self.line.stop()
        return [event for _, event in self.events]

    def at(self, event: LegEvent) -> float:
        return next(at for at, one in self.events if one == event)

    def _answer(self, leg: Leg) -> None:
        def sink(event: LegEvent) -> None:
            self.events.append((round(self.clock.time(), 3), event))
            for wanted, do in self._on:
                if event == wanted or (isinstance(wanted, type) and isinstance(event, wanted)):
                    do(leg)

        leg.attach(sink)
        leg.ring()
        leg.answer()


def say(text: str, seconds: float = 1.0) -> Callable[[Leg], None]:
    return lambda leg: leg.play([Clip.silence(seconds)], token=text, text=text)


def bye(leg: Leg) -> None:
    leg.hang_up()


async def test_a_caller_waits_for_the_end_of_a_prompt_and_presses_keys_at_human_pace() -> None:
    hotline = Hotline((Answered, say("menu", 2.0)), (KeyDown("2", "script"), bye))
    caller = ScriptedCaller([WaitFor("menu"), Keys("12", spacing=0.08)])
    await hotline.take(caller)
    assert (hotline.at(KeyDown("1", "script")), hotline.at(KeyDown("2", "script"))) == (2.0, 2.08)
    assert caller.end == Ended("us", 200, "normal")
    assert caller.rang
    assert caller.heard == ("menu",)


async def test_a_caller_may_interrupt_a_prompt_as_it_begins() -> None:
    hotline = Hotline((Answered, say("menu", 5.0)), (KeyDown, Leg.stop_playing), (KeyDown, bye))
    await hotline.take(ScriptedCaller([WaitFor("menu", until="begins"), Wait(0.5), Keys("1")]))
    assert hotline.at(KeyDown("1", "script")) == 0.5
    assert not [event for _, event in hotline.events if isinstance(event, PlayEnded)]


async def test_a_prompt_already_over_still_counts_but_only_once() -> None:
    hotline = Hotline((Answered, say("a", 0.2)), (PlayEnded("a"), say("b", 0.2)))
    caller = ScriptedCaller([Wait(3.0), WaitFor("a"), WaitFor("b"), WaitFor("a", longest=5.0)])
    await hotline.take(caller)
    assert caller.stuck == WaitFor("a", longest=5.0)
    assert caller.end == Ended("caller")
    assert hotline.clock.time() == pytest.approx(8.0)


async def test_a_caller_waits_for_silence_across_prompts() -> None:
    hotline = Hotline((Answered, say("a")), (PlayEnded("a"), say("b")), (KeyDown, bye))
    await hotline.take(ScriptedCaller([WaitSilence(0.5), Keys("1")]))
    assert hotline.at(KeyDown("1", "script")) == 2.5


async def test_words_are_understood_and_hold_is_told() -> None:
    hotline = Hotline((Answered, say("a", 2.0)))
    caller = ScriptedCaller([Say("保单查询", 0.9), Wait(0.5), Hold(1.0), WaitFor("a"), HangUp()])
    events = await hotline.take(caller)
    assert events == [
        Answered(),
        WordsHeard("保单查询", 0.9),
        HoldChanged(True),
        HoldChanged(False),
        PlayEnded("a"),
        Ended("caller"),
    ]
    assert hotline.at(PlayEnded("a")) == 3.0


async def test_a_message_left_before_hanging_up_is_kept(tmp_path: Path) -> None:
    request = RecordRequest("m", tmp_path / "m.wav", 60.0, 3.0)
    hotline = Hotline((Answered, say("speak")), (PlayEnded("speak"), lambda leg: leg.record(request)))
    caller = ScriptedCaller([WaitFor("speak"), Wait(0.5), Speak(4.0), HangUp()])
    events = await hotline.take(caller)
    ended = next(event for event in events if isinstance(event, RecordEnded))
    assert ended.why == "hang_up"
    assert ended.seconds == pytest.approx(4.26, abs=0.03)
    assert Clip.from_wav(ended.path).seconds == pytest.approx(ended.seconds)
    assert events[-1] == Ended("caller")


async def test_a_clip_spoken_is_what_is_recorded(tmp_path: Path) -> None:
    words = Clip(bytes(range(1, 161)) * 50)
    request = RecordRequest("m", tmp_path / "m.wav", 60.0, 3.0, beep=False)
    hotline = Hotline((Answered, lambda leg: leg.record(request)), (RecordEnded, bye))
    await hotline.take(ScriptedCaller([Speak(clip=words)]))
    assert words.samples().tolist() == Clip.from_wav(request.path).samples()[:8000].tolist()


async def test_a_recording_that_cannot_be_written_ends_for_want_of_storage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    request = RecordRequest("m", tmp_path / "file" / "m.wav", 60.0, 1.0)
    hotline = Hotline((Answered, lambda leg: leg.record(request)), (RecordEnded, bye))
    events = await hotline.take(ScriptedCaller([Speak(1.0)]))
    assert RecordEnded("m", 0.0, "storage", request.path) in events


async def test_secret_keys_are_dots_in_the_transcript() -> None:
    hotline = Hotline(
        (KeyDown("1", "script"), lambda leg: leg.mask(True)),
        (KeyDown("8", "script"), lambda leg: leg.mask(False)),
    )
    caller = ScriptedCaller([Keys("12468"), Keys("9"), HangUp()])
    await hotline.take(caller)
    keys = [entry.what for entry in caller.transcript if entry.who == "caller"]
    assert keys == ["key 1", "key •", "key •", "key •", "key •", "key 9"]
    assert "2468" not in repr(caller.transcript)


async def test_a_caller_without_patience_gives_up_ringing() -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    line, legs = ScriptLine(clock), []
    await line.start(legs.append)
    caller = ScriptedCaller(patience=8.0)
    line.call(caller)
    await clock.run(lambda: caller.end is not None)
    assert (caller.end, clock.time(), line.active) == (Ended("caller", 487), 8.0, 0)


async def test_without_clips_a_prompt_takes_as_long_as_it_is_spoken() -> None:
    hotline = Hotline(
        (Answered, lambda leg: leg.play([], token="t", text="您好，欢迎")), (PlayEnded("t"), bye)
    )
    await hotline.take(ScriptedCaller())
    assert hotline.at(PlayEnded("t")) == pytest.approx(1.1)
    assert Prompt("t", "hello", ()).seconds == pytest.approx(0.3)


async def test_a_prompt_that_begins_on_hold_waits_for_its_end() -> None:
    hotline = Hotline((HoldChanged(True), say("a")), (HoldChanged(True), say("b")), (PlayEnded("b"), bye))
    caller = ScriptedCaller([Hold(2.0)])
    await hotline.take(caller)
    assert (hotline.at(PlayEnded("a")), hotline.at(PlayEnded("b"))) == (3.0, 4.0)
    caller.phone.hold(True)
    caller.phone.speak(1.0)
    caller.phone.press("1")
    caller.phone.hang_up()
    assert hotline.events[-1][1] == Ended("us", 200, "normal")


async def test_dialling_fails_with_a_reason() -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    line = ScriptLine(clock, capacity=1)
    with pytest.raises(LineError, match="nobody answers at 123"):
        await line.dial("123")

    class Deaf(Caller):
        answers_after = None

    line.people["123"] = Deaf
    dialling = asyncio.ensure_future(line.dial("123", timeout=20.0))
    await clock.run(dialling.done)
    with pytest.raises(LineError, match="did not answer within 20 s"):
        dialling.result()
    assert (clock.time(), line.active) == (20.0, 0)
    line.drain()
    with pytest.raises(LineError, match="takes no more calls"):
        await line.dial("123")


async def test_a_line_that_is_not_started_refuses() -> None:
    line = ScriptLine(VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC)))
    caller = ScriptedCaller()
    line.call(caller)
    assert caller.end == Ended("line", 503)


async def test_in_real_time_a_person_at_a_terminal_hears_texts_and_acts() -> None:
    class Terminal(Caller):
        def __init__(self) -> None:
            self.shown: list[str] = []
            self.over = asyncio.Event()

        def prompt_began(self, prompt: Prompt) -> None:
            self.shown.append(prompt.text)
            self.phone.press("5")

        def ended(self, event: Ended) -> None:
            self.over.set()

    line = ScriptLine(SystemClock())
    terminal, keys = Terminal(), []

    def take(leg: Leg) -> None:
        def sink(event: LegEvent) -> None:
            match event:
                case Answered():
                    leg.play([Clip.silence(0.02)], token="hi", text="您好")
                case KeyDown():
                    keys.append(event.key)
                case PlayEnded():
                    leg.hang_up()

        leg.attach(sink)
        leg.answer()

    await line.start(take)
    line.call(terminal)
    await asyncio.wait_for(terminal.over.wait(), 5)
    assert (terminal.shown, keys, line.active) == (["您好"], ["5"], 0)


async def test_a_thousand_calls_take_a_moment() -> None:
    clock = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    line = ScriptLine(clock)

    def take(leg: Leg) -> None:
        def sink(event: LegEvent) -> None:
            if isinstance(event, Answered):
                leg.play([], token="menu", text="请按一")
            elif isinstance(event, KeyDown):
                leg.stop_playing()
                leg.play([], token="bye", text="再见")
            elif event == PlayEnded("bye"):
                leg.hang_up()

        leg.attach(sink)
        leg.answer()

    await line.start(take)
    callers = [ScriptedCaller([WaitFor("menu"), Keys("1")]) for _ in range(1000)]
    for caller in callers:
        line.call(caller)
    while any(caller.end is None for caller in callers) and clock.advance_to_next():
        pass
    assert {caller.end for caller in callers} == {Ended("us", 200, "normal")}

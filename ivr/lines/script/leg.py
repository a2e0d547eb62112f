"""A simulated leg: the hotline's end (`ScriptLeg`) and the caller's (`Phone`) of one call without frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from ivr.clock import Clock
from ivr.lines.base import (
    Answered,
    Ended,
    HoldChanged,
    KeyDown,
    LegEvent,
    LegInfo,
    PlayEnded,
    RecordEnded,
    RecordRequest,
    WordsHeard,
)
from ivr.lines.port_leg import EventDesk
from ivr.lines.script.playing import PlayQueue, Prompt
from ivr.lines.script.recording import ScriptRecording, Span, voice
from ivr.media.clip import Clip

if TYPE_CHECKING:
    from ivr.lines.script.caller import Caller

Side = Literal["caller", "us", "line"]


class ScriptLeg:
    """The hotline's end of a simulated call; `caller` hears what is played, and acts through `phone`."""

    def __init__(
        self, info: LegInfo, clock: Clock, caller: Caller, gone: Callable[[ScriptLeg], None]
    ) -> None:
        self._info = info
        self._clock = clock
        self._caller = caller
        self._gone = gone
        self._desk = EventDesk()
        self._queue = PlayQueue(clock, self._prompt_began, self._prompt_ended)
        self._recordings: dict[str, ScriptRecording] = {}
        self._spans: list[Span] = []
        self._state: Literal["new", "answering", "answered", "ending", "ended"] = "new"
        self._masked = False
        self._on_hold = False
        #: The caller's end.
        self.phone = Phone(self)

    @property
    def info(self) -> LegInfo:
        """Who is calling."""
        return self._info

    @property
    def clock(self) -> Clock:
        """The clock of the simulation."""
        return self._clock

    @property
    def masked(self) -> bool:
        """Whether keys are not to be written anywhere."""
        return self._masked

    @property
    def talking(self) -> bool:
        """Whether it is answered and goes on."""
        return self._state == "answered"

    def attach(self, sink: Callable[[LegEvent], None]) -> None:
        """Deliver events here from now on, beginning with those that came before."""
        self._desk.attach(sink)

    def ring(self) -> None:
        """Say 180."""
        if self._state == "new":
            self._caller.ringing()

    def answer(self) -> None:
        """Say 200; `Answered` follows."""
        if self._state == "new":
            self._state = "answering"
            self._soon(self.connect)

    def refuse(self, status: int = 486, *, retry_after: int | None = None) -> None:
        """Refuse the unanswered call; `Ended` follows."""
        if self._state == "new":
            text = "" if retry_after is None else f"retry after {retry_after} s"
            self._state = "ending"
            self._soon(partial(self.end, "us", status, text))

    def play(self, clips: Sequence[Clip], *, token: str, text: str = "") -> None:
        """Play after whatever is still playing; it takes as long as the clips do, or as the text would."""
        if self._state == "answered":
            self._queue.play(Prompt(token, text, tuple(clips)))

    def stop_playing(self) -> None:
        """Silence, at once."""
        cut = self._queue.stop()
        if cut is not None:
            self._caller.prompt_ended(cut, cut_off=True)

    def record(self, request: RecordRequest) -> None:
        """Begin a recording of what the caller speaks; the file is written when it ends."""
        if self._state != "answered":
            return
        recording = ScriptRecording(request, self._clock, ended=self._recorded)
        self._recordings[request.recording] = recording
        for span in self._spans:
            recording.hear(span)
        self._caller.recording_began(request)

    def stop_recording(self, recording: str) -> None:
        """End it because a key was pressed."""
        running = self._recordings.get(recording)
        if running is not None:
            running.end("key")

    def mask(self, on: bool) -> None:
        """While on, recordings hold silence instead of the caller, and transcripts dots instead of keys."""
        self._masked = on
        if on:
            for span in self._spans:
                span.cut_at = self._clock.time()
            for recording in tuple(self._recordings.values()):
                recording.plan()

    def hang_up(self, reason: str = "normal") -> None:
        """End the call; `Ended` follows."""
        if self._state not in ("ending", "ended"):
            self._state = "ending"
            self._queue.stop()
            self._soon(partial(self.end, "us", 200, reason))

    # What the caller's end and the line do.

    def end(self, by: Side, status: int = 200, text: str = "") -> None:
        """The call is over: recordings end first. Harmless if it is."""
        if self._state == "ended":
            return
        self._queue.stop()
        for recording in tuple(self._recordings.values()):
            recording.end("hang_up")
        self._state = "ended"
        ended = Ended(by, status, text)
        self._desk.emit(ended)
        self._caller.ended(ended)
        self._gone(self)

    def connect(self) -> None:
        """Media flow from now on. Harmless after the end."""
        if self._state in ("new", "answering"):
            self._state = "answered"
            self._desk.emit(Answered())
            self._caller.answered()

    def emit(self, event: LegEvent) -> None:
        """Something that the caller did."""
        if self._state == "answered":
            self._desk.emit(event)

    def hold(self, on: bool) -> None:
        """The caller puts the hotline on hold, or takes it back."""
        if self._state == "answered" and on != self._on_hold:
            self._on_hold = on
            self._queue.pause(on)
            self._desk.emit(HoldChanged(on))

    def hear(self, sound: Clip) -> None:
        """The caller speaks."""
        if self._masked or self._state != "answered":
            return
        span = Span(self._clock.time(), sound)
        self._spans = [one for one in self._spans if one.end > span.start]
        self._spans.append(span)
        for recording in tuple(self._recordings.values()):
            recording.hear(span)

    def hang_up_by_caller(self) -> None:
        """The caller ends the call, or gives up before it was answered."""
        self.end("caller", 200 if self._state == "answered" else 487)

    def _soon(self, what: Callable[[], None]) -> None:
        self._clock.call_at(self._clock.time(), what)

    def _prompt_began(self, prompt: Prompt) -> None:
        self._caller.prompt_began(prompt)

    def _prompt_ended(self, prompt: Prompt) -> None:
        self._caller.prompt_ended(prompt, cut_off=False)
        self._desk.emit(PlayEnded(prompt.token))

    def _recorded(self, event: RecordEnded) -> None:
        del self._recordings[event.recording]
        self._desk.emit(event)


class Phone:
    """The caller's end of a simulated call: what a person can do with a telephone."""

    def __init__(self, leg: ScriptLeg) -> None:
        self._leg = leg

    @property
    def clock(self) -> Clock:
        """The clock of the simulation."""
        return self._leg.clock

    @property
    def talking(self) -> bool:
        """Whether the call is answered and goes on."""
        return self._leg.talking

    @property
    def masked(self) -> bool:
        """Whether the hotline treats what is typed now as secret."""
        return self._leg.masked

    def press(self, key: str) -> None:
        """Press one key: 0-9, *, #, A-D."""
        self._leg.emit(KeyDown(key, "script"))

    def say(self, text: str, confidence: float = 1.0) -> None:
        """Say words that are understood as `text`."""
        self._leg.emit(WordsHeard(text, confidence))

    def speak(self, sound: Clip | float) -> None:
        """Speak into a recording: a clip, or a voice-like sound of so many seconds."""
        self._leg.hear(voice(sound) if isinstance(sound, float | int) else sound)

    def hold(self, on: bool) -> None:
        """Put the hotline on hold, or take it back."""
        self._leg.hold(on)

    def hang_up(self) -> None:
        """End the call; before it is answered: cancel it."""
        self._leg.hang_up_by_caller()

"""A telephone world in virtual time: carries out what the engine asks, and lets a caller act.

Nothing waits: prompts last as long as they would, timers run, services answer, and the clock jumps from one
event to the next. What happens is told as `Moment`s.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ivr.flow.engine import Engine, Turn
from ivr.flow.events import (
    CallerHungUp,
    CallStarted,
    Event,
    KeyPressed,
    PromptFinished,
    RecordingEnd,
    RecordingFinished,
    ServiceResult,
    SpeechBegan,
    SpeechHeard,
    SpeechLost,
    TimerFired,
    TransferResult,
)
from ivr.flow.instructions import (
    HangUp,
    Instruction,
    Listen,
    Phrase,
    Record,
    RunService,
    Say,
    StartTimer,
    StopRecording,
    StopSaying,
    StopTimer,
    Transfer,
)
from ivr.flow.state import CallState
from ivr.flow.trace import TraceEntry
from ivr.flow.values import Level, Value
from ivr.testing.moments import Moment, moments_of


@dataclass(frozen=True, slots=True)
class Answer:
    """How a service answers: `after` seconds, with an outcome and a value (or an error's `code`)."""

    outcome: str = "ok"
    value: Value = None
    after: float = 0.05
    code: str = ""


class Services(Protocol):
    """Whatever stands for the services of a call."""

    def answer(self, request: RunService) -> Answer:
        """How the service will answer this request."""


@dataclass(frozen=True, slots=True)
class TransferAnswer:
    """How a transfer ends: answered, busy, timeout or closed, `after` seconds."""

    outcome: str = "answered"
    after: float = 5.0


def nominal_seconds(phrase: Phrase) -> float:
    """How long a phrase lasts when nobody measures it: two seconds, and one for each value in it."""
    return 2.0 + len(phrase.values)


@dataclass(slots=True)
class _Recording:
    instruction: Record
    began: float
    spoken_until: float
    version: int = 0


@dataclass(slots=True)
class Playing:
    """A prompt that is being heard: when it begins and ends."""

    prompt: str
    token: str
    begins: float
    ends: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.ends - self.begins


@dataclass(slots=True, eq=False)
class _Due:
    at: float
    order: int
    event: Callable[[float], Event]
    live: bool = True

    def __lt__(self, other: _Due) -> bool:
        return (self.at, self.order) < (other.at, other.order)


@dataclass(slots=True)
class World:
    """One call in virtual time. `now` is seconds since the answer.

    `transfers` gives the end of a transfer by its queue; a queue that is not named answers. A service that would
    take longer than it may ends as `timeout`.
    """

    engine: Engine
    services: Services
    transfers: Callable[[Transfer], TransferAnswer] = lambda transfer: TransferAnswer()
    seconds_of: Callable[[Phrase], float] = nominal_seconds
    now: float = 0.0
    moments: list[Moment] = field(default_factory=list)
    trace: list[TraceEntry] = field(default_factory=list)
    playing: list[Playing] = field(default_factory=list)
    #: Since when the hotline has been waiting for the caller without speaking; None while it does not.
    quiet_since: float | None = None
    recording: _Recording | None = None
    hung_up: bool = False
    events: int = 0
    #: What the engine must never ask and did: to speak or to listen when the caller is gone.
    wrong: list[str] = field(default_factory=list)
    _state: CallState | None = None
    _queue: list[_Due] = field(default_factory=list)
    _by_id: dict[str, _Due] = field(default_factory=dict)
    _order: int = 0

    @property
    def state(self) -> CallState:
        """The call's state after the last event."""
        if self._state is None:
            raise RuntimeError("the call has not begun; use World.start")
        return self._state

    @property
    def over(self) -> bool:
        """Whether nothing will happen any more."""
        return self.state.finished

    def start(
        self,
        event: CallStarted,
        flow: str | None = None,
        inputs: Mapping[str, Value] | None = None,
        level: Level = Level.ANONYMOUS,
    ) -> None:
        """Answer the call."""
        self._take(self.engine.start(event, flow, inputs, level))

    # What the caller does, at the present moment

    def press(self, key: str) -> None:
        """Press one key."""
        self.moments.append(Moment(self.now, "pressed", key if not self.state.sensitive else "•"))
        self._handle(KeyPressed(self.now, key))

    def speak(
        self, text: str, confidence: float = 1.0, meaning: str = "", others: tuple[str, ...] = ()
    ) -> None:
        """Say something, to a step that listens: it is noticed, and understood as soon as it has been said."""
        self.moments.append(Moment(self.now, "spoke", text if not self.state.sensitive else "•"))
        self._handle(SpeechBegan(self.now))
        self._handle(SpeechHeard(self.now, text, confidence, meaning, others, self.now))

    def cough(self) -> None:
        """Make a noise that is taken for the beginning of speech, and turns out to be none."""
        self.moments.append(Moment(self.now, "spoke", "(cough)"))
        self._handle(SpeechBegan(self.now))
        self._handle(SpeechHeard(self.now, "", 0.0))

    def begin_to_speak(self) -> None:
        """Be noticed to speak; whether anything is heard of it is another matter."""
        self._handle(SpeechBegan(self.now))

    def lose_speech(self, why: Literal["full", "failed", "no_model"]) -> None:
        """Nothing that is said can be recognised now."""
        self.moments.append(Moment(self.now, "not_heard", why))
        self._handle(SpeechLost(self.now, why))

    def talk(self, seconds: float, disk_full: bool = False) -> None:
        """Talk into the recording that is running, for so long; with `disk_full`, no more can be kept then."""
        if self.recording is not None:
            self.moments.append(Moment(self.now, "talked", f"{seconds:g}s"))
            self.recording.spoken_until = self.now + seconds
            if disk_full:
                self._break_off(self.recording)
            else:
                self._expect_silence()

    def hang_up(self) -> None:
        """Hang up; a recording that is running ends with it."""
        self.hung_up = True
        self.moments.append(Moment(self.now, "hung_up", ""))
        if self.recording is not None:
            self._finish_recording("hang_up")
        self._handle(CallerHungUp(self.now))

    def advance(self, to: float) -> None:
        """Let time pass; only up to the next thing that happens."""
        self.now = max(self.now, to)

    # What happens by itself

    def next_time(self) -> float | None:
        """When the next thing happens by itself; None if nothing ever will."""
        while self._queue and not self._queue[0].live:
            heapq.heappop(self._queue)
        return self._queue[0].at if self._queue else None

    def step(self) -> None:
        """Let the next thing happen."""
        if self.next_time() is None:
            raise RuntimeError("nothing will happen by itself any more")
        due = heapq.heappop(self._queue)
        self.now = max(self.now, due.at)
        self._handle(due.event(self.now))

    def _handle(self, event: Event) -> None:
        self.events += 1
        if isinstance(event, PromptFinished):
            self._heard(event.token)
        self._take(self.engine.handle(self.state, event))

    def _heard(self, token: str) -> None:
        over = [playing for playing in self.playing if playing.token == token]
        self.playing = [playing for playing in self.playing if playing.token != token]
        self.moments.extend(Moment(self.now, "finished", playing.prompt) for playing in over)

    def _take(self, turn: Turn) -> None:
        self._state = turn.state
        self.trace.extend(turn.trace)
        self.moments.extend(moments_of(self.engine, turn, self.now))
        ended = False
        for instruction in turn.instructions:
            kind = type(instruction)
            if (ended or self.hung_up) and kind in (Say, Listen, Record, Transfer):
                self.wrong.append(f"{kind.__name__} was asked for when the call was over")
            ended = ended or kind is HangUp
            action = _ACTIONS.get(type(instruction))
            if action is not None:
                action(self, instruction)
        if not turn.state.wait.listening or turn.state.playing or turn.state.finished:
            self.quiet_since = None
        elif self.quiet_since is None:
            self.quiet_since = self.now

    def _later(self, name: str, seconds: float, event: Callable[[float], Event]) -> None:
        self._order += 1
        due = _Due(self.now + seconds, self._order, event)
        self._by_id[name] = due
        heapq.heappush(self._queue, due)

    def _forget(self, name: str) -> None:
        due = self._by_id.pop(name, None)
        if due is not None:
            due.live = False

    # Instructions

    def _say(self, say: Say) -> None:
        begins = max([self.now, *(playing.ends for playing in self.playing)])
        for phrase in say.phrases:
            seconds = self.seconds_of(phrase)
            self.playing.append(Playing(phrase.prompt, say.token, begins, begins + seconds))
            begins += seconds
        token = say.token
        self._later(token, begins - self.now, lambda at: PromptFinished(at, token))

    def _stop_saying(self, stop: StopSaying) -> None:
        for playing in self.playing:
            self._forget(playing.token)
        self.playing = []

    def _start_timer(self, start: StartTimer) -> None:
        timer = start.timer
        self._later(timer, start.seconds, lambda at: TimerFired(at, timer))

    def _stop_timer(self, stop: StopTimer) -> None:
        self._forget(stop.timer)

    def _run_service(self, run: RunService) -> None:
        answer = self.services.answer(run)
        request = run.request
        if answer.after >= run.timeout:
            self._later(request, run.timeout, lambda at: ServiceResult(at, request, "timeout"))
            return
        self._later(
            request,
            answer.after,
            lambda at: ServiceResult(at, request, answer.outcome, answer.value, answer.code),
        )

    def _record(self, record: Record) -> None:
        self.recording = _Recording(record, self.now, self.now)
        self._expect_silence()

    def _expect_silence(self) -> None:
        recording = self.recording
        if recording is None:
            return
        name = recording.instruction.recording
        self._forget(name)
        longest = recording.began + recording.instruction.longest
        silent = recording.spoken_until + recording.instruction.silence
        why: RecordingEnd = "longest" if longest <= silent else "silence"
        seconds = min(recording.spoken_until, longest) - recording.began
        self._later(
            name,
            min(longest, silent) - self.now,
            lambda at: self._recorded(RecordingFinished(at, name, seconds, why)),
        )

    def _break_off(self, recording: _Recording) -> None:
        """The disk takes no more when the caller has finished talking."""
        name = recording.instruction.recording
        self._forget(name)
        seconds = recording.spoken_until - recording.began
        self._later(
            name,
            recording.spoken_until - self.now,
            lambda at: self._recorded(RecordingFinished(at, name, seconds, "storage")),
        )

    def _recorded(self, event: RecordingFinished) -> RecordingFinished:
        self.recording = None
        return event

    def _stop_recording(self, stop: StopRecording) -> None:
        recording = self.recording
        if recording is not None:
            self._forget(stop.recording)
            seconds = min(self.now, recording.spoken_until) - recording.began
            self.recording = None
            self._later(
                stop.recording, 0.02, lambda at: RecordingFinished(at, stop.recording, seconds, "key")
            )

    def _finish_recording(self, why: RecordingEnd) -> None:
        recording = self.recording
        if recording is not None:
            self.recording = None
            self._forget(recording.instruction.recording)
            seconds = min(self.now, recording.spoken_until) - recording.began
            self._handle(RecordingFinished(self.now, recording.instruction.recording, seconds, why))

    def _transfer(self, transfer: Transfer) -> None:
        answer = self.transfers(transfer)
        request: str = transfer.request
        outcome: Any = answer.outcome
        self._later(
            request, min(answer.after, transfer.timeout), lambda at: TransferResult(at, request, outcome)
        )

    def _end(self, hang_up: HangUp) -> None:
        self.hung_up = True
        self.playing = []


_ACTIONS: Mapping[type[Instruction], Callable[[World, Any], None]] = {
    Say: World._say,
    StopSaying: World._stop_saying,
    StartTimer: World._start_timer,
    StopTimer: World._stop_timer,
    RunService: World._run_service,
    Record: World._record,
    StopRecording: World._stop_recording,
    Transfer: World._transfer,
    HangUp: World._end,
}

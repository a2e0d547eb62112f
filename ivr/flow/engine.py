"""The flow engine: a pure function of a call's state and the next event.

`Engine.start` and `Engine.handle` give a `Turn`: the new state, what the world is asked to do, and what
happened. There is no I/O, no clock and no randomness in it, and the state it is given is never changed. One
engine serves all calls that began with the same version of the flows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ivr.flow.collect import Collect
from ivr.flow.errors import ExpressionError, FlowError
from ivr.flow.events import (
    CallerHungUp,
    CallStarted,
    Event,
    KeyPressed,
    PromptFinished,
    RecordingFinished,
    ServiceResult,
    SpeechBegan,
    SpeechHeard,
    SpeechLost,
    TimerFired,
    TransferResult,
)
from ivr.flow.hours import open_state
from ivr.flow.instructions import Instruction, StartTimer
from ivr.flow.kinds import AskHours, Call, Hangup, Kind, Language, Return, Say, Set, When
from ivr.flow.library import FlowLibrary
from ivr.flow.menu import Menu
from ivr.flow.model import Hours
from ivr.flow.moves import caller_gone, drive, enter, fail, finish, hang_up, mark_gone, shut
from ivr.flow.plan import FlowPlan, plan_flow
from ivr.flow.recording import BringPerson, Recording
from ivr.flow.service import Do
from ivr.flow.state import CallState, Frame
from ivr.flow.trace import FlowEntered, KeysDropped, KeyUsed, TraceEntry
from ivr.flow.turn import FaultError, Move, Run, offered_languages
from ivr.flow.values import Level, Value

#: Keys that may wait to be used; more than anybody types ahead.
LONGEST_BUFFER: Final = 64
KEYS: Final = frozenset("0123456789*#ABCD")

#: The state of a calendar by its name, its hours and the aware date and time: open | closed | holiday.
OpenState = Callable[[str, Hours, datetime], str]


class WrongVersionError(FlowError):
    """A call's state belongs to another version of the flows; run it with the engine of that version."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one event. Instructions are to be carried out in order."""

    state: CallState
    instructions: tuple[Instruction, ...]
    trace: tuple[TraceEntry, ...]


def _calendar_state(calendar: str, hours: Hours, now: datetime) -> str:
    return open_state(hours, now)


@dataclass(frozen=True, slots=True)
class StandIn:
    """What a flow that is not run comes to: an outcome, what it carries, and the level it leaves."""

    outcome: str
    values: Mapping[str, Value] = field(default_factory=dict)
    level: Level = Level.ANONYMOUS


class Engine:
    """Runs the calls of one library of flows.

    `open_state` may be replaced to play with opening hours. `stand_ins` are flows that are not run but give
    the next of these outcomes each time they are called (the last again and again), for trying a flow alone.
    """

    def __init__(
        self,
        library: FlowLibrary,
        open_state: OpenState = _calendar_state,
        stand_ins: Mapping[str, Sequence[StandIn]] | None = None,
    ) -> None:
        self.library = library
        self.hotline = library.hotline
        self.services = library.manifest.services
        self.heard = library.manifest.heard
        self.open_state = open_state
        self.stand_ins = stand_ins or {}
        self._plans: dict[str, FlowPlan] = {}
        recording = Recording()
        self.kinds: Mapping[str, Kind] = {
            "say": Say(), "menu": Menu(), "collect": Collect(), "do": Do(), "call": Call(),
            "transfer": BringPerson(), "voicemail": recording, "record": recording, "set": Set(),
            "when": When(), "hours": AskHours(), "language": Language(), "return": Return(),
            "hangup": Hangup(),
        }  # fmt: skip

    def plan(self, flow: str) -> FlowPlan:
        """A flow made ready; raises KeyError for one that the library does not have."""
        plan = self._plans.get(flow)
        if plan is None:
            plan = self._plans[flow] = plan_flow(self.library, self.library.flows[flow])
        return plan

    def start(
        self,
        event: CallStarted,
        flow: str | None = None,
        inputs: Mapping[str, Value] | None = None,
        level: Level = Level.ANONYMOUS,
    ) -> Turn:
        """Answer a call, with the flow for the number that was dialled unless another is named.

        `inputs` fill the flow's inputs and `level` is the caller's, for a flow that is tried by itself.
        """
        name = flow or self.library.flow_for(event.called)
        plan = self.plan(name)
        languages = offered_languages(self.hotline.languages, event.facts)
        state = CallState(
            self.library.version,
            event.call_id,
            event.now,
            event.caller,
            event.called,
            event.language if event.language in languages else languages[0],
            dict(event.facts),
            event.at,
            level,
        )
        variables = {**dict.fromkeys(plan.null), **(inputs or {})}
        state.frames.append(Frame(0, name, "main", plan.flow.entry, False, variables))
        run = Run(self, state)
        state.limit_timer = run.new_id("t")
        state.limit_at = event.at + self.hotline.limits.call
        run.out.append(StartTimer(state.limit_timer, self.hotline.limits.call))
        run.trace.append(FlowEntered(run.at, name, plan.loaded.version))
        return self._turn(run, lambda: self._begin(run, plan))

    def _begin(self, run: Run, plan: FlowPlan) -> Move:
        for variable, expression in plan.initial:
            run.assign(variable, run.evaluate(expression))
        return enter(run, plan.flow.entry)

    def handle(self, state: CallState, event: Event) -> Turn:
        """What the call does upon an event; what comes late or after the end comes to nothing.

        Raises `WrongVersionError` for a call that began with other flows.
        """
        if state.version != self.library.version:
            raise WrongVersionError(
                "the call began with another version of the flows; use that version's engine"
            )
        if state.finished:
            return Turn(state, (), ())
        state = state.copy()
        if event.at > state.at:
            state.at = event.at
        run = Run(self, state)
        return self._turn(run, lambda: _TAKE[type(event)](run, event))

    def resume(self, state: CallState, at: float) -> Turn:
        """Go on with a state that was read back: a step that masks what is entered begins again."""
        state = state.copy()
        state.at = at
        run = Run(self, state)
        if state.finished or not state.wait.sensitive:
            return Turn(state, (), ())
        return self._turn(run, lambda: _restart(run))

    def _turn(self, run: Run, first: Callable[[], Move]) -> Turn:
        try:
            move = first()
        except (FaultError, ExpressionError) as fault:
            move = fail(run, fault)
        drive(run, move)
        return Turn(run.state, tuple(run.out), tuple(run.trace))


def _restart(run: Run) -> Move:
    run.leave()
    return enter(run, run.frame.step)


# One function for each event: what it comes to.


def _key(run: Run, event: KeyPressed) -> Move:
    state = run.state
    if state.hung_up or state.ending or event.key not in KEYS:
        return None
    swallow, state.swallow = state.swallow, ""
    if swallow == event.key and event.at <= state.swallow_until:
        flow, step = state.step
        run.trace.append(KeyUsed(run.at, flow, step, "•" if state.swallow_masked else event.key))
        return None
    if len(state.buffer) >= LONGEST_BUFFER:
        run.trace.append(KeysDropped(run.at, *state.step, 1))
        return None
    state.buffer += event.key
    plan = run.plan
    return run.engine.kinds[plan.kind].keys(run, plan)


def _speech(run: Run, event: SpeechHeard) -> Move:
    if run.state.hung_up or not run.state.wait.listening:
        return None
    plan = run.plan
    return run.engine.kinds[plan.kind].speech(run, plan, event)


def _began(run: Run, event: SpeechBegan) -> Move:
    if run.state.hung_up or not run.state.wait.listening:
        return None
    plan = run.plan
    return run.engine.kinds[plan.kind].began(run, plan)


def _lost(run: Run, event: SpeechLost) -> Move:
    if run.state.hung_up or not run.state.wait.listening:
        return None
    plan = run.plan
    return run.engine.kinds[plan.kind].lost(run, plan, event)


def _prompt(run: Run, event: PromptFinished) -> Move:
    state = run.state
    if event.token == state.playing:
        state.playing = ""
    if event.token != state.wait.token or not event.token:
        return None
    state.wait.token = ""
    if state.wait.stage == "ending":
        return hang_up(run, state.ending)
    plan = run.plan
    return run.engine.kinds[plan.kind].heard(run, plan)


def _timer(run: Run, event: TimerFired) -> Move:
    state, wait = run.state, run.state.wait
    if event.timer == state.limit_timer:
        state.limit_timer = ""
        return finish(run) if state.hung_up else _limit(run)
    if event.timer not in (wait.timer, wait.filler):
        return None
    if wait.stage == "ending":
        return hang_up(run, state.ending)
    plan = run.plan
    return run.engine.kinds[plan.kind].timer(run, plan, event.timer)


def _limit(run: Run) -> Move:
    """The call has lasted as long as a call may."""
    if run.state.ending:
        return None
    if run.engine.kinds[run.plan.kind].closes(run):
        run.state.ending = "limit"
        return None
    return shut(run, "limit", "limit")


def _service(run: Run, event: ServiceResult) -> Move:
    plan = run.plan
    return run.engine.kinds[plan.kind].service(run, plan, event)


def _recording(run: Run, event: RecordingFinished) -> Move:
    plan = run.plan
    return run.engine.kinds[plan.kind].recording(run, plan, event)


def _transfer(run: Run, event: TransferResult) -> Move:
    plan = run.plan
    return run.engine.kinds[plan.kind].transfer(run, plan, event)


def _hung_up(run: Run, event: CallerHungUp) -> Move:
    if run.state.hung_up:
        return None
    if run.engine.kinds[run.plan.kind].settles(run):
        mark_gone(run)
        return None
    return caller_gone(run)


def _started(run: Run, event: CallStarted) -> Move:
    return None


_TAKE: Mapping[type[Any], Callable[[Run, Any], Move]] = {
    CallStarted: _started,
    KeyPressed: _key,
    SpeechHeard: _speech,
    SpeechBegan: _began,
    SpeechLost: _lost,
    PromptFinished: _prompt,
    TimerFired: _timer,
    ServiceResult: _service,
    RecordingFinished: _recording,
    TransferResult: _transfer,
    CallerHungUp: _hung_up,
}

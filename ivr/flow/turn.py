"""One turn in the making: a private copy of the call's state, and what has been asked of the world so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ivr.flow.instructions import (
    Instruction,
    Listen,
    Phrase,
    Say,
    StartTimer,
    StopListening,
    StopSaying,
    StopTimer,
)
from ivr.flow.plan import Edge, Line, Plan
from ivr.flow.state import CallState, Frame, Wait
from ivr.flow.trace import MASKED, KeysDropped, KeyUsed, Said, TraceEntry
from ivr.flow.values import Value

if TYPE_CHECKING:
    from ivr.flow.engine import Engine
    from ivr.flow.expressions import Expression


class FaultError(Exception):
    """What should not happen in a running call did; the call goes to its error handler.

    Codes: LOOP, STEPS, DEPTH, LEVEL, SERVICE, OUTCOME, BRANCH, VALUE, LANGUAGE. The message holds no value.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Done:
    """The present step ended with an outcome (and, for a sub-flow, with what it gave back)."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Go:
    """The call goes this way, because of a choice, a hotkey, a ladder or a fault."""

    edge: Edge
    outcome: str


#: What a part of a turn comes to: the step ended, the call goes elsewhere, or (None) it waits.
Move = Done | Go | None


def offered_languages(languages: list[str], facts: Mapping[str, Value]) -> list[str]:
    """Those of the hotline's languages that a call can be held in (its fact `languages`), in their order; never none."""
    now = facts.get("languages", ())
    return [language for language in languages if language in now] or languages


class Scope(dict[str, Value]):
    """The variables an expression sees; the records `call` and `company` are made when they are asked for."""

    __slots__ = ("_run",)

    def __init__(self, run: Run, variables: Mapping[str, Value]) -> None:
        super().__init__(variables)
        self._run = run

    def __missing__(self, name: str) -> Value:
        if name == "call":
            return self._run.call_record()
        if name == "company":
            return self._run.engine.hotline.company
        raise KeyError(name)


class Run:
    """The tools of a turn. `state` is the turn's own copy and may be changed; nothing waits or does I/O."""

    __slots__ = ("_call", "_level", "at", "engine", "out", "state", "steps", "trace")

    def __init__(self, engine: Engine, state: CallState) -> None:
        self.engine = engine
        self.state = state
        self.at = state.at
        self.out: list[Instruction] = []
        self.trace: list[TraceEntry] = []
        self.steps = 0
        self._call: dict[str, Value] | None = None
        self._level = state.level

    # Where the call is

    @property
    def frame(self) -> Frame:
        """The present flow."""
        return self.state.frames[-1]

    @property
    def plan(self) -> Plan:
        """The present step."""
        frame = self.state.frames[-1]
        return self.engine.plan(frame.flow).steps[frame.step]

    @property
    def now(self) -> datetime:
        """The date and time of this event."""
        return self.state.started + timedelta(seconds=self.at)

    @property
    def offered(self) -> list[str]:
        """See `offered_languages`."""
        return offered_languages(self.engine.hotline.languages, self.state.facts)

    # Values

    def call_record(self) -> dict[str, Value]:
        """The record `call` of expressions: as it is now, after what this turn has changed of it."""
        state = self.state
        if self._call is None or self._call["language"] != state.language or self._level != state.level:
            self._level, now = state.level, self.now
            self._call = {
                "channel": "",
                **state.facts,
                "speech": state.facts.get("speech") is True and state.language in self.engine.heard,
                "late": state.facts.get("late") is True,
                "languages": self.offered,
                "id": state.call_id,
                "number": state.caller,
                "called": state.called,
                "language": state.language,
                "level": state.level.name.lower(),
                "now": now,
                "today": now.date(),
            }
        return self._call

    def evaluate(self, expression: Expression, **more: Value) -> Value:
        """The value of an expression here; raises ExpressionError."""
        scope = Scope(self, self.state.frames[-1].variables)
        if more:
            scope.update(more)
        return expression.evaluate(scope)

    def assign(self, name: str, value: Value) -> None:
        """Fill a variable of the present flow."""
        frame = self.state.frames[-1]
        frame.variables = {**frame.variables, name: value}

    def new_id(self, letter: str) -> str:
        """An id that is unique in the call."""
        self.state.serial += 1
        return f"{letter}{self.state.serial}"

    # Speaking

    def phrases(self, lines: Sequence[Line], extra: Mapping[str, Value]) -> tuple[Phrase, ...]:
        """The prompts with their slots filled from `with`, `extra` and the variables of the same name."""
        return tuple(self._phrase(line, extra) for line in lines)

    def _phrase(self, line: Line, extra: Mapping[str, Value]) -> Phrase:
        language = self.state.language
        if not line.given and not line.slots:
            return Phrase(line.prompt, language)
        values = {slot: self.evaluate(expression, **extra) for slot, expression in line.given}
        variables = self.state.frames[-1].variables
        for slot in line.slots:
            if slot in extra:
                values[slot] = extra[slot]
            elif slot in variables:
                values[slot] = variables[slot]
            else:
                raise FaultError("VALUE", f"the prompt {line.prompt} needs {slot}, which is not set here")
        return Phrase(line.prompt, language, values)

    def say(self, lines: Sequence[Line], **extra: Value) -> str:
        """Begin to speak; returns the token of `PromptFinished`."""
        return self.speak(self.phrases(lines, extra))

    def speak(self, phrases: tuple[Phrase, ...]) -> str:
        """Begin to play phrases; returns the token of `PromptFinished`."""
        token = self.new_id("p")
        self.state.playing = token
        self.out.append(Say(token, phrases, self.state.pace))
        flow, step = self.state.step
        self.trace.append(Said(self.at, flow, step, tuple([phrase.prompt for phrase in phrases])))
        return token

    def role(self, role: str) -> tuple[Line, ...]:
        """The hotline's own prompt for a role (`pardon`, `limit`…), if it has one."""
        prompt = self.engine.hotline.prompts.get(role)
        signature = self.engine.library.manifest.prompts.get(prompt) if prompt else None
        return (Line(prompt, (), tuple(signature.slots) if signature else ()),) if prompt else ()

    def hush(self) -> None:
        """Silence what is playing."""
        if self.state.playing:
            self.state.playing = ""
            self.out.append(StopSaying())
        self.state.wait.token = ""

    # Listening

    def listen(self, listen: Listen) -> None:
        """Let the caller answer."""
        wait = self.state.wait
        wait.listening, wait.listened = True, self.at
        self.out.append(listen)

    def start_timer(self, seconds: float) -> None:
        """Start the step's timer in place of the one before."""
        self.stop_timer()
        self.state.wait.timer = self.other_timer(seconds)

    def other_timer(self, seconds: float) -> str:
        """Start a timer beside the step's; returns its id."""
        timer = self.new_id("t")
        self.out.append(StartTimer(timer, seconds))
        return timer

    def stop_timer(self) -> None:
        """Stop the step's timer."""
        wait = self.state.wait
        if wait.timer:
            self.out.append(StopTimer(wait.timer))
            wait.timer = ""

    def leave(self) -> None:
        """Stop everything the present step had going, and wait for nothing."""
        wait = self.state.wait
        self.stop_timer()
        if wait.filler:
            self.out.append(StopTimer(wait.filler))
        if wait.listening:
            self.out.append(StopListening())
        self.hush()
        self.state.wait = Wait()

    # Keys

    def next_key(self) -> str:
        """Take the first key of the buffer; the caller of this notes its use."""
        key, self.state.buffer = self.state.buffer[0], self.state.buffer[1:]
        return key

    def use_keys(self, keys: str) -> None:
        """Note that the present step used these keys."""
        flow, step = self.state.step
        for key in keys:
            self.trace.append(KeyUsed(self.at, flow, step, MASKED if self.state.wait.sensitive else key))

    def drop_keys(self) -> None:
        """Empty the buffer."""
        if self.state.buffer:
            flow, step = self.state.step
            self.trace.append(KeysDropped(self.at, flow, step, len(self.state.buffer)))
            self.state.buffer = ""


def arguments(run: Run, plan: Plan, part: str, **more: Any) -> dict[str, Value]:
    """The values of a step's `with`, `out` or `set`, by name."""
    return {name: run.evaluate(expression, **more) for name, expression in plan.exprs[part].items()}

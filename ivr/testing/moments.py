"""What happened in a scripted call, told so that a person can read it and a test can expect it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ivr.flow.engine import Engine, Turn
from ivr.flow.instructions import Phrase, RunService, Say
from ivr.flow.trace import (
    CallEnded,
    Fault,
    FlowEntered,
    FlowLeft,
    LanguageChanged,
    LevelRaised,
    Missed,
    RecordingSettled,
    Said,
    ServiceAnswered,
    ServiceAsked,
    StepEntered,
    TransferAsked,
    TransferEnded,
)
from ivr.flow.values import Value


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened `at` seconds after the answer. `what` is a word such as `said`, `step`, `did`."""

    at: float
    what: str
    name: str
    values: Mapping[str, Value] = field(default_factory=dict)
    detail: str = ""
    flow: str = ""
    variables: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        values = ", ".join(f"{name}: {shown(value)}" for name, value in self.values.items())
        more = " ".join(part for part in (f"{{{values}}}" if values else "", self.detail) if part)
        return f"{self.at:8.2f}s  {_WORDS.get(self.what, self.what):>10}  {self.name} {more}".rstrip()


#: The caller's side in the transcript begins with an arrow.
_WORDS = {"pressed": "> keys", "spoke": "> say", "talked": "> record", "hung_up": "> hang up"}


def shown(value: Value) -> str:
    """A value for a transcript."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {shown(inner)}" for name, inner in value.items()) + "}"
    amount = getattr(value, "amount", None)
    return f"{amount} {value.currency}" if amount is not None else str(value)


def moments_of(engine: Engine, turn: Turn, at: float) -> Iterator[Moment]:
    """The moments of one turn, in order."""
    says = iter([one for one in turn.instructions if isinstance(one, Say)])
    asks = iter([one for one in turn.instructions if isinstance(one, RunService)])
    variables = turn.state.variables
    for entry in turn.trace:
        told = _TOLD.get(type(entry))
        if isinstance(entry, StepEntered):
            yield Moment(at, "step", entry.step, flow=entry.flow, variables=variables)
            plan = engine.plan(entry.flow).steps[entry.step]
            if plan.kind == "voicemail":
                yield Moment(at, "voicemail", plan.step.voicemail, variables=variables)
        elif isinstance(entry, Said):
            for phrase in _phrases(next(says, None)):
                yield Moment(at, "said", phrase.prompt, phrase.values, phrase.language, variables=variables)
        elif isinstance(entry, ServiceAsked):
            ask = next(asks)
            yield Moment(at, "did", entry.service, ask.arguments, f"try {ask.attempt}" * (ask.attempt > 1))
        elif told is not None:
            what, name, detail = told(entry)
            flow = getattr(entry, "flow", "")
            yield Moment(at, what, name, detail=detail, flow=flow, variables=variables)


def _phrases(say: Say | None) -> Sequence[Phrase]:
    return say.phrases if say is not None else ()


_TOLD: Mapping[type[Any], Callable[[Any], tuple[str, str, str]]] = {
    ServiceAnswered: lambda e: ("answered", e.service, e.outcome + (f" ({e.code})" if e.code else "")),
    RecordingSettled: lambda e: ("kept" if e.kept else "discarded", e.recording, ""),
    TransferAsked: lambda e: ("transfer", e.queue, e.reason),
    TransferEnded: lambda e: ("transferred", e.queue, e.outcome),
    FlowEntered: lambda e: ("flow", e.flow, ""),
    FlowLeft: lambda e: ("outcome", e.outcome, f"of {e.flow}"),
    LevelRaised: lambda e: ("level", ("anonymous", "identified", "verified")[e.level], ""),
    LanguageChanged: lambda e: ("language", e.language, ""),
    Missed: lambda e: (e.what, e.step, f"no. {e.count}"),
    Fault: lambda e: ("FAULT", e.code, e.message),
    CallEnded: lambda e: ("hangup", e.reason, ""),
}

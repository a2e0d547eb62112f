"""Which steps and branches of the flows were reached by calls, and where the others are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.outcomes import REPROMPTS
from ivr.flow.trace import StepEntered, StepLeft, TraceEntry
from ivr.flow.yaml_source import Path

#: A branch by (flow, step, path inside the step); a handler of the flow itself has the step "".
Branch = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Something written in a flow that no call reached."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@dataclass(frozen=True, slots=True)
class FlowCoverage:
    """The figures of one flow. `branches` are those written in its steps, `handlers` those of the flow itself."""

    flow: str
    steps: int
    steps_reached: int
    branches: int
    branches_reached: int
    handlers: int
    handlers_reached: int
    missing: tuple[Place, ...]

    @property
    def percent(self) -> float:
        """Steps and branches reached, in per cent; 100 for a flow without branches whose steps were reached."""
        total = self.steps + self.branches
        return 100.0 * (self.steps_reached + self.branches_reached) / total if total else 100.0


@dataclass(slots=True)
class Coverage:
    """Collects traces; `of` gives the figures."""

    steps: set[tuple[str, str]] = field(default_factory=set)
    branches: set[Branch] = field(default_factory=set)

    def add(self, trace: Iterable[TraceEntry]) -> None:
        """Count what one call did."""
        for entry in trace:
            if isinstance(entry, StepEntered):
                self.steps.add((entry.flow, entry.step))
            elif isinstance(entry, StepLeft):
                self.branches.add((entry.flow, entry.step, entry.edge))
                self.branches.add((entry.flow, "", entry.edge or _handler(entry.outcome)))

    def of(self, flow: LoadedFlow) -> FlowCoverage:
        """The figures of one flow."""
        steps = list(flow.flow.steps)
        branches, handlers = list(step_branches(flow)), list(flow_handlers(flow))
        reached = [step for step in steps if (flow.name, step) in self.steps]
        missing = [_place(flow, ("steps", step), f"step {step}") for step in steps if step not in reached]
        missing += [
            _place(flow, ("steps", step, *path), f"{step}: {'.'.join(path)}")
            for step, path in branches
            if not self._took(flow, step, path) and step in reached
        ]
        missing += [
            _place(flow, path, f"handler {'.'.join(path)}")
            for path in handlers
            if not self._took(flow, "", path)
        ]
        return FlowCoverage(
            flow.name,
            len(steps),
            len(reached),
            len(branches),
            sum(self._took(flow, step, path) for step, path in branches),
            len(handlers),
            sum(self._took(flow, "", path) for path in handlers),
            tuple(sorted(missing, key=lambda place: place.line)),
        )

    def _took(self, flow: LoadedFlow, step: str, path: tuple[str, ...]) -> bool:
        return (flow.name, step, ".".join(path)) in self.branches

    def all_of(self, library: FlowLibrary) -> tuple[FlowCoverage, ...]:
        """The figures of every flow, by name."""
        return tuple(self.of(library.flows[name]) for name in sorted(library.flows))


def step_branches(flow: LoadedFlow) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every branch that is written in a step: (step, path inside it)."""
    for name, step in flow.flow.steps.items():
        yield from ((name, ("choices", key)) for key in getattr(step, "choices", {}))
        yield from ((name, ("on", outcome)) for outcome in getattr(step, "on", {}))
        when = getattr(step, "when", [])
        yield from ((name, ("when", str(index))) for index in range(len(when)))
        if not when and getattr(step, "next", None):
            yield name, ("next",)
        for ladder in ("on_no_input", "on_no_match"):
            rungs = getattr(step, ladder, None) or []
            yield from ((name, (ladder, str(i))) for i, rung in enumerate(rungs) if rung not in REPROMPTS)
        own = getattr(step, "hotkeys", True)
        if isinstance(own, dict):
            yield from ((name, ("hotkeys", key)) for key, hotkey in own.items() if hotkey is not None)


def flow_handlers(flow: LoadedFlow) -> Iterator[tuple[str, ...]]:
    """The handlers that a flow declares for all its steps."""
    model = flow.flow
    yield from (("on", outcome) for outcome in model.on)
    yield from (("hotkeys", key) for key, hotkey in model.hotkeys.items() if hotkey is not None)
    for name in ("on_error", "on_timeout", "on_no_input", "on_no_match"):
        if getattr(model, name) is not None:
            yield (name,)


def _handler(outcome: str) -> str:
    named = {"error": "on_error", "fault": "on_error", "timeout": "on_timeout"}
    named |= {"no_input": "on_no_input", "no_match": "on_no_match"}
    return named.get(outcome, f"on.{outcome}")


def _place(flow: LoadedFlow, path: tuple[str, ...], what: str) -> Place:
    full: Path = tuple(int(part) if part.isdecimal() and _in_list(path) else part for part in path)
    place = flow.source.keys.get(full) or flow.source.value_place(full)
    return Place(flow.file, place.line, what)


def _in_list(path: tuple[str, ...]) -> bool:
    return "when" in path or path[-2:-1] in (("on_no_input",), ("on_no_match",))

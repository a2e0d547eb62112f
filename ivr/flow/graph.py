"""A flow as a graph: every way out of every step, the written ones and those of the handlers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.model import CollectStep, Hotkey, MenuStep, step_kind
from ivr.flow.outcomes import (
    REPROMPTS,
    Scope,
    ends_call,
    error_way,
    flow_outcomes,
    good_outcome,
    ladder,
    resolve,
    step_outcomes,
    taken_for,
)
from ivr.flow.yaml_source import Path

#: What makes the call go this way: an outcome, a menu's choice, a branch of `when`, the last miss of a
#: ladder, a hotkey, or a fault (an expression that fails, a bound that is passed).
Cause = Literal["outcome", "choice", "when", "miss", "hotkey", "fault"]
MISSES = ("no_input", "no_match")


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from `step` to `target`: a step, a reserved word, or (scope `hotline`) the name of a flow.

    `outcome` is the step's outcome, or the key of a choice or hotkey; `branch` counts the lines of `when`.
    """

    step: str
    outcome: str
    target: str
    cause: Cause
    scope: Scope
    path: Path
    branch: int = 0


@dataclass(frozen=True, slots=True)
class FlowGraph:
    """The graph of one flow. `unhandled` lists (step, outcome) that nobody handles."""

    loaded: LoadedFlow
    edges: Mapping[str, tuple[Edge, ...]]
    unhandled: tuple[tuple[str, str], ...]
    reachable: frozenset[str] = field(default_factory=frozenset)

    def within(self, step: str) -> Iterator[Edge]:
        """The edges of a step that lead to a step of the same flow."""
        for edge in self.edges[step]:
            if self.is_step(edge):
                yield edge

    def is_step(self, edge: Edge) -> bool:
        """Whether an edge leads to a step of this flow."""
        return edge.scope != "hotline" and edge.target in self.edges


def callee_outcomes(library: FlowLibrary, step: Any) -> tuple[str, ...]:
    """The outcomes of what a `call` or `do` step names; empty for an unknown one and for other steps."""
    kind = step_kind(step)
    if kind == "call":
        callee = library.flows.get(step.call)
        return tuple(step.on) if callee is None else flow_outcomes(callee.flow)
    if kind == "do":
        service = library.manifest.services.get(step.do)
        return ("ok", *step.on) if service is None else tuple(service.outcomes)
    return ()


def build_graph(library: FlowLibrary, loaded: LoadedFlow) -> FlowGraph:
    """The graph of a flow of this library."""
    builder = _GraphBuilder(library, loaded)
    edges = {name: tuple(builder.edges(name, step)) for name, step in loaded.flow.steps.items()}
    graph = FlowGraph(loaded, edges, tuple(builder.unhandled))
    roots = [loaded.flow.entry, *([loaded.flow.after_hangup] if loaded.flow.after_hangup else [])]
    return FlowGraph(loaded, edges, tuple(builder.unhandled), frozenset(_reach(graph, roots)))


def _reach(graph: FlowGraph, roots: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = [root for root in roots if root in graph.edges]
    while waiting:
        step = waiting.pop()
        if step not in found:
            found.add(step)
            waiting.extend(edge.target for edge in graph.within(step))
    return found


class _GraphBuilder:
    def __init__(self, library: FlowLibrary, loaded: LoadedFlow) -> None:
        self._library = library
        self._flow = loaded.flow
        self._hotline = library.hotline
        self.unhandled: list[tuple[str, str]] = []

    def edges(self, name: str, step: Any) -> Iterator[Edge]:
        kind = step_kind(step)
        if kind == "return" or ends_call(step):
            return
        named = callee_outcomes(self._library, step)
        good = good_outcome(step, named)
        for outcome in step_outcomes(step, named):
            if taken_for(step, outcome, self._flow, self._hotline) != outcome:
                continue  # it has no way of its own
            yield from self._outcome(name, step, outcome, good)
        if isinstance(step, MenuStep):
            for key, choice in step.choices.items():
                yield Edge(name, key, choice.go, "choice", "step", ("steps", name, "choices", key, "go"))
        yield from self._hotkeys(name, step)
        way = error_way(self._flow, self._hotline)
        yield Edge(name, "error", way.target, "fault", way.scope, self._place(name, way.scope, "on_error"))

    def _outcome(self, name: str, step: Any, outcome: str, good: str | None) -> Iterator[Edge]:
        at: Path = ("steps", name)
        if outcome == good and step.when and outcome not in step.on:
            for number, branch in enumerate(step.when):
                part = "go" if branch.go is not None else "else"
                target = branch.go or branch.else_ or ""
                yield Edge(name, outcome, target, "when", "step", (*at, "when", number, part), number)
            return
        if outcome in MISSES and isinstance(step, MenuStep | CollectStep):
            yield from self._miss(name, step, outcome)
            return
        way = resolve(step, outcome, self._flow, self._hotline, good)
        if way is not None:
            own: Path = (*at, "on", outcome) if outcome in step.on else (*at, "next")
            path = own if way.scope == "step" else self._place(name, way.scope, "on", outcome)
            yield Edge(name, outcome, way.target, "outcome", way.scope, path)
        elif outcome != "hung_up":
            self.unhandled.append((name, outcome))

    def _miss(self, name: str, step: Any, outcome: str) -> Iterator[Edge]:
        """The ladder's target, or what `on` says: a step's own `on` wins over a ladder it inherits."""
        rungs, scope = ladder(step, outcome, self._flow, self._hotline)
        if outcome in step.on and scope != "step":
            rungs = ()
        for number, rung in enumerate(rungs):
            if rung not in REPROMPTS:
                path = self._place(name, scope, f"on_{outcome}", number)
                yield Edge(name, outcome, rung, "miss", scope, path)
                return
        way = resolve(step, outcome, self._flow, self._hotline)
        if way is None:
            self.unhandled.append((name, outcome))
            return
        yield Edge(name, outcome, way.target, "miss", way.scope, self._place(name, way.scope, "on", outcome))

    def _hotkeys(self, name: str, step: Any) -> Iterator[Edge]:
        if step.hotkeys is False:
            return
        levels: tuple[tuple[Scope, Mapping[str, Hotkey | None]], ...] = (
            ("hotline", self._hotline.hotkeys),
            ("flow", self._flow.hotkeys),
            ("step", step.hotkeys if isinstance(step.hotkeys, dict) else {}),
        )
        live: dict[str, Edge] = {}
        for scope, keys in levels:
            for key, hotkey in keys.items():
                live.pop(key, None)
                if hotkey is not None:
                    path = self._place(name, scope, "hotkeys", key)
                    live[key] = Edge(name, key, hotkey.go, "hotkey", scope, path)
        yield from live.values()

    @staticmethod
    def _place(name: str, scope: Scope, *path: str | int) -> Path:
        return ("steps", name, *path) if scope == "step" else path


def cycles(steps: Iterable[str], successors: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """The groups of steps that lead round to themselves (strongly connected components), in order.

    Iterative form of Tarjan's algorithm (SIAM J. Comput. 1972).
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[tuple[str, ...]] = []
    for root in steps:
        if root in order:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(successors.get(root, ())))]
        order[root] = low[root] = len(order)
        stack.append(root)
        while work:
            step, rest = work[-1]
            for target in rest:
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    work.append((target, iter(successors.get(target, ()))))
                    break
                if target in stack:
                    low[step] = min(low[step], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[step])
                if low[step] == order[step]:
                    group = tuple(stack[stack.index(step) :])
                    del stack[stack.index(step) :]
                    if len(group) > 1 or step in successors.get(step, ()):
                        found.append(group)
    return found

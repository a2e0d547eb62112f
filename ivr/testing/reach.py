"""How far help is: the fewest choices from every place where a caller is asked to a person or a mailbox.

A choice, a hotkey and a silence each count one. Where a sub-flow is called from several places, the farthest
counts, so that a figure holds whatever way a caller came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf

from ivr.flow.graph import Edge, build_graph
from ivr.flow.library import FlowLibrary
from ivr.flow.model import CallStep, ReturnStep, step_kind
from ivr.flow.outcomes import ladder

Node = tuple[str, str]
HELP = frozenset({"transfer", "voicemail"})
ASKING = frozenset({"menu", "collect"})


@dataclass(frozen=True, slots=True)
class FarStep:
    """A step from which help takes more choices than allowed; `choices` is None where there is no way at all."""

    flow: str
    step: str
    file: str
    line: int
    choices: int | None

    def __str__(self) -> str:
        far = (
            "no person or mailbox can be reached"
            if self.choices is None
            else f"help is {self.choices} choices away"
        )
        return f"{self.file}:{self.line}: {self.flow}.{self.step}: {far}"


def far_from_help(library: FlowLibrary, choices: int = 4) -> tuple[FarStep, ...]:
    """The places where a caller is asked and help is more than `choices` away."""
    distances = Distances(library).settle()
    far = []
    for (flow, step), distance in sorted(distances.items()):
        loaded = library.flows[flow]
        if distance > choices and step_kind(loaded.flow.steps[step]) in ASKING:
            line = loaded.position(step)[0]
            far.append(FarStep(flow, step, loaded.file, line, None if distance == inf else int(distance)))
    return tuple(far)


class Distances:
    """The distance of every step, found by lowering it from infinity until nothing changes."""

    def __init__(self, library: FlowLibrary) -> None:
        self._library = library
        self._graphs = {name: build_graph(library, loaded) for name, loaded in library.flows.items()}
        self._of: dict[Node, float] = {
            (name, step): inf for name, loaded in library.flows.items() for step in loaded.flow.steps
        }
        self._callers: dict[str, list[Node]] = {name: [] for name in library.flows}
        for name, loaded in library.flows.items():
            for step_name, step in loaded.flow.steps.items():
                if isinstance(step, CallStep) and step.call in self._callers:
                    self._callers[step.call].append((name, step_name))

    def settle(self) -> Mapping[Node, float]:
        """The distances, by (flow, step)."""
        changed = True
        while changed:
            changed = False
            for node in self._of:
                found = self._distance(node)
                if found < self._of[node]:
                    self._of[node] = found
                    changed = True
        return self._of

    def _distance(self, node: Node) -> float:
        flow, name = node
        step = self._library.flows[flow].flow.steps[name]
        kind = step_kind(step)
        if kind in HELP:
            return 0.0
        if isinstance(step, ReturnStep):
            return self._after(flow, step.return_)
        if isinstance(step, CallStep):
            return self._entry(step.call)
        return min((cost + self._target(flow, edge) for edge, cost in self._ways(flow, name)), default=inf)

    def _ways(self, flow: str, name: str) -> Iterator[tuple[Edge, float]]:
        loaded = self._library.flows[flow]
        step = loaded.flow.steps[name]
        for edge in self._graphs[flow].edges[name]:
            if edge.cause == "fault":
                continue
            if edge.cause == "hotkey" and step_kind(step) == "collect" and edge.outcome.isdecimal():
                continue
            yield edge, self._cost(flow, step, edge)

    def _cost(self, flow: str, step: object, edge: Edge) -> float:
        if edge.cause in ("choice", "hotkey"):
            return 1.0
        if edge.cause == "miss":
            rungs, _ = ladder(step, edge.outcome, self._library.flows[flow].flow, self._library.hotline)
            return float(rungs.index(edge.target) + 1) if edge.target in rungs else float(len(rungs) + 1)
        return 1.0 if step_kind(step) in ASKING else 0.0

    def _target(self, flow: str, edge: Edge) -> float:
        if edge.target == "main":
            return self._entry(self._library.hotline.main)
        if edge.target == "end":
            return self._after(flow, "done")
        if edge.scope == "hotline":
            return self._entry(edge.target)
        return self._of.get((flow, edge.target), inf)

    def _entry(self, flow: str) -> float:
        loaded = self._library.flows.get(flow)
        return inf if loaded is None else self._of[(flow, loaded.flow.entry)]

    def _after(self, flow: str, outcome: str) -> float:
        """After a flow ended with an outcome: the farthest of the places that called it."""
        return max((self._outcome(caller, outcome) for caller in self._callers[flow]), default=inf)

    def _outcome(self, caller: Node, outcome: str) -> float:
        flow, name = caller
        edges = [edge for edge, _ in self._ways(flow, name) if edge.outcome == outcome]
        return min((self._target(flow, edge) for edge in edges), default=inf)

"""What is known when the call comes to a step: which variables are set, of what type, and who the caller is.

A forward analysis over the graph of each flow. On every way into a step the variables that are set on all of
them remain, with the types joined; the level is the least of all. Sub-flows are known by what they declare
(inputs, outcomes, least level) and by the level that each of their outcomes guarantees, found by
iteration over all flows. A hotkey, a miss or a fault leaves a step with what was known when it was entered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ivr.flow.errors import ExpressionError
from ivr.flow.graph import Edge, FlowGraph, build_graph
from ivr.flow.library import FlowLibrary, LoadedFlow
from ivr.flow.model import (
    CallStep,
    CollectStep,
    DoStep,
    MenuStep,
    RecordStep,
    ReturnStep,
    SetStep,
    VoicemailStep,
)
from ivr.flow.types import ANY_TEXT, DATE, UNKNOWN, join, parse_type, required
from ivr.flow.values import Level, Type

Variables = Mapping[str, Type]
#: The type of what `collect` gives, by its `type`.
COLLECTED: Final[Mapping[str, Type]] = {
    name: Type("digits" if name == "phone" else name)
    for name in ("digits", "integer", "money", "date", "time", "phone", "secret", "code")
}
LEVEL_WORDS: Final = tuple(sorted(level.name.lower() for level in Level))
#: The record `call` that every expression may read.
CALL_TYPE: Final = Type(
    "record",
    fields={
        "number": ANY_TEXT,
        "called": ANY_TEXT,
        "language": Type("code"),
        "languages": Type("list", item=Type("code")),
        "level": Type("code", words=LEVEL_WORDS),
        "now": Type("datetime"),
        "today": DATE,
        "id": ANY_TEXT,
        "channel": Type("code"),
        "speech": Type("boolean"),
        "late": Type("boolean"),
    },
)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at the entry of a step."""

    variables: Variables
    level: Level

    def joined(self, other: Known) -> Known:
        """What is known when the call may have come either way."""
        both = {
            name: join(kind, other.variables[name])
            for name, kind in self.variables.items()
            if name in other.variables
        }
        return Known(both, min(self.level, other.level))


@dataclass(frozen=True, slots=True)
class FlowFacts:
    """The result for one flow: its graph, and what is known at the entry of each reachable step."""

    loaded: LoadedFlow
    graph: FlowGraph
    at: Mapping[str, Known]
    declared: Variables


class Analysis:
    """All flows of a library, analysed together."""

    def __init__(self, library: FlowLibrary) -> None:
        self.library = library
        self.company = Type("record", fields=dict.fromkeys(library.hotline.company, ANY_TEXT))
        self._graphs = {name: build_graph(library, loaded) for name, loaded in library.flows.items()}
        self._declared = {name: _declared(loaded) for name, loaded in library.flows.items()}
        self._guarantees: dict[str, dict[str, Level]] = {
            name: dict.fromkeys(loaded.outcomes, Level.VERIFIED) for name, loaded in library.flows.items()
        }
        self._settle_levels()
        self.facts = {name: self._facts(name) for name in library.flows}
        #: The outcomes each flow can come to while the caller does nothing; filled by the graph checks.
        self.quiet_outcomes: dict[str, frozenset[str]] = {}

    def with_flows(self, flows: Mapping[str, LoadedFlow]) -> Analysis:
        """The same findings about flows that say more of themselves (their variables' types)."""
        self.library = replace(self.library, flows=flows)
        self.facts = {name: replace(facts, loaded=flows[name]) for name, facts in self.facts.items()}
        return self

    def scope(self, variables: Variables, **more: Type) -> dict[str, Type]:
        """Everything that an expression may name: variables, `call`, `company`, and `result` or `value`."""
        return {**variables, "call": CALL_TYPE, "company": self.company, **more}

    def type_of(self, loaded: LoadedFlow, text: str, scope: Variables) -> Type:
        """The type of an expression, or `UNKNOWN` where it is wrong (which is reported elsewhere)."""
        expression = loaded.expressions.get(text)
        try:
            return UNKNOWN if expression is None else expression.check(scope)
        except ExpressionError:
            return UNKNOWN

    def after(self, facts_of: str, edge: Edge, known: Known) -> Known:
        """What is known at the end of an edge, when `known` was at its beginning."""
        loaded, declared = self.library.flows[facts_of], self._declared[facts_of]
        return _Follower(self, loaded, declared).follow(edge, known)

    def assume(self, loaded: LoadedFlow, text: str, known: Known, truth: bool) -> Known:
        """What is known where a condition came out as `truth`."""
        expression = loaded.expressions.get(text)
        if expression is None:
            return known
        narrowed = expression.narrowed(self.scope(known.variables), truth)
        variables = {name: narrowed[name] for name in known.variables}
        return Known(variables, max(known.level, Level[expression.known_level(truth).upper()]))

    def guarantee(self, flow: str, outcome: str) -> Level:
        """The level that a caller has at least when `flow` ended with `outcome`.

        One that does not exist is reported where it is named, and trusted here so that it is said only once.
        """
        return self._guarantees.get(flow, {}).get(outcome, Level.VERIFIED)

    def _settle_levels(self) -> None:
        """Begins with the highest guarantees and lowers them until nothing changes."""
        changed = True
        while changed:
            changed = False
            for name in self.library.flows:
                found = self._outcome_levels(self._facts(name))
                if found != self._guarantees[name]:
                    self._guarantees[name] = found
                    changed = True

    def _outcome_levels(self, facts: FlowFacts) -> dict[str, Level]:
        """The least level at each `return`, and at the end of each way to `end`."""
        levels = dict.fromkeys(facts.loaded.outcomes, Level.VERIFIED)
        for name, known in facts.at.items():
            step = facts.loaded.flow.steps[name]
            if isinstance(step, ReturnStep) and step.return_ in levels:
                levels[step.return_] = min(levels[step.return_], known.level)
            for edge in facts.graph.edges[name]:
                # After a hang-up nothing goes on in the flow that called this one.
                if edge.target == "end" and "done" in levels and edge.outcome != "hung_up":
                    levels["done"] = min(levels["done"], self.after(facts.loaded.name, edge, known).level)
        return levels

    def _facts(self, name: str) -> FlowFacts:
        loaded, graph, declared = self.library.flows[name], self._graphs[name], self._declared[name]
        start = Known(self._initial(loaded, declared), loaded.level)
        roots = [root for root in (loaded.flow.entry, loaded.flow.after_hangup) if root in graph.edges]
        at = _settle(graph, {str(root): start for root in roots}, lambda e, k: self.after(name, e, k))
        return FlowFacts(loaded, graph, at, declared)

    @staticmethod
    def _initial(loaded: LoadedFlow, declared: Variables) -> Variables:
        given = {n for n, variable in loaded.flow.vars.items() if variable.initial is not None}
        return {name: kind for name, kind in declared.items() if name in loaded.inputs or name in given}


def _carried(wanted: frozenset[str], callee: LoadedFlow) -> bool:
    """Whether some outcome of the sub-flow carries all these fields."""
    return any(wanted <= fields.keys() for fields in callee.outcomes.values())


def _declared(loaded: LoadedFlow) -> Variables:
    return {**{name: _type(variable.type) for name, variable in loaded.flow.vars.items()}, **loaded.inputs}


def _type(written: Any) -> Type:
    try:
        return parse_type(written)
    except (ValueError, AttributeError):
        return UNKNOWN


def _settle(
    graph: FlowGraph, roots: Mapping[str, Known], after: Callable[[Edge, Known], Known]
) -> dict[str, Known]:
    """The usual worklist: joins only lose variables, widen types and lower levels, so it ends."""
    at = dict(roots)
    waiting = list(roots)
    while waiting:
        step = waiting.pop()
        for edge in graph.within(step):
            arriving = after(edge, at[step])
            before = at.get(edge.target)
            joined = arriving if before is None else before.joined(arriving)
            if joined != before:
                at[edge.target] = joined
                waiting.append(edge.target)
    return at


class _Follower:
    """The effect of one edge."""

    def __init__(self, analysis: Analysis, loaded: LoadedFlow, declared: Variables) -> None:
        self._analysis = analysis
        self._loaded = loaded
        self._declared = declared

    def follow(self, edge: Edge, known: Known) -> Known:
        step = self._loaded.flow.steps[edge.step]
        if edge.cause in {"hotkey", "fault", "miss"}:
            return known
        if edge.cause == "choice" and isinstance(step, MenuStep):
            return self._chosen(step, edge.outcome, known)
        known = self._done(step, edge.outcome, known)
        return self._branched(step, edge.branch, known) if edge.cause == "when" else known

    def _chosen(self, step: MenuStep, key: str, known: Known) -> Known:
        choice = step.choices[key]
        if choice.if_ is not None:
            known = self._analysis.assume(self._loaded, choice.if_, known, truth=True)
        return self._assigned(known, choice.set.items())

    def _branched(self, step: Any, branch: int, known: Known) -> Known:
        for number, line in enumerate(step.when[: branch + 1]):
            if line.if_ is not None:
                known = self._analysis.assume(self._loaded, line.if_, known, truth=number == branch)
        return known

    def _done(self, step: Any, outcome: str, known: Known) -> Known:
        if isinstance(step, SetStep):
            return self._assigned(known, step.set.items())
        if isinstance(step, CollectStep):
            return self._collected(step, outcome, known)
        if isinstance(step, DoStep):
            return self._answered(step, outcome, known)
        if isinstance(step, CallStep):
            return self._returned(step, outcome, known)
        if outcome == "saved" and isinstance(step, VoicemailStep | RecordStep):
            name = step.into or getattr(step, "record", None)
            return self._filled(known, {name: Type("recording")} if name is not None else {})
        return known

    def _collected(self, step: CollectStep, outcome: str, known: Known) -> Known:
        found = {step.collect: COLLECTED[step.type]} if outcome == "filled" else {}
        if step.others is not None and outcome in {"filled", "unsure"}:
            found[step.others] = Type("list", item=Type("digits"))
        return self._filled(known, found)

    def _answered(self, step: DoStep, outcome: str, known: Known) -> Known:
        service = self._analysis.library.manifest.services.get(step.do)
        kind = UNKNOWN if service is None else service.outcomes.get(outcome)
        level = Level.VERIFIED if service is None else service.grants.get(outcome, Level.ANONYMOUS)
        known = Known(known.variables, max(known.level, level))
        given = kind is not None and outcome not in {"error", "timeout"}
        return self._filled(known, {step.into: kind}) if given and step.into and kind else known

    def _returned(self, step: CallStep, outcome: str, known: Known) -> Known:
        known = Known(known.variables, max(known.level, self._analysis.guarantee(step.call, outcome)))
        callee = self._analysis.library.flows.get(step.call)
        fields = callee.outcomes.get(outcome, {}) if callee is not None else None
        scope = self._analysis.scope(known.variables, result=Type("record", fields=fields or {}))
        found = {}
        for name, text in step.out.items():
            expression = self._loaded.expressions.get(text)
            wanted = expression.fields_of("result") if expression is not None else frozenset()
            if fields is None or callee is None or not _carried(wanted, callee):
                found[name] = UNKNOWN
            elif wanted <= fields.keys():
                found[name] = self._analysis.type_of(self._loaded, text, scope)
        return self._filled(known, found)

    def _assigned(self, known: Known, lines: Iterable[tuple[str, str]]) -> Known:
        for name, text in lines:
            kind = self._analysis.type_of(self._loaded, text, self._analysis.scope(known.variables))
            known = self._filled(known, {name: kind})
        return known

    def _filled(self, known: Known, found: Mapping[str, Type]) -> Known:
        if not found:
            return known
        kinds = {name: self._kept(name, kind) for name, kind in found.items()}
        return Known({**known.variables, **kinds}, known.level)

    def _kept(self, name: str, kind: Type) -> Type:
        """A declared variable keeps its type, and is there for sure when what fills it is."""
        declared = self._declared.get(name)
        if declared is None:
            return kind
        return declared if kind.optional or kind.name == "null" else required(declared)


def way_without(analysis: Analysis, facts: FlowFacts, variable: str, step: str) -> tuple[str, ...] | None:
    """The steps of a shortest way to `step` on which `variable` is not set, for the message."""
    roots = [r for r in (facts.loaded.flow.entry, facts.loaded.flow.after_hangup) if r in facts.at]
    ways: dict[str, tuple[str, ...]] = {str(root): (str(root),) for root in roots}
    waiting = list(ways)
    for here in waiting:
        if here == step:
            return ways[here]
        for edge in facts.graph.within(here):
            without = {n: k for n, k in facts.at[here].variables.items() if n != variable}
            after = analysis.after(facts.loaded.name, edge, Known(without, facts.at[here].level))
            if variable not in after.variables and edge.target not in ways:
                ways[edge.target] = (*ways[here], edge.target)
                waiting.append(edge.target)
    return None

"""Checks of the ways through a flow: every step is reached, every way ends in words, every loop ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ivr.flow.dataflow import Analysis, FlowFacts
from ivr.flow.errors import suggest
from ivr.flow.graph import Edge, FlowGraph, callee_outcomes, cycles
from ivr.flow.model import RESERVED_TARGETS, CallStep, ReturnStep, SetStep, step_kind
from ivr.flow.outcomes import REPROMPTS, ends_call, good_outcome, step_outcomes
from ivr.flow.report import Report
from ivr.flow.yaml_source import Path

#: Outcomes that come only when the caller, or a person, does something.
_CALLERS_DOING: Final = frozenset({"filled", "unsure", "cancelled", "answered", "saved", "hung_up"})
#: What may run when nobody is there to hear it.
_UNHEARD_KINDS: Final = frozenset({"do", "set", "when", "hours", "return", "hangup"})


def check_graph(analysis: Analysis, facts: FlowFacts, report: Report) -> None:
    """Everything about the ways through one flow."""
    _check_targets(facts, report)
    _check_handlers(analysis, facts, report)
    _check_unhandled(analysis, facts, report)
    _check_reached(facts, report)
    _check_returns(facts, report)
    _check_after_hangup(facts, report)
    _check_loops(analysis, facts, report)


def _check_targets(facts: FlowFacts, report: Report) -> None:
    flow = facts.loaded.flow
    known = {*flow.steps, *RESERVED_TARGETS}
    for path, target in _written_targets(flow):
        if target not in known:
            hint = suggest(target, known)
            report.error(path, "F306", f"there is no step {target!r} in this flow{hint}")
    for path, word in (((("entry",), flow.entry)), (("after_hangup",), flow.after_hangup)):
        if word is not None and word not in flow.steps:
            report.error(path, "F306", f"there is no step {word!r} in this flow{suggest(word, flow.steps)}")


def _written_targets(flow: Any) -> Iterable[tuple[Path, str]]:
    yield from _handler_targets((), flow)
    for word in ("on_error", "on_timeout"):
        if getattr(flow, word) is not None:
            yield (word,), getattr(flow, word)
    for name, step in flow.steps.items():
        at: Path = ("steps", name)
        if step_kind(step) in {"return", "hangup"}:
            continue
        yield from _handler_targets(at, step)
        if step.next is not None:
            yield (*at, "next"), step.next
        for number, branch in enumerate(step.when):
            for part, target in (("go", branch.go), ("else", branch.else_)):
                if target is not None:
                    yield (*at, "when", number, part), target
        for key, choice in getattr(step, "choices", {}).items():
            yield (*at, "choices", key, "go"), choice.go


def _handler_targets(at: Path, holder: Any) -> Iterable[tuple[Path, str]]:
    for outcome, target in holder.on.items():
        yield (*at, "on", outcome), target
    hotkeys = holder.hotkeys if isinstance(holder.hotkeys, dict) else {}
    for key, hotkey in hotkeys.items():
        if hotkey is not None:
            yield (*at, "hotkeys", key, "go"), hotkey.go
    for ladder in ("on_no_input", "on_no_match"):
        for number, rung in enumerate(getattr(holder, ladder, None) or ()):
            if rung not in REPROMPTS:
                yield (*at, ladder, number), rung


def check_ladder(at: Path, holder: Any, report: Report) -> None:
    """A ladder asks again and then goes somewhere; nothing can follow its target."""
    for field in ("on_no_input", "on_no_match"):
        rungs = getattr(holder, field, None)
        if rungs is None:
            continue
        targets = [number for number, rung in enumerate(rungs) if rung not in REPROMPTS]
        if not rungs or (targets and targets[0] != len(rungs) - 1):
            message = "write reprompt or reprompt_detail for the first misses and one target at the end"
            report.error((*at, field), "F311", message)


def _check_handlers(analysis: Analysis, facts: FlowFacts, report: Report) -> None:
    flow = facts.loaded.flow
    check_ladder((), flow, report)
    possible = possible_outcomes(analysis, facts)
    for outcome in flow.on:
        if outcome not in possible:
            message = f"no step of this flow ends in {outcome!r}{suggest(outcome, possible)}"
            report.error(("on", outcome), "F307", message, at_key=True)
    acting: dict[str, Any] = {n: s for n, s in flow.steps.items() if step_kind(s) not in {"return", "hangup"}}
    for name, step in acting.items():
        check_ladder(("steps", name), step, report)
        named = callee_outcomes(analysis.library, step)
        good = good_outcome(step, named)
        known = (*step_outcomes(step, named), *(f"{key}" for key in getattr(step, "choices", {})))
        for outcome in step.on:
            if outcome not in known:
                message = f"a {step_kind(step)} step never ends in {outcome!r}{suggest(outcome, known)}"
                report.error(("steps", name, "on", outcome), "F307", message, at_key=True)
        _check_one_good_way(name, step, good, report)
        _check_branches(name, step, report)


def possible_outcomes(analysis: Analysis, facts: FlowFacts) -> set[str]:
    """Every outcome that some step of a flow can have."""
    return {
        outcome
        for step in facts.loaded.flow.steps.values()
        for outcome in step_outcomes(step, callee_outcomes(analysis.library, step))
    }


def _check_one_good_way(name: str, step: Any, good: str | None, report: Report) -> None:
    ways = [word for word, there in (("next", step.next), ("when", step.when)) if there]
    if good in step.on:
        ways.append(f"on: {{{good}: ...}}")
    if len(ways) > 1:
        message = f"{' and '.join(ways)} both say where to go after this step; keep one"
        report.error(("steps", name), "F205", message, at_key=True)
    elif good is None and ways:
        message = f"a {step_kind(step)} step takes no {ways[0]}; its choices and handlers say where to go"
        report.error(("steps", name, ways[0]), "F205", message, at_key=True)
    if ends_call(step) and ways:
        report.error(("steps", name), "F205", f"the call is over here; take {ways[0]} away", at_key=True)


def _check_branches(name: str, step: Any, report: Report) -> None:
    last = len(step.when) - 1
    for number, branch in enumerate(step.when):
        at: Path = ("steps", name, "when", number)
        is_if = branch.if_ is not None and branch.go is not None and branch.else_ is None
        is_else = branch.else_ is not None and branch.if_ is None and branch.go is None
        if not (is_if or is_else):
            report.error(at, "F303", "write {if: condition, go: step}, and {else: step} at the end")
        elif is_else and number != last:
            report.error(at, "F303", "`else` must be the last line; nothing after it is reached")
        elif is_if and number == last:
            report.error(at, "F303", "the branches leave some cases out; add a last line {else: step}")


def _check_unhandled(analysis: Analysis, facts: FlowFacts, report: Report) -> None:
    for name, outcome in facts.graph.unhandled:
        step = facts.loaded.flow.steps[name]
        good = good_outcome(step, callee_outcomes(analysis.library, step))
        path: Path = ("steps", name)
        if outcome == good:
            message = f"after {name!r} the caller would hear nothing more; add `next: step`, or hang up"
            report.error(path, "F302", message, at_key=True)
        else:
            remedy = f"add `on: {{{outcome}: step}}` here, or handle it in the flow's or the hotline's `on`"
            report.error(path, "F304", f"nobody handles {outcome!r} of {name!r}; {remedy}", at_key=True)


def _check_reached(facts: FlowFacts, report: Report) -> None:
    """Looked at only when every way is whole: a step behind a broken way would be told a second time."""
    if any(problem.code in {"F302", "F304", "F306"} for problem in report.problems):
        return
    for name in facts.loaded.flow.steps:
        if name not in facts.graph.reachable:
            message = f"no way leads to the step {name!r}; let a step go to it, or delete it"
            report.error(("steps", name), "F301", message, at_key=True)


def _check_returns(facts: FlowFacts, report: Report) -> None:
    flow = facts.loaded.flow
    returned = {step.return_ for step in flow.steps.values() if isinstance(step, ReturnStep)}
    for name, step in flow.steps.items():
        if isinstance(step, ReturnStep) and step.return_ not in flow.outcomes and step.return_ != "done":
            hint = suggest(step.return_, flow.outcomes) or "; declare it under `outcomes`"
            message = f"the flow declares no outcome {step.return_!r}{hint}"
            report.error(("steps", name, "return"), "F309", message)
    if any(problem.code == "F309" for problem in report.problems):
        return
    for outcome in flow.outcomes:
        ends = outcome == "done" and any(e.target == "end" for es in facts.graph.edges.values() for e in es)
        if outcome not in returned and not ends:
            message = f"no step returns {outcome!r}; delete it, or return it somewhere"
            report.warn(("outcomes", outcome), "F310", message, at_key=True)


def _check_after_hangup(facts: FlowFacts, report: Report) -> None:
    flow, graph = facts.loaded.flow, facts.graph
    waiting = [flow.after_hangup] if flow.after_hangup in flow.steps else []
    waiting += [
        e.target for es in graph.edges.values() for e in es if e.outcome == "hung_up" and graph.is_step(e)
    ]
    seen: set[str] = set()
    while waiting:
        name = str(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        kind = step_kind(flow.steps[name])
        if kind not in _UNHEARD_KINDS:
            message = f"{name!r} runs when the caller has hung up, where only do, set and when make sense"
            report.error(("steps", name), "F312", message, at_key=True)
            continue
        waiting.extend(e.target for e in graph.within(name) if e.scope == "step" and e.cause != "hotkey")


def _check_loops(analysis: Analysis, facts: FlowFacts, report: Report) -> None:
    steps = facts.loaded.flow.steps
    quiet = quiet_successors(analysis, facts)
    for group in cycles([name for name in steps if name in facts.graph.reachable], quiet):
        if any(getattr(steps[name], "at_most", None) for name in group) or _counts(facts, group):
            continue
        first = next(name for name in steps if name in group)
        way = " → ".join([*(name for name in steps if name in group), first])
        remedy = "let it lead out at some time, or bound a step of it with `at_most`"
        message = f"the loop {way} goes on for ever when the caller does nothing; {remedy}"
        report.error(("steps", first), "F305", message, at_key=True)


def quiet_successors(analysis: Analysis, facts: FlowFacts) -> Mapping[str, set[str]]:
    """For each step the steps that can follow while the caller does nothing at all."""
    graph, flow = facts.graph, facts.loaded.flow
    asking = [name for name, step in flow.steps.items() if step_kind(step) in {"menu", "collect"}]
    quiet: dict[str, set[str]] = {}
    for name, edges in graph.edges.items():
        follow = quiet[name] = set()
        for edge in edges:
            if not is_quiet(analysis, flow.steps[name], edge):
                continue
            if graph.is_step(edge):
                follow.add(edge.target)
            elif edge.target == "again":
                follow.add(name)
            elif edge.target == "back":
                follow.update(asking)
            elif edge.target == "main" and flow.flow == analysis.library.hotline.main:
                follow.add(flow.entry)
    return quiet


def settle_quiet_outcomes(analysis: Analysis) -> None:
    """Find for each flow the outcomes it can come to by itself; adds until nothing changes."""
    changed = True
    while changed:
        changed = False
        for name, facts in analysis.facts.items():
            found = frozenset(_quiet_outcomes(analysis, facts))
            if found != analysis.quiet_outcomes.get(name, frozenset()):
                analysis.quiet_outcomes[name] = found
                changed = True


def _quiet_outcomes(analysis: Analysis, facts: FlowFacts) -> Iterable[str]:
    quiet, steps = quiet_successors(analysis, facts), facts.loaded.flow.steps
    waiting = [facts.loaded.flow.entry] if facts.loaded.flow.entry in steps else []
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting.extend(quiet[name])
        step = steps[name]
        if isinstance(step, ReturnStep):
            yield step.return_
        if any(e.target == "end" and is_quiet(analysis, step, e) for e in facts.graph.edges[name]):
            yield "done"


def is_quiet(analysis: Analysis, step: Any, edge: Edge) -> bool:
    """Whether a call can take this edge without the caller doing anything."""
    if edge.cause in {"hotkey", "fault", "choice"} or edge.outcome in _CALLERS_DOING:
        return False
    if isinstance(step, CallStep):
        return edge.outcome in analysis.quiet_outcomes.get(step.call, frozenset())
    return True


def _counts(facts: FlowFacts, group: tuple[str, ...]) -> bool:
    """Whether the loop counts something up (or down) and leaves by a condition on it."""
    steps, graph = facts.loaded.flow.steps, facts.graph
    counted = {
        variable
        for name in group
        if isinstance(step := steps[name], SetStep)
        for variable, text in step.set.items()
        if variable in _names(facts, text)
    }
    return any(
        edge.cause == "when" and edge.target not in group and _reads(facts, graph, name, counted)
        for name in group
        for edge in graph.edges[name]
    )


def _reads(facts: FlowFacts, graph: FlowGraph, name: str, counted: set[str]) -> bool:
    step = facts.loaded.flow.steps[name]
    lines = [branch.if_ for branch in getattr(step, "when", ()) if branch.if_ is not None]
    return any(counted & _names(facts, text) for text in lines)


def _names(facts: FlowFacts, text: str) -> frozenset[str]:
    expression = facts.loaded.expressions.get(text)
    return expression.names if expression is not None else frozenset()


def check_recursion(analysis: Analysis, reports: Mapping[str, Report]) -> None:
    """Flows that call each other in a circle need a bound on one of the calls."""
    calls = {
        name: {s.call for s in loaded.flow.steps.values() if isinstance(s, CallStep) and s.at_most is None}
        for name, loaded in analysis.library.flows.items()
    }
    for group in cycles(calls, calls):
        name = min(group)
        steps = analysis.library.flows[name].flow.steps
        at = next(s for s, step in steps.items() if isinstance(step, CallStep) and step.call in group)
        way = " → ".join([*sorted(group), name])
        remedy = "go to `main` or `back` instead, or bound the call with `at_most`"
        reports[name].error(
            ("steps", at, "call"), "F308", f"the flows {way} call each other for ever; {remedy}"
        )

"""How a call moves: from an outcome to the next step, into flows and out of them, back, and to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.flow.errors import ExpressionError
from ivr.flow.instructions import HangUp, StopTimer
from ivr.flow.model import Flow
from ivr.flow.plan import Edge, Plan, edge_of
from ivr.flow.state import Frame
from ivr.flow.trace import CallEnded, Fault, FlowEntered, FlowLeft, LevelRaised, StepEntered, StepLeft
from ivr.flow.turn import Done, FaultError, Go, Move, Run
from ivr.flow.values import Value

#: Kinds of steps that need the caller on the line; after a hang-up a chain of steps ends at one.
NEEDS_CALLER: Final = frozenset({"menu", "collect", "transfer", "voicemail", "record", "hangup"})
#: Seconds that after-hang-up handlers may take in all, and that a last prompt may take.
LAST_SECONDS: Final = 30.0


def drive(run: Run, move: Move) -> None:
    """Follow the call until it waits for something."""
    while move is not None:
        try:
            move = _advance(run, move)
        except (FaultError, ExpressionError) as fault:
            move = fail(run, fault)


def _advance(run: Run, move: Done | Go) -> Move:
    frame = run.frame
    outcome = move.outcome
    if run.state.ending and not run.state.hung_up:
        return shut(run, run.state.ending, run.state.ending)
    if isinstance(move, Go):
        edge: Edge | None = move.edge
    else:
        edge = _edge(run, run.plan, outcome)
    if edge is None:
        return shut(run, "error", "system_error")
    run.trace.append(StepLeft(run.at, frame.flow, frame.step, outcome, edge.target, edge.edge))
    run.leave()
    return _follow(run, edge)


def _edge(run: Run, plan: Plan, outcome: str) -> Edge | None:
    flow, hotline = run.engine.plan(plan.flow).flow, run.engine.hotline
    if plan.when and outcome == plan.good and outcome not in plan.step.on:
        return _branch(run, plan)
    edge = edge_of(plan, flow, hotline, outcome)
    if edge is None and outcome == "hung_up":
        return Edge("end")
    if edge is None:
        raise FaultError("OUTCOME", f"nobody handles the outcome {outcome}")
    if not edge.edge and (outcome == "error" or (outcome == "timeout" and plan.kind == "do")):
        return _handler(run, flow, edge)
    return edge


def _branch(run: Run, plan: Plan) -> Edge:
    for condition, edge in plan.when:
        if condition is None or run.evaluate(condition) is True:
            return edge
    raise FaultError("BRANCH", "no branch of `when` holds and there is no else")


def _handler(run: Run, flow: Flow, edge: Edge) -> Edge | None:
    """The next error handler out: the flow's, then the hotline's, then none."""
    state = run.state
    if state.handling == 0 and not edge.hotline:
        state.handling = 1
        return edge
    if state.handling < 2:
        state.handling = 2
        return Edge(run.engine.hotline.on_error, hotline=True)
    return None


def fail(run: Run, fault: FaultError | ExpressionError) -> Move:
    """Something went wrong in the present step: note it and go to the error handler, never into silence."""
    state = run.state
    flow, step = state.step
    run.trace.append(Fault(run.at, flow, step, fault.code, str(fault)))
    run.leave()
    run.steps = 0
    if state.finished:
        return None
    if state.hung_up:
        return _end_chain(run)
    flow_model = run.engine.plan(flow).flow
    own = flow_model.on_error
    edge = _handler(run, flow_model, Edge(own) if own else Edge(run.engine.hotline.on_error, hotline=True))
    return Go(edge, "fault") if edge else shut(run, "error", "system_error")


def _follow(run: Run, edge: Edge) -> Move:
    target = edge.target
    if run.state.hung_up and (edge.hotline or target in ("back", "main")):
        return _end_chain(run)
    if target == "end":
        return leave_flow(run, "done", {})
    if target == "back":
        return _back(run)
    if target == "again":
        return enter(run, run.frame.step)
    if target == "main":
        return _main(run)
    if edge.hotline:
        return enter_flow(run, target, "hotkey" if edge.edge else "handler", {})
    return enter(run, target)


def enter(run: Run, name: str) -> Move:
    """Begin a step of the present flow."""
    state = run.state
    frame = state.frames[-1]
    frame.step = name
    plan = run.engine.plan(frame.flow).steps[name]
    run.trace.append(StepEntered(run.at, frame.flow, name))
    count = state.counts.get(plan.id, 0) + 1
    state.counts[plan.id] = count
    if count > plan.at_most:
        raise FaultError("LOOP", f"the step was entered more than {plan.at_most} times")
    run.steps += 1
    if run.steps > run.engine.hotline.limits.steps:
        raise FaultError("STEPS", f"more than {run.engine.hotline.limits.steps} steps ran without a wait")
    if state.hung_up and plan.kind in NEEDS_CALLER:
        return _end_chain(run)
    if plan.kind in ("menu", "collect"):
        _mark(run, frame, name)
    return run.engine.kinds[plan.kind].enter(run, plan)


def _mark(run: Run, frame: Frame, name: str) -> None:
    """Remember a place where the caller is asked something; a place met again cuts off what came after it."""
    trail, place = run.state.trail, (frame.id, name)
    if place in trail:
        del trail[trail.index(place) + 1 :]
    else:
        trail.append(place)


def _back(run: Run) -> Move:
    state = run.state
    present = (run.frame.id, run.frame.step)
    if state.trail and state.trail[-1] == present:
        state.trail.pop()
    if not state.trail:
        return enter(run, run.frame.step)
    frame_id, step = state.trail[-1]
    while run.frame.id != frame_id:
        _drop_flow(run, "back")
    return enter(run, step)


def _main(run: Run) -> Move:
    while len(run.state.frames) > 1:
        _drop_flow(run, "main")
    run.state.trail.clear()
    return enter(run, run.engine.plan(run.frame.flow).flow.entry)


def _drop_flow(run: Run, outcome: str) -> Frame:
    frame = run.state.frames.pop()
    run.trace.append(FlowLeft(run.at, frame.flow, outcome))
    run.state.trail = [place for place in run.state.trail if place[0] != frame.id]
    return frame


def enter_flow(run: Run, name: str, called: str, inputs: Mapping[str, Value]) -> Move:
    """Open a flow on top of the present one and begin it."""
    state = run.state
    if called in ("hotkey", "handler") and any(frame.flow == name for frame in state.frames[1:]):
        # It is open already (0 pressed again while waiting for a person): begin it anew, do not pile up.
        while run.frame.flow != name:
            _drop_flow(run, "again")
        return enter(run, run.engine.plan(name).flow.entry)
    if name in run.engine.stand_ins:
        return _stand_in(run, name, called)
    # The hotline's own flows may always come on top; one of them is never open twice.
    if called == "call" and len(state.frames) >= run.engine.hotline.limits.depth:
        raise FaultError("DEPTH", f"flows are nested more than {run.engine.hotline.limits.depth} deep")
    plan = run.engine.plan(name)
    if state.level < plan.loaded.level:
        raise FaultError("LEVEL", f"the flow {name} needs a caller who is {plan.flow.level}")
    state.serial += 1
    variables = {**dict.fromkeys(plan.null), **inputs}
    if state.hung_up:
        called = "late"
    state.frames.append(Frame(state.serial, name, called, plan.flow.entry, state.hung_up, variables))
    run.trace.append(FlowEntered(run.at, name, plan.loaded.version))
    for variable, expression in plan.initial:
        run.assign(variable, run.evaluate(expression))
    return enter(run, plan.flow.entry)


def _stand_in(run: Run, name: str, called: str) -> Move:
    """Take the outcome that was given for a flow instead of running it."""
    state, given = run.state, run.engine.stand_ins[name]
    count = state.counts.get(name, 0)
    state.counts[name] = count + 1
    stand_in = given[min(count, len(given) - 1)]
    if stand_in.level > state.level:
        state.level = stand_in.level
        run.trace.append(LevelRaised(run.at, int(stand_in.level)))
    run.trace.append(FlowEntered(run.at, name, "stand-in"))
    run.trace.append(FlowLeft(run.at, name, stand_in.outcome))
    return _return_to(run, called, stand_in.outcome, stand_in.values)


def leave_flow(run: Run, outcome: str, values: Mapping[str, Value]) -> Move:
    """The present flow ended; the one below goes on, or the call is over."""
    state = run.state
    called = run.frame.called
    if state.hung_up and called != "late":
        return _end_chain(run)
    if len(state.frames) == 1:
        run.trace.append(FlowLeft(run.at, run.frame.flow, outcome))
        return hang_up(run, "normal", own=False)
    declared = run.engine.plan(run.frame.flow).loaded.outcomes.get(outcome, {})
    _drop_flow(run, outcome)
    return _return_to(run, called, outcome, {**dict.fromkeys(declared), **values})


def _return_to(run: Run, called: str, outcome: str, values: Mapping[str, Value]) -> Move:
    """The flow below goes on: its call step is done, or a hotkey's caller is where he was before."""
    if called == "hotkey":
        return enter(run, run.frame.step)
    if called == "handler":
        return hang_up(run, "normal")
    result = dict(values)
    for name, expression in run.plan.exprs["out"].items():
        # Each line is for the outcomes that carry the fields it reads.
        if expression.fields_of("result") <= result.keys():
            run.assign(name, run.evaluate(expression, result=result))
    return Done(outcome)


# The end of a call


def shut(run: Run, reason: str, role: str) -> Move:
    """End the call for a reason of the hotline's own, with a word of why if it has a prompt for that role."""
    run.leave()
    run.state.ending = reason
    lines = run.role(role)
    if not lines or run.state.hung_up:
        return hang_up(run, reason)
    run.state.wait.stage = "ending"
    run.state.wait.token = run.say(lines)
    run.start_timer(LAST_SECONDS)
    return None


def hang_up(run: Run, reason: str, own: bool = True) -> Move:
    """The hotline ends the call. Flows still open run their `after_hangup`; the present one only if `own`."""
    run.leave()
    if not run.state.hung_up:
        run.out.append(HangUp(reason))
        _gone(run, reason)
    if not own:
        run.frame.closing = True
    return _after_hangup(run)


def caller_gone(run: Run) -> Move:
    """The caller hung up: whatever was going is stopped, and the after-hang-up handlers run."""
    run.leave()
    _gone(run, "caller")
    return _after_hangup(run)


def mark_gone(run: Run) -> None:
    """The caller hung up while something was under way that must end first (a recording, a service)."""
    wait = run.state.wait
    run.stop_timer()
    if wait.filler:
        run.out.append(StopTimer(wait.filler))
        wait.filler = ""
    run.hush()
    _gone(run, "caller")


def _gone(run: Run, reason: str) -> None:
    state = run.state
    state.hung_up = True
    state.buffer = ""
    run.trace.append(CallEnded(run.at, reason))
    if state.limit_timer:
        run.out.append(StopTimer(state.limit_timer))
    state.limit_timer = run.other_timer(LAST_SECONDS)


def after_hangup(run: Run) -> Move:
    """Go on with the after-hang-up handlers once what was under way has ended."""
    run.leave()
    return _after_hangup(run)


def _after_hangup(run: Run) -> Move:
    """Innermost flow first: run its handler, then those of the flows that called it."""
    state = run.state
    while True:
        frame = run.frame
        if not frame.closing:
            frame.closing = True
            handler = run.engine.plan(frame.flow).flow.after_hangup
            if handler is not None:
                return enter(run, handler)
        if len(state.frames) == 1:
            return finish(run)
        _drop_flow(run, "hung_up")


def _end_chain(run: Run) -> Move:
    """After a hang-up, a chain of steps came to its end: the flow is over."""
    run.leave()
    return _after_hangup(run)


def finish(run: Run) -> Move:
    """Nothing more will happen in this call."""
    run.leave()
    run.state.finished = True
    if run.state.limit_timer:
        run.out.append(StopTimer(run.state.limit_timer))
        run.state.limit_timer = ""
    return None

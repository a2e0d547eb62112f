"""Which way a step's outcome takes: one pure table for the engine, the checks and the drawing.

The search goes through the step's `on`, its `when` or `next` (for its good outcome only) and its ladder; then
the flow's `on`, `on_timeout`, `on_error` and ladders; then those of the hotline. `docs/flows.md` says it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from ivr.flow.model import Flow, HangupStep, Hotline, MenuStep, ReturnStep, SayStep, step_kind

#: The outcome that `next` and `when` take, by kind of step. A sub-flow's is `done`, or its only outcome.
GOOD_OUTCOME: Final = {
    "say": "done",
    "collect": "filled",
    "do": "ok",
    "call": "done",
    "transfer": "answered",
    "voicemail": "saved",
    "record": "saved",
    "hours": "open",
    "language": "done",
    "set": "done",
    "when": "done",
}
#: The outcomes of kinds that have the same ones always, besides those of `do`, `call` and a menu's choices.
FIXED_OUTCOMES: Final = {
    "say": ("done",),
    "menu": ("no_input", "no_match"),
    "collect": ("filled", "no_input", "no_match", "cancelled"),
    "do": ("ok", "timeout", "error"),
    "transfer": (
        "answered",
        "busy",
        "timeout",
        "closed",
        "left",
        "callback",
        "cancelled",
        "returned",
    ),
    "voicemail": ("saved", "too_short", "hung_up", "error"),
    "record": ("saved", "too_short", "hung_up", "error"),
    "hours": ("open", "closed", "holiday"),
    "language": ("done",),
    "set": ("done",),
    "when": ("done",),
    "return": (),
    "hangup": (),
}
#: The outcome whose way another takes where nobody names it: flows that know nothing of it are total all the same.
SAME_WAY: Final = {
    "transfer": {"left": "timeout", "callback": "answered", "cancelled": "timeout", "returned": "answered"}
}
Scope = Literal["step", "flow", "hotline"]
#: What a ladder may say instead of a target: ask again, in short or at length.
REPROMPTS: Final = frozenset({"reprompt", "reprompt_detail"})


@dataclass(frozen=True, slots=True)
class Way:
    """Where an outcome goes and who said so. A hotline's target is a flow's name (or a reserved word)."""

    target: str
    scope: Scope


def good_outcome(step: Any, callee_outcomes: Iterable[str] = ()) -> str | None:
    """The outcome that `next` and `when` of this step take; None for steps that have none.

    `callee_outcomes` are those of the sub-flow, for a `call` step.
    """
    kind = step_kind(step)
    if kind == "call":
        only = tuple(callee_outcomes)
        return only[0] if len(only) == 1 else "done"
    return GOOD_OUTCOME.get(kind or "")


def is_named(step: Any, outcome: str, flow: Flow, hotline: Hotline) -> bool:
    """Whether the step, its flow or the hotline says by name where an outcome goes."""
    return any(outcome in getattr(holder, "on", {}) for holder in (step, flow, hotline))


def taken_for(step: Any, outcome: str, flow: Flow, hotline: Hotline) -> str:
    """The outcome whose way this one takes: its own, or where nobody names it perhaps another's."""
    other = SAME_WAY.get(step_kind(step) or "", {}).get(outcome)
    return outcome if other is None or is_named(step, outcome, flow, hotline) else other


def ladder(step: Any, outcome: str, flow: Flow, hotline: Hotline) -> tuple[tuple[str, ...], Scope]:
    """What is done at the 1st, 2nd, 3rd `no_input` or `no_match` of a menu or collect, and who said so."""
    field = f"on_{outcome}"
    levels: tuple[tuple[Scope, Any], ...] = (("step", step), ("flow", flow), ("hotline", hotline))
    for scope, holder in levels:
        rungs = getattr(holder, field, None)
        if rungs is not None:
            return tuple(rungs), scope
    raise AssertionError("the hotline's ladders are required by its model")


def resolve(step: Any, outcome: str, flow: Flow, hotline: Hotline, good: str | None = None) -> Way | None:
    """The way of `outcome` without looking into `when`, ladders and choices; None when nobody handles it.

    `good` is `good_outcome(step)`. A step with `when` is asked first by the caller: its branches stand where
    `next` stands. `error` (and a service's `timeout`) falls to the error handlers; the hotline has one.
    """
    if outcome in getattr(step, "on", {}):
        return Way(step.on[outcome], "step")
    if outcome == good and getattr(step, "next", None) is not None:
        return Way(step.next, "step")
    if outcome in flow.on:
        return Way(flow.on[outcome], "flow")
    timed_out = outcome == "timeout" and step_kind(step) == "do"
    if timed_out and flow.on_timeout is not None:
        return Way(flow.on_timeout, "flow")
    failed = outcome == "error" or timed_out
    if failed and flow.on_error is not None:
        return Way(flow.on_error, "flow")
    if outcome in hotline.on:
        return Way(hotline.on[outcome], "hotline")
    return Way(hotline.on_error, "hotline") if failed else None


def error_way(flow: Flow, hotline: Hotline) -> Way:
    """Where a fault goes: the flow's `on_error`, else the hotline's."""
    if flow.on_error is not None:
        return Way(flow.on_error, "flow")
    return Way(hotline.on_error, "hotline")


def step_outcomes(step: Any, named: Iterable[str] = ()) -> tuple[str, ...]:
    """Every outcome a step can have, except a menu's choices.

    `named` are the outcomes of the service's or the sub-flow's signature. A collect without a cancel key is
    never cancelled, and one is `unsure` only where it has a way for that; a menu whose every silence is a reprompt
    still ends in `no_input`.
    """
    kind = step_kind(step) or ""
    if kind == "collect":
        known = tuple(name for name in FIXED_OUTCOMES["collect"] if name != "cancelled" or step.cancel_key)
        return (*known, "unsure") if "unsure" in step.on else known
    if kind == "do":
        return (*named, "timeout", "error")
    if kind == "call":
        return tuple(named)
    return FIXED_OUTCOMES[kind]


def flow_outcomes(flow: Flow) -> tuple[str, ...]:
    """The outcomes of a flow: those it declares, and `done` when some step goes to `end`."""
    ends = "end" in set(targets(flow)) and "done" not in flow.outcomes
    return (*flow.outcomes, "done") if ends or not flow.outcomes else tuple(flow.outcomes)


def targets(flow: Flow) -> Iterable[str]:
    """Every target written anywhere in a flow, with repetitions."""
    for step in flow.steps.values():
        yield from step_targets(step)
    for rungs in (flow.on_no_input, flow.on_no_match):
        yield from rungs or ()
    yield from (word for word in (flow.on_error, flow.on_timeout) if word is not None)
    yield from flow.on.values()
    yield from (key.go for key in flow.hotkeys.values() if key is not None)


def step_targets(step: Any) -> Iterable[str]:
    """Every target written in one step."""
    if isinstance(step, ReturnStep | HangupStep):
        return
    if step.next is not None:
        yield step.next
    yield from step.on.values()
    yield from (word for branch in step.when for word in (branch.go, branch.else_) if word is not None)
    if isinstance(step.hotkeys, dict):
        yield from (key.go for key in step.hotkeys.values() if key is not None)
    yield from getattr(step, "on_no_input", None) or ()
    yield from getattr(step, "on_no_match", None) or ()
    if isinstance(step, MenuStep):
        yield from (choice.go for choice in step.choices.values())


def ends_call(step: Any) -> bool:
    """Whether the call is over after this step, whatever comes."""
    return isinstance(step, HangupStep) or (isinstance(step, SayStep) and step.hangup is not None)

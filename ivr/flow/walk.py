"""Every expression and every prompt that a flow names, with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ivr.flow.model import CollectStep, Flow, LanguageStep, MenuStep, SetStep, TransferStep, step_kind
from ivr.flow.yaml_source import Path

Role = Literal["with", "condition", "valid", "out", "set", "initial", "language"]


@dataclass(frozen=True, slots=True)
class UsedExpression:
    """An expression: its text, where it stands, and what it is for."""

    text: str
    path: Path
    role: Role


@dataclass(frozen=True, slots=True)
class UsedPrompt:
    """A prompt a step speaks. The slots in `own` are filled by the step itself (`value`)."""

    prompt: str
    path: Path
    own: frozenset[str] = field(default_factory=frozenset)
    filler: bool = False


def names(value: str | list[str] | None) -> tuple[str, ...]:
    """One prompt or several, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def flow_expressions(flow: Flow) -> Iterator[UsedExpression]:
    """Every expression of a flow."""
    for name, variable in flow.vars.items():
        if variable.initial is not None:
            yield UsedExpression(variable.initial, ("vars", name, "initial"), "initial")
    for name, step in flow.steps.items():
        yield from step_expressions(name, step)


def step_expressions(name: str, step: Any) -> Iterator[UsedExpression]:
    """Every expression of one step."""
    at: Path = ("steps", name)
    for slot, text in getattr(step, "with_", {}).items():
        yield UsedExpression(text, (*at, "with", slot), "with")
    for number, branch in enumerate(getattr(step, "when", ())):
        if branch.if_ is not None:
            yield UsedExpression(branch.if_, (*at, "when", number, "if"), "condition")
    yield from _own_expressions(at, step)


def _own_expressions(at: Path, step: Any) -> Iterator[UsedExpression]:
    if isinstance(step, MenuStep):
        for key, choice in step.choices.items():
            if choice.if_ is not None:
                yield UsedExpression(choice.if_, (*at, "choices", key, "if"), "condition")
            for variable, text in choice.set.items():
                yield UsedExpression(text, (*at, "choices", key, "set", variable), "set")
    elif isinstance(step, CollectStep):
        if step.valid is not None:
            yield UsedExpression(step.valid, (*at, "valid"), "valid")
        if step.likely is not None:
            yield UsedExpression(step.likely, (*at, "likely"), "with")
    elif isinstance(step, SetStep):
        for variable, text in step.set.items():
            yield UsedExpression(text, (*at, "set", variable), "set")
    elif isinstance(step, TransferStep):
        for slot, text in step.transfer.with_.items():
            yield UsedExpression(text, (*at, "transfer", "with", slot), "with")
    elif isinstance(step, LanguageStep) and (code := language_expression(step)) is not None:
        yield UsedExpression(code, (*at, "language"), "language")
    for variable, text in getattr(step, "out", {}).items():
        yield UsedExpression(text, (*at, "out", variable), "out")


def language_expression(step: LanguageStep) -> str | None:
    """The expression of `language: {...}` written as `"{text}"`, or None where it is a plain code."""
    text = step.language.strip()
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else None


def step_prompts(name: str, step: Any) -> Iterator[UsedPrompt]:
    """Every prompt of one step."""
    at: Path = ("steps", name)
    own = {"value"} if isinstance(step, CollectStep) else set()
    lead = "menu" if step_kind(step) == "menu" else "say"
    for field_name in (lead, "again", "detail", "invalid", "review"):
        value = getattr(step, field_name, None)
        for number, prompt in enumerate(names(value)):
            path = (*at, field_name, number) if isinstance(value, list) else (*at, field_name)
            yield UsedPrompt(prompt, path)
    for part in ("choices", "hotkeys"):
        for key, one in _named(getattr(step, part, {})):
            yield UsedPrompt(one, (*at, part, key, "name"))
    confirm = getattr(step, "confirm", None)
    if confirm is not None:
        yield UsedPrompt(confirm.say, (*at, "confirm", "say"), frozenset(own))
    filler = getattr(step, "filler", None)
    if filler is not None:
        yield UsedPrompt(filler.say, (*at, "filler", "say"), filler=True)


def _named(keys: Any) -> Iterator[tuple[str, str]]:
    """The names of choices or hotkeys, by key."""
    for key, one in keys.items() if isinstance(keys, dict) else ():
        if one is not None and one.name is not None:
            yield key, one.name


def assigned_names(flow: Flow) -> set[str]:
    """Every variable the flow has: inputs, `vars`, and what its steps fill."""
    found = {*flow.inputs, *flow.vars}
    for step in flow.steps.values():
        found |= step_assigns(step)
    return found


def step_assigns(step: Any) -> set[str]:
    """The variables that a step may fill."""
    kind = step_kind(step)
    found = {*getattr(step, "out", {})}
    if kind == "set":
        found |= set(step.set)
    elif kind == "menu":
        found |= {name for choice in step.choices.values() for name in choice.set}
    elif kind in {"collect", "record"}:
        found.add(getattr(step, kind))
        found |= {step.others} if getattr(step, "others", None) is not None else set()
    into = getattr(step, "into", None)
    return found | ({into} if into is not None else set())

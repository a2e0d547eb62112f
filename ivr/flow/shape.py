"""From parsed YAML to pydantic models, with every complaint said where it belongs and with a remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from ivr.flow import model
from ivr.flow.errors import FlowErrors, Problem, suggest
from ivr.flow.yaml_source import Path, Source

_Read = TypeVar("_Read", bound=BaseModel)
#: Which model a mapping is, by the key it stands under.
_UNDER: Final[Mapping[str, type[BaseModel]]] = {
    "choices": model.Choice,
    "hotkeys": model.Hotkey,
    "when": model.Branch,
    "tests": model.FlowTest,
    "vars": model.Variable,
    "calendars": model.Hours,
    "queues": model.QueueName,
    "mailboxes": model.Mailbox,
}
_NAMED: Final[Mapping[str, type[BaseModel]]] = {
    "confirm": model.Confirm,
    "filler": model.Filler,
    "retry": model.Retry,
    "transfer": model.TransferTo,
    "defaults": model.Defaults,
    "limits": model.Limits,
    "menu": model.InputSettings,
    "collect": model.InputSettings,
}


def read_flow(source: Source) -> model.Flow:
    """The flow of a file; raises `FlowErrors` with F2xx problems."""
    return _read(source, model.Flow)


def read_hotline(source: Source) -> model.Hotline:
    """The hotline of `hotline.yaml`; raises `FlowErrors` with F2xx problems."""
    return _read(source, model.Hotline)


def _read(source: Source, kind: type[_Read]) -> _Read:
    try:
        return kind.model_validate(source.data)
    except ValidationError as error:
        found = [_explain(source, kind, dict(item)) for item in error.errors(include_url=False)]
        raise FlowErrors(dict.fromkeys(found)) from None


def _explain(source: Source, kind: type[BaseModel], error: dict[str, Any]) -> Problem:
    location = error["loc"]
    if location[:1] == ("steps",):
        # pydantic puts the kind of the step after its name; the kind is a key of the step, too.
        location = (*location[:2], *location[3:])
    path = _real_path(source.data, location)
    said = error["type"]
    if said == "extra_forbidden":
        remedy = _remedy_for_key(str(path[-1]), path, _model_at(source.data, kind, path[:-1]))
        return source.problem(path, "F201", f"unknown key {path[-1]!r}{remedy}", at_key=True)
    if said == "missing":
        field = location[-1]
        return source.problem(path, "F202", f"the key {field!r} is missing here; write it")
    if said in {"union_tag_not_found", "union_tag_invalid"}:
        kinds = ", ".join(model.STEP_KINDS)
        return source.problem(path, "F203", f"this step does nothing; give it one of {kinds}", True)
    return source.problem(path, "F204", _remedy(error), at_key="[key]" in location)


def _remedy_for_key(key: str, path: Path, kind: type[BaseModel] | None) -> str:
    if path[:-1] == ("defaults",) and key in model.Flow.model_fields:
        return "; write it beside `defaults`, not in it"
    return suggest(key, _keys_of(kind))


def _remedy(error: dict[str, Any]) -> str:
    said, context = error["type"], error.get("ctx", {})
    given = error["input"]
    shown = repr(given) if isinstance(given, str | int | float | bool) and len(str(given)) <= 40 else "this"
    if said == "string_pattern_mismatch":
        if "0-9*#" in context.get("pattern", ""):
            return f'{shown} is not a key of the telephone; write keys such as "1", "12", "*" or "#"'
        return f"{shown} is not a name; write small letters, digits and _, beginning with a letter"
    if said == "value_error":
        return str(context.get("error", error["msg"]))
    wanted = str(error["msg"]).removeprefix("Input should be ")
    return f"{shown} does not fit here; write {wanted}"


def _real_path(data: Any, location: tuple[str | int, ...]) -> Path:
    """The part of pydantic's location that is in the file: without the tags of unions and `[key]`."""
    path: list[str | int] = []
    here = data
    for part in location:
        steps = dict(enumerate(here)) if isinstance(here, list) else here
        if isinstance(steps, Mapping) and part in steps:
            here = steps[part]
            path.append(part)
    return tuple(path)


def _model_at(data: Any, root: type[BaseModel], path: Path) -> type[BaseModel] | None:
    if not path:
        return root
    if len(path) == 2 and path[0] == "steps":
        return model.STEP_KINDS.get(model.step_kind(data["steps"][path[1]]) or "")
    if len(path) > 1 and path[-2] in _UNDER:
        return _UNDER[str(path[-2])]
    return _NAMED.get(str(path[-1]))


def _keys_of(kind: type[BaseModel] | None) -> list[str]:
    return [] if kind is None else [info.alias or name for name, info in kind.model_fields.items()]

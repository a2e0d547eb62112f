"""A call told again as a test that can be pasted under `tests:` of a flow."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML

from ivr.flow.library import FlowLibrary
from ivr.flow.trace import (
    MASKED,
    CallEnded,
    FlowLeft,
    KeyUsed,
    Recorded,
    Said,
    ServiceAnswered,
    SpeechUsed,
    TransferAsked,
    TransferEnded,
)
from ivr.flow.types import type_text
from ivr.flow.values import Money, Secret, Type, Value
from ivr.testing.world import Answer

#: Keys of a caller that come at most so many seconds after one another make one line.
ONE_BREATH = 2.0


def plain_yaml(value: Value) -> Any:
    """A run-time value as a test writes it."""
    if isinstance(value, dict):
        return {name: plain_yaml(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_yaml(inner) for inner in value]
    if isinstance(value, Money):
        return str(value.amount) if value.currency == "CNY" else f"{value.amount} {value.currency}"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, Secret):
        return "0" * 6
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def write_test(test: Mapping[str, Any]) -> str:
    """The YAML of one test, as an item of a list."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.allow_unicode = True
    yaml.width = 110
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = io.StringIO()
    yaml.dump([dict(test)], text)
    return text.getvalue()


def answers_yaml(answers: Mapping[str, Sequence[Answer]]) -> dict[str, Any]:
    """What services answered, as `given: services:`."""
    return {name: [_answer_yaml(answer) for answer in given] for name, given in answers.items()}


def _answer_yaml(answer: Answer) -> dict[str, Any]:
    told: dict[str, Any] = {"outcome": answer.outcome, "after": f"{answer.after:g}s"}
    if answer.value is not None:
        told["value"] = plain_yaml(answer.value)
    return told


def transcript_to_test(
    library: FlowLibrary,
    trace: Iterable[Any],
    name: str,
    *,
    clock: datetime | None = None,
    answers: Mapping[str, Sequence[Answer]] | None = None,
) -> str:
    """A test from the trace of a call that was recorded (entries, or their `to_json()` dicts).

    A trace holds no values and no secret keys: where `answers` does not say what a service gave, the value is an
    example of its type, and a masked key is a 0; a person fills in what matters. What was said, the transfers
    and the end become expectations.
    """
    entries = [_read(entry) for entry in trace]
    given: dict[str, Any] = {} if clock is None else {"clock": clock.isoformat()}
    services = answers_yaml(answers) if answers is not None else _example_answers(library, entries)
    if services:
        given["services"] = services
    transfers: dict[str, list[str]] = {}
    for entry in entries:
        if entry["kind"] == TransferEnded.kind:
            transfers.setdefault(entry["queue"], []).append(entry["outcome"])
    if transfers:
        given["transfer"] = transfers
    return write_test(
        {"name": name, "given": given, "caller": _caller(entries), "expect": _expectations(entries)}
    )


def _read(entry: Any) -> dict[str, Any]:
    return dict(entry) if isinstance(entry, Mapping) else entry.to_json()


def _caller(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    last, spoke = 0.0, -1.0
    for entry in entries:
        kind, at = entry["kind"], float(entry["at"])
        if kind == KeyUsed.kind and at == spoke:
            continue  # nobody pressed it: words led through several menus at once
        if kind == KeyUsed.kind:
            key = entry["key"].replace(MASKED, "0")
            if lines and "keys" in lines[-1] and at - last <= ONE_BREATH:
                lines[-1]["keys"] += key
            else:
                lines.append({"keys": key, "at": f"{at:g}s"})
        elif kind == SpeechUsed.kind:
            lines.append(_said(entry, at))
            spoke = at
        elif kind == Recorded.kind and entry["seconds"] > 0:
            lines.append({"record": f"{entry['seconds']:g}s"})
        elif kind == CallEnded.kind and entry["reason"] == "caller":
            lines.append({"hang_up": True, "at": f"{at:g}s"})
        last = at
    return lines


def _said(entry: Mapping[str, Any], at: float) -> dict[str, Any]:
    """A line that says what was understood; the words themselves are not kept."""
    meant, confidence = entry["meant"], entry["confidence"]
    line: dict[str, Any] = {"say": meant or "…", "at": f"{at:g}s"}
    if meant and meant != MASKED:
        line["means"] = meant
    return line if confidence == 1.0 else {**line, "confidence": confidence}


def _expectations(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for entry in entries:
        if entry["kind"] == Said.kind:
            lines.extend({"said": prompt} for prompt in entry["prompts"])
        elif entry["kind"] == ServiceAnswered.kind:
            lines.append({"did": entry["service"]})
        elif entry["kind"] == TransferAsked.kind:
            lines.append({"transfer": entry["queue"]})
        elif entry["kind"] == CallEnded.kind:
            lines.append({"hangup": entry["reason"]})
        elif entry["kind"] == FlowLeft.kind and entry is entries[-1]:
            lines.append({"outcome": entry["outcome"]})
    return lines


def _example_answers(library: FlowLibrary, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        if entry["kind"] != ServiceAnswered.kind:
            continue
        service = library.manifest.services.get(entry["service"])
        kind = service.outcomes.get(entry["outcome"]) if service else None
        told: dict[str, Any] = {"outcome": entry["outcome"], "after": f"{entry['ms'] / 1000:g}s"}
        if kind is not None:
            told["value"] = _example(kind)
        found.setdefault(entry["service"], []).append(told)
    return found


def _example(kind: Type) -> Any:
    if kind.optional:
        return None
    if kind.name == "record":
        return {name: _example(inner) for name, inner in kind.fields.items()}
    if kind.name == "list":
        return []
    if kind.words:
        return kind.words[0]
    return _EXAMPLES.get(kind.name, type_text(kind))


_EXAMPLES: Mapping[str, Any] = {
    "integer": 1,
    "decimal": "1.00",
    "money": "100.00",
    "date": "2026-04-01",
    "time": "09:30",
    "datetime": "2026-03-05T12:00:00+08:00",
    "duration": "60s",
    "boolean": True,
    "digits": "10000001",
    "secret": "000000",
}

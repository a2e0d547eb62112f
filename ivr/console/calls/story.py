"""A call's timeline in plain words: every entry, keys masked as the journal has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ivr.console.board.names import Names
from ivr.speech import PromptCatalogue
from policy_db.facts import TimelineEntry

Mood = Literal["", "good", "warn", "bad"]
Words = Callable[..., str]
_SLOT: Final = re.compile(r"\{[^{}]*\}")
_LONGEST: Final = 160
#: Entries that come in pairs with the next one, or say nothing that others do not.
_SILENT: Final = frozenset({"flow_left"})
_MOODS: Final[Mapping[str, Mood]] = {
    "missed": "warn", "fault": "bad", "level_raised": "good", "transfer_asked": "good", "seat_missed": "warn",
    "seat_lost": "bad", "talk_joined": "good", "tape_refused": "warn", "recording_refused": "warn",
    "recording_failed": "bad", "timeline_full": "warn",
}  # fmt: skip
_BAD_OUTCOMES: Final = frozenset({"error", "timeout"})


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: `at` seconds into the call, what it is about, and in which step; `seek` where it is heard."""

    seq: int
    at: float
    kind: str
    text: str
    mood: Mood
    flow: str
    step: str
    recording: str = ""
    seek: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording's place in the call: from `start` seconds on, for `seconds`."""

    id: str
    start: float
    seconds: float


class Teller:
    """Tells entries to a reader: `words` gives texts by key, `known` says whether there is one."""

    def __init__(
        self,
        names: Names,
        catalogue: PromptCatalogue,
        words: Words,
        known: Callable[[str], bool],
        spoken: str,
    ) -> None:
        self._names = names
        self._catalogue = catalogue
        self._words = words
        self._known = known
        self._spoken = spoken or catalogue.default

    def told(self, timeline: Sequence[TimelineEntry], heard: Sequence[Heard] = ()) -> Iterator[Line]:
        """Every entry that tells something."""
        for entry in timeline:
            if entry.kind == "language_changed":
                self._spoken = str(entry.data.get("language", self._spoken))
            if entry.kind in _SILENT:
                continue
            here = next((one for one in heard if one.start <= entry.at <= one.start + one.seconds), None)
            yield Line(
                entry.seq,
                entry.at,
                entry.kind,
                self._text(entry.kind, entry.data),
                self._mood(entry.kind, entry.data),
                str(entry.data.get("flow", "")),
                str(entry.data.get("step", "")),
                "" if here is None else here.id,
                0.0 if here is None else max(0.0, entry.at - here.start),
            )

    def _mood(self, kind: str, data: Mapping[str, Any]) -> Mood:
        if kind == "service_answered" and data.get("outcome") in _BAD_OUTCOMES:
            return "bad"
        if kind == "transfer_ended":
            return "good" if data.get("outcome") == "answered" else "warn"
        return _MOODS.get(kind, "")

    def _text(self, kind: str, data: Mapping[str, Any]) -> str:
        values = self._values(kind, data)
        for key in (f"entry.{kind}.{data.get('what', data.get('outcome', ''))}", f"entry.{kind}"):
            if self._known(key):
                return self._words(key, **values)
        told = ", ".join(
            f"{name} {value}" for name, value in data.items() if isinstance(value, str | int | float)
        )
        return f"{kind.replace('_', ' ')}{': ' + told if told else ''}"

    def _values(self, kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """What the texts are filled with."""
        values: dict[str, Any] = {
            name: value for name, value in data.items() if not isinstance(value, list | dict)
        }
        for name in ("seat", "queue", "by", "why", "to", "reason", "code", "edge", "order"):
            values.setdefault(name, "")
        values["pressed"] = values.pop("key", "")
        values.pop("language", None)
        flow = str(data.get("flow", ""))
        values |= {"flow": self._names.flow(flow) if flow else "", "step": self._step(data)}
        values |= {"queue": self._names.queue(str(data["queue"])) if data.get("queue") else ""}
        match kind:
            case "said":
                values["text"] = " ".join(self._prompt(str(name)) for name in data.get("prompts", ()))
            case "step_left":
                values |= {"how": self._how(data), "target": self._target(flow, str(data.get("target", "")))}
            case "service_asked" | "service_answered":
                values["service"] = self._word("service", data.get("service", ""))
                values["outcome"] = self._word("outcome", data.get("outcome", ""))
            case "level_raised":
                values["level"] = self._word("level", data.get("level", 0))
            case "language_changed":
                values["spoken"] = self._word("language", data.get("language", ""))
            case "call_ended":
                values["reason"] = self._word("ended", data.get("reason", ""))
            case "transfer_ended":
                values["outcome"] = self._word("transfer", data.get("outcome", ""))
            case "media":
                for name in ("mos", "jitter_ms"):
                    values[name] = "–" if data.get(name) is None else round(float(data[name]), 1)
                values["loss"] = round(float(data.get("loss") or 0) * 100, 1)
        if isinstance(data.get("seconds"), int | float):
            values["seconds"] = round(float(data["seconds"]), 1)
        return values

    def _step(self, data: Mapping[str, Any]) -> str:
        return (
            self._names.step(str(data.get("flow", "")), str(data.get("step", ""))) if data.get("step") else ""
        )

    def _target(self, flow: str, target: str) -> str:
        if self._known(f"target.{target}"):
            return self._words(f"target.{target}")
        return self._names.step(flow, target)

    def _how(self, data: Mapping[str, Any]) -> str:
        """Which way was taken, in words: a key, an outcome, or the way on."""
        edge, outcome = str(data.get("edge", "")), str(data.get("outcome", ""))
        if edge.startswith("choices."):
            return self._words("entry.way.key", pressed=edge.removeprefix("choices."))
        if outcome.startswith("hotkey "):
            return self._words("entry.way.key", pressed=outcome.removeprefix("hotkey "))
        return self._word("outcome", outcome)

    def _prompt(self, name: str) -> str:
        """A prompt's text in the language that was spoken; values are left out, which the journal never has."""
        prompt = self._catalogue.find(name, self._spoken)
        if prompt is None:
            return name.replace("_", " ")
        text = _SLOT.sub("…", prompt.template.text).strip()
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"

    def _word(self, prefix: str, value: object) -> str:
        key = f"{prefix}.{value}"
        return self._words(key) if self._known(key) else str(value).replace("_", " ")


def path_of(timeline: Sequence[TimelineEntry], flow: str) -> tuple[str, ...]:
    """The steps of a flow in the order in which a call went through them."""
    return tuple(
        str(entry.data["step"])
        for entry in timeline
        if entry.kind == "step_entered" and entry.data.get("flow") == flow
    )


def flows_of(timeline: Sequence[TimelineEntry]) -> tuple[str, ...]:
    """The flows of a call in the order in which they were first entered."""
    return tuple(
        dict.fromkeys(
            str(one.data["flow"]) for one in timeline if one.kind == "step_entered" and "flow" in one.data
        )
    )

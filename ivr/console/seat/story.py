"""What a caller did before a person came, step by step in plain words, and why they want one.

Made from the call's timeline and the flows: a choice is told by the title of where it led, a service by what it was
for. Digits that were typed are counted, never told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from ivr.flow import FlowLibrary
from ivr.flow.model import CallStep, MenuStep
from policy_db.facts import TimelineEntry

Mood = Literal["", "good", "warn", "bad"]
_CHOICE: Final = "choices."
_HOTKEY: Final = "hotkey "
#: Entries that begin or end the caller's way to a person; what comes before the last of them is the story's heart.
_MOST_STEPS: Final = 40


class Words(Protocol):
    """Texts in the reader's language."""

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key."""

    def known(self, key: str) -> bool:
        """Whether there is such a text."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the caller did or met, `at` seconds into the call; `times` it happened in a row."""

    at: float
    text: str
    mood: Mood = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Story:
    """The steps, the `reason` for a person as the flow's code for it, and where in self-service they asked."""

    steps: tuple[Step, ...]
    reason: str
    asked_in: str


def story_of(timeline: Sequence[TimelineEntry], library: FlowLibrary, language: str, words: Words) -> Story:
    """The story of a call, in the reader's language."""
    teller = _Teller(library, language, words)
    steps = tuple(_together(teller.told(timeline)))[-_MOST_STEPS:]
    return Story(steps, _reason(timeline, library), teller.asked_in)


def _together(steps: Iterable[Step]) -> Iterator[Step]:
    """The same thing several times in a row is told once."""
    last: Step | None = None
    for step in steps:
        if last is not None and last.text == step.text:
            last = replace(last, times=last.times + 1)
            continue
        if last is not None:
            yield last
        last = step
    if last is not None:
        yield last


class _Teller:
    """Tells entries, remembering in which flows the call is and what was typed."""

    def __init__(self, library: FlowLibrary, language: str, words: Words) -> None:
        self._library = library
        self._language = language
        self._words = words
        self._flows: list[str] = []
        self._typed = 0
        self._said = ""
        self.asked_in = ""

    def told(self, timeline: Sequence[TimelineEntry]) -> Iterator[Step]:
        for entry in timeline:
            for text, mood in self._entry(entry.kind, entry.data):
                self._said = text
                yield Step(entry.at, text, mood)

    def _entry(self, kind: str, data: Mapping[str, Any]) -> Iterator[tuple[str, Mood]]:
        match kind:
            case "flow_entered":
                yield from self._entered(str(data["flow"]))
            case "flow_left":
                if data["flow"] in self._flows:
                    del self._flows[self._flows.index(data["flow"]) :]
            case "key_used":
                self._typed += 1
            case "step_left":
                yield from self._left(data)
            case "missed":
                self._typed = 0
                yield self._words(f"story.missed.{data['what']}"), "warn"
            case "speech_used":
                if data["meant"]:
                    yield self._words("story.spoke"), ""
            case "service_answered":
                yield from self._service(data)
            case "recorded":
                yield self._words("story.recorded", seconds=round(float(data["seconds"]))), ""
            case "transfer_asked":
                yield self._words("story.asked", queue=self._queue(str(data["queue"]))), "good"
            case "transfer_ended":
                if self._words.known(f"story.transfer.{data['outcome']}"):
                    yield self._words(f"story.transfer.{data['outcome']}"), "warn"
            case "fault":
                yield self._words("story.fault"), "bad"

    def _entered(self, flow: str) -> Iterator[tuple[str, Mood]]:
        self._flows.append(flow)
        if len(self._flows) == 1:
            yield self._words("story.began"), ""

    def _left(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Mood]]:
        typed, self._typed = self._typed, 0
        flow, step, edge, outcome = data["flow"], data["step"], str(data["edge"]), str(data["outcome"])
        if outcome.startswith(_HOTKEY):
            key = outcome.removeprefix(_HOTKEY)
            self._ask_of(str(data["target"]))
            yield self._words("story.chose", pressed=key, what=self._place(flow, str(data["target"]))), ""
        elif edge.startswith(_CHOICE):
            reason = f"seat.reason.{_set_by(data, self._library)}"
            known = self._words.known(reason)
            what = self._words(reason) if known else self._place(flow, str(data["target"]))
            yield self._words("story.chose", pressed=edge.removeprefix(_CHOICE), what=what), ""
        elif typed and not self._is_menu(flow, step):
            yield self._words("story.typed", what=self._title(flow), count=typed), ""

    def _service(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Mood]]:
        service, outcome = data["service"], data["outcome"]
        if outcome in ("error", "timeout"):
            yield self._words("story.service.failed"), "bad"
            return
        key = f"story.service.{service}.{outcome}"
        if self._words.known(key):
            yield self._words(key), _mood(service, outcome)

    def _ask_of(self, target: str) -> None:
        """Where in self-service the caller was when they asked for a person by a key of everywhere."""
        if self._flows and self._flows[-1] != target:
            self.asked_in = self._title(self._flows[-1])

    def _place(self, flow: str, target: str) -> str:
        """What a target is called: the flow that it calls, its own title, or a flow of that name."""
        loaded = self._library.flows.get(flow)
        step = None if loaded is None else loaded.flow.steps.get(target)
        if step is not None and step.title:
            return self._text(step.title)
        if isinstance(step, CallStep):
            return self._title(step.call)
        if target in self._library.flows:
            return self._title(target)
        return self._words("story.back") if target in ("back", "main") else self._title(flow)

    def _title(self, flow: str) -> str:
        loaded = self._library.flows.get(flow)
        return flow if loaded is None else self._text(loaded.flow.title) or flow

    def _queue(self, name: str) -> str:
        queue = self._library.hotline.queues.get(name)
        return name if queue is None else self._text(queue.title) or name

    def _text(self, texts: Mapping[str, str]) -> str:
        return texts.get(self._language) or next(iter(texts.values()), "")

    def _is_menu(self, flow: str, step: str) -> bool:
        loaded = self._library.flows.get(flow)
        return loaded is not None and isinstance(loaded.flow.steps.get(step), MenuStep)


def _mood(service: str, outcome: str) -> Mood:
    if outcome in ("refused", "locked"):
        return "warn"
    return "good" if service.startswith("identity.") and outcome in ("verified", "identified") else ""


def _reason(timeline: Sequence[TimelineEntry], library: FlowLibrary) -> str:
    """The reason that came with the last transfer, or that the caller's last choice set."""
    for entry in reversed(timeline):
        if entry.kind == "transfer_asked" and entry.data.get("reason"):
            return str(entry.data["reason"])
        if entry.kind == "step_left":
            found = _set_by(entry.data, library)
            if found:
                return found
    return ""


def _set_by(data: Mapping[str, Any], library: FlowLibrary) -> str:
    """The `reason` that the way taken out of a step sets, or the step itself."""
    loaded = library.flows.get(str(data["flow"]))
    step = None if loaded is None else loaded.flow.steps.get(str(data["step"]))
    edge = str(data.get("edge", ""))
    if isinstance(step, MenuStep) and edge.startswith(_CHOICE):
        choice = step.choices.get(edge.removeprefix(_CHOICE))
        return "" if choice is None else _word(choice.set.get("reason"))
    values = getattr(step, "set", None)
    return _word(values.get("reason")) if isinstance(values, Mapping) else ""


def _word(expression: str | None) -> str:
    """A plain word of an expression; anything that must be computed is none."""
    plain = (expression or "").strip("'\"")
    return plain if plain.isidentifier() else ""

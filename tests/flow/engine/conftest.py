"""A small hotline for the engine's tests: the flows beside this file and what surrounds them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from ivr.flow import FlowLibrary, Manifest, PromptSignature, ServiceSignature, load_flows
from ivr.flow.engine import Engine
from ivr.flow.events import (
    CallerHungUp,
    CallStarted,
    KeyPressed,
    PromptFinished,
    RecordingFinished,
    ServiceResult,
    TimerFired,
)
from ivr.flow.instructions import Record, RunService, Say
from ivr.flow.loader import examine
from ivr.flow.trace import Fault, KeyUsed
from ivr.flow.types import parse_type
from ivr.flow.values import Level

FLOWS = Path(__file__).parent / "flows"
NOON = datetime.fromisoformat("2026-03-05T12:00:00+08:00")

SLOTS = {
    "read_back": {"value": "digits"},
    "premium_due": {"amount": "money", "due_on": "date"},
    "premium_late": {"amount": "money"},
    "playback": {"recording": "recording"},
    "you_mean": {"name": "prompt"},
    "you_said": {"value": "digits"},
    "you_said_the_day": {"value": "date"},
}
PLAIN = [
    "welcome",
    "top_menu",
    "top_menu_short",
    "top_menu_detail",
    "goodbye",
    "leave_message",
    "review",
    "one_moment",
    "ask_number",
    "ask_number_short",
    "ask_pin",
    "paid_up",
    "sorry",
    "ask_day",
    "ask_place",
    "thanks",
    "nobody_free",
    "pardon",
    "invalid",
    "are_you_there",
    "limit",
    "system_error",
    "unclear",
    "use_keys",
    "yes_no_keys",
    "the_premium",
    "a_claim",
    "the_tariff",
    "going_back",
    "an_adviser",
]


def service(name, inputs, outcomes, **more):
    """A signature with its types written as in YAML."""
    return ServiceSignature(
        name,
        {key: parse_type(kind) for key, kind in inputs.items()},
        {key: None if kind is None else parse_type(kind) for key, kind in outcomes.items()},
        **more,
    )


SERVICES = [
    service(
        "identity.check",
        {"policy_no": "digits", "pin": "secret"},
        {"ok": None, "refused": None},
        grants={"ok": Level.VERIFIED},
        idempotent=False,
    ),
    service(
        "policy.due",
        {"policy_no": "digits"},
        {"ok": {"amount": "money", "on": "date", "days_overdue": "integer"}},
        level=Level.VERIFIED,
    ),
    service("slow.work", {}, {"ok": {"size": "integer"}, "busy": None}),
    service("claim.begin", {}, {"ok": {"id": "text"}}),
    service("claim.save", {"id": "text", "day": "date"}, {"ok": None}),
    service("claim.attach", {"id": "text", "voice": "recording"}, {"ok": None}),
    service("claim.submit", {"id": "text"}, {"ok": None}),
]
BOTH = frozenset({"zh-CN", "en"})
MANIFEST = Manifest(
    {one.name: one for one in SERVICES},
    {
        name: PromptSignature(
            name, {slot: parse_type(kind) for slot, kind in SLOTS.get(name, {}).items()}, BOTH
        )
        for name in [*PLAIN, *SLOTS]
    },
)


@pytest.fixture(scope="session")
def library() -> FlowLibrary:
    return load_flows(FLOWS, MANIFEST)


@pytest.fixture
def engine(library: FlowLibrary) -> Engine:
    return Engine(library)


class Direct:
    """A call driven event by event, without any world: what the engine asked for is in `asked`."""

    def __init__(self, engine: Engine, flow: str | None = None, **more) -> None:
        self.engine = engine
        self.at = 0.0
        self.asked: list = []
        self.trace: list = []
        self._take(engine.start(CallStarted(0.0, "call-1", NOON, "13800000000", "400", "en"), flow, **more))

    def _take(self, turn):
        self.turn, self.state = turn, turn.state
        self.asked.extend(turn.instructions)
        self.trace.extend(turn.trace)
        return self

    def send(self, event, after=0.1):
        self.at += after
        return self._take(self.engine.handle(self.state, event(self.at)))

    def key(self, keys: str):
        for key in keys:
            self.send(lambda at, key=key: KeyPressed(at, key))
        return self

    def heard(self):
        token = self.state.playing
        return self.send(lambda at: PromptFinished(at, token), 2.0)

    def silence(self):
        """The prompt is heard, and then the caller says nothing until the step's timer runs out."""
        if self.state.playing:
            self.heard()
        timer = self.state.wait.timer
        return self.send(lambda at: TimerFired(at, timer), 6.0)

    def timer(self, seconds: float):
        """The newest timer of that length runs out."""
        timer = next(one.timer for one in reversed(self.asked) if getattr(one, "seconds", None) == seconds)
        return self.send(lambda at: TimerFired(at, timer), seconds)

    def last(self, kind):
        return next(one for one in reversed(self.asked) if isinstance(one, kind))

    def all(self, kind):
        return [one for one in self.asked if isinstance(one, kind)]

    def answer(self, outcome="ok", value=None):
        request = self.last(RunService).request
        return self.send(lambda at: ServiceResult(at, request, outcome, value))

    def recorded(self, seconds: float, why="silence"):
        recording = self.last(Record).recording
        return self.send(lambda at: RecordingFinished(at, recording, seconds, why), seconds)

    def hang_up(self):
        return self.send(CallerHungUp)

    @property
    def step(self) -> str:
        return ".".join(self.state.step)

    @property
    def said(self) -> list[str]:
        """The prompts of the last thing that was said."""
        return [phrase.prompt for phrase in self.last(Say).phrases]

    @property
    def heard_all(self) -> list[str]:
        return [phrase.prompt for say in self.all(Say) for phrase in say.phrases]

    @property
    def faults(self) -> list[str]:
        return [entry.code for entry in self.trace if isinstance(entry, Fault)]

    @property
    def keys_used(self) -> str:
        return "".join(entry.key for entry in self.trace if isinstance(entry, KeyUsed))


@pytest.fixture(scope="session")
def engine_of():
    """Makes an engine of the flows in a folder; what is wrong with them fails the test."""

    def make(folder: Path) -> Engine:
        library, problems = examine(folder, MANIFEST)
        assert library is not None, "\n".join(map(str, problems))
        return Engine(library)

    return make


@pytest.fixture
def make_call():
    """Begins a call with an engine: `make_call(engine, flow=..., inputs=..., level=...)`."""
    return Direct


@pytest.fixture
def call(engine: Engine) -> Direct:
    """A call at the front menu, its prompt still playing."""
    return Direct(engine).heard()


@pytest.fixture
def hotline_of(tmp_path: Path):
    """Makes an engine of the sample hotline with other flows; its main flow is `front`."""

    def make(*flows: str, hotline: str = "", **more) -> Engine:
        text = (FLOWS / "hotline.yaml").read_text(encoding="utf-8")
        (tmp_path / "hotline.yaml").write_text(text + hotline, encoding="utf-8")
        for name in ("person", "trouble"):
            (tmp_path / f"{name}.yaml").write_text((FLOWS / f"{name}.yaml").read_text(encoding="utf-8"))
        for text in flows:
            name = text.split("flow: ", 1)[1].split("\n", 1)[0].strip()
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        library, problems = examine(tmp_path, MANIFEST)
        assert library is not None, "\n".join(map(str, problems))
        return Engine(library, **more)

    return make

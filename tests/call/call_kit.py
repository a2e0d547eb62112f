"""A small hotline in one process: flows of its own, services that are told what to do, a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from ivr.call.engines import Engines
from ivr.call.journal import CallJournal
from ivr.call.metrics import CallMetrics
from ivr.call.parts import CallParts
from ivr.call.recordings import RecordingVault
from ivr.call.session import CallSession
from ivr.call.transfers import NoSeats
from ivr.clock import VirtualClock
from ivr.flow import FlowStore, Manifest, PromptSignature
from ivr.flow.instructions import Phrase
from ivr.flow.values import Level, Secret, Type
from ivr.lines.script import Action, ScriptedCaller, ScriptLine
from ivr.services import Outcome, ServiceContext, ServiceRegistry, service, signatures_of
from ivr.speech import Rendered
from policy_db import Keys, PinHasher, PolicyDatabase

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
PIN = "739281"

HOTLINE = """\
hotline: demo
main: main
languages: [en]
company: {name: Demo}
queues: {service: {title: {en: Service}}}
mailboxes: {service: {title: {en: Service}}}
on_no_input: [reprompt, trouble]
on_no_match: [reprompt, trouble]
on_error: trouble
on: {cancelled: trouble, timeout: trouble, busy: trouble}
prompts: {system_error: system_error, playback: playback}
"""

MAIN = """\
flow: main
title: {en: Main}
entry: greet
vars:
  claim: {type: text, initial: "''"}
  story: {type: recording?, initial: null}
after_hangup: afterwards
steps:
  greet: {say: hello, next: menu}
  menu:
    menu: menu
    choices:
      "1": {go: pin}
      "2": {go: message}
      "3": {go: report}
      "4": {go: person}
      "5": {go: ask}
      "6": {go: broken}
  pin: {collect: pin, say: ask_pin, type: secret, least: 6, most: 6, next: check}
  check:
    do: identity.verify
    with: {policy_no: "'86001234'", pin: pin}
    on: {verified: verified, refused: refused}
  verified: {say: verified, next: menu}
  refused: {say: refused, next: menu}
  message:
    voicemail: service
    say: speak_now
    review: review
    with: {reason: "'complaint'"}
    on: {too_short: too_short, error: words_kept}
    next: saved
  too_short: {say: too_short, next: menu}
  saved: {say: saved, next: menu}
  words_kept: {say: words_kept, next: menu}
  report: {do: claim.begin, into: begun, next: tell}
  tell: {set: {claim: begun.id}, next: what}
  what:
    record: story
    say: speak_now
    with: {claim: claim, field: "'what'"}
    on: {too_short: too_short, error: words_kept}
    next: saved
  person: {transfer: {queue: service}, on: {answered: bye, closed: closed}}
  closed: {say: closed, next: menu}
  ask:
    do: demo.ask
    timeout: 100ms
    on: {ok: good, refused: refused, error: bad, timeout: slow}
  good: {say: good, next: menu}
  bad: {say: bad, next: menu}
  slow: {say: slow, next: menu}
  broken: {say: broken, next: menu}
  bye: {say: bye, hangup: normal}
  afterwards:
    when:
      - {if: story is not None, go: keep_story}
      - {else: note}
  keep_story:
    do: claim.attach
    with: {id: claim, field: "'what'", recording: story}
    on: {error: end, timeout: end}
    next: note
  note: {do: demo.note, on: {error: end, timeout: end}, next: end}
"""

TROUBLE = """\
flow: trouble
entry: sorry
steps:
  sorry: {say: sorry, hangup: trouble}
"""

PROMPTS = [
    "hello", "menu", "ask_pin", "verified", "refused", "speak_now", "review", "too_short", "saved",
    "words_kept", "closed", "good", "bad", "slow", "broken", "bye", "sorry", "system_error", "playback",
]  # fmt: skip


@dataclass
class DemoServices:
    """Services that do what a test tells them, over the real claims of the database."""

    database: PolicyDatabase
    ask_does: Callable[[], Any] = lambda: Outcome()
    note_does: Callable[[], None] = lambda: None
    noted: list[ServiceContext] = field(default_factory=list)
    asked: list[ServiceContext] = field(default_factory=list)

    @service("identity.verify", inputs={"policy_no": Type("digits"), "pin": Type("secret")},
             outcomes={"verified": None, "refused": None}, grants={"verified": Level.VERIFIED},
             idempotent=False)  # fmt: skip
    async def verify(self, context: ServiceContext, policy_no: str, pin: Secret) -> Outcome:
        """Verified if the PIN is the one of these tests."""
        return Outcome("verified" if pin.reveal() == PIN else "refused")

    @service("demo.ask", outcomes={"ok": None, "refused": None})
    async def ask(self, context: ServiceContext) -> Outcome:
        """Whatever `ask_does` gives, awaits or raises."""
        self.asked.append(context)
        answer = self.ask_does()
        return await answer if asyncio.iscoroutine(answer) else answer

    @service("demo.note", outcomes={"ok": None})
    async def note(self, context: ServiceContext) -> Outcome:
        """What runs after a hang-up."""
        self.noted.append(context)
        self.note_does()
        return Outcome()

    @service("claim.begin", outcomes={"ok": Type("record", fields={"id": Type("text")})})
    async def begin(self, context: ServiceContext) -> Outcome:
        """Open a report."""
        report = await self.database.claims.begin(
            caller=context.caller, today=context.now.date(), level=0, call_id=context.call_id, resume=False,
            policy=None, key=context.idempotency_key,
        )  # fmt: skip
        return Outcome(value={"id": report.id})

    @service("claim.attach", inputs={"id": Type("text"), "field": Type("text"), "recording": Type("recording")},
             outcomes={"ok": None})  # fmt: skip
    async def attach(self, context: ServiceContext, id: str, field: str, recording: str) -> Outcome:  # noqa: A002
        """Keep a spoken answer."""
        await self.database.claims.attach(id, field, recording)
        return Outcome()


class PlainSpeaker:
    """A fake speaker: prompts are told by their names, and take the time that takes."""

    def offered(self, languages: Sequence[str]) -> list[str]:
        return list(languages)

    def render(
        self, phrases: Sequence[Phrase], recordings: Callable[[str], Path | None] = lambda _: None
    ) -> Rendered:
        played = [str(recordings(value)) for phrase in phrases for value in phrase.values.values()]
        return Rendered((), " ".join([phrase.prompt for phrase in phrases] + played))


class SpeakerThatFails(PlainSpeaker):
    """Raises whenever one of these prompts is to be said; the message holds digits that no log may show."""

    def __init__(self, *prompts: str) -> None:
        self.prompts = prompts

    def render(
        self, phrases: Sequence[Phrase], recordings: Callable[[str], Path | None] = lambda _: None
    ) -> Rendered:
        if any(phrase.prompt in self.prompts for phrase in phrases):
            raise RuntimeError(f"no clip for {PIN}")
        return super().render(phrases, recordings)


def write_flows(folder: Path) -> FlowStore:
    """The flows of these tests, loaded."""
    folder.mkdir()
    for name, text in (("hotline", HOTLINE), ("main", MAIN), ("trouble", TROUBLE)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    prompts = {name: PromptSignature(name, {}, frozenset({"en"})) for name in PROMPTS}
    prompts["playback"] = PromptSignature("playback", {"recording": Type("recording")}, frozenset({"en"}))
    return FlowStore(folder, Manifest(signatures_of([DemoServices]), prompts))


class HandClock:
    """The database's clock, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def open_database(path: Path, *, busy_timeout: float = 0.05) -> PolicyDatabase:
    """A real database with tables and nothing in them."""
    return await PolicyDatabase.open(
        f"sqlite:///{path}",
        keys=Keys(bytes(32)),
        pins=PinHasher.cheap(),
        clock=HandClock(),
        migrate=not path.exists(),
        busy_timeout=busy_timeout,
    )


@dataclass
class House:
    """A hotline whose callers are scripts and whose time is virtual."""

    database: PolicyDatabase
    services: DemoServices
    parts: CallParts
    registry: CollectorRegistry
    folder: Path
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOW))
    sessions: list[CallSession] = field(default_factory=list)

    @property
    def recordings(self) -> Path:
        return self.folder / "recordings"

    def change(self, **parts: Any) -> None:
        """Put another part in the place of one."""
        self.parts = replace(self.parts, **parts)

    async def start(self, caller: ScriptedCaller, call_id: str = "call-1") -> asyncio.Task[None]:
        """A call under way."""
        line = ScriptLine(self.clock)
        calls: list[asyncio.Task[None]] = []

        def take(leg: Any) -> None:
            self.sessions.append(CallSession(leg, call_id, self.parts))
            calls.append(asyncio.create_task(self.sessions[-1].run()))

        await line.start(take)
        line.call(caller)
        return calls[0]

    async def call(self, *actions: Action, call_id: str = "call-1", **caller: Any) -> ScriptedCaller:
        """A whole call, from its ring to its record."""
        person = ScriptedCaller(actions, **caller)
        task = await self.start(person, call_id)
        await self.clock.run(task.done)
        await task
        return person

    async def timeline(self, call_id: str = "call-1") -> list[str]:
        return [entry.kind for entry in await self.database.calls.timeline(call_id)]

    def notes(self) -> list[Path]:
        return sorted(self.recordings.rglob("*.json"))


def build_house(database: PolicyDatabase, flows: FlowStore, folder: Path) -> House:
    """The parts of a worker over a database, with short patience."""
    services = DemoServices(database)
    registry = CollectorRegistry()
    parts = CallParts(
        engine=Engines(flows).current,
        speaker=PlainSpeaker(),  # type: ignore[arg-type]
        services=ServiceRegistry([services]),
        journal=CallJournal(database, "worker-0", folder / "unwritten", patience=0.3, gather=0.01),
        vault=RecordingVault(folder / "recordings", database, "worker-0", store_seconds=0.3),
        transfers=NoSeats(),
        metrics=CallMetrics(registry),
    )
    return House(database, services, parts, registry, folder)


class Calls:
    """A fake of the calls in the database: fails as told, and notes what it took."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.begun: list[str] = []
        self.taken: list[int] = []
        self.batches: list[int] = []
        self.updates: list[dict] = []
        self.finished: list[tuple[str, str]] = []

    def _try(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    async def begin(self, call: str, **_facts: str) -> None:
        self._try()
        self.begun.append(call)

    async def append(self, call: str, entries: list, **facts: Any) -> None:
        self._try()
        if facts:
            self.updates.append(facts)
        self.taken += [entry.seq for entry in entries]
        self.batches.append(len(entries))

    async def update(self, call: str, **facts) -> None:
        self._try()
        self.updates.append(facts)

    async def finish(self, call: str, reason: str, **facts: Any) -> None:
        self._try()
        if facts:
            self.updates.append(facts)
        self.finished.append((call, reason))


class Database:
    """A fake database that has nothing but calls."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls


async def eventually(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until something that happens in other tasks, threads or processes is so; its value."""
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        with suppress(FileNotFoundError):
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
        await asyncio.sleep(0.005)
    raise AssertionError(f"not so within {seconds} s")

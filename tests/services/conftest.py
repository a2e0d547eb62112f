"""A demonstration database on SQLite, a registry over it, and a caller who asks it things."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.values import Level, Money, Secret, Type, Value
from ivr.services import Outcome, ServiceContext, ServiceRegistry, hotline_registry
from policy_db import Keys, PinHasher, PolicyDatabase, build_demo

TODAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 10, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


@dataclass
class Caller:
    """Someone on the telephone: asks services as the engine would, and grows surer by what they grant."""

    registry: ServiceRegistry
    context: ServiceContext = field(
        default_factory=lambda: ServiceContext(call_id="call-1", now=NOW, caller="+8613800001111")
    )
    asked: int = 0

    async def ask(self, service: str, **arguments: Value) -> Outcome:
        """Run a service as the next step of the call."""
        self.asked += 1
        context = replace(self.context, idempotency_key=f"{self.context.call_id}/{self.asked}")
        outcome = await self.registry.run(service, arguments, context)
        conforms(outcome.value, self.registry.signatures()[service].outcomes[outcome.outcome], service)
        granted = self.registry.signatures()[service].grants.get(outcome.outcome, Level.ANONYMOUS)
        self.context = replace(self.context, level=max(self.context.level, granted))
        return outcome

    async def verify(self, policy_no: str, id_tail: str, pin: str) -> None:
        """Identify and verify as the holder of a policy."""
        identified = await self.ask("identity.identify", policy_no=policy_no, id_tail=Secret(id_tail))
        assert identified.outcome == "identified"
        assert (await self.ask("identity.verify", policy_no=policy_no, pin=Secret(pin))).outcome == "verified"

    def again(self, call_id: str, **changes: str) -> Caller:
        """The same person in a new call."""
        context = replace(self.context, call_id=call_id, level=Level.ANONYMOUS, **changes)
        return Caller(self.registry, context)


_PYTHON = {
    "text": str, "digits": str, "code": str, "prompt": str, "integer": int, "money": Money, "date": date,
    "boolean": bool, "recording": str,
}  # fmt: skip


def conforms(value: Value, kind: Type | None, where: str) -> None:
    """Fail unless a value is what a signature promises: every field there, none more, of its type and words."""
    if kind is None:
        assert value is None, where
    elif value is None:
        assert kind.optional, f"{where} is null"
    elif kind.name == "record":
        assert set(value) == set(kind.fields), where
        for name, inner in kind.fields.items():
            conforms(value[name], inner, f"{where}.{name}")
    elif kind.name == "list":
        assert isinstance(value, list), where
        for inner in value:
            conforms(inner, kind.item, f"{where}[]")
    else:
        assert type(value) is _PYTHON[kind.name], f"{where} is {type(value).__name__}"
        assert kind.name != "digits" or value.isdigit(), where
        assert not kind.words or value in kind.words, f"{where} is {value!r}"


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demonstration database and its key, built once."""
    return tmp_path_factory.mktemp("services") / "demo.db"


@pytest.fixture
async def database(demo_file: Path, tmp_path: Path) -> AsyncIterator[PolicyDatabase]:
    """A fresh copy of the demonstration."""
    keys = Keys(bytes(32))
    if not demo_file.exists():
        built = await _open(demo_file, keys, migrate=True)
        await build_demo(built, customers=20, seed=7, today=TODAY)
        await built.close()
    copy = tmp_path / "hotline.db"
    copy.write_bytes(demo_file.read_bytes())
    opened = await _open(copy, keys)
    yield opened
    await opened.close()


async def _open(path: Path, keys: Keys, migrate: bool = False) -> PolicyDatabase:
    return await PolicyDatabase.open(
        f"sqlite:///{path}",
        keys=keys,
        pins=PinHasher.cheap(),
        clock=lambda: NOW.astimezone(UTC),
        migrate=migrate,
    )


@pytest.fixture
def now() -> datetime:
    """The moment of every call: a Tuesday morning in opening hours, on the day the demonstration was built."""
    return NOW


@pytest.fixture
def caller(database: PolicyDatabase) -> Caller:
    """A caller with a number of their own, unknown so far."""
    return Caller(hotline_registry(database))

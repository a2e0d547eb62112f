"""What the tests of the policy database share: the day, a key, a clock moved by hand, places."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from policy_db import IdentityRules, Keys, PinHasher, PolicyDatabase

TODAY = date(2026, 3, 10)
KEYS = Keys(bytes(range(32)))


@dataclass
class HandClock:
    """A clock that is moved by hand."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 10, 2, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **amount: float) -> None:
        self.now += timedelta(**amount)


@dataclass(frozen=True)
class Places:
    """Makes databases of one kind: a new one, one with tables, one with a demonstration."""

    new: Callable[[], str]
    empty: Callable[[], str]
    demo: Callable[[], str]


def open_database(url: str, clock: HandClock, **options: Any) -> Coroutine[Any, Any, PolicyDatabase]:
    """Open a database of these tests: known keys, cheap PINs, a clock moved by hand."""
    arguments: dict[str, Any] = {
        "keys": KEYS,
        "pins": PinHasher.cheap(),
        "clock": clock,
        "rules": IdentityRules(),
    }
    return PolicyDatabase.open(url, **{**arguments, **options})

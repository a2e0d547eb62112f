"""A worker's row in the database: written at each change of state, every while, and when it ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from ivr.worker import presence
from ivr.worker.presence import Presence
from ivr.worker.status import WorkerStatus

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)


class Store:
    """Keeps what is said, and fails when told to."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.down = False
        self.written = asyncio.Event()

    async def say(self, worker: Any) -> None:
        self.written.set()
        if self.down:
            raise OSError
        self.said.append(worker)

    async def next(self) -> None:
        self.written.clear()
        async with asyncio.timeout(3):
            await self.written.wait()


def status(state: Any = "ready", calls: int = 0) -> WorkerStatus:
    return WorkerStatus(0, 100, state, calls, 550, "here", "flows")


def presence_of(store: Store) -> Presence:
    return Presence(store, "site-0", "http://127.0.0.1:8090", now=lambda: NOW)


async def test_a_change_of_state_is_written_at_once_and_the_end_last() -> None:
    store = Store()
    async with presence_of(store).kept() as one:
        for state in ("starting", "ready", "draining"):
            one.tell(status(state, 2))
            await store.next()
    assert [(one.state, one.calls) for one in store.said] == [
        ("starting", 2), ("ready", 2), ("draining", 2), ("stopped", 0),
    ]  # fmt: skip
    assert (store.said[0].name, store.said[0].url, store.said[0].seen_at) == (
        "site-0",
        "http://127.0.0.1:8090",
        NOW,
    )


async def test_calls_are_written_every_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "WORD_EVERY", 0.01)
    store = Store()
    async with presence_of(store).kept() as one:
        one.tell(status(calls=1))
        await store.next()
        one.tell(status(calls=7))
        await store.next()
        await store.next()
        assert store.said[-1].calls == 7


async def test_a_database_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "WORD_EVERY", 0.01)
    store = Store()
    store.down = True
    async with presence_of(store).kept() as one:
        one.tell(status())
        await store.next()
        assert store.said == []
        store.down = False
        await store.next()
        assert store.said[0].state == "ready"


async def test_a_worker_that_said_nothing_leaves_no_row() -> None:
    store = Store()
    async with presence_of(store).kept():
        pass
    assert store.said == []

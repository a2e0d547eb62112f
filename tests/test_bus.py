"""Nudges reach who listens, and nobody waits for anybody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from postgres_server import postgres_server

from ivr.bus import LocalBus, Nudge, PostgresBus, make_bus

__all__ = ["postgres_server"]


async def heard(queue: asyncio.Queue[Nudge]) -> Nudge:
    return await asyncio.wait_for(queue.get(), 2)


async def test_a_nudge_reaches_every_listener_however_deep_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 10)
    bus, one, two = LocalBus(folder), asyncio.Queue[Nudge](), asyncio.Queue[Nudge]()
    async with bus.listening(one.put_nowait), LocalBus(folder).listening(two.put_nowait):
        bus.publish("seat", "anna")
        assert await heard(one) == await heard(two) == Nudge("seat", "anna")
    assert list(folder.iterdir()) == []
    bus.close()


async def test_publishing_to_nobody_and_to_a_dead_listener_is_harmless(tmp_path: Path) -> None:
    bus = LocalBus(tmp_path / "bus")
    bus.publish("call", "1")
    queue = asyncio.Queue[Nudge]()
    async with bus.listening(queue.put_nowait):
        (tmp_path / "bus" / "1-dead.bus").touch()
        bus.publish("call", "2")
        assert await heard(queue) == Nudge("call", "2")
    bus.close()


async def test_a_listener_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    bus = LocalBus(tmp_path)
    async with bus.listening(lambda nudge: None):
        for number in range(5000):
            bus.publish("call", str(number))
    bus.close()


@pytest.mark.postgres
async def test_a_nudge_crosses_machines_by_the_database_each_once(postgres_server) -> None:
    url = postgres_server.create()
    here, there, queue = PostgresBus(url), PostgresBus(url), asyncio.Queue[Nudge]()
    async with there.listening(queue.put_nowait):
        for number in range(400):
            here.publish("call", f"20261127-101500-0-{number % 200:08}")
        found = {(await heard(queue)).id for _ in range(200)}
        assert len(found) == 200
        here.publish("seat", "安娜")
        assert await heard(queue) == Nudge("seat", "安娜")
        assert queue.empty()
    here.close()
    await asyncio.wait(
        asyncio.all_tasks() - {asyncio.current_task()}
    )  # the sender, which closes its connection


@pytest.mark.postgres
async def test_who_was_cut_off_from_the_database_is_told_to_read_everything_again(
    postgres_server, monkeypatch
) -> None:
    monkeypatch.setattr("ivr.bus._AGAIN", 0.01)
    url = postgres_server.create()
    bus, queue = PostgresBus(url), asyncio.Queue[Nudge]()
    async with bus.listening(queue.put_nowait):
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN hotline'"
            )
        assert await heard(queue) == Nudge("*")
        bus.publish("queue", "service")
        assert await heard(queue) == Nudge("queue", "service")
    bus.close()


@pytest.mark.postgres
async def test_a_database_that_is_away_holds_nobody_up(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("ivr.bus._READY", 0.1)
    monkeypatch.setattr("ivr.bus._AGAIN", 0.01)
    bus = PostgresBus(f"postgresql+psycopg://postgres@/none?host={tmp_path}")
    async with bus.listening(lambda nudge: None):
        for number in range(5000):
            bus.publish("call", str(number))
    bus.close()


def test_the_bus_is_the_databases_own_where_several_machines_may_share_it(tmp_path: Path) -> None:
    assert isinstance(make_bus(tmp_path, ""), LocalBus)
    assert isinstance(make_bus(tmp_path, "sqlite:////a.db"), LocalBus)
    assert isinstance(make_bus(tmp_path, "postgresql+psycopg://host/name"), PostgresBus)

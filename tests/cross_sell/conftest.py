"""The fixed people of the demonstration, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres_server

from policy_db import Keys, PinHasher, PolicyDatabase, build_demo
from tests.cross_sell.selling_kit import NOW

__all__ = ["postgres_server"]

_KEYS = Keys(bytes(range(32)))


def _open(url: str, clock: Callable[[], datetime] = lambda: NOW, *, migrate: bool = False):  # type: ignore[no-untyped-def]
    return PolicyDatabase.open(url, keys=_KEYS, pins=PinHasher.cheap(), clock=clock, migrate=migrate)


async def _build(url: str) -> None:
    async with await _open(url, migrate=True) as database:
        await build_demo(database, customers=0, today=NOW.date())


@pytest.fixture(scope="session")
def sqlite_people(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    folder = tmp_path_factory.mktemp("selling")
    names = iter(range(1_000_000))
    asyncio.run(_build(f"sqlite:///{folder / 'people.db'}"))

    def new() -> str:
        target: Path = folder / f"{next(names)}.db"
        shutil.copyfile(folder / "people.db", target)
        return f"sqlite:///{target}"

    return new


@pytest.fixture(scope="session")
def postgres_people(postgres_server: PostgresServer) -> Callable[[], str]:
    url = postgres_server.create()
    asyncio.run(_build(url))
    return lambda: postgres_server.create(postgres_server.name_of(url))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def people_url(request: pytest.FixtureRequest) -> str:
    """Where a database with the fixed people is; every test that uses it runs on both kinds."""
    new: Callable[[], str] = request.getfixturevalue(f"{request.param}_people")
    return new()


@pytest.fixture
async def people(people_url: str) -> AsyncIterator[PolicyDatabase]:
    """A database with the fixed people of the demonstration, built on the day of `NOW`."""
    async with await _open(people_url) as database:
        yield database

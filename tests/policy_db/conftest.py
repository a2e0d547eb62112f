"""Fixtures: an empty database and a demonstration, each on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from policy_kit import TODAY, HandClock, Places, open_database
from postgres_server import PostgresServer, postgres_server
from retention_kit import Folder

from policy_db import PolicyDatabase, build_demo, migrate

__all__ = ["postgres_server"]


async def _prepare(url: str, *, demo: bool) -> None:
    await migrate(url)
    async with await open_database(url, HandClock()) as database:
        if demo:
            await build_demo(database, customers=60, seed=7, today=TODAY)


@pytest.fixture(scope="session")
def sqlite_places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp("sqlite")
    names = iter(range(1_000_000))

    def new() -> str:
        return f"sqlite:///{folder / f'{next(names)}.db'}"

    def like(template: Path) -> str:
        target = folder / f"{next(names)}.db"
        shutil.copyfile(template, target)
        return f"sqlite:///{target}"

    for name in ("empty", "demo"):
        asyncio.run(_prepare(f"sqlite:///{folder / name}.db", demo=name == "demo"))
    return Places(new, lambda: like(folder / "empty.db"), lambda: like(folder / "demo.db"))


@pytest.fixture(scope="session")
def postgres_places(postgres_server: PostgresServer) -> Places:
    server = postgres_server
    templates = {name: server.create() for name in ("empty", "demo")}
    for name, url in templates.items():
        asyncio.run(_prepare(url, demo=name == "demo"))
    empty, demo = (server.name_of(url) for url in templates.values())
    return Places(server.create, lambda: server.create(empty), lambda: server.create(demo))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def places(request: pytest.FixtureRequest) -> Places:
    """Where databases come from; every test that uses one runs on both."""
    return request.getfixturevalue(f"{request.param}_places")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def db(places: Places, clock: HandClock) -> AsyncIterator[PolicyDatabase]:
    """A database with tables and nothing in them."""
    async with await open_database(places.empty(), clock) as database:
        yield database


@pytest.fixture
async def demo(places: Places, clock: HandClock) -> AsyncIterator[PolicyDatabase]:
    """A database with the demonstration of 60 customers, built on `TODAY`."""
    async with await open_database(places.demo(), clock) as database:
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Where recordings lie."""
    return Folder(tmp_path)

"""Stores for the tests of queues and seats: in memory, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable

import pytest
from postgres_server import PostgresServer, postgres_server

from ivr.seats import MemorySeatStore
from policy_db import migrate
from policy_db.seats import Seats
from policy_db.store import Store
from tests.seats.floor import Place
from tests.seats.seat_bench import QUEUES, SEATS, Bench

__all__ = ["postgres_server"]

Places = Callable[[], str]


@pytest.fixture(scope="session")
def sqlite_seats(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Makes SQLite databases with tables and nothing in them."""
    folder = tmp_path_factory.mktemp("seats")
    names = iter(range(1_000_000))
    asyncio.run(migrate(f"sqlite:///{folder / 'empty.db'}"))

    def new() -> str:
        target = folder / f"{next(names)}.db"
        shutil.copyfile(folder / "empty.db", target)
        return f"sqlite:///{target}"

    return new


@pytest.fixture(scope="session")
def postgres_seats(postgres_server: PostgresServer) -> Places:
    """Makes PostgreSQL databases with tables and nothing in them."""
    template = postgres_server.create()
    asyncio.run(migrate(template))
    return lambda: postgres_server.create(postgres_server.name_of(template))


_DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=_DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """A database with tables and nothing in them."""
    places: Places = request.getfixturevalue(f"{request.param}_seats")
    return places()


@pytest.fixture(params=["memory", *_DATABASES])
def place(request: pytest.FixtureRequest) -> str | None:
    """A database with tables and nothing in them, None for memory."""
    if request.param == "memory":
        return None
    places: Places = request.getfixturevalue(f"{request.param}_seats")
    return places()


@pytest.fixture
async def bench(place: str | None) -> AsyncIterator[Bench]:
    """A desk with its queues and seats, on each kind of store."""
    if place is None:
        yield Bench(MemorySeatStore(queues=QUEUES, seats=SEATS))
        return
    store = Store.open(place)
    try:
        await Seats(store).add(queues=QUEUES, seats=SEATS)
        yield Bench(Seats(store))
    finally:
        await store.close()


@pytest.fixture
async def floor() -> AsyncIterator[Place]:
    """A worker whose line is tended, in virtual time; nothing of it may be left."""
    place = Place()
    async with place.transfers.tended():
        yield place
        await place.close()
    place.check_clean()

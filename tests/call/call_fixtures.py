"""A house over a fresh database for each test; nothing of a call may be left running after it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from call_kit import House, build_house, open_database, write_flows

from ivr.flow import FlowStore
from policy_db import PolicyDatabase


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with tables, made once."""
    path = tmp_path_factory.mktemp("calls") / "empty.db"

    async def make() -> None:
        await (await open_database(path)).close()

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def flows(tmp_path_factory: pytest.TempPathFactory) -> FlowStore:
    return write_flows(tmp_path_factory.mktemp("calls") / "flows")


@pytest.fixture
async def database(empty_file: Path, tmp_path: Path) -> AsyncIterator[PolicyDatabase]:
    shutil.copyfile(empty_file, tmp_path / "hotline.db")
    async with await open_database(tmp_path / "hotline.db") as opened:
        yield opened


@pytest.fixture
async def house(database: PolicyDatabase, flows: FlowStore, tmp_path: Path) -> AsyncIterator[House]:
    before = asyncio.all_tasks()
    built = build_house(database, flows, tmp_path)
    yield built
    await built.parts.journal.close()
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    assert not left, f"tasks are left: {left}"


class Locker:
    """Holds the write lock of the database from outside."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def lock(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def free(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self.free()
        self._connection.close()


@pytest.fixture
def locker(database: PolicyDatabase, tmp_path: Path) -> Iterator[Locker]:
    held = Locker(tmp_path / "hotline.db")
    yield held
    held.close()

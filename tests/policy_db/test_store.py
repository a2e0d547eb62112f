"""The connection: what it refuses, and how its failures are told."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from policy_kit import HandClock, Places, open_database
from postgres_server import PostgresServer
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db import PolicyDatabase
from policy_db.errors import (
    BadUrlError,
    DatabaseBusyError,
    DatabaseDownError,
    DatabaseFullError,
    PolicyDatabaseError,
)
from policy_db.store import Store, async_url
from policy_db.tables import Counter, Fact, PreferenceRow, RateRow


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:////tmp/a.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////tmp/a.db", "sqlite+aiosqlite"),
        ("postgresql://u:p@host/name", "postgresql+psycopg"),
        ("postgres://u:p@host/name", "postgresql+psycopg"),
    ],
)
def test_a_url_gets_the_driver_that_does_not_block(url: str, driver: str) -> None:
    assert async_url(url).drivername == driver


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_cannot_be_used_is_refused_with_one_that_can(url: str) -> None:
    with pytest.raises(BadUrlError, match="sqlite:////path"):
        async_url(url)


def test_a_refused_url_does_not_repeat_its_password() -> None:
    with pytest.raises(BadUrlError) as caught:
        async_url("mysql://user:s3cret@host/name")
    assert "s3cret" not in str(caught.value)


def test_without_the_postgresql_driver_the_url_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadUrlError, match=r"pip install insurance-hotline\[postgres\]"):
        Store.open("postgresql://host/name")


async def test_a_transaction_that_fails_leaves_nothing(db: PolicyDatabase) -> None:
    async def fail() -> None:
        async with db.store.writing() as connection:
            await connection.execute(insert(Counter).values(name="x", value=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with db.store.reading() as connection:
        assert (await connection.execute(select(Counter.name))).first() is None


async def test_foreign_keys_hold(db: PolicyDatabase) -> None:
    with pytest.raises(IntegrityError):
        async with db.store.writing() as connection:
            await connection.execute(
                insert(RateRow).values(
                    product_id=99, sex="any", age_from=0, age_to=1, term=1, rate=Decimal(1)
                )
            )


async def test_writers_at_once_all_get_their_turn(places: Places, clock: HandClock) -> None:
    url = places.empty()
    async with await open_database(url, clock) as one, await open_database(url, clock) as two:

        async def count(db: PolicyDatabase) -> None:
            async with db.store.writing("counter") as connection:
                query = select(Counter.value).where(Counter.name == "x")
                value = (await connection.execute(query)).scalar()
                await asyncio.sleep(0)
                if value is None:
                    await connection.execute(insert(Counter).values(name="x", value=1))
                else:
                    await connection.execute(text("UPDATE counters SET value = :v"), {"v": value + 1})

        await asyncio.gather(*(count(db) for _ in range(15) for db in (one, two)))
        async with one.store.reading() as connection:
            assert (await connection.execute(select(Counter.value))).scalar() == 30


async def test_reading_goes_on_while_another_writes(db: PolicyDatabase) -> None:
    async with db.store.writing() as writer:
        await writer.execute(insert(Counter).values(name="x", value=1))
        async with db.store.reading() as reader:
            assert (await reader.execute(select(Counter.name))).first() is None


async def test_times_come_back_in_utc_and_without_a_zone_are_refused(db: PolicyDatabase) -> None:
    beijing = datetime(2026, 3, 10, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    async with db.store.writing() as connection:
        await connection.execute(insert(PreferenceRow).values(caller="a", language="en", updated_at=beijing))
        stored = (await connection.execute(select(PreferenceRow.updated_at))).scalar_one()
    assert stored == beijing
    assert stored.tzinfo is UTC
    with pytest.raises(StatementError, match="zone"):
        async with db.store.writing() as connection:
            await connection.execute(
                insert(PreferenceRow).values(caller="b", language="en", updated_at=datetime(2026, 1, 1))  # noqa: DTZ001
            )


async def test_an_amount_with_too_many_places_is_refused_rather_than_rounded(demo: PolicyDatabase) -> None:
    with pytest.raises(StatementError, match="4 decimal places"):
        async with demo.store.writing() as connection:
            await connection.execute(
                insert(RateRow).values(
                    product_id=1, sex="any", age_from=90, age_to=91, term=1, rate=Decimal("0.00001")
                )
            )


async def test_a_database_held_by_another_program_is_told_as_busy(tmp_path: Path, clock: HandClock) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with await open_database(url, clock, migrate=True, busy_timeout=0.05) as db:
        holder = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusyError) as caught:
            await db.preferences.remember_language("+861", "en")
        assert caught.value.code == "DB_BUSY"
        assert (await db.preferences.profile("+861")).language is None
        holder.execute("ROLLBACK")
        holder.close()
        await db.preferences.remember_language("+861", "en")


async def test_a_full_disk_is_told_and_loses_nothing_written_before(tmp_path: Path, clock: HandClock) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with await open_database(url, clock, migrate=True, pool_size=1) as db:
        await db.preferences.remember_language("+861", "en")
        with pytest.raises(DatabaseFullError) as caught:
            await _overfill(db)
        assert caught.value.code == "DB_FULL"
        assert (await db.preferences.profile("+861")).language == "en"


async def _overfill(db: PolicyDatabase) -> None:
    """Write more than the pages that there are, having forbidden the file to grow."""
    rows = [{"name": f"{index}", "value": "x" * 400} for index in range(99)]
    async with db.store.writing() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        await connection.execute(insert(Fact), rows)


@pytest.mark.parametrize("broken", ["folder", "text"])
async def test_a_file_that_is_no_database_is_told_with_what_to_check(
    tmp_path: Path, clock: HandClock, broken: str
) -> None:
    path = tmp_path / "a.db"
    if broken == "text":
        path.write_text("this is not a database " * 100)
    url = f"sqlite:///{path if broken == 'text' else tmp_path}"
    with pytest.raises(DatabaseDownError, match="path and rights"):
        await open_database(url, clock, migrate=True)


async def test_a_server_that_is_not_there_is_told_as_down(tmp_path: Path, clock: HandClock) -> None:
    with pytest.raises(DatabaseDownError, match="Is the server running"):
        await open_database(f"postgresql://nobody@/none?host={tmp_path}", clock)


async def _cut(server: PostgresServer, pid: int) -> None:
    store = Store.open(server.url("postgres"))
    async with store.reading() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    await store.close()


async def _pid(connection: AsyncConnection) -> int:
    return int((await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one())


async def _cut_and_go_on(server: PostgresServer, store: Store) -> None:
    async with store.reading() as connection:
        await _cut(server, await _pid(connection))
        await connection.execute(text("SELECT 1"))


@pytest.mark.postgres
async def test_a_connection_the_server_cut_is_told_as_down_and_then_replaced(
    postgres_server: PostgresServer,
) -> None:
    store = Store.open(postgres_server.url("postgres"))
    async with store.reading() as connection:
        first = await _pid(connection)
    await _cut(postgres_server, first)
    async with store.reading() as connection:
        assert await _pid(connection) != first
    with pytest.raises(DatabaseDownError):
        await _cut_and_go_on(postgres_server, store)
    async with store.reading() as connection:
        assert await _pid(connection)
    await store.close()


def test_every_error_has_a_code_of_its_own() -> None:
    kinds = PolicyDatabaseError.__subclasses__()
    assert len({kind.code for kind in kinds}) == len(kinds) == 9
    assert str(BadUrlError("It is wrong.", "Mend it.")) == "It is wrong. Mend it."


async def test_whoever_is_given_up_while_a_transaction_begins_leaves_no_open_one_behind(
    db: PolicyDatabase,
) -> None:
    async def use() -> None:
        async with db.store.writing() as connection:
            await connection.execute(text("SELECT 1"))

    for turns in range(12):
        task = asyncio.create_task(use())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for _ in range(20):
        await use()

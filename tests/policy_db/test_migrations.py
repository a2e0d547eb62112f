"""The tables come about by migrations alone, and are those the program thinks they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from policy_kit import KEYS, HandClock, Places, open_database
from sqlalchemy import Connection, inspect, text

import policy_db
from policy_db import PolicyDatabase, downgrade, migrate, schema_revision
from policy_db.errors import SchemaError
from policy_db.migrate import newest_revision
from policy_db.store import Store
from policy_db.tables import Base


async def _with_connection(url: str, work: object) -> object:
    store = Store.open(url)
    try:
        async with store.writing() as connection:
            return await connection.run_sync(work)
    finally:
        await store.close()


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, Base.metadata)


def _names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def test_migrated_tables_are_the_tables_of_the_program(places: Places) -> None:
    url = places.new()
    await migrate(url)
    assert await _with_connection(url, _differences) == []
    assert await schema_revision(url) == newest_revision()


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(Path(policy_db.__file__).parent / "migrations"))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()


async def test_every_step_goes_down_and_up_again(places: Places) -> None:
    url = places.new()
    await migrate(url)
    await downgrade(url, "base")
    assert await _with_connection(url, _names) <= {"alembic_version"}
    await migrate(url)
    assert await _with_connection(url, _differences) == []


async def test_calls_of_before_their_sound_was_measured_stay(places: Places) -> None:
    url = places.new()
    await migrate(url)
    database = await open_database(url, HandClock())
    await database.calls.begin("call-1", worker="worker-1", caller="13800138000", called="95500")
    await database.calls.finish("call-1", "hung_up", mos=4.0)
    await database.close()
    await downgrade(url, "0001")
    await migrate(url)
    database = await open_database(url, HandClock())
    call = await database.calls.find("call-1")
    await database.close()
    assert call is not None
    assert (call.caller, call.state, call.mos) == ("13800138000", "finished", None)


async def test_migrating_twice_or_at_once_is_harmless(places: Places) -> None:
    url = places.new()
    await asyncio.gather(migrate(url), migrate(url))
    await migrate(url)
    assert await schema_revision(url) == newest_revision()


async def test_a_database_without_tables_is_refused_with_what_to_run(places: Places) -> None:
    with pytest.raises(SchemaError, match="hotline db migrate"):
        await open_database(places.new(), HandClock())


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(places: Places) -> None:
    url = places.empty()
    await _with_connection(
        url, lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    )
    with pytest.raises(SchemaError, match="newer version"):
        await migrate(url)
    with pytest.raises(SchemaError, match="newer version"):
        await open_database(url, HandClock())
    assert await schema_revision(url) == "9999"


async def test_opening_with_migrate_makes_the_tables(places: Places) -> None:
    database = await PolicyDatabase.open(places.new(), keys=KEYS, migrate=True)
    await database.ping()
    await database.close()

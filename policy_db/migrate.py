"""Bringing the tables of a database to this program's revision, from Python and without any ini file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from policy_db.errors import SchemaError
from policy_db.store import Store

_SCRIPTS = Path(__file__).parent / "migrations"


async def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database to `revision`, if it is not there; several processes may do so at once.

    Raises SchemaError when the tables are from a newer program.
    """
    await _run(url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision` (`base` for no tables at all)."""
    await _run(url, lambda config: command.downgrade(config, revision))


async def schema_revision(url: str) -> str | None:
    """The revision the database is at, None if it has no tables yet."""
    store = Store.open(url)
    try:
        return await revision_of(store)
    finally:
        await store.close()


async def revision_of(store: Store) -> str | None:
    """The revision of an open database, None if it has no tables yet."""
    async with store.reading() as connection:
        return await connection.run_sync(_current)


def newest_revision() -> str | None:
    """The revision this program is written for."""
    return _script().get_current_head()


async def require_newest(store: Store) -> None:
    """Raise SchemaError, with what to do, unless the tables are of this program's revision."""
    found, wanted = await revision_of(store), newest_revision()
    if found == wanted:
        return
    _refuse_newer(found)
    raise SchemaError(
        f"The tables are at revision {found or 'none'}, not {wanted}.", "Run: hotline db migrate"
    )


async def _run(url: str, work: Callable[[Config], None]) -> None:
    # Rebuilding a table on SQLite drops the old one, which must not delete what refers to it.
    store = Store.open(url, foreign_keys=False)
    try:
        async with store.writing("policy_db.migrate") as connection:
            await connection.run_sync(_with_config, work)
    finally:
        await store.close()


def _with_config(connection: Connection, work: Callable[[Config], None]) -> None:
    _refuse_newer(_current(connection))
    config = _config()
    config.attributes["connection"] = connection
    work(config)
    if connection.dialect.name == "sqlite":
        orphans = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
        if orphans:
            raise SchemaError(
                f"The migration would leave {len(orphans)} rows that refer to nothing; it was undone.",
                "Restore a backup.",
            )


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in {script.revision for script in _script().walk_revisions()}:
        raise SchemaError(
            f"The tables are at revision {found}, which this program does not know.",
            "Install the newer version they were made with.",
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())

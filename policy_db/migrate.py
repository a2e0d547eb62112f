"""Bringing the tables of a database to this program's revision, from Python and without any ini file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from policy_db.errors import SchemaError
from policy_db.store import Store

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS: Final = Path(__file__).parent / "migrations"
#: What a migration's file says of its place in the chain.
_PLACE: Final = re.compile(r'^(down_)?revision = (?:"(\w+)"|None)$', re.MULTILINE)

#: Seconds for which a process waits for another one that changes the tables.
PATIENCE: Final = 120.0


async def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database to `revision`, if it is not there; several processes may do so at once.

    Raises SchemaError when the tables are from a newer program.
    """
    await _run(url, lambda connection: _upgrade(connection, revision))


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision` (`base` for no tables at all)."""
    await _run(url, lambda connection: _downgrade(connection, revision))


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
    chain = _chain()
    return next(iter(chain.keys() - set(chain.values())), None)


async def require_newest(store: Store) -> None:
    """Raise SchemaError, with what to do, unless the tables are of this program's revision."""
    found, wanted = await revision_of(store), newest_revision()
    if found == wanted:
        return
    _refuse_newer(found)
    raise SchemaError(
        f"The tables are at revision {found or 'none'}, not {wanted}.", "Run: hotline db migrate"
    )


async def _run(url: str, work: Callable[[Connection], None]) -> None:
    # Rebuilding a table on SQLite drops the old one, which must not delete what refers to it.
    store = Store.open(url, foreign_keys=False, busy_timeout=PATIENCE)
    try:
        async with store.writing("policy_db.migrate") as connection:
            await connection.run_sync(_checked, work)
    finally:
        await store.close()


def _checked(connection: Connection, work: Callable[[Connection], None]) -> None:
    _refuse_newer(_current(connection))
    work(connection)
    if connection.dialect.name == "sqlite":
        orphans = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
        if orphans:
            raise SchemaError(
                f"The migration would leave {len(orphans)} rows that refer to nothing; it was undone.",
                "Restore a backup.",
            )


def _upgrade(connection: Connection, revision: str) -> None:
    if _current(connection) == (newest_revision() if revision == "head" else revision):
        return
    from alembic import command  # only when there is something to do: every process opens a database

    command.upgrade(_config(connection), revision)


def _downgrade(connection: Connection, revision: str) -> None:
    from alembic import command

    command.downgrade(_config(connection), revision)


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in _chain():
        raise SchemaError(
            f"The tables are at revision {found}, which this program does not know.",
            "Install the newer version they were made with.",
        )


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@cache
def _chain() -> Mapping[str, str | None]:
    """Every revision with the one before it, as the migrations' files say; none of them is run for that."""
    chain = {}
    for path in (_SCRIPTS / "versions").glob("[0-9]*.py"):
        said = {down: name or None for down, name in _PLACE.findall(path.read_text(encoding="utf-8"))}
        chain[str(said[""])] = said["down_"]
    return chain


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.attributes["connection"] = connection
    return config

"""What a hotline keeps: its data folder with the key, the policy database, and the bus of nudges."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from ivr.bus import Bus, make_bus
from ivr.errors import StorageError
from ivr.settings import Settings
from policy_db import IdentityRules, Keys, PolicyDatabase
from policy_db.errors import WrongKeyError


def prepare_data_dir(settings: Settings) -> None:
    """Make the data folder, for its owner alone. Raises StorageError (H301) when it cannot be made or written."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise StorageError(
            f"the data folder {folder} cannot be used ({error.strerror}); give the hotline the right to write"
            " there, or choose another with HOTLINE_DATA_DIR",
            code="H301",
        ) from None


def database_keys(settings: Settings) -> Keys:
    """The key of the data folder, made at the first start."""
    prepare_data_dir(settings)
    return Keys.from_file(key_file(settings))


def key_file(settings: Settings) -> Path:
    """Where the key of the database is."""
    return settings.data_dir / "database.key"


@asynccontextmanager
async def open_database(settings: Settings, *, migrate: bool = False) -> AsyncIterator[PolicyDatabase]:
    """The policy database of these settings, closed afterwards. Raises PolicyDatabaseError or StorageError."""
    rules = IdentityRules(tries=settings.lock_tries, window=timedelta(minutes=settings.lock_minutes))
    keys_before = key_file(settings).exists()
    keys = database_keys(settings)
    try:
        database = await PolicyDatabase.open(
            settings.resolved_database_url, keys=keys, rules=rules, migrate=migrate
        )
    except WrongKeyError:
        if not keys_before:  # the database is older: its key is missing, and a new one only hides that
            key_file(settings).unlink()
        raise
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[tuple[PolicyDatabase, Bus]]:
    """The policy database and the bus of these settings, both closed afterwards; raises as `open_database`."""
    async with open_database(settings) as database:
        bus = open_bus(settings)
        try:
            yield database, bus
        finally:
            bus.close()


def open_bus(settings: Settings) -> Bus:
    """Where nudges go: within this machine, or through PostgreSQL to all that share it."""
    return make_bus(settings.bus_dir, settings.database_url)

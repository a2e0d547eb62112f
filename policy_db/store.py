"""The connection to the database: transactions, and its failures as errors of ours."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from typing import Any

from sqlalchemy import PoolResetState, event, text
from sqlalchemy.engine import URL, Connection, Row, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from policy_db.errors import (
    BadUrlError,
    DatabaseBusyError,
    DatabaseDownError,
    DatabaseFullError,
    PolicyDatabaseError,
)

_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
#: SQLSTATE of PostgreSQL → error: lock not available, deadlock, serialisation failure; disk full.
_BUSY_STATES = frozenset({"55P03", "40P01", "40001"})
_FULL_STATES = frozenset({"53100", "53200"})


#: A row whatever its columns are.
AnyRow = Row[*tuple[Any, ...]]


class Store:
    """One pool of connections. `reading` and `writing` each give a connection inside a transaction.

    On SQLite writers queue in this process and take the write lock at once (BEGIN IMMEDIATE), so a
    transaction that has begun to write never has to give up; other processes wait up to `busy_timeout`
    seconds.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._writer = engine.execution_options(writes=True)
        self._turn = asyncio.Lock()
        self._probed = not self._is_sqlite

    @classmethod
    def open(
        cls, url: str, *, pool_size: int = 8, busy_timeout: float = 5.0, foreign_keys: bool = True
    ) -> Store:
        """Prepare a pool for the URL; nothing is connected yet. Raises BadUrlError."""
        parsed = async_url(url)
        options: dict[str, Any] = {"connect_args": {"timeout": busy_timeout}}
        if parsed.get_backend_name() == "postgresql":
            options = {"pool_pre_ping": True, "connect_args": {"connect_timeout": 5}}
        else:
            options["pool_reset_on_return"] = None  # done by hand, where there is something to undo
        try:
            engine = create_async_engine(
                parsed,
                pool_size=pool_size,
                max_overflow=pool_size,
                pool_timeout=10,
                hide_parameters=True,
                json_serializer=_to_json,
                **options,
            )
        except ModuleNotFoundError as error:
            raise BadUrlError(
                f"The database URL needs {error.name}, which is not installed.",
                "Run: pip install insurance-hotline[postgres]",
            ) from error
        if parsed.get_backend_name() == "sqlite":
            _prepare_sqlite(engine, foreign_keys=foreign_keys)
        return cls(engine)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose reads all see one moment (on PostgreSQL: each statement its own)."""
        with _translated():
            await self._probe()
            async with self._engine.connect() as connection, connection.begin():
                yield connection

    @contextlib.asynccontextmanager
    async def writing(self, *locks: str) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that may write; committed at the end, rolled back on an exception.

        `locks` are names held until then against other writers of the same names.
        """
        async with self._turn if self._is_sqlite else contextlib.nullcontext():
            with _translated():
                await self._probe()
                async with self._writer.connect() as connection, connection.begin():
                    await self._take(connection, locks)
                    yield connection

    async def _probe(self) -> None:
        """Open the file once by the plain driver, and let that fail if it must.

        The asynchronous driver leaves a thread behind when it cannot open a file; the thread then talks to an
        event loop that a program ending with this error has closed.
        """
        if not self._probed:
            await asyncio.to_thread(lambda: sqlite3.connect(str(self._engine.url.database)).close())
            self._probed = True

    async def _take(self, connection: AsyncConnection, locks: tuple[str, ...]) -> None:
        if self._is_sqlite:
            return  # BEGIN IMMEDIATE holds the whole database already
        for number in sorted({_lock_number(name) for name in locks}):
            await connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})

    async def compact(self) -> bool:
        """Write the file anew without what was deleted from it (SQLite); whether its log is empty now too.

        Deleted rows stay readable in a SQLite file's free pages until something overwrites them. Others wait
        meanwhile, so this is for the quiet hours. PostgreSQL cleans up by itself.
        """
        if not self._is_sqlite:
            return True
        async with self._turn:
            with _translated():
                return await asyncio.to_thread(_compact, str(self._engine.url.database))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _compact(file: str) -> bool:
    connection = sqlite3.connect(file, timeout=30.0, isolation_level=None)
    try:
        connection.execute("VACUUM")
        busy, _log, _moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy
    finally:
        connection.close()


def async_url(url: str) -> URL:
    """The URL with the asynchronous driver put in. Raises BadUrlError for any other, or one in memory."""
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.get_backend_name()]
    except (ArgumentError, KeyError, NoSuchModuleError):
        raise BadUrlError(
            "The database URL is not understood.",
            "Write sqlite:////path/to/hotline.db or postgresql://user:password@host/name.",
        ) from None
    if driver == _DRIVERS["sqlite"] and parsed.database in (None, "", ":memory:"):
        raise BadUrlError("The database URL names no file.", "Write sqlite:////path/to/hotline.db.")
    return parsed.set(drivername=driver)


def _prepare_sqlite(engine: AsyncEngine, *, foreign_keys: bool) -> None:
    """Set up each connection, and begin transactions ourselves: the driver would begin them too late.

    Every word with a connection goes to its thread and back, which costs more than most statements do: a transaction
    is begun with one word, and nothing is rolled back that has been ended.
    """

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        try:
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = FULL")
            cursor.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
            cursor.close()
        except Exception:
            connection.close()  # the pool does not know it yet, and its thread would outlive the loop
            raise

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        statement = "BEGIN IMMEDIATE" if writes else "BEGIN"
        driver: Any = connection.connection.dbapi_connection
        try:
            driver.run_async(lambda one: one.execute(statement))
        except asyncio.CancelledError:
            connection.invalidate()  # its thread may still begin the transaction
            raise

    @event.listens_for(engine.sync_engine, "reset")
    def reset(connection: Any, _record: object, state: PoolResetState) -> None:
        kept = state.asyncio_safe and not state.terminate_only
        if kept and connection.driver_connection.in_transaction:
            connection.rollback()


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn failures that an operator can mend into errors of ours; a mistake of ours stays as it is."""
    try:
        yield
    except DBAPIError as error:
        known = _meaning(error)
        if known is None:
            raise
        raise known from error
    except sqlite3.Error as error:
        known = _sqlite_meaning(error)
        if known is None:
            raise
        raise known from error
    except PoolTimeout as error:
        raise _busy() from error


def _meaning(error: DBAPIError) -> PolicyDatabaseError | None:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _sqlite_meaning(cause)
    state = getattr(cause, "sqlstate", None)
    if state in _BUSY_STATES:
        return _busy()
    if state in _FULL_STATES:
        return _full()
    lost = isinstance(error, OperationalError) and (state is None or state.startswith(("08", "57P")))
    if lost or error.connection_invalidated:
        return _unavailable()
    return None


def _sqlite_meaning(error: sqlite3.Error) -> PolicyDatabaseError | None:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _busy()
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE")):
        return _full()
    if name.startswith(
        ("SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_READONLY")
    ):
        return DatabaseDownError(f"The database file cannot be used ({error}).", "Check path and rights.")
    return None


def _busy() -> DatabaseBusyError:
    return DatabaseBusyError(
        "Another program holds the database.", "Try again; end what holds it if it goes on."
    )


def _full() -> DatabaseFullError:
    return DatabaseFullError("The disk under the database is full.", "Make room, then try again.")


def _unavailable() -> DatabaseDownError:
    return DatabaseDownError(
        "The database cannot be reached.", "Is the server running, and is the URL right?"
    )

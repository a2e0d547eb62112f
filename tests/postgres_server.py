"""A PostgreSQL server of the tests' own: in a temporary folder, on a Unix socket, gone afterwards.

Use it as a fixture: `from postgres_server import postgres_server` in a conftest. On a machine that has no
PostgreSQL it skips, saying which package to install.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

START_SECONDS = 30


class PostgresServer:
    """A running server. Each `create` gives the URL of a database of its own, empty or a copy of another.

    None is dropped (which takes most of a second each): they go with the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def create(self, template: str = "template1") -> str:
        """The URL of a new database; `template` is the name of one that nobody is connected to."""
        name = f"test_{next(self._numbers)}"
        self._sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of the database of that name."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def name_of(self, url: str) -> str:
        """The name of the database that a URL of this server stands for."""
        return url.split("/")[3].split("?")[0]

    def _sql(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def binary(name: str) -> str | None:
    """The path of a PostgreSQL program, on the PATH or where Debian puts it."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or next((str(path) for path in newest_first), None)


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server, give it, stop it. Skips the test if there is none to start."""
    initdb, postgres = binary("initdb"), binary("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed; on Debian: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="hotline-postgres-", dir=_quick_place()))
    try:
        user = _unprivileged(folder)
        _run_initdb(initdb, folder, user)
        with _process(postgres, folder, user) as process:
            server = PostgresServer(folder)
            _wait_until_ready(server, process)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole session."""
    with running_server() as server:
        yield server


def _quick_place() -> Path | None:
    """Memory if there is plenty: hundreds of small databases take a disk longer to delete than to make."""
    memory = Path("/dev/shm")
    try:
        plenty = shutil.disk_usage(memory).free > 4 * 2**30
    except OSError:
        return None
    return memory if plenty and os.access(memory, os.W_OK) else None


def _unprivileged(folder: Path) -> int | None:
    """PostgreSQL refuses to run as root: the user id to run as then, to whom the folder is given."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return entry.pw_uid


def _run_initdb(initdb: str, folder: Path, user: int | None) -> None:
    subprocess.run(
        [
            initdb,
            "-D",
            folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        user=user,
        cwd=folder,
        check=True,
        capture_output=True,
    )


@contextmanager
def _process(postgres: str, folder: Path, user: int | None) -> Iterator[subprocess.Popen[bytes]]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "max_connections": "60",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [postgres, "-D", folder / "data", *options], user=user, cwd=folder, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: what it would write to disk is thrown away anyhow
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server.url("postgres")).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                said = (server.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start:\n{said}") from None
            time.sleep(0.05)
        else:
            return

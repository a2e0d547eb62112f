"""Nudges between the processes of a hotline: "seat anna changed", "call 2026… changed".

A nudge says that something is worth reading again, never what it is now: the database is the truth, and a nudge that is
lost costs a moment, never a fact.

On one machine (`LocalBus`) each listener has a datagram socket in a folder that all processes know; whoever has news
sends it to every socket there, without waiting, and forgets listeners that are gone. Where the database is PostgreSQL,
which several machines may share (`PostgresBus`), nudges go by NOTIFY and are heard by LISTEN.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

log = structlog.get_logger(__name__)

_LARGEST: Final = 2048
_SUFFIX: Final = ".bus"
#: Of PostgreSQL: the channel, bytes of one notice (its own limit is 8000), nudges that wait for a connection, and
#: seconds between two tries of it.
_CHANNEL: Final = "hotline"
_LARGEST_NOTICE: Final = 7000
_MOST_PENDING: Final = 2000
_AGAIN: Final = 2.0
#: Seconds that a listener waits at first for a database that does not answer.
_READY: Final = 2.0
#: Seconds in which nudges gather for one notice, and after which an idle connection is given back.
_GATHER: Final = 0.02
_KEEP: Final = 60.0


@dataclass(frozen=True, slots=True)
class Nudge:
    """Something changed: of which kind (`seat`, `call`, `queue`, `message`, `claim`, `flow`…), and which one."""

    topic: str
    id: str = ""


Hear = Callable[[Nudge], None]


class Bus(Protocol):
    """Where nudges are sent and heard."""

    def publish(self, topic: str, id: str = "") -> None:  # noqa: A002 - the field's own word
        """Tell everybody who listens. Never waits and never raises."""

    def listening(self, hear: Hear) -> AbstractAsyncContextManager[None]:
        """Call `hear` in the loop for each nudge, for the length of the `async with` block."""

    def close(self) -> None:
        """Give back what sending took."""


@asynccontextmanager
async def nudged(bus: Bus, topics: Collection[str]) -> AsyncIterator[asyncio.Event]:
    """An event that every nudge of these topics sets, for the length of the block; who has seen it clears it."""
    event = asyncio.Event()

    def hear(nudge: Nudge) -> None:
        if nudge.topic in topics:
            event.set()

    async with bus.listening(hear):
        yield event


def make_bus(folder: Path, database_url: str) -> Bus:
    """The bus for a database: of one machine for SQLite, of all machines that share it for PostgreSQL."""
    if database_url.startswith("postgres"):
        return PostgresBus(database_url)
    return LocalBus(folder)


class LocalBus:
    """A bus over datagram sockets in `folder`, for processes of one user on one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sender: socket.socket | None = None

    def publish(self, topic: str, id: str = "") -> None:  # noqa: A002
        """Tell everybody who listens. Never waits and never raises; who cannot take it now hears nothing."""
        data = json.dumps([topic, id]).encode()
        if len(data) > _LARGEST:
            log.error("nudge too large", topic=topic, octets=len(data))
            return
        try:
            with _short(self._folder) as folder:
                for path in self._folder.glob(f"*{_SUFFIX}"):
                    self._send(path, f"{folder}/{path.name}", data)
        except OSError:
            return  # nobody has listened yet

    @asynccontextmanager
    async def listening(self, hear: Hear) -> AsyncIterator[None]:
        """Call `hear` in the loop for each nudge, for the length of the block."""
        loop = asyncio.get_running_loop()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(3)}{_SUFFIX}"
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        receiver.setblocking(False)
        with _short(self._folder) as folder:
            receiver.bind(f"{folder}/{path.name}")
        loop.add_reader(receiver, _receive, receiver, hear)
        try:
            yield
        finally:
            loop.remove_reader(receiver)
            receiver.close()
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the sending socket back."""
        if self._sender is not None:
            self._sender.close()
            self._sender = None

    def _send(self, path: Path, address: str, data: bytes) -> None:
        if self._sender is None:
            self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._sender.setblocking(False)
        try:
            self._sender.sendto(data, address)
        except (ConnectionRefusedError, FileNotFoundError):
            with suppress(OSError):
                path.unlink()  # its process is gone
        except OSError:
            return  # its buffer is full: it has enough to read again


class PostgresBus:
    """A bus over LISTEN and NOTIFY of the database, for processes on several machines.

    Nudges are gathered while one notice is on its way, each once, and sent together. A listener whose connection was
    lost hears `*` when it is back: anything may have changed.
    """

    def __init__(self, database_url: str) -> None:
        scheme, _, rest = database_url.partition("://")
        self._url = f"{scheme.partition('+')[0]}://{rest}"
        self._pending: dict[Nudge, None] = {}
        self._news = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None

    def publish(self, topic: str, id: str = "") -> None:  # noqa: A002
        """Tell everybody who listens, a moment later. Never waits and never raises; call it in a running loop."""
        if len(self._pending) >= _MOST_PENDING or len(topic) + len(id) > _LARGEST // 8:
            return  # the database is away: there is enough to read again
        self._pending[Nudge(topic, id)] = None
        self._news.set()
        if self._sender is None or self._sender.done():
            try:
                self._sender = asyncio.get_running_loop().create_task(self._send())
            except RuntimeError:
                log.error("a nudge outside the loop", topic=topic)

    @asynccontextmanager
    async def listening(self, hear: Hear) -> AsyncIterator[None]:
        """Call `hear` in the loop for each nudge, for the length of the block; it begins when the server listens."""
        ready = asyncio.Event()
        listener = asyncio.create_task(self._listen(hear, ready))
        with suppress(TimeoutError):  # a database that is away now is tried again by the listener
            await asyncio.wait_for(ready.wait(), _READY)
        try:
            yield
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    def close(self) -> None:
        """Send no more; the connection ends with its task."""
        self._pending.clear()
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    async def _send(self) -> None:
        """Send what is pending until nothing is; the connection is kept for a while, in case more comes."""
        import psycopg

        while self._pending:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5
                ) as connection:
                    await self._send_by(connection)
            except (psycopg.Error, OSError) as error:
                log.warning("nudges not sent", error=type(error).__name__)
                await asyncio.sleep(_AGAIN)

    async def _send_by(self, connection: Any) -> None:
        while True:
            nudges = list(self._pending)
            self._pending.clear()
            self._news.clear()
            for notice in _notices(nudges) if nudges else ():
                await connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, notice))
            await asyncio.sleep(_GATHER)
            try:
                await asyncio.wait_for(self._news.wait(), _KEEP)
            except TimeoutError:
                return

    async def _listen(self, hear: Hear, ready: asyncio.Event) -> None:
        import psycopg

        lost = False
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5
                ) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    ready.set()
                    if lost:
                        hear(Nudge("*"))
                    async for notice in connection.notifies():
                        _hear_all(notice.payload, hear)
            except (psycopg.Error, OSError) as error:
                log.warning("nudges not heard", error=type(error).__name__)
            lost = True
            await asyncio.sleep(_AGAIN)


def _notices(nudges: Sequence[Nudge]) -> Iterator[str]:
    """Nudges as JSON, as few notices as their size allows."""
    gathered: list[tuple[str, str]] = []
    size = 2
    for nudge in nudges:
        added = len(json.dumps([nudge.topic, nudge.id])) + 2
        if gathered and size + added > _LARGEST_NOTICE:
            yield json.dumps(gathered)
            gathered, size = [], 2
        gathered.append((nudge.topic, nudge.id))
        size += added
    yield json.dumps(gathered)


def _hear_all(payload: str, hear: Hear) -> None:
    """Every nudge of a notice; what is none is dropped."""
    with suppress(ValueError, TypeError):
        for topic, about in json.loads(payload):
            hear(Nudge(str(topic), str(about)))


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A name of the folder that is short enough for a socket's path, however deep the folder lies."""
    number = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)


def _receive(receiver: socket.socket, hear: Hear) -> None:
    """Everything that waits; what is not a nudge is dropped."""
    while True:
        try:
            data = receiver.recv(_LARGEST)
        except (BlockingIOError, OSError):
            return
        with suppress(ValueError, TypeError):
            topic, about = json.loads(data)
            hear(Nudge(str(topic), str(about)))

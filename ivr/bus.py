"""Nudges between the processes of one machine: "seat anna changed", "call 2026… changed".

A nudge says that something is worth reading again, never what it is now: the database is the truth, and a nudge that is
lost costs a moment, never a fact. Each listener has a datagram socket in a folder that all processes know; whoever has
news sends it to every socket there, without waiting, and forgets listeners that are gone.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

log = structlog.get_logger(__name__)

_LARGEST: Final = 2048
_SUFFIX: Final = ".bus"


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

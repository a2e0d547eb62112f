"""A console on a real port in this loop, and workers at addresses of their own, for sockets that go through both."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from ivr.lines.base import Leg
from ivr.lines.stream import SEAT_TICKETS, SeatTickets, StreamLine
from ivr.lines.stream.asgi import socket_options
from ivr.worker.control import NoControl, listening
from policy_db import PolicyDatabase
from policy_db.workers import CONTROL, WorkerFact


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Workers:
    """The workers of a test, each a stream line."""

    database: PolicyDatabase
    stack: AsyncExitStack
    lines: dict[str, StreamLine] = field(default_factory=dict)
    legs: dict[str, list[Leg]] = field(default_factory=dict)

    async def add(self, name: str, *, calls: int = 0, state: Any = "ready") -> StreamLine:
        keys = self.database.keys
        line = self.lines[name] = StreamLine(seat_of=SeatTickets(keys.token(SEAT_TICKETS)).seat_of)
        legs = self.legs[name] = []
        await line.start(legs.append)
        url = await self.stack.enter_async_context(
            listening("127.0.0.1", 0, token=keys.token(CONTROL), stream=line, calls=list, control=NoControl())
        )
        self.stack.push_async_callback(line.stop)
        await self.say(name, url, calls=calls, state=state)
        return line

    async def say(self, name: str, url: str, *, calls: int = 0, state: Any = "ready") -> None:
        seen = self.database.clock()
        await self.database.workers.say(WorkerFact(name, url, os.getpid(), state, calls, 50, seen))


@dataclass
class RelayHouse:
    """The console's address, and its workers."""

    console: Any
    port: int
    workers: Workers

    async def open(self, query: str = "", **headers: str) -> ClientConnection:
        """A socket as a page of ours opens it."""
        given = {"origin": f"http://127.0.0.1:{self.port}", **headers}
        return await connect(
            f"ws://127.0.0.1:{self.port}/phone/stream{query}",
            additional_headers={name: value for name, value in given.items() if value},
            compression=None,
            proxy=None,
        )


@asynccontextmanager
async def relay_house(console: Any) -> AsyncIterator[RelayHouse]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        console.app, lifespan="off", log_config=None, timeout_graceful_shutdown=1, **socket_options()
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([sock]))
    try:
        async with AsyncExitStack() as stack:
            yield RelayHouse(console, sock.getsockname()[1], Workers(console.database, stack))
    finally:
        server.should_exit = True
        await asyncio.gather(task)
        sock.close()


def start(**parameters: str) -> str:
    told = {"streamSid": "MZ1", "callSid": "CA1", "customParameters": parameters}
    return json.dumps({"event": "start", "streamSid": "MZ1", "start": told})


async def until(condition: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)

"""The fake Twilio, our webhooks on a real port in this loop, and workers' Twilio lines at addresses of their own."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from ivr.app import make_twilio, twilio_word
from ivr.bus import LocalBus
from ivr.console.parts import ConsoleParts
from ivr.console.twilio import AREA
from ivr.lines.base import Leg, LegEvent
from ivr.lines.stream import StreamLine
from ivr.lines.stream.asgi import socket_options
from ivr.lines.twilio.line import TwilioLine
from ivr.settings import Settings
from ivr.testing.twilio import FakeTwilio, Faults, Person
from ivr.worker.control import NoControl, listening
from policy_db import Keys, PinHasher, PolicyDatabase
from policy_db.workers import CONTROL, WorkerFact

KEYS = Keys(b"k" * 32)
ANNA = "+8613800138000"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Talk:
    """A call as the hotline has it: answered, and what it tells."""

    def __init__(self, leg: Leg) -> None:
        self.leg: Any = leg
        self.events: list[LegEvent] = []
        leg.attach(self.events.append)
        leg.answer()

    @property
    def keys(self) -> str:
        return "".join(one.key for one in self.events if type(one).__name__ == "KeyDown")

    @property
    def ended(self) -> bool:
        return any(type(one).__name__ == "Ended" for one in self.events)


@dataclass
class Worker:
    """A worker: its line, and the calls that it has answered."""

    name: str
    line: TwilioLine
    talks: list[Talk] = field(default_factory=list)
    #: Ends its server as a crash would: every socket is cut.
    stop: Callable[[], Any] = lambda: None


@dataclass
class House:
    """All of it."""

    twilio: FakeTwilio
    database: PolicyDatabase
    parts: ConsoleParts
    stack: AsyncExitStack
    workers: list[Worker] = field(default_factory=list)

    @property
    def worker(self) -> Worker:
        return self.workers[0]

    async def add(self, name: str, **options: Any) -> Worker:
        """Another worker, ready for calls."""
        settings = self.parts.settings
        line = make_twilio(settings, cast("Any", None), self.database.keys, name)
        assert line is not None
        for option, value in options.items():
            setattr(line, f"_{option}", value)
        worker = Worker(name, line)
        await line.start(lambda leg: worker.talks.append(Talk(leg)))
        own = await self.stack.enter_async_context(AsyncExitStack())
        url = await own.enter_async_context(
            listening(
                "127.0.0.1",
                0,
                token=self.database.keys.token(CONTROL),
                stream=StreamLine(),
                calls=list,
                control=NoControl(),
                twilio=line,
                word=twilio_word(line),
            )
        )
        self.stack.push_async_callback(line.stop)
        worker.stop = own.aclose
        self.workers.append(worker)
        await self.say(name, url)
        alive = asyncio.create_task(self._keep_saying(name, url))
        self.stack.push_async_callback(_ended, alive)
        return worker

    async def _keep_saying(self, name: str, url: str) -> None:
        """A worker that says nothing for long is taken for dead, also on a busy machine."""
        while True:
            await asyncio.sleep(2.0)
            await self.say(name, url)

    async def say(self, name: str, url: str, state: Any = "ready") -> None:
        seen = self.database.clock()
        await self.database.workers.say(WorkerFact(name, url, os.getpid(), state, 0, 50, seen))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], Any], longest: float = 8.0) -> None:
    async with asyncio.timeout(longest):
        while not condition():
            await asyncio.sleep(0.005)


_made: list[Path] = []


async def empty_database(folder: Path) -> Path:
    """A database without anything in it: made once, copied for each test."""
    if not _made:
        made = Path(tempfile.mkdtemp(prefix="twilio-")) / "hotline.db"
        atexit.register(shutil.rmtree, made.parent, ignore_errors=True)
        async with await PolicyDatabase.open(
            f"sqlite:///{made}", keys=KEYS, pins=PinHasher.cheap(), migrate=True
        ):
            pass
        _made.append(made)
    return Path(shutil.copy(_made[0], folder / "hotline.db"))


@asynccontextmanager
async def ours(
    folder: Path, given: dict[str, str], sock: socket.socket | None = None, twilio: Any = None
) -> AsyncIterator[House]:
    """Our side: the webhooks on a real port, without workers yet."""
    sock = sock or _bound()
    async with AsyncExitStack() as stack:
        stack.callback(sock.close)
        database = await stack.enter_async_context(
            await PolicyDatabase.open(
                f"sqlite:///{await empty_database(folder)}", keys=KEYS, pins=PinHasher.cheap()
            )
        )
        given = {**given, "public_url": _url(sock)}
        settings = Settings(_env_file=None, data_dir=folder, **given)  # type: ignore[arg-type, call-arg]
        bus = LocalBus(folder / "bus")
        stack.callback(bus.close)
        nothing = cast("Any", SimpleNamespace())
        parts = ConsoleParts(settings, database, nothing, bus, nothing, nothing, folder, folder)
        app = FastAPI()
        app.state.parts = parts
        assert AREA.pages is not None
        app.include_router(AREA.pages)
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1,
            **socket_options(),
        )  # fmt: skip
        server = _Server(config)
        task = asyncio.create_task(server.serve([sock]))
        try:
            yield House(twilio, database, parts, stack)
        finally:
            server.should_exit = True
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def twilio_house(
    tmp_path: Path,
    *,
    people: dict[str, Person] | None = None,
    faults: Faults | None = None,
    workers: int = 1,
    **options: Any,
) -> AsyncIterator[House]:
    """Both sides."""
    sock = _bound()
    async with (
        FakeTwilio(_url(sock), people=people, faults=faults, **options) as twilio,
        ours(tmp_path, twilio.settings, sock, twilio) as house,
    ):
        for number in range(workers):
            await house.add(f"worker-{number}")
        yield house
        for call in twilio.calls.values():
            call.end("completed")
        await asyncio.sleep(0.05)


def _bound() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def _url(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"

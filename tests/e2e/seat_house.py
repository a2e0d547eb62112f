"""A worker on real sockets within the test's own loop, with telephones at its seats that are told apart by tone."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from hotline_process import free_port
from numpy.typing import NDArray
from people_kit import always_open
from sip_caller import OutsideCall, SipCaller, sine

from ivr import app
from ivr.seats import Desk
from ivr.settings import Settings
from policy_db import PolicyDatabase
from policy_db.seat_facts import Queue, QueueCall, Seat
from policy_db.workers import CONTROL

#: Hz of each party's voice: no one a multiple of another, none in the hold music.
VOICES = {"caller": 460.0, "ann": 710.0, "bob": 1130.0, "boss": 1610.0}


def udp_ports(number: int) -> int:
    """The first of so many UDP ports in a row that are free."""
    for first in range(20_000 + int(time.time() * 1000) % 20_000, 64_000, number):
        sockets = []
        try:
            for port in range(first, first + number, number - 1):
                sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                sockets[-1].bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
        return first
    raise AssertionError("no ports are free")


class House:
    """The worker, its database, and who is on the telephone."""

    def __init__(self, settings: Settings, database: PolicyDatabase, stack: AsyncExitStack) -> None:
        self.settings = settings
        self.database = database
        self.address = ("127.0.0.1", settings.sip_port)
        self.url = ""
        self._stack = stack

    async def phone(self) -> SipCaller:
        """A telephone."""
        return await self._stack.enter_async_context(SipCaller(self.address))

    async def seat(self, name: str, **facts: Any) -> SipCaller:
        """A seat with a telephone, signed in."""
        phone = await self.phone()
        host, port = phone.address
        seat = Seat(name, name, f"sip:{name}@{host}:{port}", ("zh-CN",), **facts)
        await self.database.seats.add(seats=[seat])
        desk = Desk(self.database.seats)
        assert await desk.sign_in(name, console=False)
        return phone

    async def asks(self, phone: SipCaller) -> tuple[OutsideCall, float]:
        """Somebody calls and asks for a person; the call, and when the last key was pressed."""
        call = await phone.dial("4000001234")
        await call.until_sound()
        await call.press("0")
        chosen = await call.press("2")
        return call, chosen

    async def ask(self, call_id: str, command: str, seat: str, **arguments: str) -> dict[str, Any]:
        """A console asks something of a call, by the worker's own address."""
        token = self.database.keys.token(CONTROL)
        body = json.dumps({"seat": seat, "by": f"seat:{seat}", **arguments})
        status, reply = await asyncio.to_thread(_post, self.url, f"/control/{call_id}/{command}", token, body)
        assert status == 200, reply
        return reply

    async def calls(self) -> tuple[QueueCall, ...]:
        return (await self.database.seats.snapshot()).calls

    async def call_at(self, seat: str) -> str:
        """The call that a seat talks in, once it does."""
        return await eventually(lambda: self._call_at(seat), f"{seat} talks")

    async def _call_at(self, seat: str) -> str | None:
        found = (await self.database.seats.scene(seat=seat)).seat
        return found.call_id if found is not None and found.state == "talking" else None

    async def state(self, seat: str) -> str:
        found = (await self.database.seats.scene(seat=seat)).seat
        assert found is not None
        return found.state

    async def timeline(self, call_id: str) -> list[str]:
        return [entry.kind for entry in await self.database.calls.timeline(call_id)]


@asynccontextmanager
async def house(folder: Path, *, queue: Queue | None = None, **settings: Any) -> AsyncIterator[House]:
    """A worker over a database of its own, with one queue and no seats."""
    made = Settings(
        _env_file=None,
        data_dir=folder / "data",
        flows_dir=always_open(folder / "flows"),
        sip_port=free_port(),
        stream_port=0,
        rtp_port=udp_ports(200),
        rtp_ports=200,
        max_calls=50,
        drain_seconds=0,
        **{"record_talks": "off", **settings},
    )
    content = app.load_content(made)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(app.open_database(made, migrate=True))
        app.installation_id(made)
        made.run_dir.mkdir(parents=True, exist_ok=True)
        await database.seats.add(queues=[queue or Queue("service", wrap_up_seconds=1)])
        found = House(made, database, stack)
        running = asyncio.create_task(app.run_worker(made, 0, content))
        try:
            found.url = await eventually(lambda: _url(database, running), "the worker is ready")
            yield found
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def _url(database: PolicyDatabase, running: asyncio.Task[None]) -> str | None:
    if running.done():
        running.result()
    workers = await database.workers.living(database.clock())
    return next((one.url for one in workers if one.state == "ready"), None)


def _post(url: str, path: str, token: str, body: str) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=15)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", path, body, headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read() or b"{}")
    finally:
        connection.close()


async def eventually(found: Any, what: str, seconds: float = 20.0) -> Any:
    """The first answer of `found` that is not None or false."""
    limit = time.monotonic() + seconds
    while not (answer := await found()):
        if time.monotonic() > limit:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.05)
    return answer


async def came(phone: SipCaller, number: int = 1, seconds: float = 20.0) -> OutsideCall:
    """The telephone rings, and is picked up."""
    async with asyncio.timeout(seconds):
        while len(phone.came) < number:
            await asyncio.sleep(0.01)
    return phone.came[number - 1]


def speaks(call: OutsideCall, who: str, seconds: float = 60.0) -> None:
    """Somebody says their tone from now on."""
    call.say(sine(VOICES[who], seconds))


def voices(call: OutsideCall, seconds: float = 0.5) -> set[str]:
    """Whose tones are in the latest sound that a call heard."""
    latest = call.heard[-round(seconds / 0.02) :]
    return voices_in(np.concatenate([np.zeros(0, np.int16), *(packet.pcm for packet in latest)]))


def voices_in(samples: NDArray[Any]) -> set[str]:
    """Whose tones are in a sound of 8 kHz, of 16 bits."""
    pcm = samples.astype(np.float64)
    if len(pcm) < 800:
        return set()
    times = np.arange(len(pcm)) / 8000
    window = np.hanning(len(pcm))
    return {
        who
        for who, hertz in VOICES.items()
        if np.abs(np.sum(pcm * window * np.exp(-2j * np.pi * hertz * times))) / np.sum(window) > 1000
    }


async def hear(heard: Iterable[tuple[OutsideCall, set[str]]], seconds: float = 15.0) -> None:
    """Wait until each call hears these voices and no other, and still does a moment later."""
    pairs = list(heard)

    async def as_wanted() -> bool:
        if any(voices(call) != wanted for call, wanted in pairs):
            return False
        await asyncio.sleep(0.6)
        return all(voices(call) == wanted for call, wanted in pairs)

    try:
        await eventually(as_wanted, "", seconds)
    except AssertionError:
        raise AssertionError(
            f"heard {[voices(call) for call, _ in pairs]}, not {[w for _, w in pairs]}"
        ) from None

"""The console with 100,000 calls and 10,000 messages: how long its pages take, and the live board with its watchers.

The pages are asked for over HTTP, as a browser asks, of a console in a process of its own over a database filled for it.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
from bench_row import Row
from console_fill import fill

from ivr.app import open_bus, open_database
from ivr.console.access import COOKIE
from ivr.settings import Settings, load_settings
from policy_db import PolicyDatabase, build_demo

CALLS, MESSAGES, RUNNING, WATCHERS = 100_000, 10_000, 200, 20
#: The main pages, with what is asked of them.
PAGES = (
    "/board", "/board/now", "/board/calls", "/api/board", "/calls", "/calls?q=00001234", "/calls?outcome=normal",
    "/calls?queue=service&language=en", "{call}", "/api/calls", "/reports", "/reports?view=hours", "/reports?view=queues",
    "/reports?view=seats", "/reports?view=flows", "/messages",
    "/messages?view=mine", "/messages?order=due", "/messages?q=13800", "/claims", "/flows", "/admin", "/account",
)  # fmt: skip
ROUNDS = 15
#: Milliseconds that a page may take, p95.
LIMIT = 150.0
#: Seconds for which the board is watched while calls move.
WATCHED = 40.0
#: Seconds over which pages spread their reads after a nudge (`data-spread` in board.html).
SPREAD = 0.25


def rows() -> Iterator[Row]:
    """Every figure."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=Path(folder), http_port=_free_port())
        session, call = asyncio.run(_prepare(settings))
        with _serving(settings) as process:
            for page, times in asyncio.run(_pages(settings, session, call)):
                yield Row(f"{page}, p50", _part(times, 0.5), "ms")
                yield Row(f"{page}, p95", _part(times, 0.95), "ms", LIMIT)
            figures = asyncio.run(_watched(settings, session, process))
    yield Row(f"board, {RUNNING} calls, {WATCHERS} watchers: a read, p95", figures["read"], "ms", LIMIT)
    yield Row("… a change to a watcher's screen, p95", figures["seen"], "ms", 2000)
    yield Row("… the console's CPU", figures["cpu"], "% of a core", 60)


async def _prepare(settings: Settings) -> tuple[str, str]:
    """Fill a database; a session's token, and the id of a call with a timeline."""
    async with open_database(settings, migrate=True) as database:
        await build_demo(database, customers=200, seed=7, today=database.clock().date())
        await fill(database, calls=CALLS, messages=MESSAGES, running=RUNNING)
        await database.users.add(
            "bench",
            password="a long enough password",
            roles=("manager", "reviewer", "administrator"),
            display="Bench",
        )
        user = await database.users.find("bench")
        assert user is not None
        (last, *_) = [one for one in await _newest(database) if one.ended_at is not None]
        return await database.users.start_session(user), last.id


async def _newest(database: PolicyDatabase):  # type: ignore[no-untyped-def]
    from policy_db.call_records import CallFilter

    return await database.call_records.find(CallFilter(outcome="normal"), 5)


@contextmanager
def _serving(settings: Settings) -> Iterator[psutil.Process]:
    """The console's process."""
    environment = {
        **os.environ, "HOTLINE_DATA_DIR": str(settings.data_dir), "HOTLINE_HTTP_PORT": str(settings.http_port),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "ivr", "http"], env=environment)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", settings.http_port)) == 0:
                    break
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


@asynccontextmanager
async def _client(settings: Settings, session: str) -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://127.0.0.1:{settings.http_port}"
    async with httpx.AsyncClient(base_url=base, cookies={COOKIE: session}, timeout=60) as client:
        yield client


async def _pages(settings: Settings, session: str, call: str) -> list[tuple[str, list[float]]]:
    """Milliseconds of every page, asked for one after the other; the first time is not counted."""
    found = []
    async with _client(settings, session) as client:
        for page in PAGES:
            path = page.replace("{call}", f"/calls/{call}")
            first = await client.get(path)
            if first.status_code == 404:
                continue
            assert first.status_code in (200, 303), (path, first.status_code)
            times = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await client.get(path)
                times.append((time.perf_counter() - began) * 1000)
            found.append((page.replace("{call}", "/calls/ID"), sorted(times)))
    return found


async def _watched(settings: Settings, session: str, process: psutil.Process) -> dict[str, float]:
    """Watchers who listen for nudges and read the running calls again, as the page does, while calls move.

    One of them has a process to itself, and its reads are those that are told: the others share one, and would wait for
    each other there.
    """
    stop = asyncio.Event()
    context = multiprocessing.get_context("spawn")
    async with open_database(settings) as database:
        with ProcessPoolExecutor(1, context) as pool:
            alone = asyncio.get_running_loop().run_in_executor(pool, watch_alone, settings, session, WATCHED)
            watchers = [
                asyncio.create_task(_watch(settings, session, stop, [], [])) for _ in range(WATCHERS - 1)
            ]
            await asyncio.sleep(2)
            before = process.cpu_times()
            began, moved = time.perf_counter(), 0
            while not alone.done():
                moved = await _move(database, settings, moved)
            took = time.perf_counter() - began
            after = process.cpu_times()
            stop.set()
            await asyncio.gather(*watchers)
            reads, seen = await alone
    cpu = (after.user + after.system - before.user - before.system) / took * 100
    return {"read": _part(sorted(reads), 0.95), "seen": _part(sorted(seen), 0.95), "cpu": cpu}


def watch_alone(settings: Settings, session: str, seconds: float) -> tuple[list[float], list[float]]:
    """One watcher for so many seconds: milliseconds of its reads, and of changes until they were seen."""

    async def watch() -> tuple[list[float], list[float]]:
        reads: list[float] = []
        seen: list[float] = []
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        await _watch(settings, session, stop, reads, seen)
        return reads[2:], seen[2:]  # without those of the start

    return asyncio.run(watch())


async def _move(database: PolicyDatabase, settings: Settings, moved: int) -> int:
    """Some ten calls enter a step, which is named by the moment."""
    bus = open_bus(settings)
    for _ in range(10):
        call = f"now-{moved % RUNNING:04}"
        await database.calls.update(call, step=f"main.at_{time.time():.3f}", step_at=1.0)
        bus.publish("call", call)
        moved += 1
    bus.close()
    await asyncio.sleep(0.1)
    return moved


async def _watch(
    settings: Settings, session: str, stop: asyncio.Event, reads: list[float], seen: list[float]
) -> None:
    """One watcher: at a nudge the calls are read again, at most once a second."""
    nudged = asyncio.Event()
    async with _client(settings, session) as client:

        async def listen() -> None:
            async with client.stream("GET", "/events") as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("data:") and json.loads(line[5:])["topic"] in ("call", "*"):
                        nudged.set()

        listener = asyncio.create_task(listen())
        while not stop.is_set():
            try:
                await asyncio.wait_for(nudged.wait(), 1)
            except TimeoutError:
                continue
            await asyncio.sleep(random.random() * SPREAD)
            nudged.clear()
            began = time.perf_counter()
            page = (await client.get("/api/board")).json()
            reads.append((time.perf_counter() - began) * 1000)
            steps = [one["step"].partition("main.at_")[2] for one in page["calls"]]
            if latest := max((float(step) for step in steps if step), default=0.0):
                seen.append((time.time() - latest) * 1000)
            await asyncio.sleep(1)
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


def _part(times: list[float], part: float) -> float:
    return times[min(len(times) - 1, int(len(times) * part))] if times else float("nan")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

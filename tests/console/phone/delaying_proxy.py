"""A bad network between a browser and the hotline: every octet comes late, and unevenly, in its order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random

_PIECE = 65_536


class _Pipe:
    """One direction of one connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        delay: float,
        jitter: float,
        random: Random,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._delay = delay
        self._jitter = jitter
        self._random = random
        self._due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        passing = asyncio.create_task(self._pass_on())
        try:
            await self._take()
            await passing
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)
            self._writer.close()

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        last = 0.0
        piece = b"."
        while piece:
            try:
                piece = await self._reader.read(_PIECE)
            except ConnectionError:
                piece = b""
            late = self._delay + self._random.uniform(-self._jitter, self._jitter)
            last = max(last, loop.time() + late)
            self._due.put_nowait((last, piece))

    async def _pass_on(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while True:
                at, piece = await self._due.get()
                await asyncio.sleep(at - loop.time())
                if not piece:
                    return
                self._writer.write(piece)
                await self._writer.drain()


@contextmanager
def delayed(port: int, *, delay: float, jitter: float) -> Iterator[int]:
    """A port of loopback that leads to `port`, `delay` ± `jitter` seconds later each way."""
    loop = asyncio.new_event_loop()
    opened: list[int] = []
    ready, stop = threading.Event(), asyncio.Event()
    random = Random(7)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        ways = ((reader, there_writer), (there_reader, writer))
        await asyncio.gather(
            *(_Pipe(one, other, delay, jitter, random).run() for one, other in ways), return_exceptions=True
        )

    async def serve() -> None:
        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        opened.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(5)
        yield opened[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()

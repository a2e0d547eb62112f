"""A UDP proxy on loopback that loses, doubles and reorders packets both ways, by a seed.

It knows nothing of SIP. Who is outside sends to `front` and is answered from there; the line sends to `back`
and is reached from there. The outsider must name `back` as its contact, so that both directions pass here.

    async with LossyProxy(("127.0.0.1", 5060), seed=1) as proxy:
        ...  # call proxy.front, with proxy.back as Contact
    assert proxy.lost
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections import Counter
from types import TracebackType

Address = tuple[str, int]


class LossyProxy:
    """One outsider and one line with a bad network between them. `delay` is the longest in seconds."""

    def __init__(
        self, line: Address, *, seed: int, lose: float = 0.1, double: float = 0.1, delay: float = 0.03
    ) -> None:
        self._line = line
        self._outside: Address | None = None
        self._chance = random.Random(seed)
        self._lose, self._double, self._delay = lose, double, delay
        self._waiting: set[asyncio.TimerHandle] = set()
        #: Packets passed, lost and doubled.
        self.counts: Counter[str] = Counter()

    async def __aenter__(self) -> LossyProxy:
        self._loop = asyncio.get_running_loop()
        self._front, self._back = self._open(), self._open()
        self.front: Address = self._front.getsockname()
        self.back: Address = self._back.getsockname()
        self._loop.add_reader(self._front, self._from_outside)
        self._loop.add_reader(self._back, self._from_line)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._waiting:
            handle.cancel()
        for one in (self._front, self._back):
            self._loop.remove_reader(one)
            one.close()

    @staticmethod
    def _open() -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        return one

    def _from_outside(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, self._outside = self._front.recvfrom(65_535)
                self._pass(data, self._back, self._line)

    def _from_line(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, _ = self._back.recvfrom(65_535)
                if self._outside is not None:
                    self._pass(data, self._front, self._outside)

    def _pass(self, data: bytes, by: socket.socket, to: Address) -> None:
        fate = self._chance.random()
        if fate < self._lose:
            self.counts["lost"] += 1
            return
        copies = 2 if fate < self._lose + self._double else 1
        self.counts["doubled"] += copies - 1
        self.counts["passed"] += 1
        for _ in range(copies):
            self._later(data, by, to)

    def _later(self, data: bytes, by: socket.socket, to: Address) -> None:
        def send() -> None:
            self._waiting.discard(handle)
            with contextlib.suppress(OSError):
                by.sendto(data, to)

        handle = self._loop.call_later(self._chance.random() * self._delay, send)
        self._waiting.add(handle)

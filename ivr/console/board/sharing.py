"""Readings that many requests share: each is made once at a time, for whoever asks meanwhile.

What moves slowly serves for a while, and longer while it is being made anew: nobody waits for the day's figures. What
is live serves until a nudge says that something has changed: who asks after that gets what was read after it, never
what was read before. Readings rest for a moment between each other, so that any number of changes and watchers cost a
share of the processor and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

T = TypeVar("T")
_MOST_HELD: Final = 500
#: A reading that was made for this many times its span serves still, while it is made anew.
_LATE: Final = 5.0
#: Seconds that live readings rest: at least, at most, and in lengths of the reading before.
_LEAST_REST: Final = 0.05
_MOST_REST: Final = 0.1
_REST: Final = 1.0


@dataclass(slots=True)
class _Reading:
    """One reading. It holds what every change up to `version` did; None while it has not begun, and may wait for more."""

    future: asyncio.Future[Any]
    version: int | None = None
    began: float = 0.0
    took: float = 0.0

    @property
    def failed(self) -> bool:
        return self.future.done() and (self.future.cancelled() or self.future.exception() is not None)


@dataclass(slots=True)
class Shared:
    """Readings by name. `version` counts the changes that were heard of."""

    version: int = 0
    #: How often something was read, for tests and the curious.
    reads: int = 0
    _slow: dict[str, tuple[float, _Reading]] = field(default_factory=dict)
    _late: dict[str, _Reading] = field(default_factory=dict)
    _live: dict[str, _Reading] = field(default_factory=dict)

    def changed(self) -> None:
        """Something has changed: live readings made until now are old."""
        self.version += 1

    def forget(self) -> None:
        """Let everything be read anew."""
        self._slow.clear()
        self._late.clear()
        self._live.clear()

    async def get(self, name: str, seconds: float, read: Callable[[], Awaitable[T]]) -> T:
        """What was read of `name` within so many seconds, or a new reading.

        What is older serves still for a few times as long, and is read anew meanwhile.
        """
        now = asyncio.get_running_loop().time()
        at, held = self._slow.get(name, (0.0, None))
        if held is None or held.failed:
            held = self._read_slow(name, read)
        elif held.future.done() and now - at >= seconds:
            newer = self._late.get(name)
            if newer is None or newer.future.done():
                newer = self._late[name] = self._read_slow(name, read, instead=held)
            if now - at >= seconds * _LATE:
                held = newer
        found: T = await asyncio.shield(held.future)
        return found

    def _read_slow(
        self, name: str, read: Callable[[], Awaitable[Any]], instead: _Reading | None = None
    ) -> _Reading:
        """Begin a reading; it takes the place of an older one when it is there."""
        loop = asyncio.get_running_loop()
        reading = _Reading(asyncio.ensure_future(read()))
        self.reads += 1

        def there(future: asyncio.Future[Any]) -> None:
            if not reading.failed and self._slow.get(name, (0.0, instead))[1] is instead:
                self._slow[name] = (loop.time(), reading)

        if instead is None:
            self._forget_old(loop.time())
            self._slow[name] = (loop.time(), reading)
        reading.future.add_done_callback(_looked_at if instead is None else there)
        return reading

    async def live(self, name: str, seconds: float, read: Callable[[], Awaitable[T]]) -> T:
        """What was read of `name` since the last change, and not more than so many seconds ago."""
        loop, wanted = asyncio.get_running_loop(), self.version
        while True:
            held = self._live.get(name)
            if (
                held is None
                or held.failed
                or (held.future.done() and not _serves(held, wanted, loop.time() - seconds))
            ):
                held = self._live[name] = self._read_live(held, read)
            found: T = await asyncio.shield(held.future)
            if held.version is not None and held.version >= wanted:
                return found

    def _read_live(self, before: _Reading | None, read: Callable[[], Awaitable[Any]]) -> _Reading:
        loop = asyncio.get_running_loop()

        async def rested() -> Any:
            if before is not None:
                rest = min(_MOST_REST, max(_LEAST_REST, _REST * before.took))
                await asyncio.sleep(before.began + before.took + rest - loop.time())
            reading.version, reading.began = self.version, loop.time()
            self.reads += 1
            try:
                return await read()
            finally:
                reading.took = loop.time() - reading.began

        reading = _Reading(asyncio.ensure_future(rested()))
        reading.future.add_done_callback(_looked_at)
        return reading

    def _forget_old(self, now: float) -> None:
        """Keep what is held small."""
        if len(self._slow) > _MOST_HELD:
            kept = sorted(self._slow.items(), key=lambda item: item[1][0])[_MOST_HELD // 2 :]
            self._slow = dict(kept)


def _serves(held: _Reading, wanted: int, since: float) -> bool:
    return held.version is not None and held.version >= wanted and held.began >= since


def _looked_at(future: asyncio.Future[Any]) -> None:
    """Whoever waited is told of a failure; if all have gone nobody need be."""
    if not future.cancelled():
        future.exception()

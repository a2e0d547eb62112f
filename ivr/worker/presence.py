"""A worker's row in the database, by which the console finds it: written every few seconds, and when it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from ivr.worker.status import WorkerStatus
from policy_db.workers import WorkerFact

_log = logging.getLogger(__name__)

#: Seconds between two words, when nothing changes.
WORD_EVERY: Final = 3.0
#: Seconds that the last word may take.
_LAST_WORD: Final = 2.0


class WorkerStore(Protocol):
    """Where workers say how they are."""

    async def say(self, worker: WorkerFact) -> None:
        """Write what a worker says of itself, in place of what was said before under its name."""


class Presence:
    """Says in the database what `tell` is told. Use it within `kept`."""

    def __init__(self, store: WorkerStore, name: str, url: str, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._name = name
        self._url = url
        self._now = now
        self._status: WorkerStatus | None = None
        self._changed = asyncio.Event()
        self._failing = False

    def tell(self, status: WorkerStatus) -> None:
        """How the worker is now; a change of state is written at once."""
        before, self._status = self._status, status
        if before is None or before.state != status.state:
            self._changed.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[Presence]:
        """Write for the length of the block, and at its end that the worker has stopped."""
        keeper = asyncio.create_task(self._keep())
        try:
            yield self
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            if self._status is not None:
                self._status = replace(self._status, state="stopped", calls=0)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_WORD):
                        await self._write()

    async def _keep(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), WORD_EVERY)
            self._changed.clear()
            await self._write()

    async def _write(self) -> None:
        status = self._status
        if status is None:
            return
        fact = WorkerFact(
            self._name, self._url, status.pid, status.state, status.calls, status.capacity, self._now()
        )
        try:
            await self._store.say(fact)
            self._failing = False
        except Exception as error:
            if not self._failing:
                _log.error("the worker's row is not written, tried again: %s", type(error).__name__)
            self._failing = True

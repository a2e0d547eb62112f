"""Writes to the database behind a call's back, one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from policy_db import PolicyDatabaseError

log = structlog.get_logger(__name__)

#: The pause between two tries.
RETRY_SECONDS = 0.1


class Chains:
    """Writes by key: those of one key come one after another, each tried again for `seconds`.

    `what` names what is written, for the log; a write that fails in the end does not hold up those after it.
    """

    def __init__(self, seconds: float, what: str) -> None:
        self._seconds = seconds
        self._what = what
        self._last: dict[str, asyncio.Task[None]] = {}

    def add(self, key: str, write: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Write when what came before is written or given up; the task that does it."""
        task = asyncio.create_task(self._after(self._last.get(key), write))
        task.add_done_callback(self._tell_failure)
        self._last[key] = task
        return task

    async def settle(self, key: str) -> None:
        """Wait for what is still being written under a key, within a bound, and forget the key."""
        last = self._last.pop(key, None)
        if last is not None:
            await asyncio.wait({last}, timeout=self._seconds)

    async def _after(self, before: asyncio.Task[None] | None, write: Callable[[], Awaitable[None]]) -> None:
        if before is not None:
            await asyncio.wait({before})
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        while True:
            try:
                return await write()
            except PolicyDatabaseError:
                if loop.time() + RETRY_SECONDS > deadline:
                    raise
            await asyncio.sleep(RETRY_SECONDS)

    def _tell_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(f"{self._what} not in the database yet", error=type(error).__name__)

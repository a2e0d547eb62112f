"""What goes on beside the console's pages, for as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

log = structlog.get_logger(__name__)


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let `work` go on for the length of the block; at its end it is cancelled, and over."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def now_and_again(seconds: float, work: Callable[[], Awaitable[object]], trouble: str) -> None:
    """Wait so many seconds, then do it, for ever; what fails is told in the log, and tried the next time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception as error:
            log.error(trouble, error=type(error).__name__)

"""What goes on beside the pages: new flows are noticed, and calls that have ended are counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from zoneinfo import ZoneInfo

from ivr.console.flows.publishing import Publisher
from ivr.console.parts import ConsoleParts
from policy_db.errors import PolicyDatabaseError
from policy_db.flow_counts import BATCH

_log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 3.0
COUNT_SECONDS: Final = 20.0
#: The pause between two batches, in which calls can write.
_BREATH: Final = 0.2


def publisher_of(parts: ConsoleParts) -> Publisher:
    """The one publisher of this console."""
    made = parts.shared.get("flows")
    if made is None:
        made = parts.shared["flows"] = Publisher(
            parts.flows, parts.flows_dir, parts.database.flow_versions, parts.bus
        )
    assert isinstance(made, Publisher)  # noqa: S101 - put there above
    return made


@asynccontextmanager
async def kept(parts: ConsoleParts) -> AsyncIterator[None]:
    """Notice and count for the length of the block."""
    tasks = [
        asyncio.create_task(
            _again(LOOK_SECONDS, lambda: publisher_of(parts).noticed(), "flows are not noticed")
        ),
        asyncio.create_task(_again(COUNT_SECONDS, lambda: count_all(parts), "calls are not counted")),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def count_all(parts: ConsoleParts) -> None:
    """Count every call that has ended since the last time."""
    zone = ZoneInfo(parts.settings.zone)
    full = True
    while full:
        full = await parts.database.flow_counts.count(zone) == BATCH
        await asyncio.sleep(_BREATH if full else 0)


async def _again(seconds: float, work: Callable[[], Awaitable[object]], trouble: str) -> None:
    """Do it now and again; what fails is told once until it succeeds."""
    failing = False
    while True:
        try:
            await work()
            failing = False
        except (PolicyDatabaseError, OSError, ValueError) as error:
            if not failing:
                _log.error("%s, tried again: %r", trouble, error)
            failing = True
        await asyncio.sleep(seconds)

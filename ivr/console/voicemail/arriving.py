"""Messages that have just been left get their place on a desk, and pages are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Final

import structlog

from ivr.bus import nudged
from ivr.console.beside import beside
from ivr.console.parts import ConsoleParts
from ivr.console.voicemail.due import due_clock
from policy_db import PolicyDatabaseError

log = structlog.get_logger(__name__)

#: Seconds after which it looks although nothing was heard.
BEAT: Final = 10.0
#: A message of a caller who hung up is kept a moment before their call is over: seconds until it is looked for again.
SOON: Final = (0.3, 1.0)
_FAR_BACK: Final = timedelta(days=3)


@asynccontextmanager
async def arriving(parts: ConsoleParts) -> AsyncIterator[None]:
    """Take messages in for the length of the block: all that are there, then each as it comes."""
    async with nudged(parts.bus, {"message", "*"}) as heard, beside(_keep_taking(parts, heard)):
        yield


async def take_in(parts: ConsoleParts, *, everything: bool = False) -> tuple[str, ...]:
    """Take in what has come, and tell the pages; gives the ids."""
    since = None if everything else parts.clock() - _FAR_BACK
    taken = await parts.database.messages.take_in(await due_clock(parts), since=since)
    for message in taken[:100]:
        parts.bus.publish("message", message)
    return taken


async def _keep_taking(parts: ConsoleParts, heard: asyncio.Event) -> None:
    everything = True
    while True:
        nudged = heard.is_set()
        heard.clear()
        try:
            await take_in(parts, everything=everything)
            everything = False
            for seconds in SOON if nudged else ():
                await asyncio.sleep(seconds)
                await take_in(parts)
        except PolicyDatabaseError as error:
            log.warning("messages wait to be taken in", error=error.code)
        with suppress(TimeoutError):
            await asyncio.wait_for(heard.wait(), BEAT)

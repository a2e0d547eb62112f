"""A line that refuses every call, as a process of its own: prints its port, and ends with its standard input."""

from __future__ import annotations

import asyncio
import logging
import sys

import structlog
from desk import open_desk

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


async def main() -> None:
    async with open_desk("pjsua") as desk:
        desk.line.drain()
        sys.stdout.write(f"{desk.line.port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())

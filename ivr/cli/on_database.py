"""What commands do with the policy database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ivr.settings import Settings
from policy_db import PolicyDatabase

_T = TypeVar("_T")


def on_database(settings: Settings, work: Callable[[PolicyDatabase], Awaitable[_T]]) -> _T:
    """What `work` gives for the database of these settings, which is open meanwhile."""
    from ivr.app import open_database  # a command's help should not wait for it

    async def run() -> _T:
        async with open_database(settings) as database:
            return await work(database)

    return asyncio.run(run())

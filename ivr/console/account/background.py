"""What the account area does from the console's start to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from ivr.console.parts import ConsoleParts
from ivr.console.purging import Keeper, purging

_KEY: Final = "account.keeper"


@asynccontextmanager
async def background(parts: ConsoleParts) -> AsyncIterator[None]:
    """How long sessions last, by the settings; and once a day what is due is deleted."""
    rules = parts.database.users.rules
    rules.idle = timedelta(minutes=parts.settings.session_idle_minutes)
    rules.longest = timedelta(hours=parts.settings.session_hours)
    async with purging(parts.settings, parts.database) as keeper:
        parts.shared[_KEY] = keeper
        yield


def keeper_of(parts: ConsoleParts) -> Keeper:
    """What deletes things, in this console."""
    keeper = parts.shared[_KEY]
    assert isinstance(keeper, Keeper)  # noqa: S101 - set when the console started
    return keeper

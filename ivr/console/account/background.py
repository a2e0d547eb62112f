"""What the account area does from the console's start to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from ivr.console.parts import ConsoleParts


@asynccontextmanager
async def background(parts: ConsoleParts) -> AsyncIterator[None]:
    """How long sessions last, by the settings."""
    rules = parts.database.users.rules
    rules.idle = timedelta(minutes=parts.settings.session_idle_minutes)
    rules.longest = timedelta(hours=parts.settings.session_hours)
    yield

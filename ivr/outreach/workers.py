"""The dialler's word with workers: over their own address, with the token that only this hotline's processes know."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ivr.ask_worker import Reply, ask_worker
from policy_db import PolicyDatabase
from policy_db.workers import CONTROL, WorkerFact

__all__ = ["Reply", "Workers"]

#: Seconds that a worker may take; dialling goes on after its answer.
ANSWER_WITHIN: Final = 8.0


class Workers:
    """Finds workers and asks them."""

    def __init__(self, database: PolicyDatabase, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._token = database.keys.token(CONTROL)

    async def serving(self) -> tuple[WorkerFact, ...]:
        """Workers with room for another call, those with the fewest calls first."""
        found = await self._database.workers.serving(self._clock())
        return tuple(one for one in found if one.url and one.calls < one.capacity)

    async def named(self, name: str) -> WorkerFact | None:
        """A worker's last word."""
        return await self._database.workers.find(name)

    async def ask(self, url: str, what: str, attempt: str) -> Reply:
        """`dial` or `settle` an attempt."""
        try:
            return await asyncio.to_thread(
                ask_worker, url, f"/control/{what}", self._token, {"attempt": attempt}, within=ANSWER_WITHIN
            )
        except (OSError, http.client.HTTPException, ValueError):
            return Reply(0, {})

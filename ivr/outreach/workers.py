"""The dialler's word with workers: over their own address, with the token that only this hotline's processes know."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from policy_db import PolicyDatabase
from policy_db.workers import CONTROL, WorkerFact

#: Seconds that a worker may take; dialling goes on after its answer.
ANSWER_WITHIN: Final = 8.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker said: an HTTP status (0: it did not answer) and a body."""

    status: int
    body: dict[str, Any]


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
            return await asyncio.to_thread(_post, url, f"/control/{what}", self._token, {"attempt": attempt})
        except (OSError, http.client.HTTPException, ValueError):
            return Reply(0, {})


def _post(url: str, path: str, token: str, body: dict[str, str]) -> Reply:
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=ANSWER_WITHIN)
    try:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return Reply(answer.status, said if isinstance(said, dict) else {})
    finally:
        connection.close()

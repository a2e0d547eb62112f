"""Bringing in what an earlier process of a worker, or a database that was away, left undone."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from ivr.call.journal import CallJournal
from ivr.call.recordings import RecordingVault
from policy_db import PolicyDatabase

log = structlog.get_logger(__name__)


class Recovery:
    """Call it at a worker's start with `first=True`, and every while after that; build it before the first call.

    The order matters: records that were spilled say how their calls ended, recordings may know of calls that
    nobody else knows of, and what is still open after both was broken off.
    """

    def __init__(
        self, database: PolicyDatabase, journal: CallJournal, vault: RecordingVault, worker: str
    ) -> None:
        self._database = database
        self._journal = journal
        self._vault = vault
        self._worker = worker
        self._began_at = database.clock()

    async def __call__(self, first: bool) -> None:
        """Raises PolicyDatabaseError while the database is locked or away: try again later."""
        calls = await self._journal.recover()
        recordings = await self._vault.recover()
        if calls or recordings:
            log.warning("brought in", calls=calls, recordings=recordings)
        if first:
            await self._adopt(recordings)
            await self._database.talks.close_broken_off(self._worker, before=self._began_at)
            closed = await self._database.calls.close_broken_off(self._worker, before=self._began_at)
            if closed.calls:
                log.warning("calls were broken off", calls=list(closed.calls))

    async def _adopt(self, recordings: Iterable[str]) -> None:
        """A process that died before its first write leaves recordings of calls that have no record."""
        for recording in recordings:
            row = await self._database.recordings.find(recording)
            if row is not None and await self._database.calls.find(row.call) is None:
                await self._database.calls.begin(row.call, worker=self._worker, caller=row.caller, called="")
                await self._database.calls.finish(row.call, "broken_off")

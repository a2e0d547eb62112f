"""Every call's record and timeline, written in order behind the calls' backs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from ivr.lines.base import LegInfo
from policy_db import PolicyDatabase
from policy_db.facts import TimelineEntry

log = structlog.get_logger(__name__)

#: Entries wait this long for others, so that a busy call costs a few writes a second and no more.
GATHER_SECONDS = 0.2
#: How long a write is tried again while the database is locked or away.
PATIENCE_SECONDS = 30.0


class _Page:
    """One call's unwritten entries and the task that writes them."""

    def __init__(self) -> None:
        self.entries: list[TimelineEntry] = []
        self.written = 0
        self.changed = asyncio.Event()
        self.ending = asyncio.Event()
        self.writer: asyncio.Task[None] | None = None


class CallJournal:
    """Writes calls and their timelines to the database; one writer task a call, so that order is kept.

    Nothing a call does waits for it, but for `finish`.
    """

    def __init__(self, database: PolicyDatabase, worker: str) -> None:
        self._database = database
        self._worker = worker
        self._pages: dict[str, _Page] = {}

    def begin(self, call_id: str, info: LegInfo, *, flow: str, version: str) -> None:
        """A call rings."""
        page = self._pages[call_id] = _Page()
        page.writer = asyncio.create_task(self._write(call_id, page, info, flow, version))

    def add(self, call_id: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Append to the timeline: each entry has `kind`, `at` in seconds, and what else it tells."""
        page = self._pages[call_id]
        for entry in entries:
            data = {name: value for name, value in entry.items() if name not in ("kind", "at")}
            seq = page.written + len(page.entries)
            page.entries.append(TimelineEntry(seq, float(entry["at"]), str(entry["kind"]), data))
        page.changed.set()

    async def finish(self, call_id: str, *, outcome: str, language: str, level: int) -> None:
        """The call is over: write what is left and close its record."""
        page = self._pages.pop(call_id)
        page.ending.set()
        page.changed.set()
        if page.writer is not None:
            await page.writer
        await self._patiently(
            lambda: self._database.calls.update(call_id, language=language or None, level=level)
        )
        await self._patiently(lambda: self._database.calls.finish(call_id, outcome))

    async def _write(self, call_id: str, page: _Page, info: LegInfo, flow: str, version: str) -> None:
        calls = self._database.calls
        await self._patiently(
            lambda: calls.begin(
                call_id,
                worker=self._worker,
                channel=info.line,
                caller=info.caller,
                called=info.called,
                flow=flow,
                version=version,
            )
        )
        last = False
        while not last:
            await page.changed.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(page.ending.wait(), GATHER_SECONDS)
            last = page.ending.is_set()
            page.changed.clear()
            batch, page.entries = page.entries, []
            page.written += len(batch)
            if batch:
                await self._patiently(lambda batch=batch: calls.append(call_id, batch))  # type: ignore[misc]

    async def _patiently(self, write: Callable[[], Awaitable[None]]) -> None:
        """Try a write until it succeeds or patience ends; then it is logged and the call goes on."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        pause = 0.05
        while True:
            try:
                await write()
            except Exception as error:
                if asyncio.get_running_loop().time() > deadline:
                    log.error("call record not written", error=type(error).__name__)
                    return
                await asyncio.sleep(pause)
                pause = min(2.0, pause * 2)
            else:
                return

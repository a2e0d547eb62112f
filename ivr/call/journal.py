"""Every call's record and timeline, written in order behind the calls' backs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from ivr.call.page import Page, find_pages
from ivr.lines.base import LegInfo
from policy_db import PolicyDatabase
from policy_db.errors import DatabaseBusyError, DatabaseDownError, DatabaseFullError, NotFoundError
from policy_db.facts import TimelineEntry

log = structlog.get_logger(__name__)

#: Entries wait this many seconds for others, so that a busy call costs a few writes a second and no more.
GATHER_SECONDS = 0.5
#: How long after a call's end its record is tried again while the database is locked or away.
PATIENCE_SECONDS = 30.0
#: Entries written in one transaction.
BATCH = 500
#: Entries of one call; a telephone that floods us with keys or holds fills neither memory nor database.
MOST_ENTRIES = 10_000
#: Pauses between two tries, in seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


class CallJournal:
    """Writes calls and their timelines to the database; one writer task a call, so that order is kept.

    Whenever something of a call was written, `tell` is given its id.

    Nothing a call does waits for it, but for `finish`. While a call runs its writes are tried for as long as
    it takes. What the database has not taken `patience` seconds after the call, or when the process ends, is
    put into a file of `spill`, from which `recover` brings it in.
    """

    def __init__(
        self,
        database: PolicyDatabase,
        worker: str,
        spill: Path,
        *,
        patience: float = PATIENCE_SECONDS,
        gather: float = GATHER_SECONDS,
        tell: Callable[[str], None] = lambda call_id: None,
    ) -> None:
        self._database = database
        self._worker = worker
        self._spill = spill
        self._patience = patience
        self._gather = gather
        self._tell = tell
        self._closing = False
        self._pages: dict[str, Page] = {}
        self._writers: dict[str, asyncio.Task[None]] = {}

    def begin(
        self,
        call_id: str,
        info: LegInfo,
        *,
        flow: str,
        version: str,
        now: Callable[[], float] = lambda: 0.0,
        outbound: bool = False,
    ) -> None:
        """A call rings. `now` gives the seconds since it was answered, for `note`; `outbound`: we made it."""
        page = self._pages[call_id] = Page(
            call_id,
            {
                "worker": self._worker,
                "channel": info.line,
                "caller": info.caller,
                "called": info.called,
                "flow": flow,
                "version": version,
                **({"outbound": True} if outbound else {}),
            },
            now,
        )
        self._writers[call_id] = asyncio.create_task(self._write(page))

    def add(self, call_id: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Append to the timeline: each entry has `kind`, `at` in seconds, and what else it tells."""
        page = self._pages[call_id]
        for entry in entries:
            if page.count >= MOST_ENTRIES:
                self._tell_full(page)
                return
            data = {name: value for name, value in entry.items() if name not in ("kind", "at")}
            page.add(float(entry["at"]), str(entry["kind"]), data)

    def note(self, call_id: str, kind: str, **details: Any) -> None:
        """Append what happens now, by others than the call itself. Nothing if the call is over."""
        page = self._pages.get(call_id)
        if page is not None:
            self.add(call_id, [{"kind": kind, "at": round(page.now(), 3), **details}])

    def know(self, call_id: str, **facts: str | float) -> None:
        """Note what has become known of the call.

        `language`, `level` (0 to 2), `policy` (its number); of its sound `mos` (1 to 4.5), `loss` (share of
        packets) and `jitter_ms`.
        """
        self._pages[call_id].know(facts)

    async def finish(self, call_id: str, outcome: str) -> None:
        """The call is over: write what is left and close its record; returns when it is written or spilled."""
        page = self._pages[call_id]
        page.end(outcome)
        await asyncio.wait({self._writers[call_id]})
        if not page.closed:
            self._put_aside(page)
        del self._pages[call_id], self._writers[call_id]

    async def close(self, seconds: float = 2.0) -> None:
        """The process ends: whatever is not in the database within `seconds` is spilled."""
        self._closing = True
        for page in self._pages.values():
            page.wake()
        writers = set(self._writers.values())
        if writers:
            _, late = await asyncio.wait(writers, timeout=seconds)
            for writer in late:
                writer.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for page in self._pages.values():
            if not page.written:
                self._put_aside(page)

    async def recover(self) -> list[str]:
        """Bring in what this worker spilled; the ids of those calls.

        Raises DatabaseBusyError, DatabaseDownError or DatabaseFullError; the rest is then for the next time.
        A file that cannot be read or taken is renamed to `.refused` and told of once.
        """
        brought = []
        for path in await asyncio.to_thread(find_pages, self._spill):
            try:
                page = Page.read(path)
                if page.call["worker"] != self._worker or page.id in self._pages:
                    continue
                await self._store(page)
                path.unlink(missing_ok=True)
            except (DatabaseBusyError, DatabaseDownError, DatabaseFullError):
                raise
            except Exception as error:
                log.error("spilled call record refused", file=path.name, error=type(error).__name__)
                path.replace(path.with_suffix(".refused"))
            else:
                brought.append(page.id)
        return brought

    # Writing

    async def _write(self, page: Page) -> None:
        pause = _FIRST_PAUSE
        while not (page.written and (page.outcome is not None or self._closing)):
            await self._wait_for_news(page)
            try:
                await self._store(page)
            except Exception as error:
                if self._out_of_patience(page):
                    log.error("call record not written", call_id=page.id, error=type(error).__name__)
                    return
                await page.pause(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            else:
                pause = _FIRST_PAUSE
                self._tell(page.id)

    async def _wait_for_news(self, page: Page) -> None:
        await page.changed.wait()
        if page.outcome is None and not self._closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(page.hurry.wait(), self._gather)
            if page.outcome is None and not self._closing:
                page.hurry.clear()
        page.changed.clear()

    async def _store(self, page: Page) -> None:
        """Write what is not written yet; may be asked for again after it failed at any point."""
        calls = self._database.calls
        try:
            if not page.begun:
                await calls.begin(page.id, **page.call)
                page.begun = True
            while page.entries:
                batch, news = page.entries[:BATCH], dict(page.news)
                await calls.append(page.id, batch, **news)
                del page.entries[: len(batch)]
                page.said(news)
            while page.outcome is None and page.news:
                news = dict(page.news)
                await calls.update(page.id, **news)
                page.said(news)
            if page.outcome is not None and not page.closed:
                await calls.finish(page.id, page.outcome, **page.news)
                page.said(page.news)
                page.closed = True
        except NotFoundError:
            page.begun = False
            raise

    def _out_of_patience(self, page: Page) -> bool:
        return self._closing or (page.ended_at is not None and page.seconds_since_end > self._patience)

    def _put_aside(self, page: Page) -> None:
        try:
            page.write(self._spill)
        except OSError as error:
            log.error("call record lost", call_id=page.id, entries=len(page.entries), error=error.strerror)

    def _tell_full(self, page: Page) -> None:
        if not page.full:
            page.full = True
            page.entries.append(TimelineEntry(page.count, 0.0, "timeline_full", {"most": MOST_ENTRIES}))
            log.error("timeline is full, the rest is left out", call_id=page.id, most=MOST_ENTRIES)

"""The company's own hours, kept in the database over those of the flows' file: in every worker within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final

import structlog

from ivr.bus import Bus, nudged
from ivr.flow import FlowStore
from ivr.flow.hours import open_state
from ivr.flow.model import Hours
from policy_db import PolicyDatabase, PolicyDatabaseError
from policy_db.administration import Calendar

log = structlog.get_logger(__name__)
#: How often the database is read although nothing was heard of a change (seconds).
EVERY: Final = 5.0
#: What a nudge about hours or recordings of prompts is called.
TOPICS: Final = frozenset({"hours", "prompt"})


class CompanyHours:
    """Answers whether a calendar is open, by the flows' file and what the company has changed of it."""

    def __init__(self, database: PolicyDatabase | None = None, *, every: float = EVERY) -> None:
        self._database = database
        self._every = every
        self._calendars: Mapping[str, Calendar] = {}

    def take(self, calendars: Mapping[str, Calendar]) -> None:
        """Answer by these from now on."""
        self._calendars = calendars

    def hours(self, name: str, of_file: Hours, now: datetime) -> Hours:
        """A calendar as it holds at a moment (an aware time)."""
        calendar = self._calendars.get(name)
        return of_file if calendar is None else overlaid(of_file, calendar, now)

    def open_state(self, name: str, of_file: Hours, now: datetime) -> str:
        """open | closed | holiday."""
        return open_state(self.hours(name, of_file, now), now)

    def of_queues(self, flows: FlowStore) -> Callable[[str, datetime], Hours | None]:
        """The service hours of a queue at a moment, by the calendar that the flows in use name for it, if they do."""

        def calendar(queue: str, now: datetime) -> Hours | None:
            hotline = flows.current.hotline
            known = hotline.queues.get(queue)
            of_file = hotline.calendars.get(known.hours) if known is not None and known.hours else None
            return None if known is None or of_file is None else self.hours(str(known.hours), of_file, now)

        return calendar

    async def read(self) -> None:
        """Read the database now. What fails is logged, and the hours stay as they were."""
        if self._database is None:
            return
        try:
            self.take(await self._database.administration.calendars())
        except PolicyDatabaseError as error:
            log.error("hours not read, the last ones hold", error=type(error).__name__)

    @asynccontextmanager
    async def kept(self, bus: Bus, look_again: Callable[[], object] = lambda: None) -> AsyncIterator[None]:
        """Keep the hours as the database has them, for the length of the block.

        `look_again` is called in a thread at the same occasions: it finds recordings of prompts that changed.
        """
        await self.read()
        async with nudged(bus, TOPICS) as news:
            task = asyncio.create_task(self._keep(news, look_again))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _keep(self, news: asyncio.Event, look_again: Callable[[], object]) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), self._every)
            news.clear()
            await self.read()
            try:
                await asyncio.to_thread(look_again)
            except OSError as error:
                log.error("recordings of prompts not read", error=error.strerror)


def overlaid(of_file: Hours, calendar: Calendar, now: datetime) -> Hours:
    """The file's hours with what the company has changed; an override that has ended does not count."""
    holds = calendar.override_until is None or now < calendar.override_until
    days = {day.isoformat(): hours for day, (hours, _note) in calendar.days.items()}
    changed: dict[str, object] = {"exceptions": {**of_file.exceptions, **days}}
    if calendar.week is not None:
        changed["week"] = dict(calendar.week)
    if calendar.swapped is not None:
        changed["swapped"] = calendar.swapped
    if calendar.override is not None and holds:
        changed["override"] = calendar.override
    return of_file.model_copy(update=changed)

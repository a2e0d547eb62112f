"""By when a message is to be answered: so many working hours by the company's calendar after it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ivr.call.company_hours import overlaid
from ivr.console.parts import ConsoleParts
from ivr.flow.hours import spans_on
from ivr.flow.model import Hotline, Hours
from policy_db import PolicyDatabase
from policy_db.message_facts import ANY_MAILBOX, DUE_HOURS

#: Days that are looked ahead; a calendar that is closed for longer is no calendar to go by.
_FARTHEST: Final = 400
_MIDNIGHT: Final = time(0)


@dataclass(frozen=True, slots=True)
class DueClock:
    """When a message of a mailbox and urgency is due. Without a calendar every hour is a working hour."""

    calendars: Mapping[str, Hours]
    hours: Mapping[tuple[str, str], float]
    calendar: Hours | None = None

    def __call__(self, mailbox: str, urgency: str, received: datetime) -> datetime:
        """The moment, aware and in the zone of `received`."""
        span = timedelta(hours=self.hours_for(mailbox, urgency))
        calendar = self.calendars.get(mailbox, self.calendar)
        return received + span if calendar is None else after_working(calendar, received, span)

    def hours_for(self, mailbox: str, urgency: str) -> float:
        """Working hours, by the mailbox's own rule or by the general one."""
        general = self.hours.get((ANY_MAILBOX, urgency), DUE_HOURS[urgency])
        return self.hours.get((mailbox, urgency), general)


async def due_clock(parts: ConsoleParts) -> DueClock:
    """The clock by the company's rules and calendars as they are now."""
    return await clock_of(parts.database, parts.flows.current.hotline, parts.clock())


async def clock_of(database: PolicyDatabase, hotline: Hotline, now: datetime) -> DueClock:
    """A mailbox goes by the calendar of the queue of its name, others by the hotline's first one.

    Calendars are as administrators have changed them: week and days. That the hotline is shut for the moment moves no
    message's due time.
    """
    kept = await database.administration.calendars()
    calendars = {
        name: overlaid(of_file, kept[name], now) if name in kept else of_file
        for name, of_file in hotline.calendars.items()
    }
    of_queues = {
        name: calendars[queue.hours] for name, queue in hotline.queues.items() if queue.hours is not None
    }
    hours = await database.messages.due_hours()
    return DueClock(of_queues, hours, next(iter(calendars.values()), None))


def after_working(calendar: Hours, start: datetime, working: timedelta) -> datetime:
    """The moment at which a calendar has been open for `working` since `start` (aware times)."""
    zone = ZoneInfo(calendar.zone)
    first = start.astimezone(zone).date()
    left = working
    for ahead in range(_FARTHEST):
        day = first + timedelta(days=ahead)
        for opens, closes in spans_on(calendar, day):
            begins = max(datetime.combine(day, opens, zone), start)
            ends = datetime.combine(day + timedelta(days=closes == _MIDNIGHT), closes, zone)
            open_for = ends.astimezone(start.tzinfo) - begins.astimezone(start.tzinfo)
            if open_for >= left:
                return (begins.astimezone(start.tzinfo) + left).astimezone(start.tzinfo)
            left -= max(open_for, timedelta(0))
    return start + working

"""Which days a report is about: whole days of the company's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from policy_db.moments import Period

#: The usual choices, by name: days that end today, or what `_preset` says.
PRESETS: Final = ("today", "yesterday", "week", "month", "this_month", "last_month")
USUAL: Final = "week"
#: The longest report, in days.
LONGEST: Final = 731


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day to the last, both included."""

    first: date
    last: date
    zone: ZoneInfo
    preset: str = ""

    @property
    def period(self) -> Period:
        """The instants between which they lie."""
        return Period.of_days(self.first, self.last, self.zone)

    @property
    def before(self) -> Days:
        """As many days just before them."""
        length = self.last - self.first + timedelta(days=1)
        return Days(self.first - length, self.last - length, self.zone)

    @property
    def query(self) -> str:
        """As an address says it."""
        return f"from={self.first}&to={self.last}"

    def open(self, now: datetime) -> bool:
        """Whether something can still happen in them."""
        return self.period.until > now


def days_of(wanted: str, first: str, last: str, zone: ZoneInfo, now: datetime) -> Days:
    """The days that are asked for; a preset, days given, or the last week. What makes no sense is put right."""
    today = now.astimezone(zone).date()
    begin, end = _day(first), _day(last)
    if wanted not in PRESETS and begin is not None and end is not None:
        begin, end = min(begin, end), min(max(begin, end), today)
        begin = min(begin, end)
        return Days(max(begin, end - timedelta(days=LONGEST - 1)), end, zone)
    preset = wanted if wanted in PRESETS else USUAL
    return Days(*_preset(preset, today), zone, preset)


def _preset(name: str, today: date) -> tuple[date, date]:
    match name:
        case "today":
            return today, today
        case "yesterday":
            return today - timedelta(days=1), today - timedelta(days=1)
        case "month":
            return today - timedelta(days=29), today
        case "this_month":
            return today.replace(day=1), today
        case "last_month":
            end = today.replace(day=1) - timedelta(days=1)
            return end.replace(day=1), end
        case _:
            return today - timedelta(days=6), today


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 < day.year < 2200 else None

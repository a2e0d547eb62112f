"""Opening hours with public holidays and swapped working days; pure functions of a calendar and a moment.

Public holidays come from the `holidays` package. For China it also knows the swapped working days (调休):
Saturdays and Sundays on which offices work, announced by the State Council each November for the next year.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from ivr.flow.model import Hours

OpenState = Literal["open", "closed", "holiday"]
Span = tuple[time, time]
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN: Final = re.compile(r"^(\d{2}):(\d{2})-(\d{2}):(\d{2})$")
_MIDNIGHT: Final = time(0)
#: Countries whose swapped working days are announced year by year.
_ANNOUNCED: Final = frozenset({"CN"})


def open_state(hours: Hours, now: datetime) -> OpenState:
    """Whether a calendar is open at `now` (an aware time).

    The order is: emergency override, exceptions of the date, swapped working days, public holidays, the week.
    Raises ValueError for a calendar that the checks would refuse.
    """
    if hours.override is not None:
        return hours.override
    local = now.astimezone(ZoneInfo(hours.zone))
    text = _text_of(hours, local.date())
    return "holiday" if text == "holiday" else _within(text, local.time())


def spans_on(hours: Hours, day: date) -> tuple[Span, ...]:
    """When a calendar is open on a day, in its own zone, whatever its emergency override says."""
    text = _text_of(hours, day)
    return () if text == "holiday" else parse_spans(text)


def _text_of(hours: Hours, day: date) -> str:
    """The day's hours as they are written, or `holiday`."""
    exception = hours.exceptions.get(day.isoformat())
    if exception is not None:
        return exception
    if hours.holidays is not None:
        off, swapped = _calendar(hours.holidays, day.year)
        if day in swapped:
            return hours.swapped or hours.week.get("mon", "closed")
        if day in off:
            return "holiday"
    return hours.week.get(_DAYS[day.weekday()], "closed")


def _within(text: str, moment: time) -> OpenState:
    for start, end in parse_spans(text):
        if start <= moment and (moment < end or end == _MIDNIGHT):
            return "open"
    return "closed"


@lru_cache(maxsize=256)
def parse_spans(text: str) -> tuple[Span, ...]:
    """`09:00-12:00,13:30-17:30` as pairs of times; `closed` as none. `24:00` may end a day.

    Raises ValueError with what to write.
    """
    if text.strip() == "closed":
        return ()
    return tuple(_parse_span(part.strip()) for part in text.split(","))


def _parse_span(text: str) -> Span:
    match = _SPAN.match(text)
    try:
        if match is None:
            raise ValueError
        numbers = [int(number) for number in match.groups()]
        start = time(numbers[0], numbers[1])
        end = _MIDNIGHT if numbers[2:] == [24, 0] else time(numbers[2], numbers[3])
    except ValueError:
        remedy = "write 09:00-17:30, several with a comma, or closed"
        raise ValueError(f"{text!r} are no opening hours; {remedy}") from None
    if end != _MIDNIGHT and end <= start:
        raise ValueError(f"{text!r} ends before it begins; a night is two days: 22:00-24:00 and 00:00-06:00")
    return start, end


@lru_cache(maxsize=128)
def _calendar(country: str, year: int) -> tuple[Collection[date], Collection[date]]:
    """Public holidays and swapped working days of one year. Raises ValueError for an unknown country."""
    try:
        found = holidays.country_holidays(country, years=[year])
    except NotImplementedError:
        message = f"there are no public holidays known for {country!r}; write a code such as CN, or null"
        raise ValueError(message) from None
    swapped = getattr(found, "weekend_workdays", None) or ()
    return frozenset(found), frozenset(day for day in swapped if day.year == year)


def hours_problems(hours: Hours) -> list[tuple[tuple[str, ...], str]]:
    """What is wrong with a calendar: the path in it, and what to write instead."""
    found: list[tuple[tuple[str, ...], str]] = []
    try:
        ZoneInfo(hours.zone)
    except (ZoneInfoNotFoundError, ValueError):
        found.append((("zone",), f"there is no time zone {hours.zone!r}; write one such as Asia/Shanghai"))
    texts: list[tuple[tuple[str, ...], str]] = [(("week", day), text) for day, text in hours.week.items()]
    texts += [(("exceptions", day), text) for day, text in hours.exceptions.items() if text != "holiday"]
    if hours.swapped is not None:
        texts.append((("swapped",), hours.swapped))
    for path, text in texts:
        try:
            parse_spans(text)
        except ValueError as error:
            found.append((path, str(error)))
    found.extend((("exceptions", day), f"{day!r} is no date; write 2026-02-14") for day in _odd_dates(hours))
    return found + _country_problem(hours)


def _odd_dates(hours: Hours) -> list[str]:
    odd = []
    for day in hours.exceptions:
        try:
            regular = date.fromisoformat(day).isoformat() == day
        except ValueError:
            regular = False
        if not regular:
            odd.append(day)
    return odd


def _country_problem(hours: Hours) -> list[tuple[tuple[str, ...], str]]:
    if hours.holidays is None:
        return []
    try:
        _calendar(hours.holidays, 2026)
    except ValueError as error:
        return [(("holidays",), str(error))]
    return []


def first_uncovered(hours: Hours, today: date, days: int = 90) -> date | None:
    """The first of the next `days` days whose swapped working days are not known to the installed package.

    None when all are known, or the country has no such thing. Then the package wants an update, or the days
    belong under `exceptions`.
    """
    if hours.holidays not in _ANNOUNCED:
        return None
    last = today + timedelta(days=days)
    for year in range(today.year, last.year + 1):
        if not _calendar(hours.holidays, year)[1]:
            return max(today, date(year, 1, 1))
    return None

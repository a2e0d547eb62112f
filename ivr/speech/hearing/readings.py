"""What one value may mean: a reading, its weight, and the helpers that days and times of every language share."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

#: Weight of a reading that people mean most often where two are possible, and of the other.
LIKELIER, OTHER = 0.74, 0.5
#: Weight of a reading that is right only if something was left out or put right by the caller.
LOOSE: Final = 0.85


@dataclass(frozen=True, slots=True)
class Reading:
    """`meaning` as it would have been typed; `weight` is 1 where the words say just that, less where they may not."""

    meaning: str = field(repr=False)
    weight: float = 1.0


def best_first(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Each meaning once, with its greatest weight, the heaviest first."""
    found: dict[str, float] = {}
    for reading in readings:
        found[reading.meaning] = max(reading.weight, found.get(reading.meaning, 0.0))
    return tuple(Reading(meaning, weight) for meaning, weight in sorted(found.items(), key=lambda it: -it[1]))


def day_key(day: date) -> str:
    """YYYYMMDD."""
    return f"{day:%Y%m%d}" if day.year >= 1000 else f"{day.year:04d}{day:%m%d}"


def make_day(year: int, month: int, day: int) -> date | None:
    """The day, or None if the calendar has none such."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def nearest_day(month: int, day: int, today: date, future: bool) -> date | None:
    """The latest such day up to today, or with `future` the next from today on, as keys MMDD are read."""
    for distance in range(9):
        found = make_day(today.year + (distance if future else -distance), month, day)
        if found is not None and ((found >= today) if future else (found <= today)):
            return found
    return None


def day_of_month(day: int, today: date, future: bool) -> date | None:
    """The latest day with that number up to today, or the next from today on."""
    for distance in range(13):
        year, month = shifted_month(today, distance if future else -distance)
        found = make_day(year, month, day)
        if found is not None and ((found >= today) if future else (found <= today)):
            return found
    return None


def shifted_month(today: date, months: int) -> tuple[int, int]:
    """Year and month so many months away."""
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    return year, month + 1


def same_day_of(today: date, months: int) -> date | None:
    """Today's day in another month, or that month's last."""
    year, month = shifted_month(today, months)
    return moved(today, 0) and make_day(year, month, min(today.day, _length(year, month)))


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1] if 1 <= year <= 9999 else 0


def moved(today: date, days: int) -> date | None:
    """So many days later; None past the ends of the calendar."""
    try:
        return today + timedelta(days=days)
    except OverflowError:
        return None


def weekday_of_week(today: date, weekday: int, weeks: int) -> date | None:
    """That day (0 is Monday) of the week so many weeks away; a week begins on Monday."""
    return moved(today, weekday - today.weekday() + 7 * weeks)


def nearest_weekday(today: date, weekday: int, future: bool) -> date | None:
    """The latest such weekday up to today, or the next from today on."""
    ahead = (weekday - today.weekday()) % 7
    return moved(today, ahead if future or ahead == 0 else ahead - 7)


def full_year(two: int, today: date, future: bool) -> int:
    """98 is 1998 and 26 is 2026: within the next twenty years (`future`), or up to ten from now, else before."""
    year = today.year // 100 * 100 + two
    return year - 100 if year > today.year + (20 if future else 10) else year


def typed_days(figures: str, today: date, future: bool) -> tuple[Reading, ...]:
    """A date read figure by figure, as it would be typed: 20260305, or 0305."""
    if len(figures) == 8:
        day = make_day(int(figures[:4]), int(figures[4:6]), int(figures[6:]))
    elif len(figures) == 4:
        day = nearest_day(int(figures[:2]), int(figures[2:]), today, future)
    else:
        return ()
    return (Reading(day_key(day)),) if day else ()


def clock_readings(hour: int, minute: int, half: str) -> tuple[Reading, ...]:
    """HHMM of an hour by either clock. `half` is `am`, `pm`, or empty where the caller did not say.

    Then people mean the working day (7 to 18 o'clock), but it is asked back.
    """
    if not (0 <= hour <= 24 and 0 <= minute <= 59) or (hour == 24 and minute):
        return ()
    if half and not 1 <= hour <= 12:
        half = "" if hour else "am"
    if half:
        return (Reading(time_key(hour % 12 + (12 if half == "pm" else 0), minute)),)
    if not 1 <= hour <= 12:
        return (Reading(time_key(hour % 24, minute)),)
    day = hour if 7 <= hour <= 12 else hour + 12
    return Reading(time_key(day, minute), LIKELIER), Reading(time_key((day + 12) % 24, minute), OTHER)


def time_key(hour: int, minute: int) -> str:
    """HHMM."""
    return f"{hour:02d}{minute:02d}"


def money_key(cents: int) -> str:
    """As few keys as enter it: 3500, 3500*2, 3500*05."""
    whole, rest = divmod(cents, 100)
    return f"{whole}*{rest:02d}".rstrip("0") if rest else str(whole)

"""English days and times: next Wednesday, the twentieth of last month, March fifth, quarter past eight."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from ivr.speech.hearing import readings
from ivr.speech.hearing.numbers_en import ONES, TENS, cardinal, figures
from ivr.speech.hearing.readings import LIKELIER, LOOSE, OTHER, Reading

MONTHS: Final = {
    "january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9,
    "october": 10, "november": 11, "december": 12,
}  # fmt: skip
WEEKDAYS: Final = {
    name: number
    for number, name in enumerate(
        ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    )
}
ORDINALS: Final = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_DAYS: Final = {
    ("today",): 0, ("tonight",): 0, ("yesterday",): -1, ("tomorrow",): 1, ("day", "before", "yesterday"): -2,
    ("day", "after", "tomorrow"): 2, ("last", "night"): -1,
}  # fmt: skip
_UNITS: Final = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_SHIFTS: Final = {"last": -1, "this": 0, "next": 1, "current": 0, "coming": 1, "past": -1, "previous": -1}
_LIGHT: Final = frozenset({"the", "on", "of", "in", "at", "a", "day", "date", "year"})
_HALVES: Final = {
    ("a", "m"): "am", ("am",): "am", ("p", "m"): "pm", ("pm",): "pm", ("in", "the", "morning"): "am",
    ("in", "the", "afternoon"): "pm", ("in", "the", "evening"): "pm", ("at", "night"): "night", ("this", "morning"): "am",
    ("this", "afternoon"): "pm", ("this", "evening"): "pm", ("tonight",): "pm", ("morning",): "am",
    ("afternoon",): "pm", ("evening",): "pm", ("last", "night"): "night",
}  # fmt: skip
_WORDS_OF_TIME: Final = frozenset(
    {
        "o'clock",
        "oclock",
        "am",
        "pm",
        "a",
        "p",
        "m",
        "morning",
        "afternoon",
        "evening",
        "night",
        "noon",
        "midnight",
    }
)


def days(words: Sequence[str], today: date, future: bool) -> tuple[Reading, ...]:
    """The days that words may mean. A time of day before or behind is passed over."""
    found: list[Reading] = []
    for part in _without_time(tuple(words)):
        found += _relative(part, today, future)
        found += _calendar(part, today, future)
        found += [r for typed in figures(part) for r in readings.typed_days(typed, today, future)]
    return readings.best_first(found)


def _without_time(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The words, and if need be those before or behind a time of day."""
    parts = [words]
    for at in range(1, len(words)):
        if times(words[at:]) and (set(words[at:]) & _WORDS_OF_TIME or words[at] == "at"):
            parts.append(words[:at])
        if times(words[:at]) and set(words[:at]) & _WORDS_OF_TIME:
            parts.append(words[at:])
    return parts


def _as_readings(*found: tuple[date | None, float]) -> list[Reading]:
    return [Reading(readings.day_key(day), weight) for day, weight in found if day is not None]


def _relative(words: tuple[str, ...], today: date, future: bool) -> list[Reading]:
    """Days counted from today."""
    core = tuple(word for word in words if word not in ("the", "on"))
    if core[-1:] in (("morning",), ("afternoon",), ("evening",), ("night",)) and core not in _DAYS:
        core = core[:-1]
    if core in _DAYS:
        return _as_readings((readings.moved(today, _DAYS[core]), 1.0))
    return _weekday(core, today, future) or _counted(core, today)


def _weekday(core: tuple[str, ...], today: date, future: bool) -> list[Reading]:
    """A weekday by itself is the nearest; `next` and `last` may mean that one or the week's, which is asked back."""
    match core:
        case (name,) if name in WEEKDAYS:
            return _as_readings((readings.nearest_weekday(today, WEEKDAYS[name], future), 1.0))
        case (shift, name) if shift in _SHIFTS and name in WEEKDAYS:
            return _shifted_weekday(_SHIFTS[shift], WEEKDAYS[name], today)
        case (name, shift, "week") if shift in _SHIFTS and name in WEEKDAYS:
            return _as_readings((readings.weekday_of_week(today, WEEKDAYS[name], _SHIFTS[shift]), 1.0))
        case _:
            return []


def _shifted_weekday(shift: int, weekday: int, today: date) -> list[Reading]:
    of_week = readings.weekday_of_week(today, weekday, shift)
    if shift == 0:
        return _as_readings((of_week, 1.0))
    ahead = (weekday - today.weekday()) % 7
    near = readings.moved(today, (ahead or 7) if shift > 0 else (ahead - 7))
    if near == of_week:
        return _as_readings((near, 1.0))
    return _as_readings((of_week, LIKELIER), (near, OTHER))


def _counted(core: tuple[str, ...], today: date) -> list[Reading]:
    """`three days ago`, `in a week`, `two months from now`."""
    match core:
        case (*count, unit, "ago"):
            sign = -1
        case ("in", *count, unit):
            sign = 1
        case (*count, unit, "from", "now" | "today"):
            sign = 1
        case _:
            return []
    number = 1 if count in (["a"], ["one"]) else cardinal(count)
    if number is None:
        return []
    if unit in _UNITS:
        return _as_readings((readings.moved(today, sign * number * _UNITS[unit]), 1.0))
    months = {"month": 1, "months": 1, "year": 12, "years": 12}.get(unit)
    return _as_readings((readings.same_day_of(today, sign * number * months), 1.0)) if months else []


def _calendar(words: tuple[str, ...], today: date, future: bool) -> list[Reading]:
    """A month and a day, in either order, with or without a year; `the twentieth of last month`."""
    core = [word for word in words if word not in _LIGHT and word not in WEEKDAYS]
    for at, word in enumerate(core):
        if word == "month" and at and core[at - 1] in _SHIFTS:
            day = _day(core[: at - 1] + core[at + 1 :])
            month = readings.shifted_month(today, _SHIFTS[core[at - 1]])
            return _as_readings((readings.make_day(*month, day), 1.0)) if day else []
        if word in MONTHS:
            return _in_month(core[:at], MONTHS[word], core[at + 1 :], today, future)
    day = _day(core) if core and core[-1] in ORDINALS else None
    return _as_readings((readings.day_of_month(day, today, future), 1.0)) if day else []


def _in_month(before: list[str], month: int, behind: list[str], today: date, future: bool) -> list[Reading]:
    """`fifth march 2026`, `march fifth 2026`, `march five`, `fifth march`."""
    splits = (
        [(before, behind)] if before else [(behind[:at], behind[at:]) for at in range(len(behind), 0, -1)]
    )
    found: list[Reading] = []
    for day_words, year_words in splits:
        day, years = _day(day_words), _years(year_words, today, future)
        weight = 1.0 if day_words and day_words[-1] in ORDINALS else LOOSE if year_words else 0.95
        if day is None:
            continue
        if not year_words:
            found += _nearest(month, day, today, future)
        found += _as_readings(*((readings.make_day(year, month, day), weight) for year in years))
    return found


def _nearest(month: int, day: int, today: date, future: bool) -> list[Reading]:
    day_, other = (readings.nearest_day(month, day, today, way) for way in (future, not future))
    return _as_readings((day_, 1.0), *([] if other == day_ else [(other, 0.2)]))


def _day(words: Sequence[str]) -> int | None:
    """1 to 31, as ordinal or number."""
    if len(words) == 2 and words[0] in TENS and words[1] in ORDINALS:
        number: int | None = TENS[words[0]] + ORDINALS[words[1]]
    elif len(words) == 1 and words[0] in ORDINALS:
        number = ORDINALS[words[0]]
    else:
        number = cardinal(words) if len(words) <= 2 else None
    return number if number and 1 <= number <= 31 else None


def _years(words: Sequence[str], today: date, future: bool) -> list[int]:
    """The years that words may mean: `twenty twenty six`, `two thousand and six`, `ninety eight`, `last year`."""
    if not words:
        return []
    if len(words) == 1 and words[0] in _SHIFTS:
        return [today.year + _SHIFTS[words[0]]]
    number = cardinal(words)
    if number is not None and 1000 <= number <= 9999:
        return [number]
    years = [int(read) for read in figures(words) if len(read) == 4 and read[0] != "0"]
    if not years and number is not None and number < 100 and len(words) <= 2:
        years = [readings.full_year(number, today, future)]
    return years


def times(words: Sequence[str]) -> tuple[Reading, ...]:
    """The times of day that words may mean. A day before or behind is passed over."""
    core = [word for word in words if word not in ("about", "around")]
    if core[:1] == ["at"]:
        core = core[1:]
    core, half = _half(core)
    if core == ["noon"] or core == ["midday"]:
        return (Reading("1200"),)
    if core == ["midnight"]:
        return (Reading("0000"),)
    clock = _clock([word for word in core if word not in ("o'clock", "oclock", "sharp")])
    if clock is None:
        return ()
    if half == "night":
        half = "pm" if 5 <= clock[0] <= 11 else "am"
    return readings.clock_readings(*clock, half)


def _half(words: list[str]) -> tuple[list[str], str]:
    """The words without the part of the day, and which half it is."""
    for name in sorted(_HALVES, key=len, reverse=True):
        if len(words) > len(name) and tuple(words[-len(name) :]) == name:
            return words[: -len(name)], _HALVES[name]
    return words, ""


def _clock(words: list[str]) -> tuple[int, int] | None:
    """Hour and minute: `quarter past eight`, `ten to nine`, `eight thirty`, `eight oh five`."""
    for link, sign in (("past", 1), ("after", 1), ("to", -1), ("before", -1), ("of", -1), ("till", -1)):
        if link in words:
            at = words.index(link)
            return _linked(words[:at], sign, words[at + 1 :])
    for at in range(min(2, len(words)), 0, -1):
        hour, minute = cardinal(words[:at]), _minute(words[at:])
        if hour is not None and hour <= 24 and minute is not None:
            return hour, minute
    return None


def _linked(minutes: list[str], sign: int, hours: list[str]) -> tuple[int, int] | None:
    hour = 12 if hours in (["noon"], ["midnight"]) else cardinal(hours)
    part = [word for word in minutes if word not in ("minutes", "minute", "a")]
    minute = {"half": 30, "quarter": 15}.get(" ".join(part)) or cardinal(part)
    if hour is None or minute is None or not 0 < minute < 60 or not 0 <= hour <= 24:
        return None
    return (hour, minute) if sign > 0 else ((hour - 1) % 24 or (12 if hour == 1 else 0), 60 - minute)


def _minute(words: list[str]) -> int | None:
    """00 to 59: nothing, `thirty`, `oh five`, `hundred`."""
    if not words:
        return 0
    if len(words) == 2 and words[0] in ("oh", "o", "zero") and 0 < ONES.get(words[1], 0) < 10:
        return ONES[words[1]]
    if len(words) == 1 and 0 <= ONES.get(words[0], 10) < 10:
        return None
    minute = cardinal(words)
    return minute if minute is not None and minute < 60 else None

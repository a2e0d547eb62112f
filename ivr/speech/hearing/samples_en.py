"""English values as people say them, for the grammar: every word of a kind with the neighbours it has."""

from __future__ import annotations

import random
from itertools import product
from typing import Final

from ivr.speech.hearing import dates_en, numbers_en

#: How many random numbers stand for all of them.
SAMPLES: Final = 800
FIGURES: Final = (*tuple(numbers_en.ONES)[:10], "oh")
_SMALL: Final = (*numbers_en.ONES,)[1:]


def _hundred(number: int) -> str:
    if number < 20:
        return _SMALL[number - 1]
    tens = (*numbers_en.TENS,)[number // 10 - 2]
    return f"{tens} {_SMALL[number % 10 - 1]}" if number % 10 else tens


def numbers() -> list[str]:
    """Whole numbers."""
    pick = random.Random(7)  # noqa: S311
    small = [_hundred(number) for number in range(1, 100)]
    found = [*small, "zero", "a hundred", "a thousand"]
    found += [f"{name} {size}" for name in small for size in ("hundred", "thousand")]
    found += [
        f"{name} hundred {link}{other}" for name in small[:9] for link in ("", "and ") for other in small
    ]
    for _ in range(SAMPLES):
        thousands, hundreds = pick.choice(small), pick.choice(small[:9])
        found.append(
            f"{thousands} thousand {hundreds} hundred {pick.choice(('', 'and '))}{pick.choice(small)}"
        )
        found.append(f"{thousands} thousand {hundreds} hundred")
    return found + [f"{first} {second}" for first in small for second in small[9::5]]


def amounts() -> list[str]:
    """Amounts of money, with their units and without."""
    small = [_hundred(number) for number in range(1, 100)]
    found = numbers()
    found += [
        f"{tail} {unit}" for tail in (*small, "hundred", "thousand") for unit in ("yuan", "dollars", "r m b")
    ]
    found += [
        f"yuan {link}{name}{unit}"
        for name in small[4::5]
        for link in ("", "and ")
        for unit in ("", " fen", " cents")
    ]
    return found + [f"point {name}" for name in (*numbers_en.ONES,)[:10]]


def days() -> list[str]:
    """Days by the calendar, by the week and from today."""
    ordinals = [_ordinal(day) for day in range(1, 32)]
    months, weekdays = list(dates_en.MONTHS), list(dates_en.WEEKDAYS)
    near = ["last month", "this month", "next month"]
    found = [f"{month} {link}{day}" for month, link, day in product(months, ("", "the "), ordinals)]
    found += [f"{day} of {month}" for day, month in product(ordinals, [*months, *near])]
    found += [f"the {day}" for day in ordinals] * 2 + [
        f"{month} {_hundred(day)}" for month in months for day in range(1, 32)
    ]
    years = [_year(year) for year in range(1930, 2050)]
    found += [f"{day} {year}" for day in ordinals for year in years[65::3]] + [
        f"{month} {year}" for month in months for year in years
    ]
    found += ["today", "yesterday", "tomorrow", "the day before yesterday", "the day after tomorrow"] * 6
    found += [
        f"{shift} {day}".strip() for shift in ("next", "last", "this", "", "on") for day in weekdays
    ] * 2
    counts = ["a", *(_hundred(number) for number in range(1, 15))]
    units = ("day", "days", "week", "weeks", "month", "months")
    return (
        found
        + [f"{count} {unit} ago" for count, unit in product(counts, units)]
        + [f"in {count} {unit}" for count, unit in product(counts, units)]
    )


def _ordinal(day: int) -> str:
    names = {number: name for name, number in dates_en.ORDINALS.items()}
    return names.get(day) or f"{_hundred(day - day % 10)} {names[day % 10]}"


def _year(year: int) -> str:
    century, rest = divmod(year, 100)
    if 2000 <= year <= 2009:
        return f"two thousand {_hundred(rest)}" if rest else "two thousand"
    tail = _hundred(rest) if rest else "hundred"
    return f"{_hundred(century)} {'oh ' if 0 < rest < 10 else ''}{tail}"


def times() -> list[str]:
    """Times of day."""
    hours = [_hundred(hour) for hour in range(1, 13)]
    ends = [
        "o'clock",
        "a m",
        "p m",
        "in the morning",
        "in the afternoon",
        "in the evening",
        "at night",
        "am",
        "pm",
    ]
    minutes = [f"oh {name}" for name in _SMALL[:9]] + [_hundred(minute) for minute in range(10, 60)]
    found = [f"{hour} {end}" for hour, end in product(hours, [*ends, *minutes])]
    found += [f"{minute} {end}" for minute in minutes[9::5] for end in ends]
    links = [
        "half past",
        "quarter past",
        "a quarter past",
        "quarter to",
        "a quarter to",
        "ten past",
        "ten to",
        "five past",
        "five to",
        "twenty past",
        "twenty to",
    ]
    return (
        found + [f"{link} {hour}" for link, hour in product(links, hours)] + hours + ["noon", "midnight"] * 4
    )

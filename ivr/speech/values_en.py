"""English values: digits by pairs, numbers by thousands and hundreds, ordinals in dates, the twelve-hour clock."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

from ivr.flow.values import Money, Value
from ivr.speech.values import (
    GROUP_BREATH,
    Carrier,
    NotSpeakableError,
    as_date,
    as_datetime,
    as_decimal,
    as_digits,
    as_integer,
    as_money,
    as_seconds,
    as_time,
    digit_groups,
    duration_parts,
)

_ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS: Final = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
)  # fmt: skip
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
KEYS: Final = {"*": "star", "#": "hash"}
CURRENCIES: Final = {
    "CNY": ("yuan", "yuan"),
    "HKD": ("Hong Kong dollar", "Hong Kong dollars"),
    "USD": ("dollar", "dollars"),
    "EUR": ("euro", "euros"),
    "MOP": ("pataca", "patacas"),
}
CENTS: Final = {"CNY": "fen", "HKD": "cents", "USD": "cents", "EUR": "cents", "MOP": "avos"}
_SCALES: Final = ((10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_DURATIONS: Final = ("day", "hour", "minute", "second")
#: Each piece opens a sentence of its own, which gives it a clean start, and goes on, which keeps its tone level.
CARRIER: Final = Carrier("", ", thank you for calling.")
FIRST_YEAR, LAST_YEAR = 1995, 2060
LARGEST: Final = 10**12


def below_hundred(number: int) -> str:
    """`forty five` of 45."""
    if number < 20:
        return _ONES[number]
    return _TENS[number // 10] + (f" {_ONES[number % 10]}" if number % 10 else "")


def ordinal(number: int) -> str:
    """`twenty first` of 21, for days of a month."""
    if number <= 20:
        return _ORDINALS[number - 1]
    return "thirtieth" if number == 30 else f"{_TENS[number // 10]} {_ORDINALS[number % 10 - 1]}"


def integer(number: int) -> list[str]:
    """Chunks of a whole number: `three thousand`, `two hundred`, `forty five`."""
    if number < 0:
        return ["minus", *integer(-number)]
    if number >= LARGEST:
        return [_ONES[int(digit)] for digit in str(number)]
    if number < 100:
        return [below_hundred(number)]
    chunks: list[str] = []
    for size, name in _SCALES:
        count, number = divmod(number, size)
        if count:
            chunks += _scaled(count, name)
    return chunks + (_below_thousand(number) if number else [])


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    return ([f"{_ONES[hundreds]} hundred"] if hundreds else []) + ([below_hundred(rest)] if rest else [])


def _scaled(count: int, name: str) -> list[str]:
    return _with_unit(_below_thousand(count), name)


def decimal(number: Decimal) -> list[str]:
    """`three`, `point one`, `four`; trailing zeros are left out."""
    whole, _, fraction = f"{abs(number):f}".partition(".")
    fraction = fraction.rstrip("0")
    chunks = (["minus"] if number < 0 and (int(whole) or fraction) else []) + integer(int(whole))
    rest = [_ONES[int(digit)] for digit in fraction]
    return chunks + ([f"point {rest[0]}", *rest[1:]] if rest else [])


def money(amount: Money) -> list[str]:
    """`three thousand`, `two hundred`, `yuan`, `fifty`, `fen`; rounded half up to the cent, as a bill is."""
    if amount.currency not in CURRENCIES:
        raise NotSpeakableError(f"no English name for the currency {amount.currency}")
    cents = int((abs(amount.amount) * 100).to_integral_value(ROUND_HALF_UP))
    sign = ["minus"] if amount.amount < 0 and cents else []
    whole, rest = divmod(cents, 100)
    one, many = CURRENCIES[amount.currency]
    chunks = [*sign, *_with_unit(integer(whole), one if whole == 1 else many)] if whole or not rest else sign
    if rest:
        chunks += [below_hundred(rest), CENTS[amount.currency].removesuffix("s" if rest == 1 else "")]
    return chunks


def _with_unit(chunks: list[str], unit: str) -> list[str]:
    together = f"{chunks[-1]} {unit}"
    return [*chunks[:-1], together] if together in _inventory() else [*chunks, unit]


def digits(text: str) -> list[str]:
    """Pairs within groups: `eight six`, `zero zero`, a breath, `one two`, `three four`."""
    pieces: list[str] = []
    for group in digit_groups(text):
        words = [KEYS.get(char) or _ONES[int(char)] for char in group]
        if pieces:
            pieces.append(GROUP_BREATH)
        pieces += _pairs(words) if group.isdigit() else words
    return pieces


def _pairs(words: list[str]) -> list[str]:
    start = len(words) % 2
    return words[:start] + [" ".join(words[at : at + 2]) for at in range(start, len(words), 2)]


def year(number: int) -> list[str]:
    """`twenty twenty six`, `two thousand five`, one clip for the years people live in."""
    century, rest = divmod(number, 100)
    if not FIRST_YEAR <= number <= LAST_YEAR:
        return [below_hundred(century), below_hundred(rest)] if rest >= 10 else integer(number)
    if 2000 <= number <= 2009:
        return ["two thousand" + (f" {_ONES[rest]}" if rest else "")]
    if rest == 0:
        return [f"{below_hundred(century)} hundred"]
    return [f"{below_hundred(century)} {'oh ' if rest < 10 else ''}{below_hundred(rest)}"]


def clock(hour: int, minute: int) -> list[str]:
    """`nine`, `thirty`, `a.m.`; the full hour is `nine`, `a.m.`."""
    half = "a.m." if hour < 12 else "p.m."
    name = below_hundred((hour - 1) % 12 + 1)
    if minute == 0:
        return [name, half]
    return [name, f"oh {below_hundred(minute)}" if minute < 10 else below_hundred(minute), half]


def duration(seconds: int) -> list[str]:
    """`two days`, `three hours`; zero is `zero seconds`."""
    chunks: list[str] = []
    for count, unit in zip(duration_parts(seconds), _DURATIONS, strict=True):
        if count:
            chunks += _with_unit(integer(count), unit if count == 1 else unit + "s")
    return chunks or ["zero", "seconds"]


class English:
    """`SpokenValues` of English."""

    language = "en"
    units: tuple[str, ...] = ()
    carrier = CARRIER
    short = 12

    def say(self, kind: str, value: Value, unit: str = "") -> list[str]:
        """See `SpokenValues.say`."""
        match kind:
            case "digits":
                return digits(as_digits(value))
            case "integer":
                return integer(as_integer(value))
            case "decimal":
                return decimal(as_decimal(value))
            case "percent":
                return [*decimal(as_decimal(value)), "percent"]
            case "money":
                return money(as_money(value))
            case "duration":
                return duration(as_seconds(value))
            case _:
                return self._say_when(kind, value)

    def _say_when(self, kind: str, value: Value) -> list[str]:
        if kind == "time":
            moment = as_time(value)
            return clock(moment.hour, moment.minute)
        if kind == "datetime":
            at = as_datetime(value)
            return [*self._say_when("date", at), ",", *clock(at.hour, at.minute)]
        day = as_date(value)
        month = MONTHS[day.month - 1]
        return [month, *([] if kind == "month" else [ordinal(day.day)]), *year(day.year)]

    def write(self, kind: str, value: Value) -> str:
        """See `SpokenValues.write`."""
        match kind:
            case "digits":
                return as_digits(value)
            case "integer":
                return str(as_integer(value))
            case "decimal":
                return f"{as_decimal(value):f}"
            case "percent":
                return f"{as_decimal(value):f}%"
            case "money":
                amount = as_money(value)
                return f"{amount.amount:,.2f} {CURRENCIES.get(amount.currency, ('', amount.currency))[1]}"
            case "duration":
                return _write_duration(as_seconds(value))
            case _:
                return self._write_when(kind, value)

    def _write_when(self, kind: str, value: Value) -> str:
        if kind == "time":
            return f"{as_time(value):%H:%M}"
        day = as_date(value)
        if kind == "month":
            return f"{MONTHS[day.month - 1]} {day.year}"
        written = f"{day.day} {MONTHS[day.month - 1]} {day.year}"
        return f"{written}, {as_datetime(value):%H:%M}" if kind == "datetime" else written

    def inventory(self) -> Mapping[str, Carrier]:
        """See `SpokenValues.inventory`."""
        return _inventory()


def _write_duration(seconds: int) -> str:
    parts = zip(duration_parts(seconds), _DURATIONS, strict=True)
    written = " ".join(f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)
    return written or "0 seconds"


@cache
def _inventory() -> Mapping[str, Carrier]:
    words = [below_hundred(number) for number in range(100)]
    ends = [*words, *(f"{ones} hundred" for ones in _ONES[1:10])]
    names = [*ends, *(f"{end} thousand" for end in ends[1:]), *(f"{word} million" for word in words[1:20])]
    names += [name for _, name in _SCALES] + ["minus", "percent", *KEYS.values()]
    names += [f"point {ones}" for ones in _ONES[:10]]
    names += [unit for pair in CURRENCIES.values() for unit in pair]
    names += [unit.removesuffix(plural) for unit in CENTS.values() for plural in ("", "s")]
    names += [f"{first} {second}" for first in _ONES[:10] for second in _ONES[:10]]
    return dict.fromkeys([*names, *_time_names(words)], CARRIER)


def _time_names(words: list[str]) -> list[str]:
    names = [year(number)[0] for number in range(FIRST_YEAR, LAST_YEAR + 1)]
    names += [*MONTHS, *(ordinal(day) for day in range(1, 32))]
    names += [f"oh {word}" for word in words[1:10]] + ["a.m.", "p.m."]
    names += [unit + plural for unit in _DURATIONS for plural in ("", "s")]
    return names

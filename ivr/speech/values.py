"""Saying a value aloud: what every spoken language supplies, and which value types there are to say.

A spoken value is a list of small pieces taken from a closed set (`SpokenValues.inventory`), so that a finite
set of recorded clips says every number, amount and date. A comma-like mark among the pieces is a breath.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Protocol

from ivr.flow.values import Money, Value

#: Slot types spoken by rule, and the plain type of the variable that fills each.
SPOKEN_TYPES: Final[Mapping[str, str]] = {
    "digits": "digits",
    "integer": "integer",
    "decimal": "decimal",
    "percent": "decimal",
    "money": "money",
    "date": "date",
    "month": "date",
    "time": "time",
    "datetime": "datetime",
    "duration": "duration",
}

#: How long the breath of each punctuation mark lasts, in seconds, where it stands between clips.
PAUSES: Final[Mapping[str, float]] = {
    "、": 0.12, "-": 0.16, "，": 0.20, ",": 0.20, "：": 0.24, ":": 0.24, "；": 0.30, ";": 0.30,
    "。": 0.38, ".": 0.38, "！": 0.38, "!": 0.38, "？": 0.42, "?": 0.42, "…": 0.42,
}  # fmt: skip

#: The breath between groups of digits; it stands for itself in a list of spoken pieces.
GROUP_BREATH: Final = "-"


class NotSpeakableError(ValueError):
    """The value is not of the slot's type, so there is no way to say it; the caller of `say` leaves it out."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """The sentence in which a piece is rendered, so that it sounds as in running speech: before + piece + after."""

    before: str = ""
    after: str = ""


#: Said by itself.
ALONE: Final = Carrier()


class SpokenValues(Protocol):
    """One language's way of saying values. Implementations are pure and hold no state."""

    @property
    def language(self) -> str:
        """BCP 47 tag, such as `zh-CN`."""
        ...

    @property
    def units(self) -> tuple[str, ...]:
        """Measure words said in one with the whole number before them (天, 周岁), longer ones first."""
        ...

    @property
    def carrier(self) -> Carrier:
        """The sentence a small piece is rendered in. It begins with the mark of a sentence that goes on."""
        ...

    @property
    def short(self) -> int:
        """A fixed text of no more characters than this is rendered in that sentence too."""
        ...

    def say(self, kind: str, value: Value, unit: str = "") -> list[str]:
        """The pieces that say `value` as `kind` (a key of `SPOKEN_TYPES`), in order.

        `unit`, one of `units`, follows a whole number. Raises NotSpeakableError where the value is not of that kind.
        """
        ...

    def write(self, kind: str, value: Value) -> str:
        """The value as a person would read it on a screen: `3,200.00元`, `5 March 2026`."""
        ...

    def inventory(self) -> Mapping[str, Carrier]:
        """Every piece `say` can return, breaths aside, with the sentence it is rendered in."""
        ...


def as_money(value: Value) -> Money:
    """A Money, or a plain number taken as yuan; NotSpeakableError otherwise."""
    if isinstance(value, Money):
        return value
    return Money(as_decimal(value))


def as_decimal(value: Value) -> Decimal:
    """A finite Decimal of an int or Decimal; NotSpeakableError otherwise (floats and booleans are refused)."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise NotSpeakableError(f"a number is needed, not {type(value).__name__}")
    number = Decimal(value)
    if not number.is_finite():
        raise NotSpeakableError("a finite number is needed")
    return number


def as_integer(value: Value) -> int:
    """An int; NotSpeakableError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise NotSpeakableError(f"a whole number is needed, not {type(value).__name__}")
    return value


def as_digits(value: Value) -> str:
    """The characters 0-9, * and # of a text, others left out; NotSpeakableError if it is no text."""
    if not isinstance(value, str):
        raise NotSpeakableError(f"digits are needed, not {type(value).__name__}")
    return "".join(char for char in value if char in "0123456789*#")


def as_date(value: Value) -> date:
    """A date; NotSpeakableError otherwise. A datetime counts by its own calendar day."""
    if isinstance(value, datetime):
        return value.date()
    if not isinstance(value, date):
        raise NotSpeakableError(f"a date is needed, not {type(value).__name__}")
    return value


def as_time(value: Value) -> time:
    """A time of day; NotSpeakableError otherwise."""
    if isinstance(value, datetime):
        return value.time()
    if not isinstance(value, time):
        raise NotSpeakableError(f"a time is needed, not {type(value).__name__}")
    return value


def as_datetime(value: Value) -> datetime:
    """A date with a time; NotSpeakableError otherwise."""
    if not isinstance(value, datetime):
        raise NotSpeakableError(f"a date with a time is needed, not {type(value).__name__}")
    return value


def as_seconds(value: Value) -> int:
    """Whole seconds of a duration, never negative; NotSpeakableError otherwise."""
    if not isinstance(value, timedelta):
        raise NotSpeakableError(f"a duration is needed, not {type(value).__name__}")
    return max(0, round(value.total_seconds()))


def duration_parts(seconds: int) -> tuple[int, int, int, int]:
    """Days, hours, minutes, seconds of a length."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    return days, hours, *divmod(rest, 60)


def digit_groups(text: str) -> list[str]:
    """A number split as people say it: 3-4-4 for a mobile, fours where that comes out even, else threes."""
    length = len(text)
    if length <= 4:
        return [text] if text else []
    if length == 5:
        sizes = [3, 2]
    elif length % 4 == 0:
        sizes = [4] * (length // 4)
    elif length % 4 == 3:
        sizes = [3] + [4] * (length // 4)
    elif length % 3 == 0:
        sizes = [3] * (length // 3)
    else:
        sizes = (
            [3, 3] + [4] * ((length - 6) // 4) if length % 4 == 2 else [3, 3, 3] + [4] * ((length - 9) // 4)
        )
    groups, start = [], 0
    for size in sizes:
        groups.append(text[start : start + size])
        start += size
    return groups

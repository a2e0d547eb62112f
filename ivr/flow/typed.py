"""Keys as typed values: what a caller typed into a `collect` step, read as its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Final

from ivr.flow.values import Money, Secret, Value

#: The most keys that make sense for a type, whatever the step allows.
MOST_KEYS: Final[Mapping[str, int]] = {"date": 8, "time": 4, "phone": 15}
#: Mobile numbers, landlines with area code, service numbers, and numbers with 00 and a country code.
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{9,11}|[2-9]\d{6,7}|400\d{7}|95\d{3,6}|00\d{6,13}")
_MONEY = re.compile(r"\d+(\*\d{0,2})?")


class NotTypedError(ValueError):
    """The keys are no value of the type. Carries nothing: the keys may be private."""


def read_keys(keys: str, kind: str, today: date, future: bool = False) -> Value:
    """The value of `keys` as `kind`, a collect type; raises `NotTypedError`.

    A date is YYYYMMDD, or MMDD for the latest such day up to today (`future`: the next from today on). A time
    is HHMM. In an amount of money `*` is the decimal point.
    """
    if kind == "date":
        return _date(keys, today, future)
    reader = _READERS.get(kind)
    return keys if reader is None else reader(keys)


def _integer(keys: str) -> int:
    if not keys.isdecimal():
        raise NotTypedError
    return int(keys)


def _money(keys: str) -> Money:
    if not _MONEY.fullmatch(keys):
        raise NotTypedError
    return Money(Decimal(keys.replace("*", ".").rstrip(".")))


def _time(keys: str) -> time:
    if len(keys) != 4:
        raise NotTypedError
    try:
        return time(int(keys[:2]), int(keys[2:]))
    except ValueError:
        raise NotTypedError from None


def _phone(keys: str) -> str:
    if not _PHONE.fullmatch(keys):
        raise NotTypedError
    return keys


def _digits(keys: str) -> str:
    if not keys.isdecimal():
        raise NotTypedError
    return keys


_READERS: Final[Mapping[str, Callable[[str], Value]]] = {
    "digits": _digits,
    "code": _digits,
    "integer": _integer,
    "money": _money,
    "time": _time,
    "phone": _phone,
    "secret": Secret,
}


def _date(keys: str, today: date, future: bool) -> date:
    try:
        if len(keys) == 8:
            return date(int(keys[:4]), int(keys[4:6]), int(keys[6:]))
        if len(keys) == 4:
            return _nearest(int(keys[:2]), int(keys[2:]), today, future)
    except ValueError:
        raise NotTypedError from None
    raise NotTypedError


def _nearest(month: int, day: int, today: date, future: bool) -> date:
    # 29 February may be as far as eight years away (around 1900 or 2100).
    for distance in range(9):
        year = today.year + (distance if future else -distance)
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if (found >= today) if future else (found <= today):
            return found
    raise NotTypedError

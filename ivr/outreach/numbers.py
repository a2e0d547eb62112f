"""Telephone numbers: whether one can be, and where it may ring."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import time_zones_for_number

_CHINESE_MOBILE: Final = re.compile(r"^(?:\+?86)?(1[3-9]\d{9})$")
_PUNCTUATION: Final = re.compile(r"[\s()（）\-.·]")
_SIP: Final = re.compile(r"^sips?:[^\s@<>]+@[^\s@<>]+$")
_UNKNOWN: Final = "Etc/Unknown"
#: Last digits that do not tell where a number is, of numbers with at least so many digits.
_LAST: Final = 4
_LONG: Final = 12
#: Kinds of numbers that nobody is called at.
_NOBODY: Final = frozenset({
    PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.TOLL_FREE, PhoneNumberType.PAGER,
    PhoneNumberType.VOICEMAIL, PhoneNumberType.UAN,
})  # fmt: skip
#: Two moments that tell zones apart: those with the same offsets at both have the same clock to us.
_WINTER, _SUMMER = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that can be called: as E.164 (or a SIP address), its time zones by comma, its country (ISO 3166)."""

    number: str
    zones: str
    country: str | None

    @property
    def place(self) -> str:
        """Where its clocks are, as `windows` reads it: `CN:Asia/Shanghai`."""
        return f"{self.country or ''}:{self.zones}"


def read_number(text: str, *, region: str = "CN", zone: str = "Asia/Shanghai") -> Number | None:
    """The number that a text is, dialled in `region` where it names no country; None for what nobody can be called at.

    `zone` is that of numbers that do not tell where they are, such as SIP addresses.
    """
    text = text.strip()
    if _SIP.match(text):
        return Number(text, zone, region)
    digits = _PUNCTUATION.sub("", text)
    mobile = _CHINESE_MOBILE.match(digits)
    if mobile is not None and (region == "CN" or digits.startswith(("+86", "86"))):
        return Number(f"+86{mobile[1]}", "Asia/Shanghai", "CN")
    return _read(digits, region, zone)


def _read(digits: str, region: str, zone: str) -> Number | None:
    """A number, by the block of ten thousand that it is of: plans give out no less, and looking one up is slow."""
    last = digits[-_LAST:]
    if len(digits) < _LONG or not (last.isascii() and last.isdigit()):
        return _looked_up(digits, region, zone)
    block = _block(digits[:-_LAST], region, zone)
    return None if block is None else replace(block, number=block.number + last)


@lru_cache(maxsize=50_000)
def _block(first: str, region: str, zone: str) -> Number | None:
    """What the numbers have in common that begin so, and their first digits as E.164."""
    number = _looked_up(first + "2" * _LAST, region, zone)
    return None if number is None else replace(number, number=number.number[:-_LAST])


def _looked_up(digits: str, region: str, zone: str) -> Number | None:
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed) or phonenumbers.number_type(parsed) in _NOBODY:
        return None
    zones = _different(tuple(time_zones_for_number(parsed)))
    country = phonenumbers.region_code_for_number(parsed)
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return Number(e164, ",".join(zones) or zone, country)


@lru_cache(maxsize=2000)
def _different(zones: tuple[str, ...]) -> tuple[str, ...]:
    """One zone for each clock there is among them."""
    found: dict[tuple[object, object], str] = {}
    for name in zones:
        if name == _UNKNOWN:
            continue
        try:
            place = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
        found.setdefault((_WINTER.astimezone(place).utcoffset(), _SUMMER.astimezone(place).utcoffset()), name)
    return tuple(sorted(found.values()))

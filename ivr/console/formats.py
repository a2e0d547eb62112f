"""Moments, spans, money and numbers as people read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal


@dataclass(frozen=True, slots=True)
class Formats:
    """How one visitor reads values: their language, the company's time zone. `None` is a dash everywhere."""

    language: str
    zone: ZoneInfo

    @property
    def locale(self) -> Locale:
        """The language as Babel knows it."""
        return _locale(self.language)

    def moment(self, at: datetime | None) -> str:
        """Date and time of day."""
        return "–" if at is None else format_datetime(at.astimezone(self.zone), "short", locale=self.locale)

    def time(self, at: datetime | None) -> str:
        """The time of day with seconds."""
        return "–" if at is None else format_time(at.astimezone(self.zone), "HH:mm:ss", locale=self.locale)

    def day(self, day: date | datetime | None) -> str:
        """A day."""
        if isinstance(day, datetime):
            day = day.astimezone(self.zone).date()
        return "–" if day is None else format_date(day, "medium", locale=self.locale)

    def span(self, seconds: float | None) -> str:
        """A length of time: 0:07, 12:40, 1:02:03."""
        if seconds is None:
            return "–"
        minutes, rest = divmod(round(max(0.0, seconds)), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

    def money(self, amount: Decimal | None, currency: str = "CNY") -> str:
        """An amount with its currency."""
        return "–" if amount is None else format_currency(amount, currency, locale=self.locale)

    def number(self, value: float | Decimal | None, places: int = 0) -> str:
        """A number with separators of thousands."""
        pattern = "#,##0" + ("." + "0" * places if places else "")
        return "–" if value is None else format_decimal(value, pattern, locale=self.locale)

    def share(self, value: float | None, places: int = 1) -> str:
        """A share from 0 to 1 in per cent."""
        return "–" if value is None else f"{self.number(value * 100, places)} %"

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name, for templates."""
        names = ("moment", "time", "day", "span", "money", "number", "share")
        return {name: getattr(self, name) for name in names}


@lru_cache(maxsize=20)
def _locale(language: str) -> Locale:
    """Read once: a list formats hundreds of values."""
    return Locale.parse(language, sep="-")


def iso(at: datetime | None) -> str:
    """A moment for machines."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")

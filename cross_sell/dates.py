"""Dates as people write them in tables: one way of writing a column, found from its values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from math import isfinite, nan

from cross_sell.values import level, number

#: Tried in this order; the first that reads the most wins, so day-month-year comes before month-day-year.
WAYS = (
    "iso",
    "%d-%m-%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%Y年%m月%d日",
    "%Y%m%d",
)
_MOST = 0.9
_SECONDS = 86_400.0


def way_of(values: Iterable[object]) -> str | None:
    """How these values write dates; None where nine in ten are not dates. Numbers are not dates."""
    known = [value for value in values if level(value) is not None]
    if any(isinstance(value, date) or hasattr(value, "to_pydatetime") for value in known):
        return "iso"
    texts = [value for value in known if isinstance(value, str)]
    if not texts or len(texts) < len(known):
        return None
    read = [(sum(isfinite(day_of(text, way)) for text in texts), -place) for place, way in enumerate(WAYS)]
    most, place = max(read)
    return WAYS[-place] if most >= _MOST * len(texts) and not _plain_numbers(texts) else None


def day_of(value: object, way: str = "iso") -> float:
    """Days since 1 January of year 1, with the time of day as a fraction; NaN for what is no date."""
    if isinstance(value, datetime):
        return _days(value)
    if isinstance(value, date):
        return float(value.toordinal())
    if isinstance(value, str):
        return _day_of_text(value.strip(), way)
    turned = getattr(value, "to_pydatetime", None)
    if callable(turned):
        return day_of(turned(), way)
    if type(value).__module__ == "numpy":
        return day_of(str(value), way) if "datetime64" in type(value).__name__ else number(value)
    return number(value)


def _day_of_text(text: str, way: str) -> float:
    try:
        return _days(datetime.fromisoformat(text) if way == "iso" else datetime.strptime(text, way))  # noqa: DTZ007
    except (ValueError, OverflowError):
        return nan


def _days(moment: datetime) -> float:
    # Days are told apart by the clock that wrote them: an offset would move a purchase to another day.
    try:
        seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
        return moment.toordinal() + seconds / _SECONDS
    except ValueError:  # pandas' NaT
        return nan


def _plain_numbers(texts: list[str]) -> bool:
    """Whether most texts are numbers as well: codes of eight digits are dates only where they read as one."""
    plain = [text for text in texts if isfinite(number(text))]
    return len(plain) > 0.5 * len(texts) and not all(
        1900 <= int(float(text)) // 10_000 <= 2100 for text in plain
    )

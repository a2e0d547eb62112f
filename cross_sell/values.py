"""One value of a row, read the same way when learning and when scoring: as a number, a level or a yes.

These are called for single values within a call, so they need nothing but the standard library. A value that
cannot be read is missing: never an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

_WHOLE = re.compile(r"^[+-]?\d+\.0+$")
_ABSENT = frozenset({"", "nan", "na", "n/a", "null", "none", "nat", "<na>"})
_YES = frozenset({"1", "yes", "y", "true", "t", "on", "是", "有"})
_NO = frozenset({"0", "no", "n", "false", "f", "off", "否", "无"})
#: Longer texts are free text, not levels; they are cut to this many characters.
_LONGEST = 80


def number(value: object) -> float:
    """The value as a finite number; NaN where it is none. Dates count in days, flags as 1 and 0."""
    if isinstance(value, float | int):
        try:
            result = float(value)
        except OverflowError:
            return math.nan
        return result if math.isfinite(result) else math.nan
    if value is None:
        return math.nan
    if isinstance(value, datetime):
        return value.toordinal() + (value.hour * 60 + value.minute) / 1440.0
    if isinstance(value, date):
        return float(value.toordinal())
    return _number_of_other(value)


def level(value: object) -> str | None:
    """The value as the name of a level; None where there is none. 11, 11.0, `11` and `11.0` are one level."""
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _ABSENT:
            return None
        return text.split(".")[0].lstrip("+") if _WHOLE.match(text) else text[:_LONGEST]
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)[:_LONGEST]
    if isinstance(value, date):
        return value.isoformat()
    return _level_of_other(value)


def flag(value: object) -> bool | None:
    """Yes or no, in the ways people write it (yes/no, y/n, true/false, 1/0, 是/否); None for anything else."""
    name = level(value)
    if name is None:
        return None
    name = name.lower()
    return True if name in _YES else False if name in _NO else None


def row_of(row: object) -> Mapping[object, object]:
    """A row as a mapping: one already, or a pandas Series; anything else is a row that knows nothing."""
    if isinstance(row, Mapping):
        return row
    to_dict = getattr(row, "to_dict", None)
    if callable(to_dict):
        found = to_dict()
        return found if isinstance(found, Mapping) else {}
    return {}


def _number_of_other(value: object) -> float:
    try:
        result = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return result if math.isfinite(result) else math.nan


def _level_of_other(value: object) -> str | None:
    if isinstance(value, float | Decimal) or hasattr(value, "__float__"):
        result = _number_of_other(value)
        if math.isnan(result):
            return None
        return str(int(result)) if result == int(result) else repr(result)
    try:
        return level(str(value))
    except Exception:
        return None

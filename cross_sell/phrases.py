"""What a value is like, in the words of the catalogue: the keys of phrase tables and of prior points.

`*` any value that is known, `-` one that is not, `yes` and `no` for flags, `3+` at least three, `<3` less than three,
`2-5` from two to five, else the very word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

_RANGE: Final = re.compile(
    r"^(?:<(?P<below>\d+(?:\.\d+)?)|(?P<least>\d+(?:\.\d+)?)(?:\+|-(?P<most>\d+(?:\.\d+)?)))$"
)
_FLAGS: Final = {True: "yes", False: "no"}
_Entry = TypeVar("_Entry")


def is_like(key: str, value: Any) -> bool:
    """Whether a value is as a key says."""
    if value is None:
        return key == "-"
    if key == "*":
        return True
    if isinstance(value, bool):
        return key == _FLAGS[value]
    if isinstance(value, int | float):
        return _in_range(key, float(value))
    return key == str(value)


def entry_for(table: Mapping[str, _Entry], value: Any) -> _Entry | None:
    """The first entry whose key fits the value; `*` comes last wherever it stands."""
    keys = sorted(table, key=lambda key: key == "*")
    return next((table[key] for key in keys if is_like(key, value)), None)


def is_key(key: str) -> bool:
    """Whether a key can be understood as one of numbers."""
    return key in ("*", "-") or _RANGE.match(key) is not None


def _in_range(key: str, value: float) -> bool:
    match = _RANGE.match(key)
    if match is None:
        return False
    if match["below"]:
        return value < float(match["below"])
    return float(match["least"]) <= value and (match["most"] is None or value <= float(match["most"]))

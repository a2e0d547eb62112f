"""Run-time values as plain JSON and back, exactly; secrets are left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from ivr.flow.values import Money, Secret, Value

#: Marks a value that is not JSON's own: `{"$": "date", "v": "2026-04-01"}`.
_TAG = "$"


def to_plain(value: Value) -> Any:
    """A JSON value that `from_plain` reads back as an equal one; a `Secret` becomes a mark without digits."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {_TAG: "record", "v": {name: to_plain(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    if isinstance(value, Secret):
        return {_TAG: "secret"}
    return _tagged(value)


def _tagged(value: Value) -> dict[str, Any]:
    if isinstance(value, Money):
        return {_TAG: "money", "v": [str(value.amount), value.currency]}
    if isinstance(value, Decimal):
        return {_TAG: "decimal", "v": str(value)}
    if isinstance(value, timedelta):
        return {_TAG: "duration", "v": [value.days, value.seconds, value.microseconds]}
    for name, kind in (("datetime", datetime), ("date", date), ("time", time)):
        if isinstance(value, kind):
            return {_TAG: name, "v": value.isoformat()}
    raise TypeError(f"a flow variable cannot hold a {type(value).__name__}")


_READERS: Mapping[str, Any] = {
    "record": lambda v: {name: from_plain(inner) for name, inner in v.items()},
    "money": lambda v: Money(Decimal(v[0]), v[1]),
    "decimal": Decimal,
    "duration": lambda v: timedelta(days=v[0], seconds=v[1], microseconds=v[2]),
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}


class Lost:
    """What stands in a variable whose secret was not written; `from_plain` gives it, the state drops it."""


LOST = Lost()


def from_plain(plain: Any) -> Value:
    """The value that `to_plain` wrote; `LOST` for a secret."""
    if isinstance(plain, list):
        return [from_plain(inner) for inner in plain]
    if not isinstance(plain, dict):
        return plain
    if plain[_TAG] == "secret":
        return LOST
    return _READERS[plain[_TAG]](plain["v"])


def read_variables(plain: Mapping[str, Any]) -> dict[str, Value]:
    """Variables by name, without those whose secret was not written."""
    read = {name: from_plain(value) for name, value in plain.items()}
    return {name: value for name, value in read.items() if value is not LOST}

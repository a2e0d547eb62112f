"""The types a flow's variables have, and the values that travel between engine, services and prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

#: Every plain type a flow may name. `digits` is a string of 0-9 spoken one by one; `secret` is digits that
#: cannot be printed; `recording` is the id of something the caller said; `code` is a word from a fixed list.
PLAIN_TYPES: Final = frozenset(
    {"text", "digits", "code", "integer", "decimal", "money", "date", "time", "datetime", "duration",
     "boolean", "secret", "recording", "prompt"}
)  # fmt: skip


class Level(IntEnum):
    """How sure the hotline is of who is calling; a service names the least it needs."""

    ANONYMOUS = 0
    IDENTIFIED = 1
    VERIFIED = 2


@dataclass(frozen=True, slots=True)
class Type:
    """A flow type: a plain name, `record` with `fields`, or `list` with `item`.

    Written in YAML as `money`, `money?` (may be null), `list[product]`, `{number: digits, amount: money}`,
    `code(due/overdue)`: a `code` with `words` has no other value; without, any word will do.
    """

    name: str
    optional: bool = False
    fields: Mapping[str, Type] = field(default_factory=dict)
    item: Type | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217); never a float.

    The attributes are what a condition may compare: `due.amount > 0` compares `amount`.
    """

    amount: Decimal
    currency: str = "CNY"


class Secret:
    """Digits of a sensitive step. They cannot be printed, compared by accident, pickled or dumped."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def reveal(self) -> str:
        """The digits, for the one service that checks them."""
        return self._digits

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> Any:
        raise TypeError("a secret cannot be pickled")


#: What a variable holds at run time: str, int, Decimal, Money, date, time, datetime, timedelta, bool, Secret,
#: None, a dict (record) or a list of those.
Value = Any

"""The flow types that service signatures are written with."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ivr.flow.values import Type

BOOLEAN: Final = Type("boolean")
CODE: Final = Type("code")
DATE: Final = Type("date")
DIGITS: Final = Type("digits")
INTEGER: Final = Type("integer")
MONEY: Final = Type("money")
PROMPT: Final = Type("prompt")
RECORDING: Final = Type("recording")
SECRET: Final = Type("secret")
TEXT: Final = Type("text")


def optional(kind: Type) -> Type:
    """The same type, but null is allowed."""
    return replace(kind, optional=True)


def record(**fields: Type) -> Type:
    """A record with these fields."""
    return Type("record", fields=fields)


def code(*words: str) -> Type:
    """A code that has no other value than these words."""
    return Type("code", words=tuple(sorted(words)))

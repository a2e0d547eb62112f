"""Reading, writing, comparing and joining the types of flow variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from ivr.flow.errors import suggest
from ivr.flow.values import PLAIN_TYPES, Money, Secret, Type, Value

ANY_TEXT: Final = Type("text")
BOOLEAN: Final = Type("boolean")
INTEGER: Final = Type("integer")
DECIMAL: Final = Type("decimal")
DATE: Final = Type("date")
DURATION: Final = Type("duration")
#: The type of `None` alone, and of what is one type on one way and another on the other.
NULL: Final = Type("null", optional=True)
MIXED: Final = Type("mixed")
#: The type of what is wrong already: said once, it is not complained about again.
UNKNOWN: Final = Type("unknown")

#: What a value of one type may also stand for.
_WIDER: Final[Mapping[str, frozenset[str]]] = {
    "digits": frozenset({"text"}),
    "code": frozenset({"text", "prompt"}),
    "prompt": frozenset({"text"}),
    "integer": frozenset({"decimal"}),
}
_CODE = re.compile(r"^code\(\s*([a-z0-9_]+(?:\s*[,/]\s*[a-z0-9_]+)*)\s*\)$")
_DURATION_TEXT = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_DURATION_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_type(written: str | Mapping[str, Any]) -> Type:
    """The type written in YAML: `money`, `date?`, `list[digits]`, `code(due/overdue)`, `{name: text}`.

    Raises ValueError with what to write instead.
    """
    if isinstance(written, str):
        return _parse_word(written.strip())
    return Type("record", fields={name: parse_type(inner) for name, inner in written.items()})


@lru_cache(maxsize=1024)
def _parse_word(word: str) -> Type:
    if word.endswith("?"):
        return replace(_parse_word(word[:-1].strip()), optional=True)
    if word.startswith("list[") and word.endswith("]"):
        return Type("list", item=_parse_word(word[5:-1].strip()))
    if match := _CODE.match(word):
        return Type("code", words=tuple(sorted(set(re.split(r"\s*[,/]\s*", match[1])))))
    if word not in PLAIN_TYPES:
        raise ValueError(f"there is no type {word!r}{suggest(word, PLAIN_TYPES)}")
    return Type(word)


def type_text(kind: Type) -> str:
    """A type as it is written in YAML."""
    if kind.name == "null":
        return "null"
    if kind.name == "record":
        text = "{" + ", ".join(f"{name}: {type_text(inner)}" for name, inner in kind.fields.items()) + "}"
    elif kind.name == "list" and kind.item is not None:
        text = f"list[{type_text(kind.item)}]"
    elif kind.words:
        text = f"code({'/'.join(kind.words)})"
    else:
        text = kind.name
    return text + ("?" if kind.optional else "")


def required(kind: Type) -> Type:
    """The same type without `?`."""
    return replace(kind, optional=False) if kind.optional else kind


def assignable(source: Type, target: Type) -> bool:
    """Whether every value of `source` may stand where `target` is wanted."""
    if "unknown" in {source.name, target.name}:
        return True
    if source.optional and not target.optional:
        return False
    if source.name == "null":
        return target.optional
    if source.name != target.name:
        return target.name in _WIDER.get(source.name, ())
    if source.name == "record":
        return all(_field_fits(source, name, wanted) for name, wanted in target.fields.items())
    if source.name == "list":
        return source.item is None or target.item is None or assignable(source.item, target.item)
    return not target.words or (bool(source.words) and set(source.words) <= set(target.words))


def _field_fits(source: Type, name: str, wanted: Type) -> bool:
    have = source.fields.get(name)
    return wanted.optional if have is None else assignable(have, wanted)


def join(one: Type, other: Type) -> Type:
    """The type of a variable that is `one` on one way and `other` on another.

    Records are joined field by field; a field that only one of them has becomes optional. Types that have
    nothing in common give `MIXED`, which no expression may use.
    """
    if one == other:
        return one
    if UNKNOWN in (one, other):
        return UNKNOWN
    optional = one.optional or other.optional
    if one.name == "null" or other.name == "null":
        return replace(other if one.name == "null" else one, optional=True)
    if one.name != other.name:
        return replace(_wider_of(one, other), optional=optional)
    if one.name == "record":
        return Type("record", optional=optional, fields=_join_fields(one, other))
    if one.name == "list" and one.item is not None and other.item is not None:
        return Type("list", optional=optional, item=join(one.item, other.item))
    words = tuple(sorted({*one.words, *other.words})) if one.words and other.words else ()
    return replace(one, optional=optional, words=words)


def _wider_of(one: Type, other: Type) -> Type:
    if other.name in _WIDER.get(one.name, ()):
        return other
    if one.name in _WIDER.get(other.name, ()):
        return one
    both_text = all("text" in _WIDER.get(kind.name, ()) for kind in (one, other))
    return ANY_TEXT if both_text else MIXED


def _join_fields(one: Type, other: Type) -> dict[str, Type]:
    joined = {}
    for name in [*one.fields, *(name for name in other.fields if name not in one.fields)]:
        have, also = one.fields.get(name), other.fields.get(name)
        if have is not None and also is not None:
            joined[name] = join(have, also)
        else:
            joined[name] = replace(have or also or MIXED, optional=True)
    return joined


def coerce(value: Any, kind: Type) -> Value:
    """A plain YAML or JSON value as a run-time value of `kind`: `80` as money, `"2026-04-01"` as a date.

    Fields of a record that are not given become None. Raises ValueError naming the type that was wanted.
    """
    if value is None:
        return None
    if kind.name == "record":
        return _coerce_record(value, kind)
    if kind.name == "list":
        if not isinstance(value, list | tuple) or kind.item is None:
            raise ValueError(f"write a list for {type_text(kind)}")
        return [coerce(item, kind.item) for item in value]
    try:
        return _coerce_plain(value, kind.name)
    except (ValueError, TypeError, InvalidOperation) as error:
        raise ValueError(f"this is not a value of type {type_text(kind)}") from error


def _coerce_record(value: Any, kind: Type) -> dict[str, Value]:
    if not isinstance(value, Mapping):
        raise ValueError(f"write a mapping for {type_text(kind)}")
    for name in value:
        if name not in kind.fields:
            raise ValueError(f"there is no field {name!r}{suggest(str(name), kind.fields)}")
    return {name: coerce(value.get(name), wanted) for name, wanted in kind.fields.items()}


def _coerce_plain(value: Any, name: str) -> Value:
    if name == "money":
        return value if isinstance(value, Money) else _money(value)
    if name == "decimal":
        return Decimal(str(value))
    if name == "integer":
        return _integer(value)
    if name == "boolean":
        if not isinstance(value, bool):
            raise ValueError
        return value
    if name == "secret":
        return value if isinstance(value, Secret) else Secret(str(value))
    if name == "date":
        return value if type(value) is date else date.fromisoformat(str(value))
    if name == "time":
        return value if isinstance(value, time) else time.fromisoformat(str(value))
    if name == "datetime":
        return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if name == "duration":
        return value if isinstance(value, timedelta) else _duration(str(value))
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError
    return str(value)


def _money(value: Any) -> Money:
    if isinstance(value, Mapping):
        return Money(Decimal(str(value["amount"])), str(value.get("currency", "CNY")))
    amount, _, currency = str(value).partition(" ")
    return Money(Decimal(amount), currency or "CNY")


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _duration(text: str) -> timedelta:
    match = _DURATION_TEXT.match(text)
    if match is None:
        raise ValueError
    return timedelta(seconds=float(match[1]) * _DURATION_SECONDS[match[2]])

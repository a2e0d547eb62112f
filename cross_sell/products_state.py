"""What is known of one customer at the moment of scoring, read from whatever the caller of `score` has at hand.

Nothing in it is an error: an unknown product is left out, what cannot be read counts as not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cross_sell.dates import day_of
from cross_sell.values import flag, level, number, row_of

OWNED = ("owned", "holds", "held", "holdings")
HISTORY = ("history", "purchases")
NOW = ("at", "now")
_NAN = float("nan")


@dataclass(slots=True)
class State:
    """Products held (place to count), attributes, and purchases: days since the last, how many, what."""

    held: dict[int, float] = field(default_factory=dict)
    row: Mapping[object, object] = field(default_factory=dict)
    gap: float = _NAN
    before: int = 0
    latest: tuple[int, ...] = ()


def read_state(source: object, places: Mapping[str, int]) -> State:
    """The state of a row, of a list of products held, or of nothing."""
    if isinstance(source, str):
        return State(_counted((source,), places))
    if isinstance(source, Mapping) or hasattr(source, "to_dict"):
        return _of_row(row_of(source), places)
    return State(_counted(source, places))


def _of_row(row: Mapping[object, object], places: Mapping[str, int]) -> State:
    state = State(row=row)
    for key, value in row.items():
        place = places.get(key if isinstance(key, str) else str(key))
        if place is not None and (count := _count(value)) > 0:
            state.held[place] = count
    for place, count in _counted(_first(row, OWNED), places).items():
        state.held[place] = state.held.get(place, 0.0) + count
    history = _first(row, HISTORY)
    if history is not None:
        _remember(state, history, _first(row, NOW), places)
    return state


def _first(row: Mapping[object, object], names: Iterable[str]) -> object:
    return next((row[name] for name in names if name in row), None)


def _count(value: object) -> float:
    known = number(value)
    if known == known:
        return max(known, 0.0)
    return 1.0 if flag(value) else 0.0


def _counted(source: object, places: Mapping[str, int]) -> dict[int, float]:
    """Products by place and how many of each, from a list of names or a mapping of name to how many."""
    held: dict[int, float] = {}
    if isinstance(source, Mapping):
        pairs = [(name, _count(value)) for name, value in source.items()]
    else:
        pairs = [(name, 1.0) for name in _listed(source)]
    for name, count in pairs:
        place = places.get(level(name) or "")
        if place is not None and count > 0:
            held[place] = held.get(place, 0.0) + count
    return held


def _listed(source: object) -> list[Any]:
    if source is None:
        return []
    if isinstance(source, str):
        return [source]
    return list(source) if isinstance(source, Iterable) else []


def _remember(state: State, history: object, now: object, places: Mapping[str, int]) -> None:
    """Add a history: a list of (time, product or products), of rows with a time and a product, or of baskets."""
    baskets: dict[object, list[int]] = {}
    days: dict[object, float] = {}
    for order, entry in enumerate(_listed(history)):
        when, what = _entry(entry)
        day = day_of(when)
        key: object = day if day == day else (order,)
        for name in what if isinstance(what, list | tuple | set | frozenset) else [what]:
            place = places.get(level(name) or "")
            if place is not None:
                baskets.setdefault(key, []).append(place)
                days[key] = day
    for basket in baskets.values():
        for place in set(basket):
            state.held[place] = state.held.get(place, 0.0) + 1.0
    if baskets:
        last = max(baskets, key=lambda key: days[key] if days[key] == days[key] else 0.0)
        state.before = len(baskets)
        state.latest = tuple(sorted(set(baskets[last])))
        state.gap = day_of(now) - days[last] if now is not None else _NAN


def _entry(entry: object) -> tuple[object, Any]:
    """When and what of one entry of a history."""
    if isinstance(entry, Mapping):
        when = next(
            (entry[name] for name in ("at", "time", "date", "day", "event_time") if name in entry), None
        )
        what = next(
            (entry[name] for name in ("product", "products", "item", "item_id") if name in entry), None
        )
        return when, what
    if isinstance(entry, list | tuple) and len(entry) == 2 and day_of(entry[0]) == day_of(entry[0]):
        return entry[0], entry[1]
    return None, entry

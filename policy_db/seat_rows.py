"""Rows of queues, seats and calls in line, to records and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from policy_db.seat_facts import Queue, QueueCall, Seat
from policy_db.store import AnyRow

Record = Queue | Seat | QueueCall
#: Columns that hold a JSON list, and fields that hold a tuple.
_LISTS = frozenset({"languages", "licences", "tried", "visited"})


def queue_of(row: AnyRow) -> Queue:
    """The queue of a row of all columns."""
    return Queue(**_arguments(row))


def seat_of(row: AnyRow) -> Seat:
    """The seat of a row of all columns."""
    return Seat(**_arguments(row))


def call_of(row: AnyRow) -> QueueCall:
    """The call in line of a row of all columns."""
    return QueueCall(**_arguments(row))


def values_of(record: Record) -> dict[str, Any]:
    """All columns of a record."""
    return {one.name: _value(record, one.name) for one in fields(record)}


def changed_values(before: Record, after: Record) -> dict[str, Any]:
    """The columns in which two records of one row differ."""
    names = [one.name for one in fields(before)]
    return {name: _value(after, name) for name in names if getattr(before, name) != getattr(after, name)}


def _arguments(row: AnyRow) -> dict[str, Any]:
    return {name: tuple(value) if name in _LISTS else value for name, value in row._mapping.items()}


def _value(record: Record, name: str) -> Any:
    value = getattr(record, name)
    return list(value) if name in _LISTS else value

"""The time, as a parameter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

#: Gives the present moment, aware of its zone.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)

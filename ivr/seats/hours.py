"""When a queue is served: by its own week, or by the company's calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ivr.flow.hours import open_state
from ivr.flow.model import Hours
from policy_db.seat_facts import Queue

#: Whether a queue is open at a moment.
IsOpen = Callable[[Queue, datetime], bool]


def open_by(calendar: Callable[[str, datetime], Hours | None]) -> IsOpen:
    """Hours by the calendar of a queue at a moment, as `calendar` has it; None: nobody has said when it is closed.

    A queue's own week takes the place of the calendar's, not its holidays, its single days nor an emergency.
    """

    def is_open(queue: Queue, now: datetime) -> bool:
        hours = calendar(queue.name, now)
        if hours is None and queue.week is None:
            return True
        hours = hours or Hours()
        if queue.week is not None:
            hours = hours.model_copy(update={"week": dict(queue.week)})
        return open_state(hours, now) == "open"

    return is_open


def always_open(queue: Queue, now: datetime) -> bool:
    """Every queue at any time, for a hotline whose flows ask the calendar themselves."""
    return True

"""Whether somebody may be called now, or when to look again. Pure: every moment is given.

Clocks jump. So `readings` are all the times that it may be: usually one, two while a clock that has just jumped is not
trusted yet. Somebody is called only where every reading allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ivr.outreach.outcomes import TRY_AGAIN
from ivr.outreach.rules import Caps, Rules
from ivr.outreach.windows import Openings, parted
from policy_db.outreach_facts import NEVER_RANG, EarlierCall

WEEK: Final = timedelta(days=7)
#: A clock whose reading moves by more than this against one that only counts has jumped.
JUMP: Final = timedelta(seconds=60)
#: How long a clock that has jumped is not trusted by itself.
DOUBT: Final = timedelta(hours=1)
#: How far back calls to a number matter to any cap.
LOOK_BACK: Final = timedelta(days=91)


@dataclass(frozen=True, slots=True)
class Next:
    """What is to be done after an attempt: again at a moment, or never; what the list calls it."""

    at: datetime | None
    outcome: str


class Readings:
    """The times that it may be: the clock's own, and for a while after a jump also what it would be without it."""

    def __init__(self) -> None:
        self._anchors: list[tuple[datetime, float, float]] = []

    def at(self, now: datetime, steady: float) -> tuple[datetime, ...]:
        """The readings at `now` by the clock on the wall, and `steady` seconds by one that only goes forward."""
        if not self._anchors:
            self._anchors = [(now, steady, steady)]
        supposed = [self._supposed(anchor, steady) for anchor in self._anchors]
        if abs(supposed[-1] - now) > JUMP:
            self._anchors.append((now, steady, steady))
            supposed.append(now)
        if len(self._anchors) > 1 and steady - self._anchors[-1][2] > DOUBT.total_seconds():
            self._anchors = [(now, steady, steady)]
            return (now,)
        if len(self._anchors) == 1:
            self._anchors = [
                (now, steady, self._anchors[0][2])
            ]  # follows a clock that is corrected little by little
            return (now,)
        return (now, *supposed[:-1])

    @staticmethod
    def _supposed(anchor: tuple[datetime, float, float], steady: float) -> datetime:
        return anchor[0] + timedelta(seconds=steady - anchor[1])


def look_again(
    rules: Rules,
    openings: Openings,
    place: str,
    history: Sequence[EarlierCall],
    readings: Sequence[datetime],
) -> datetime | None:
    """None: call now. Else the moment (by the first reading) at which to look again; it is later than now."""
    now = readings[0]
    waits = [_wait(rules, openings, place, history, reading) for reading in readings]
    if not any(waits):
        return None
    return now + max(waits)


def _wait(
    rules: Rules,
    openings: Openings,
    place: str,
    history: Sequence[EarlierCall],
    at: datetime,
) -> timedelta:
    """How long somebody is to be left alone, by one reading of the time."""
    free = _free(rules.caps, place, history, at)
    opening = openings.next_opening(place, free)
    if opening is None:
        return timedelta(days=30)
    return max(opening - at, timedelta(0))


def _free(caps: Caps, place: str, history: Sequence[EarlierCall], at: datetime) -> datetime:
    """The first moment from `at` on at which no cap is reached; calls that seem to be to come count as made."""
    free = at
    for zone in parted(place)[1]:
        free = max(free, _day_free(caps, ZoneInfo(zone), history, free))
    week = sorted(call.at for call in history if call.at > free - WEEK)
    if len(week) >= caps.per_week:
        free = max(free, week[-caps.per_week] + WEEK)
    if caps.after_talk:
        talks = [call.at for call in history if call.spoken]
        if talks:
            free = max(free, max(talks) + timedelta(days=caps.after_talk))
    return free


def _day_free(caps: Caps, zone: ZoneInfo, history: Iterable[EarlierCall], at: datetime) -> datetime:
    """The first moment of a day of the zone that has room: today, or the next one."""
    days = [call.at.astimezone(zone).date() for call in history]
    day = at.astimezone(zone).date()
    if sum(one >= day for one in days) < caps.per_day:
        return at
    last = max(one for one in days if one >= day)
    while days.count(last + timedelta(days=1)) >= caps.per_day:
        last += timedelta(days=1)
    start = datetime.combine(last + timedelta(days=1), datetime.min.time(), zone)
    return max(at, start.astimezone(at.tzinfo))


def after_attempt(
    rules: Rules, outcome: str, *, made: int, ended_at: datetime, later_at: datetime | None = None
) -> Next:
    """What follows an attempt that ended so; `made` counts the attempts that may have rung, this one included.

    A person who asked to be called later is called then, once more than the rules say if need be.
    """
    gap = rules.retries.gap(outcome)
    if gap is None or outcome not in TRY_AGAIN:
        return Next(None, outcome)
    if outcome == "call_later":
        more = rules.retries.attempts + 1
        return Next(None if made >= more else max(later_at or ended_at + gap, ended_at), outcome)
    if outcome not in NEVER_RANG and made >= rules.retries.attempts:
        return Next(None, outcome)
    return Next(ended_at + gap, outcome)

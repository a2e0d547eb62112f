"""When a number may be called: by the clocks of where it may be, its holidays, rests and nights. Pure.

A place is a country and one or more zones, `CN:Asia/Shanghai` or `AU:Australia/Perth,Australia/Sydney`: a mobile
number of a large country may be called only while all of them allow it. Nobody is ever called outside `rules.DAY` of
their own day, nor outside the company's hours, whatever a campaign says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import holidays

from ivr.flow.hours import Span, parse_spans, spans_on
from ivr.flow.model import Hours
from ivr.outreach.rules import DAY, Windows

if TYPE_CHECKING:
    from ivr.settings import Settings

#: Days in which a window is looked for; a campaign without any in so long has none.
_HORIZON: Final = 400
_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class CompanyHours:
    """When the company has customers called at all, and its rests; a campaign narrows this and never widens it."""

    hours: str = DAY
    rests: str = ""

    @classmethod
    def of(cls, settings: Settings) -> CompanyHours:
        """As the settings say."""
        rests = settings.call_rests
        return cls(settings.call_hours or DAY, "" if rests == "closed" else rests)

    @property
    def allowed(self) -> str:
        """The hours that are left of them by law, as they are written."""
        spans = _within(parse_spans(self.hours), parse_spans(DAY))
        return ", ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in spans)

    def within(self, spans: Sequence[Span]) -> tuple[Span, ...]:
        """What of a day's spans is left."""
        allowed = _within(_within(spans, parse_spans(DAY)), parse_spans(self.hours))
        return _less(allowed, parse_spans(self.rests or "closed"))


class Openings:
    """The windows of a campaign, for the zones and countries of its people, as far as the company allows them."""

    def __init__(self, windows: Windows, company: CompanyHours = CompanyHours()) -> None:
        self._windows = windows
        self._company = company
        self._hours: dict[tuple[str, str | None], Hours] = {}
        self._days: dict[tuple[str, str | None, date], tuple[Span, ...]] = {}

    def may_call(self, place: str, at: datetime) -> bool:
        """Whether a number of this place may be called at an instant."""
        country, listed = parted(place)
        return all(self._open(zone, country, at) for zone in listed)

    def next_opening(self, place: str, after: datetime) -> datetime | None:
        """The first instant from `after` on at which it may be called; None: not in the next year."""
        country, listed = parted(place)
        at = after
        for _ in range(_HORIZON * 4):
            latest = at
            for zone in listed:
                opening = self._opening(zone, country, latest)
                if opening is None:
                    return None
                latest = opening
            if latest == at or all(self._open(zone, country, latest) for zone in listed):
                return latest
            at = latest
        return None

    def _open(self, zone: str, country: str | None, at: datetime) -> bool:
        local = at.astimezone(_zone(zone))
        now = local.time()
        return any(
            start <= now and (now < end or end == time(0))
            for start, end in self._on(zone, country, local.date())
        )

    def _opening(self, zone: str, country: str | None, after: datetime) -> datetime | None:
        if self._open(zone, country, after):
            return after
        place = _zone(zone)
        day = after.astimezone(place).date()
        for ahead in range(_HORIZON):
            one = day + timedelta(days=ahead)
            for start, _ in self._on(zone, country, one):
                at = datetime.combine(one, start, place).astimezone(UTC)
                if at >= after and self._open(zone, country, at):
                    return at
        return None

    def _on(self, zone: str, country: str | None, day: date) -> tuple[Span, ...]:
        key = (zone, country, day)
        found = self._days.get(key)
        if found is None:
            hours = self._hours.setdefault((zone, country), self._windows.hours(zone, country))
            if len(self._days) > 50_000:
                self._days.clear()
            rests = parse_spans(self._windows.rests or "closed")
            found = self._days[key] = _less(self._company.within(spans_on(hours, day)), rests)
        return found


@lru_cache(maxsize=600)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=10_000)
def parted(place: str) -> tuple[str | None, tuple[str, ...]]:
    """The country of a place (if it has one that has holidays) and its zones."""
    country, _, zones = place.rpartition(":")
    known = country if country in _countries() else None
    return known, tuple(part for part in zones.split(",") if part) or ("UTC",)


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries())


def _minutes(at: time, *, end: bool = False) -> int:
    return _MINUTES if end and at == time(0) else at.hour * 60 + at.minute


def _spans(minutes: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    return tuple((_time(start), _time(end)) for start, end in minutes if start < end)


def _time(minutes: int) -> time:
    return time(0) if minutes >= _MINUTES else time(minutes // 60, minutes % 60)


def _pairs(spans: Sequence[Span]) -> list[tuple[int, int]]:
    return [(_minutes(start), _minutes(end, end=True)) for start, end in spans]


def _within(spans: Sequence[Span], bounds: Sequence[Span]) -> tuple[Span, ...]:
    """What of the spans lies within the bounds."""
    return _spans(
        [(max(start, low), min(end, high)) for start, end in _pairs(spans) for low, high in _pairs(bounds)]
    )


def _less(spans: Sequence[Span], rests: Sequence[Span]) -> tuple[Span, ...]:
    """What is left of the spans without the rests."""
    left = _pairs(spans)
    for low, high in _pairs(rests):
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, low)), (max(start, high), end))
            if piece[0] < piece[1]
        ]
    return _spans(sorted(left))

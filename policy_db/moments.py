"""Arithmetic of instants inside SQL, on SQLite and PostgreSQL; days and hours as a company's clock tells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Float, Integer, case, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

DAY: Final = 86_400


class epoch(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """Whole seconds since 1970, the fraction cut off."""

    type = Integer()
    inherit_cache = True
    name = "epoch"


class seconds_between(FunctionElement[float]):  # noqa: N801 - a function of SQL
    """Seconds from the first instant to the second, to a tenth of a millisecond."""

    type = Float(53)
    inherit_cache = True
    name = "seconds_between"


@compiles(epoch, "sqlite")
def _epoch_sqlite(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER)"


@compiles(epoch, "postgresql")
def _epoch_postgresql(element: epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **options)})) AS BIGINT)"


@compiles(seconds_between, "sqlite")
def _between_sqlite(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"round((julianday({second}) - julianday({first})) * 86400.0, 3)"


@compiles(seconds_between, "postgresql")
def _between_postgresql(element: seconds_between, compiler: SQLCompiler, **options: Any) -> str:
    first, second = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(extract(epoch FROM ({second}) - ({first})) AS DOUBLE PRECISION)"


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant to another, the second not included; both aware."""

    since: datetime
    until: datetime

    @classmethod
    def of_days(cls, first: date, last: date, zone: ZoneInfo) -> Period:
        """Whole days of a zone, both included."""
        return cls(midnight(first, zone), midnight(last + timedelta(days=1), zone))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a day begins there; where clocks skip midnight, the first instant after it."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_epoch(at: Any, zone: ZoneInfo, period: Period) -> ColumnElement[int]:
    """Seconds since 1970 as the zone's clocks count them, within the period: `// DAY` is the day, the rest the time."""
    steps = offsets(zone, period)
    plain: ColumnElement[int] = epoch(at)
    if len(steps) == 1:
        return plain + literal(steps[0][1], Integer)
    *earlier, (_, last) = steps
    ends = [start for start, _ in steps[1:]]
    shift = case(
        *((at < end, literal(offset, Integer)) for end, (_, offset) in zip(ends, earlier, strict=True)),
        else_=literal(last, Integer),
    )
    return plain + shift


def offsets(zone: ZoneInfo, period: Period) -> list[tuple[datetime, int]]:
    """From when which offset (seconds east of UTC) holds in the period, the first from its beginning."""
    found = [(period.since, _offset(zone, period.since))]
    at = period.since
    while at < period.until:
        after = min(at + timedelta(days=1), period.until)
        if _offset(zone, after) != found[-1][1]:
            at = _change(zone, at, after)
            found.append((at, _offset(zone, at)))
        else:
            at = after
    return found


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first whole second with the new offset between two instants."""
    low, high, old = before, after, _offset(zone, before)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle <= low:
            break
        low, high = (middle, high) if _offset(zone, middle) == old else (low, middle)
    return high


def _offset(zone: ZoneInfo, at: datetime) -> int:
    shift = at.astimezone(zone).utcoffset()
    return 0 if shift is None else int(shift.total_seconds())


def day_of(local: int) -> date:
    """The day of a `local_epoch`, or of its number of days."""
    return date(1970, 1, 1) + timedelta(days=local if abs(local) < DAY * 100 else local // DAY)

"""How soon calls were answered, by the hotline itself and by people, and who heard an apology; see `docs/conduct.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, case, func, select

from policy_db.moments import DAY, Period, day_of, local_epoch, seconds_between
from policy_db.report_facts import share
from policy_db.store import AnyRow, Store
from policy_db.tables import CallRow, WaitingCallRow

#: Places in line with this priority and more are calls that a seat makes itself, which nobody waits for.
_CALLS_OUT: Final = 200


@dataclass(frozen=True, slots=True)
class Answers:
    """Calls that began in a period and were answered: `within` the seconds that are wished for, `late` after those of an
    apology, and `sorry` of the late ones heard one. `seconds` is the time to the answer of all, `longest` the longest.
    """

    answered: int = 0
    within: int = 0
    late: int = 0
    sorry: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    @property
    def share(self) -> float | None:
        """The share answered in time."""
        return share(self.within, self.answered)

    @property
    def apologies(self) -> float | None:
        """The share of late answers before which the caller heard an apology."""
        return share(self.sorry, self.late)

    @property
    def mean(self) -> float | None:
        """The mean time to an answer."""
        return share(self.seconds, self.answered)

    def plus(self, other: Answers) -> Answers:
        """Both together."""
        return Answers(
            self.answered + other.answered, self.within + other.within, self.late + other.late,
            self.sorry + other.sorry, self.seconds + other.seconds, max(self.longest, other.longest),
        )  # fmt: skip


class Conduct:
    """Reads how calls were answered; `within` and `late` are in seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def own_by_day(
        self, period: Period, zone: ZoneInfo, within: float, late: float
    ) -> dict[date, Answers]:
        """What the hotline answered itself, by day."""
        key = local_epoch(CallRow.started_at, zone, period) // DAY
        return {
            day_of(int(one)): found for one, found in (await self._own(period, key, within, late)).items()
        }

    async def own_by_hour(
        self, period: Period, zone: ZoneInfo, within: float, late: float
    ) -> dict[int, Answers]:
        """Likewise by hour of the day."""
        key = local_epoch(CallRow.started_at, zone, period) % DAY // 3600
        return {int(one): found for one, found in (await self._own(period, key, within, late)).items()}

    async def people_by_day(
        self, period: Period, zone: ZoneInfo, within: float, late: float
    ) -> dict[date, Answers]:
        """What people answered, by day."""
        key = local_epoch(WaitingCallRow.queued_at, zone, period) // DAY
        return {
            day_of(int(one)): found for one, found in (await self._people(period, key, within, late)).items()
        }

    async def people_by_hour(
        self, period: Period, zone: ZoneInfo, within: float, late: float
    ) -> dict[int, Answers]:
        """Likewise by hour of the day."""
        key = local_epoch(WaitingCallRow.queued_at, zone, period) % DAY // 3600
        return {int(one): found for one, found in (await self._people(period, key, within, late)).items()}

    async def people_by_queue(self, period: Period, within: float, late: float) -> dict[str, Answers]:
        """What people answered, by queue."""
        found: dict[str, Answers] = await self._people(period, WaitingCallRow.queue, within, late)
        return found

    async def _own(self, period: Period, key: Any, within: float, late: float) -> dict[Any, Answers]:
        rang = CallRow.rang
        query = _answers(key, rang, CallRow.apologised.is_(True), within, late).where(
            CallRow.started_at >= period.since,
            CallRow.started_at < period.until,
            CallRow.outbound.is_(False),
            rang.is_not(None),
        )
        return _by_key(await self._rows(query))

    async def _people(self, period: Period, key: Any, within: float, late: float) -> dict[Any, Answers]:
        place = WaitingCallRow
        wait = seconds_between(place.entered_at, place.answered_at)
        sorry = and_(place.apologised_at.is_not(None), place.apologised_at <= place.answered_at)
        query = _answers(key, wait, sorry, within, late).where(
            place.queued_at >= period.since,
            place.queued_at < period.until,
            place.answered_at.is_not(None),
            place.call_back_to == "",
            place.not_before.is_(None),  # nobody waits on the line to be called back
            place.priority < _CALLS_OUT,
        )
        return _by_key(await self._rows(query))

    async def _rows(self, query: Any) -> Sequence[AnyRow]:
        async with self._store.reading() as connection:
            rows: Sequence[AnyRow] = (await connection.execute(query)).all()
            return rows


def _answers(key: Any, seconds: Any, sorry: ColumnElement[bool], within: float, late: float) -> Any:
    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    is_late = seconds >= late if late > 0 else seconds < 0
    return select(
        key,
        func.count(),
        number(seconds <= within),
        number(is_late),
        number(and_(is_late, sorry)),
        func.coalesce(func.sum(seconds), 0),
        func.coalesce(func.max(seconds), 0),
    ).group_by(key)


def _by_key(rows: Sequence[AnyRow]) -> dict[Any, Answers]:
    return {
        row[0]: Answers(int(row[1]), int(row[2]), int(row[3]), int(row[4]), float(row[5]), float(row[6]))
        for row in rows
    }

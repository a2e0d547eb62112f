"""What calls did in the flows, counted once a call has ended: by day, step and way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, true, update

from policy_db.store import AnyRow, Store
from policy_db.tables.calls import CallEventRow, CallRow
from policy_db.tables.flows import FlowCountRow
from policy_db.writes import insert

_KINDS: Final = ("step_entered", "step_left", "missed", "fault", "call_ended")
#: Calls that are counted in one transaction.
BATCH: Final = 200

#: (flow, step, what, target) → how often, and seconds in all.
_Key = tuple[str, str, str, str]


@dataclass(slots=True)
class StepCounts:
    """What calls did at one step. `left` counts by target; `seconds` is how long they stayed in all."""

    entered: int = 0
    seconds: float = 0.0
    left: dict[str, int] = field(default_factory=dict)
    no_input: int = 0
    no_match: int = 0
    fault: int = 0
    hung_up: int = 0

    @property
    def dwell(self) -> float | None:
        """Seconds that a call stayed on average."""
        return self.seconds / self.entered if self.entered else None


class FlowCounts:
    """Counts, and the reading of them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def count(self, zone: ZoneInfo, *, batch: int = BATCH) -> int:
        """Count calls that have ended and were not counted; how many. Each is counted once, whoever counts."""
        open_calls = (
            select(CallRow.id, CallRow.ended_at, CallRow.started_at)
            .where(CallRow.counted.is_(False), CallRow.ended_at.is_not(None), CallRow.state != "running")
            .order_by(CallRow.ended_at)
            .limit(batch)
        )
        async with self._store.writing("flow_counts") as connection:
            calls = (await connection.execute(open_calls)).all()
            if not calls:
                return 0
            days = {row.id: (row.ended_at or row.started_at).astimezone(zone).date() for row in calls}
            events = (
                select(CallEventRow.call_id, CallEventRow.at, CallEventRow.kind, CallEventRow.data)
                .where(CallEventRow.call_id.in_(list(days)), CallEventRow.kind.in_(_KINDS))
                .order_by(CallEventRow.call_id, CallEventRow.seq)
            )
            counts, seconds = _counted(await connection.execute(events), days)
            for (day, *key), number in counts.items():
                await connection.execute(
                    self._added(day, (key[0], key[1], key[2], key[3]), number, seconds[(day, *key)])
                )
            await connection.execute(update(CallRow).where(CallRow.id.in_(list(days))).values(counted=True))
        return len(calls)

    async def of(self, since: date, until: date, flow: str = "") -> dict[str, dict[str, StepCounts]]:
        """Counts by flow and step for the calls that ended from `since` to `until`, both days included."""
        number, seconds = func.sum(FlowCountRow.count), func.sum(FlowCountRow.seconds)
        one = (FlowCountRow.flow, FlowCountRow.step, FlowCountRow.what, FlowCountRow.target)
        query = (
            select(*one, number.label("number"), seconds.label("seconds"))
            .where(FlowCountRow.day.between(since, until), FlowCountRow.flow == flow if flow else true())
            .group_by(*one)
        )
        found: dict[str, dict[str, StepCounts]] = {}
        async with self._store.reading() as connection:
            for row in await connection.execute(query):
                steps = found.setdefault(row.flow, {})
                _note(steps.setdefault(row.step, StepCounts()), row)
        return found

    async def here_now(self) -> dict[tuple[str, str], int]:
        """How many running calls are at each (flow, step)."""
        latest = (
            select(CallEventRow.call_id, func.max(CallEventRow.seq).label("seq"))
            .join(CallRow, CallRow.id == CallEventRow.call_id)
            .where(CallRow.state == "running", CallEventRow.kind == "step_entered")
            .group_by(CallEventRow.call_id)
            .subquery()
        )
        query = select(CallEventRow.data).join(
            latest, (CallEventRow.call_id == latest.c.call_id) & (CallEventRow.seq == latest.c.seq)
        )
        async with self._store.reading() as connection:
            return Counter((row.data["flow"], row.data["step"]) for row in await connection.execute(query))

    def _added(self, day: date, key: _Key, number: int, seconds: float) -> Any:
        flow, step, what, target = key
        statement: Any = insert(self._store, FlowCountRow).values(
            day=day, flow=flow, step=step, what=what, target=target, count=number, seconds=seconds
        )
        return statement.on_conflict_do_update(
            index_elements=[
                FlowCountRow.day, FlowCountRow.flow, FlowCountRow.step, FlowCountRow.what, FlowCountRow.target,
            ],
            set_={"count": FlowCountRow.count + number, "seconds": FlowCountRow.seconds + seconds},
        )  # fmt: skip


def _counted(
    events: Iterable[AnyRow], days: Mapping[str, date]
) -> tuple[Counter[tuple[Any, ...]], Counter[tuple[Any, ...]]]:
    """How often each thing happened, and how long calls stayed at each step, by day and key."""
    counts: Counter[tuple[Any, ...]] = Counter()
    seconds: Counter[tuple[Any, ...]] = Counter()
    here: dict[str, tuple[tuple[Any, ...], float]] = {}
    for event in events:
        data, day = event.data, days[event.call_id]
        if event.call_id in here and event.kind in ("step_entered", "call_ended"):
            key, since = here.pop(event.call_id)
            seconds[key] += max(0.0, event.at - since)
            if event.kind == "call_ended" and data.get("reason") == "caller":
                counts[(key[0], key[1], key[2], "hung_up", "")] += 1
        if event.kind == "call_ended":
            continue
        flow, step = data.get("flow", ""), data.get("step", "")
        what, target = _what(event.kind, data)
        key = (day, flow, step, what, target)
        counts[key] += 1
        if event.kind == "step_entered":
            here[event.call_id] = (key, event.at)
    return counts, seconds


def _what(kind: str, data: Mapping[str, Any]) -> tuple[str, str]:
    if kind == "step_entered":
        return "entered", ""
    if kind == "step_left":
        return "left", str(data.get("target", ""))[:64]
    if kind == "missed":
        return str(data.get("what", "no_match")), ""
    return "fault", ""


def _note(counts: StepCounts, row: AnyRow) -> None:
    if row.what == "left":
        counts.left[row.target] = int(row.number)
    elif row.what == "entered":
        counts.entered, counts.seconds = int(row.number), float(row.seconds)
    elif row.what in ("no_input", "no_match", "fault", "hung_up"):
        setattr(counts, row.what, int(row.number))

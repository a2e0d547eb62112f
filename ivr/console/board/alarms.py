"""The alarms of the board: what a manager should look at now, by limits that managers set themselves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal

from policy_db.boards import AlarmLimit, Trouble

#: Trouble is counted over the calls that came within this.
LATELY: Final = timedelta(minutes=15)
#: Of fewer calls or answers than this no share is judged.
ENOUGH: Final = 10
#: The limit of each alarm where nobody has set another: seconds, per cent, calls, misses a call, per cent free.
USUAL: Final[Mapping[str, float]] = {
    "longest_wait": 120.0,
    "service_level": 80.0,
    "no_seat": 1.0,
    "faults": 5.0,
    "missed": 1.5,
    "worker_gone": 1.0,
    "disk": 10.0,
}
#: Alarms that are on or off, without a number.
SWITCHES: Final = frozenset({"no_seat", "worker_gone"})
Weight = Literal["bad", "warn"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to look at: `name` and the values that its text is filled with."""

    name: str
    weight: Weight
    values: Mapping[str, str | float]


@dataclass(frozen=True, slots=True)
class QueueSight:
    """What alarms look at in a queue; `seats` are those that serve it, `open` whether it is open now."""

    name: str
    longest: float | None
    answered: int
    service_level: float | None
    seats: int
    open: bool


def limits_of(held: Mapping[str, AlarmLimit]) -> dict[str, float | None]:
    """The limits in force."""
    return {name: held[name].value if name in held else usual for name, usual in USUAL.items()}


def judge(
    limits: Mapping[str, float | None],
    *,
    queues: tuple[QueueSight, ...],
    trouble: Trouble,
    workers: tuple[str, ...],
    folder: Path,
) -> tuple[Alarm, ...]:
    """Every alarm that is due, the weightiest first."""
    found = [
        *_queue_alarms(limits, queues),
        *_trouble_alarms(limits, trouble),
        *_house_alarms(limits, workers, folder),
    ]
    return tuple(sorted(found, key=lambda alarm: alarm.weight != "bad"))


def _queue_alarms(limits: Mapping[str, float | None], queues: tuple[QueueSight, ...]) -> Iterator[Alarm]:
    longest, level = limits["longest_wait"], limits["service_level"]
    for queue in queues:
        if longest is not None and queue.longest is not None and queue.longest > longest:
            yield Alarm("longest_wait", "bad", {"queue": queue.name, "seconds": round(queue.longest)})
        if (
            level is not None
            and queue.service_level is not None
            and queue.answered >= ENOUGH
            and queue.service_level * 100 < level
        ):
            share = round(queue.service_level * 100)
            yield Alarm("service_level", "warn", {"queue": queue.name, "share": share, "limit": round(level)})
        if limits["no_seat"] is not None and queue.open and not queue.seats:
            yield Alarm("no_seat", "bad" if queue.longest is not None else "warn", {"queue": queue.name})


def _trouble_alarms(limits: Mapping[str, float | None], trouble: Trouble) -> Iterator[Alarm]:
    faults, missed = limits["faults"], limits["missed"]
    minutes = round(LATELY.total_seconds() / 60)
    if faults is not None and trouble.faulty >= faults:
        yield Alarm("faults", "bad", {"count": trouble.faulty, "minutes": minutes})
    if missed is not None and trouble.calls >= ENOUGH and trouble.missed / trouble.calls >= missed:
        average = round(trouble.missed / trouble.calls, 1)
        yield Alarm("missed", "warn", {"average": average, "minutes": minutes})


def _house_alarms(
    limits: Mapping[str, float | None], workers: tuple[str, ...], folder: Path
) -> Iterator[Alarm]:
    if limits["worker_gone"] is not None:
        for worker in workers:
            yield Alarm("worker_gone", "bad", {"worker": worker})
    disk = limits["disk"]
    if disk is not None:
        usage = shutil.disk_usage(folder)
        free = usage.free / usage.total * 100
        if free < disk:
            yield Alarm("disk", "bad", {"free": round(free, 1), "gigabytes": round(usage.free / 2**30, 1)})

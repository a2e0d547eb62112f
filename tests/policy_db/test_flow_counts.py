"""What calls did in the flows is counted once, by day and way; versions are kept with their texts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from policy_kit import HandClock, Places, open_database

from policy_db import PolicyDatabase
from policy_db.errors import ConflictError
from policy_db.facts import TimelineEntry

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 5)


@pytest.fixture
async def database(places: Places) -> AsyncIterator[PolicyDatabase]:
    made = await open_database(places.empty(), HandClock(datetime(2026, 3, 4, 17, 0, tzinfo=UTC)))
    yield made
    await made.close()


async def a_call(database: PolicyDatabase, name: str, *events: tuple[float, str, dict[str, object]]) -> None:
    await database.calls.begin(name, worker="w", caller="1", called="2")
    entries = [TimelineEntry(seq, at, kind, data) for seq, (at, kind, data) in enumerate(events)]
    await database.calls.append(name, entries)


def entered(at: float, step: str) -> tuple[float, str, dict[str, object]]:
    return at, "step_entered", {"flow": "main", "step": step}


def left(at: float, step: str, target: str) -> tuple[float, str, dict[str, object]]:
    return at, "step_left", {"flow": "main", "step": step, "outcome": "done", "target": target}


async def test_steps_ways_misses_and_hang_ups_are_counted_on_the_companys_day(
    database: PolicyDatabase,
) -> None:
    for name in ("one", "two"):
        await a_call(
            database,
            name,
            entered(0.0, "hello"),
            left(2.0, "hello", "menu"),
            entered(2.0, "menu"),
            (5.0, "missed", {"flow": "main", "step": "menu", "what": "no_input", "count": 1}),
            (6.0, "call_ended", {"reason": "caller"}),
        )
        await database.calls.finish(name, "caller_hung_up")
    assert await database.flow_counts.count(SHANGHAI) == 2
    steps = (await database.flow_counts.of(DAY, DAY))["main"]
    assert (steps["hello"].entered, steps["hello"].dwell, steps["hello"].left) == (2, 2.0, {"menu": 2})
    menu = steps["menu"]
    assert (menu.entered, menu.seconds, menu.no_input, menu.hung_up) == (2, 8.0, 2, 2)


async def test_a_call_is_counted_once_and_only_when_it_has_ended(database: PolicyDatabase) -> None:
    await a_call(database, "running", entered(0.0, "hello"))
    assert await database.flow_counts.count(SHANGHAI) == 0
    assert await database.flow_counts.here_now() == {("main", "hello"): 1}
    await database.calls.finish("running", "normal")
    assert [await database.flow_counts.count(SHANGHAI) for _ in range(2)] == [1, 0]
    assert (await database.flow_counts.of(DAY, DAY))["main"]["hello"].entered == 1
    assert await database.flow_counts.here_now() == {}


async def test_counts_add_up_over_batches_and_days(database: PolicyDatabase) -> None:
    for number in range(5):
        await a_call(database, f"call-{number}", entered(0.0, "hello"))
        await database.calls.finish(f"call-{number}", "normal")
    assert [await database.flow_counts.count(SHANGHAI, batch=2) for _ in range(3)] == [2, 2, 1]
    assert (await database.flow_counts.of(date(2026, 3, 1), DAY, "main"))["main"]["hello"].entered == 5
    assert await database.flow_counts.of(date(2026, 3, 1), date(2026, 3, 4)) == {}


async def test_a_version_is_added_after_the_one_its_author_saw_and_no_other(database: PolicyDatabase) -> None:
    versions = database.flow_versions
    first = await versions.add("v1", {"main.yaml": "a", "hotline.yaml": "h"}, who="system", action="found")
    second = await versions.add(
        "v2", {"main.yaml": "b", "hotline.yaml": "h"}, who="staff:mei", action="published", after=first.id
    )
    with pytest.raises(ConflictError):
        await versions.add("v3", {"main.yaml": "c"}, who="staff:rui", action="published", after=first.id)
    assert [one.id for one in await versions.history()] == [second.id, first.id]
    assert await versions.texts(first) == {"main.yaml": "a", "hotline.yaml": "h"}
    assert (await versions.history(before=second.id))[0].version == "v1"

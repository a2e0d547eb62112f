"""Workers as rows: one for each name, found by it, and those that take calls, the least busy first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from policy_kit import HandClock, Places, open_database

from policy_db.workers import SILENCE, WorkerFact

NOW = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
ONE = WorkerFact("site-0", "http://127.0.0.1:8090", 100, "ready", 3, 550, NOW)


async def test_a_worker_that_was_started_again_replaces_its_row(places: Places) -> None:
    async with await open_database(places.empty(), HandClock()) as database:
        await database.workers.say(ONE)
        again = replace(
            ONE, url="http://127.0.0.1:8091", pid=200, calls=0, seen_at=NOW + timedelta(seconds=3)
        )
        await database.workers.say(again)
        assert await database.workers.find("site-0") == again
        assert await database.workers.serving(NOW) == (again,)
        assert await database.workers.find("site-9") is None


async def test_those_that_take_calls_are_found_the_least_busy_first(places: Places) -> None:
    async with await open_database(places.empty(), HandClock()) as database:
        idle = replace(ONE, name="site-1", calls=0)
        draining = replace(ONE, name="site-2", state="draining")
        stopped = replace(ONE, name="site-3", state="stopped")
        silent = replace(ONE, name="site-4", seen_at=NOW - SILENCE - timedelta(seconds=1))
        for worker in (ONE, idle, draining, stopped, silent):
            await database.workers.say(worker)
        assert await database.workers.serving(NOW) == (idle, ONE)
        assert await database.workers.living(NOW) == (idle, ONE, draining)

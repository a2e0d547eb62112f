"""When a running campaign calls next."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.outreach.waiting import next_call
from ivr.outreach.windows import CompanyHours
from policy_db import Keys, PinHasher, PolicyDatabase
from policy_db.outreach_facts import Campaign, NewPerson

SHANGHAI = ZoneInfo("Asia/Shanghai")
#: A Tuesday.
NIGHT = datetime(2026, 3, 10, 2, 0, tzinfo=SHANGHAI)
NOON = datetime(2026, 3, 10, 12, 30, tzinfo=SHANGHAI)
AFTERNOON = datetime(2026, 3, 10, 15, 0, tzinfo=SHANGHAI)
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "00:00-24:00")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in it, to be copied."""
    made = tmp_path_factory.mktemp("empty") / "hotline.db"

    async def make() -> None:
        async with await opened(made, migrate=True):
            pass

    asyncio.run(make())
    return made


@pytest.fixture
async def database(empty: Path, tmp_path: Path) -> AsyncIterator[PolicyDatabase]:
    async with await opened(Path(shutil.copy(empty, tmp_path / "hotline.db"))) as database:
        yield database


async def opened(path: Path, *, migrate: bool = False) -> PolicyDatabase:
    keys = Keys(bytes(32))
    return await PolicyDatabase.open(f"sqlite:///{path}", keys=keys, pins=PinHasher.cheap(), migrate=migrate)


async def campaign(database: PolicyDatabase, people: dict[str, str], due: datetime = NIGHT) -> Campaign:
    """A running one of numbers and their places."""
    rules = {"windows": {"week": WEEK, "rests": "", "holidays": None}}
    made = Campaign("c-1", "c-1", "list", "premium_reminder", NIGHT, "test", rules=rules)
    await database.campaigns.add(made)
    await database.campaigns.put("c-1", [NewPerson(*one) for one in people.items()], due=due)
    running = await database.campaigns.change("c-1", "running", NIGHT)
    assert running is not None
    return running


async def test_at_night_it_waits_for_the_morning_of_those_who_are_called(database: PolicyDatabase) -> None:
    one = await campaign(database, {"+8613800000001": "CN:Asia/Shanghai"})
    assert await next_call(database, one, CompanyHours(), NIGHT) == NIGHT.replace(hour=9)
    assert await next_call(database, one, CompanyHours("10:00-18:00"), NIGHT) == NIGHT.replace(hour=10)
    assert await next_call(database, one, CompanyHours(rests="12:00-14:00"), NOON) == NOON.replace(
        hour=14, minute=0
    )
    assert await next_call(database, one, CompanyHours(), AFTERNOON) is None


async def test_it_waits_for_nobody_where_somebody_elses_day_has_begun(database: PolicyDatabase) -> None:
    one = await campaign(
        database, {"+8613800000001": "CN:Asia/Shanghai", "+5511961234561": "BR:America/Sao_Paulo"}
    )
    assert await next_call(database, one, CompanyHours(), NIGHT) is None  # 15:00 of the day before


async def test_after_attempts_it_waits_for_the_gap(database: PolicyDatabase) -> None:
    later = AFTERNOON + timedelta(hours=4)
    one = await campaign(database, {"+8613800000001": "CN:Asia/Shanghai"}, due=later)
    found = await next_call(database, one, CompanyHours(), AFTERNOON)
    assert found == later
    assert found.tzinfo is SHANGHAI


async def test_one_that_is_paused_or_has_nobody_left_waits_for_nothing(database: PolicyDatabase) -> None:
    one = await campaign(database, {})
    assert await next_call(database, one, CompanyHours(), NIGHT) is None
    paused = await database.campaigns.change("c-1", "paused", NIGHT.astimezone(UTC))
    assert paused is not None
    assert await next_call(database, paused, CompanyHours(), NIGHT) is None

"""A small simulated world through the real rules and tables, and what is known of it."""

from __future__ import annotations

import csv
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from cross_sell.proof.incentives import KEYS
from cross_sell.simulation import tables
from cross_sell.simulation.calling import Floor, calls_of
from cross_sell.simulation.running import another, build_template, opened, run_world
from cross_sell.simulation.world import World
from cross_sell.simulation.year import Plan
from policy_db.moments import Period
from policy_db.simulated import Person
from policy_db.simulated_book import differs

PLAN = Plan(days=85, calls_a_day=18, customers=250, uplift=0.1, zone=UTC)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import asyncio

    file = tmp_path_factory.mktemp("company") / "company.db"
    asyncio.run(build_template(file, PLAN))
    return file


async def test_a_year_goes_through_real_rules_and_tables_and_the_interval_holds_the_truth(
    template: Path, tmp_path: Path
) -> None:
    file = tmp_path / "year.db"
    result = await run_world(file, PLAN, template=template)
    ledger, verdict = result.ledger, result.verdict
    assert ledger.calls > 1000
    assert len(result.trial) > 30
    sales = verdict.check("always", "sales")
    assert sales.truth == pytest.approx(0.1, abs=0.03)
    assert sales.covered
    assert not verdict.ever_missed
    first = datetime(2027, 1, 1, tzinfo=UTC)
    async with await opened(file, PLAN) as database:
        period = Period(first, first + timedelta(days=PLAN.days))
        arms = {one.arm for one in await database.proofs.looked(period)}
        assert arms >= {"none", "offer", "holdout"}
        made = await tables.referrals(database, period)
        people = await database.proofs.treated(period)
    assert [one.name for one in made] == [f"incentives_by_{by}" for by in KEYS]
    assert sum(one.offered for one in people) > 0
    assert all(one.eligible for one in people if one.offered)
    every = [
        tables.checks(result),
        tables.arms(result),
        tables.course(result),
        tables.worlds([result]),
        *made,
    ]
    written = tables.write(tmp_path / "out", every)
    rows = list(csv.DictReader(written[0].read_text().splitlines()))
    assert {row["kind"] for row in rows} >= {"always", "once", "ips", "snips", "dr", "product"}


async def test_the_same_seed_gives_the_same_world_and_another_seed_another(
    template: Path, tmp_path: Path
) -> None:
    short = Plan(**{name: getattr(PLAN, name) for name in PLAN.__slots__} | {"days": 12})
    found = [
        (await run_world(tmp_path / f"{index}.db", plan, template=template)).ledger
        for index, plan in enumerate((short, short, another(short, 1)))
    ]
    assert found[0].known == found[1].known
    assert found[0].known != found[2].known


def test_chances_of_the_world_are_products_of_their_steps() -> None:
    world = World(factor=2.0)
    features = {"age": 40, "policies": 1.5, "pays_yearly": 0.5}
    assert world.yes("101", features) == pytest.approx(1 / (1 + 2.718281828**2.6))
    assert world.close("101") == pytest.approx(0.6)
    assert World(factor=9).close("101") == 0.95
    sale = world.yes("101", features) * world.reach * 0.6 * world.stay
    assert world.lasting_sale("101", features) == pytest.approx(sale)
    assert world.unasked_lasting("101", 1.0, 0) == 0
    assert 0 < world.yes("unknown", {}) < 1


def test_nobody_rings_twice_a_day_and_mondays_are_busier_than_sundays() -> None:
    people = [Person(n, f"C{n}", f"+861600{n:07}", f"P{n}", n, "", date(1980, 1, 1)) for n in range(500)]
    rng = random.Random(1)
    counts = {}
    for day in (date(2027, 3, 1), date(2027, 3, 7)):
        calls = list(calls_of(day, 80, people, Floor(()), rng, UTC))
        assert len({person.number for person, _ in calls}) == len(calls)
        assert [call.now for _, call in calls] == sorted(call.now for _, call in calls)
        assert all(call.now.date() == day for _, call in calls)
        counts[day.weekday()] = len(calls)
    assert counts[0] > counts[6]


def test_a_book_that_differs_from_the_database_is_noticed() -> None:
    assert differs(None, None) == ()
    assert differs(None, object()) == ("all",)  # type: ignore[arg-type]

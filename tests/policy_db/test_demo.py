"""The demonstration: always the same, whole or not at all, and about today."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from policy_kit import TODAY, HandClock, Places, open_database
from sqlalchemy import func, select

from policy_db import PolicyDatabase, build_demo, demo_table, refresh_demo
from policy_db.demo.people import check_digit
from policy_db.errors import BadValueError, ConflictError
from policy_db.facts import NewCustomer
from policy_db.tables import Base, CustomerRow, InstalmentRow, PolicyRow

FIXED = ["86001234", "86005678", "86009999", "86007777"]


async def _rows(db: PolicyDatabase, table: type[Base]) -> list[Any]:
    async with db.store.reading() as connection:
        return list(await connection.execute(select(*table.__table__.columns)))


@pytest.mark.parametrize("today", [TODAY, date(2024, 2, 19), date(2026, 1, 31), date(2028, 2, 29)])
async def test_the_policies_to_try_are_as_promised_on_any_day(places: Places, today: date) -> None:
    async with await open_database(places.empty(), HandClock()) as db:
        await build_demo(db, customers=0, today=today)
        life = await db.policies.premium_position("86001234", today)
        motor = await db.policies.premium_position("86005678", today)
        lapsed = await db.policies.premium_position("86009999", today)
        statuses = [(await db.policies.find(number, today)).status for number in FIXED]  # type: ignore[union-attr]
        assert statuses == ["in_force", "in_force", "lapsed", "in_force"]
        assert life is not None
        assert motor is not None
        assert lapsed is not None
        assert (life.state, str(life.amount.amount), life.due_on) == (
            "due",
            "3200.00",
            today + timedelta(days=10),
        )
        assert (motor.state, motor.days_overdue) == ("overdue", 45)
        assert (lapsed.state, lapsed.can_reinstate) == ("lapsed", True)
        claim, complaint = await db.claims.status("86007777"), await db.complaints.open_for("86007777")
        assert claim is not None
        assert complaint is not None
        assert (claim.status, complaint.status) == ("reviewing", "open")


async def test_everything_in_the_table_to_try_opens(demo: PolicyDatabase) -> None:
    table = demo_table()
    assert [row.number for row in table[:4]] == FIXED
    for index, row in enumerate(table):
        caller = f"+8613800{index:06d}"
        if row.id_tail:
            check = await demo.identity.check_id_tail(row.number, row.id_tail, caller=caller, call_id="c")
            assert check.outcome == "passed"
            check = await demo.identity.check_pin(row.number, row.pin, caller=caller, call_id="c")
        else:
            check = await demo.identity.check_salesperson(row.number, row.pin, caller=caller, call_id="c")
        assert check.outcome == "passed"
    known = {row.number: (row.id_tail, row.pin) for row in table}
    assert known["86001234"] == ("011234", "246810")
    assert known["86005678"][1] == "135790"
    assert known["1001"] == ("", "112233")


async def test_a_second_demonstration_is_refused_and_changes_nothing(demo: PolicyDatabase) -> None:
    before = len(await _rows(demo, CustomerRow))
    with pytest.raises(ConflictError, match="60 customers, seed 7"):
        await build_demo(demo, customers=5, today=TODAY)
    assert len(await _rows(demo, CustomerRow)) == before


async def test_a_demonstration_is_never_mixed_with_real_customers(db: PolicyDatabase) -> None:
    await db.customers.add(NewCustomer("王芳", "f", date(1986, 8, 1), "+861", "11010519860801123X"))
    with pytest.raises(ConflictError, match="HOTLINE_DATABASE_URL"):
        await build_demo(db, customers=5, today=TODAY)


@pytest.mark.parametrize("customers", [-1, 500_001])
async def test_a_size_out_of_range_is_refused(db: PolicyDatabase, customers: int) -> None:
    with pytest.raises(BadValueError):
        await build_demo(db, customers=customers, today=TODAY)


async def test_a_demonstration_that_is_cut_off_leaves_an_empty_database(db: PolicyDatabase) -> None:
    def stop(done: int, _customers: int) -> None:
        if done >= 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await build_demo(db, customers=1500, today=TODAY, progress=stop)
    assert await _rows(db, CustomerRow) == []
    await build_demo(db, customers=3, today=TODAY)


async def test_progress_is_told_from_nothing_to_all(db: PolicyDatabase) -> None:
    told: list[tuple[int, int]] = []
    await build_demo(db, customers=1200, today=TODAY, progress=lambda done, of: told.append((done, of)))
    assert told == [(0, 1200), (1000, 1200), (1200, 1200)]


async def test_the_same_seed_makes_the_same_portfolio_and_another_another(places: Places) -> None:
    seen = []
    for seed in (7, 7, 8):
        async with await open_database(places.empty(), HandClock()) as db:
            await build_demo(db, customers=20, seed=seed, today=TODAY)
            people = [(row.number, row.name, row.phone, row.id_hash) for row in await _rows(db, CustomerRow)]
            policies = [tuple(row) for row in await _rows(db, PolicyRow)]
            seen.append((people, policies, [tuple(row) for row in await _rows(db, InstalmentRow)]))
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]


async def test_the_portfolio_is_believable(places: Places) -> None:
    async with await open_database(places.empty(), HandClock()) as db:
        await build_demo(db, customers=400, today=TODAY)
        statuses: Counter[str] = Counter()
        for row in await _rows(db, PolicyRow):
            policy = await db.policies.find(row.number, TODAY)
            assert policy is not None
            assert len(policy.number) == 8
            assert policy.number.startswith("86")
            assert policy.premium.amount > 0
            assert policy.coverages
            statuses[policy.status] += 1
        for customer in await _rows(db, CustomerRow):
            number = await db.customers.id_number(customer.number)
            assert number[17] == check_digit(number[:17])
            assert number[6:14] == f"{customer.born_on:%Y%m%d}"
            assert int(number[16]) % 2 == (customer.sex == "m")
    assert set(statuses) == {"in_force", "grace", "lapsed", "matured", "surrendered", "pending"}
    assert 0.75 < statuses["in_force"] / statuses.total() < 0.97


async def test_the_database_counts_on_after_a_demonstration(demo: PolicyDatabase) -> None:
    added = await demo.customers.add(NewCustomer("王芳", "f", date(1986, 8, 1), "+861", "11010519860801123X"))
    assert await demo.customers.find(added.number) == added
    report = await demo.claims.begin(caller="+861", today=TODAY - timedelta(days=12))
    assert report.number == f"{TODAY - timedelta(days=12):%y%m%d}000002"


@pytest.mark.parametrize("later", [1, 30, 31, 400])
async def test_a_demonstration_moves_on_to_today(demo: PolicyDatabase, later: int) -> None:
    today = TODAY + timedelta(days=later)
    before = await demo.policies.instalments("86002468")
    assert await refresh_demo(demo, today=today)
    position = await demo.policies.premium_position("86001234", today)
    commission = await demo.sales.commission("1001", today)
    assert position is not None
    assert commission is not None
    assert (position.state, position.due_on) == ("due", today + timedelta(days=10))
    assert commission.month == today.replace(day=1)
    moved = await demo.policies.instalments("86002468")
    assert [one.due_on for one in moved] == [one.due_on + timedelta(days=later) for one in before]
    assert [one.paid_on is None for one in moved] == [one.paid_on is None for one in before]
    assert await refresh_demo(demo, today=today)
    assert await demo.policies.instalments("86002468") == moved


async def test_a_database_without_a_demonstration_is_not_moved(db: PolicyDatabase) -> None:
    assert not await refresh_demo(db, today=TODAY)


async def test_every_customer_has_a_salt_of_their_own(demo: PolicyDatabase) -> None:
    hashes = [row.pin_hash for row in await _rows(demo, CustomerRow)]
    assert len(set(hashes)) == len(hashes)
    async with demo.store.reading() as connection:
        assert (await connection.execute(select(func.count()).select_from(CustomerRow))).scalar_one() == 67

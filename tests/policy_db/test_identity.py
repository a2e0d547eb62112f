"""Who is calling: what passes, what is refused, when it locks and when it opens again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from policy_kit import HandClock, Places, open_database
from sqlalchemy import select

from policy_db import IdentityRules, PinHasher, PolicyDatabase
from policy_db.identity import Attempt, failures, standing
from policy_db.pins import PinCheck
from policy_db.tables import AttemptRow, CustomerRow

CALLER, OTHER = "+8613800001111", "+8613800002222"


async def _pin(
    db: PolicyDatabase, pin: str, policy: str = "86001234", caller: str = CALLER
) -> tuple[str, int]:
    check = await db.identity.check_pin(policy, pin, caller=caller, call_id="call-1")
    return check.outcome, check.tries_left


async def test_policy_number_id_digits_and_pin_pass(demo: PolicyDatabase) -> None:
    tail = await demo.identity.check_id_tail("86001234", "011234", caller=CALLER, call_id="call-1")
    pin = await demo.identity.check_pin("86001234", "246810", caller=CALLER, call_id="call-1")
    sales = await demo.identity.check_salesperson("1001", "112233", caller=CALLER, call_id="call-1")
    assert (tail.outcome, tail.subject, tail.name) == ("passed", "86001234", "王建国")
    assert (pin.outcome, pin.subject) == ("passed", "86001234")
    assert (sales.outcome, sales.subject, sales.name) == ("passed", "1001", "林海涛")


@pytest.mark.parametrize("policy", ["86001234", "86111111"])
async def test_known_and_unknown_policies_are_refused_and_locked_in_the_same_way(
    demo: PolicyDatabase, clock: HandClock, policy: str
) -> None:
    answers = [
        await demo.identity.check_id_tail(policy, "999999", caller=CALLER, call_id="call-1") for _ in range(4)
    ]
    assert [(one.outcome, one.tries_left) for one in answers] == [
        ("refused", 2),
        ("refused", 1),
        ("refused", 0),
        ("locked", 0),
    ]
    assert all(one.subject is None and one.name is None for one in answers)
    assert answers[3].locked_until == clock.now + timedelta(minutes=15)


async def test_the_right_pin_does_not_open_a_lock_but_time_does(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    for _ in range(3):
        await _pin(demo, "000000")
    assert await _pin(demo, "246810") == ("locked", 0)
    clock.forward(minutes=15)
    assert await _pin(demo, "246810") == ("passed", 3)


async def test_attempts_while_locked_do_not_make_the_lock_longer(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    for _ in range(3):
        await _pin(demo, "000000")
    clock.forward(minutes=14)
    for _ in range(20):
        assert await _pin(demo, "000000") == ("locked", 0)
    clock.forward(minutes=1)
    assert await _pin(demo, "246810") == ("passed", 3)


async def test_there_are_never_more_than_three_failures_in_the_window(
    demo: PolicyDatabase, clock: HandClock
) -> None:
    made = []
    for _ in range(120):
        outcome, _ = await _pin(demo, "000000")
        if outcome == "refused":
            made.append(clock.now)
        clock.forward(minutes=1)
    assert all(
        later - earlier >= timedelta(minutes=15) for earlier, later in zip(made, made[3:], strict=False)
    )
    assert len(made) >= 21


async def test_a_caller_is_locked_across_policies(demo: PolicyDatabase) -> None:
    for policy in ("86001234", "86005678", "86009999"):
        await _pin(demo, "000000", policy)
    assert await _pin(demo, "864209", "86007777") == ("locked", 0)
    assert await _pin(demo, "864209", "86007777", OTHER) == ("passed", 3)


async def test_a_policy_is_locked_across_callers(demo: PolicyDatabase) -> None:
    for index in range(3):
        await _pin(demo, "000000", caller=f"+86139{index}")
    assert await _pin(demo, "246810", caller=OTHER) == ("locked", 0)


async def test_strangers_cannot_lock_out_a_number_that_was_right_before(demo: PolicyDatabase) -> None:
    assert await _pin(demo, "246810") == ("passed", 3)
    for index in range(3):
        await _pin(demo, "000000", caller=f"+86139{index}")
    assert await _pin(demo, "246810", caller=OTHER) == ("locked", 0)
    assert await _pin(demo, "246810") == ("passed", 3)


async def test_even_a_trusted_number_has_three_tries(demo: PolicyDatabase) -> None:
    await _pin(demo, "246810")
    assert [await _pin(demo, "000000") for _ in range(3)][-1] == ("refused", 0)
    assert await _pin(demo, "246810") == ("locked", 0)


async def test_a_success_forgives_ones_own_slips_there_and_nothing_else(demo: PolicyDatabase) -> None:
    await _pin(demo, "000000", "86005678")
    await _pin(demo, "000000")
    await _pin(demo, "246810")
    assert await _pin(demo, "000000") == ("refused", 1)  # one for the other policy, one for this
    assert await _pin(demo, "000000", "86005678") == ("refused", 0)


async def test_callers_without_a_number_share_a_larger_count(demo: PolicyDatabase) -> None:
    for index in range(10):
        for _ in range(3):
            assert (await _pin(demo, "000000", f"8690000{index}", ""))[0] == "refused"
    assert await _pin(demo, "246810", caller="") == ("locked", 0)
    assert await _pin(demo, "246810") == ("passed", 3)


async def test_id_digits_and_pin_have_tries_of_their_own(demo: PolicyDatabase) -> None:
    for _ in range(3):
        await demo.identity.check_id_tail("86001234", "999999", caller=CALLER, call_id="call-1")
    assert await _pin(demo, "246810") == ("passed", 3)


async def test_attempts_made_at_once_get_no_more_tries_between_them(demo: PolicyDatabase) -> None:
    answers = await asyncio.gather(*(_pin(demo, f"{index:06d}") for index in range(12)))
    assert sorted(outcome for outcome, _ in answers) == ["locked"] * 9 + ["refused"] * 3


class StuckHasher(PinHasher):
    """A fake that never finishes comparing, and says when it has begun."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.begun = asyncio.Event()

    async def check(self, stored: str | None, pin: str) -> PinCheck:
        self.begun.set()
        return await asyncio.get_running_loop().create_future()


async def test_an_attempt_that_was_cut_off_counts_as_failed(places: Places, clock: HandClock) -> None:
    url, stuck = places.demo(), StuckHasher()
    async with await open_database(url, clock, pins=stuck) as db:
        task = asyncio.create_task(_pin(db, "246810"))
        await stuck.begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with await open_database(url, clock) as db:
        assert await _pin(db, "000000") == ("refused", 1)


@pytest.mark.parametrize("tail", ["", "1", "11234", "0112345", "9011234", "abcdef"])
async def test_id_digits_must_be_the_whole_last_six(demo: PolicyDatabase, tail: str) -> None:
    check = await demo.identity.check_id_tail("86001234", tail, caller=CALLER, call_id="call-1")
    assert check.outcome == "refused"


async def test_what_was_typed_is_nowhere_in_the_record_of_attempts(demo: PolicyDatabase) -> None:
    await demo.identity.check_id_tail("86001234", "918273", caller=CALLER, call_id="call-1")
    await demo.identity.check_pin("86001234", "827364", caller=CALLER, call_id="call-1")
    written = " ".join(repr(tuple(row)) for row in await _attempts(demo))
    assert "918273" not in written
    assert "827364" not in written
    assert "86001234" not in written


async def test_the_first_right_pin_makes_a_weak_hash_strong(places: Places, clock: HandClock) -> None:
    strong = PinHasher(time_cost=1, memory_cost=64, parallelism=1)
    async with await open_database(places.demo(), clock, pins=strong) as db:
        assert await _pin(db, "246810") == ("passed", 3)
        async with db.store.reading() as connection:
            query = select(CustomerRow.pin_hash).where(CustomerRow.name == "王建国")
            assert any("m=64" in (row.pin_hash or "") for row in await connection.execute(query))
        assert await _pin(db, "246810") == ("passed", 3)


async def test_the_rules_are_settings(places: Places, clock: HandClock) -> None:
    rules = IdentityRules(tries=1, window=timedelta(minutes=1))
    async with await open_database(places.demo(), clock, rules=rules) as db:
        assert await _pin(db, "000000") == ("refused", 0)
        assert await _pin(db, "246810") == ("locked", 0)
        clock.forward(minutes=1)
        assert await _pin(db, "246810") == ("passed", 1)


def test_failures_leave_out_what_the_same_caller_got_right_later(clock: HandClock) -> None:
    def attempt(minute: int, caller: str, *, passed: bool) -> Attempt:
        return Attempt(clock.now + timedelta(minutes=minute), caller, b"policy", passed)

    mine = [attempt(2, "a", passed=False), attempt(1, "a", passed=True), attempt(1, "a", passed=False)]
    failed = failures([*mine, attempt(0, "b", passed=False)])
    assert failed == [clock.now + timedelta(minutes=2), clock.now]
    assert standing(failed, 3, timedelta(minutes=15)) == (1, None)


async def _attempts(db: PolicyDatabase) -> list[object]:
    async with db.store.reading() as connection:
        return list(await connection.execute(select(*AttemptRow.__table__.columns)))

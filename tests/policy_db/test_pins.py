"""PIN hashes."""

from __future__ import annotations

import asyncio
import time

import pytest

from policy_db import PinHasher
from policy_db.errors import BadValueError

STRONG = PinHasher(time_cost=2, memory_cost=64, parallelism=1)
CHEAP = PinHasher.cheap()


async def test_a_right_pin_opens_and_a_wrong_one_does_not() -> None:
    stored = await CHEAP.hash("246810")
    assert stored.startswith("$argon2id$")
    assert (await CHEAP.check(stored, "246810")).right
    assert not (await CHEAP.check(stored, "246811")).right
    assert not (await CHEAP.check(stored, "")).right


async def test_two_hashes_of_one_pin_differ() -> None:
    assert await CHEAP.hash("246810") != await CHEAP.hash("246810")


async def test_an_unknown_account_and_a_damaged_hash_open_with_nothing() -> None:
    assert not (await CHEAP.check(None, "246810")).right
    assert not (await CHEAP.check("$argon2id$damaged", "246810")).right


async def test_a_weak_hash_is_replaced_only_after_the_right_pin() -> None:
    weak = CHEAP.hash_now("246810")
    right, wrong = await STRONG.check(weak, "246810"), await STRONG.check(weak, "000000")
    assert (right.right, wrong.right) == (True, False)
    assert wrong.better_hash is None
    assert right.better_hash is not None
    assert "m=64,t=2" in right.better_hash
    assert (await STRONG.check(right.better_hash, "246810")).better_hash is None


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "１２３４"])
def test_what_is_not_a_pin_is_refused_without_repeating_it(pin: str) -> None:
    with pytest.raises(BadValueError) as caught:
        CHEAP.hash_now(pin)
    assert not pin or pin not in str(caught.value)


async def test_unknown_wrong_and_weakly_hashed_accounts_take_alike_long() -> None:
    hasher = PinHasher(time_cost=2, memory_cost=32_768, parallelism=1)
    accounts = {"strong": hasher.hash_now("246810"), "weak": CHEAP.hash_now("246810"), "unknown": None}
    await hasher.check(None, "1111")
    best = dict.fromkeys(accounts, 1e9)
    for _ in range(5):
        for name, stored in accounts.items():
            began = time.thread_time_ns()
            hasher._check(stored, "000000")
            best[name] = min(best[name], time.thread_time_ns() - began)
    assert max(best.values()) < 1.6 * min(best.values()), best


async def test_the_loop_runs_on_while_a_pin_is_hashed() -> None:
    hasher = PinHasher(time_cost=4, memory_cost=65_536, parallelism=1)
    task = asyncio.create_task(hasher.hash("246810"))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10

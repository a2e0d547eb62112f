"""A call in virtual time: how busy the machine is changes nothing of what is heard."""

from __future__ import annotations

import asyncio

from call_kit import NOW, House

from ivr.clock import VirtualClock
from ivr.lines.script import HangUp, Keys, WaitFor
from ivr.services import Outcome


async def slow() -> Outcome:
    await asyncio.sleep(0.15)  # the step gives it 100 ms
    return Outcome()


async def test_a_service_that_is_slow_on_a_busy_machine_is_waited_for_where_time_is_virtual(
    house: House,
) -> None:
    house.clock = VirtualClock(NOW, patience=30.0)
    house.services.ask_does = slow
    caller = await house.call(WaitFor("menu"), Keys("5"), WaitFor("good"), HangUp())
    assert "good" in caller.heard
    assert "slow" not in caller.heard


async def test_without_that_patience_it_has_the_time_of_its_step(house: House) -> None:
    house.services.ask_does = slow
    caller = await house.call(WaitFor("menu"), Keys("5"), WaitFor("slow"), HangUp())
    assert "slow" in caller.heard

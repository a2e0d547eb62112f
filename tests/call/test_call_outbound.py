"""A call that we made: it begins with what it is to say."""

from __future__ import annotations

import asyncio

from call_kit import House

from ivr.call.outbound import Outbound
from ivr.call.session import CallSession
from ivr.lines.base import Leg
from ivr.lines.script import ScriptedCaller, ScriptLine


async def test_a_call_of_ours_that_is_sent_to_another_flow_before_it_speaks_begins_there(
    house: House,
) -> None:
    line, caller = ScriptLine(house.clock), ScriptedCaller()
    legs: list[Leg] = []
    await line.start(legs.append)
    line.call(caller)
    await house.clock.run(lambda: bool(legs))
    legs[0].answer()
    session = CallSession(legs[0], "call-1", house.parts, Outbound("main"))
    assert session.go_on_with("trouble")
    task = asyncio.create_task(session.run())
    await house.clock.run(task.done)
    assert caller.heard == ("sorry",)
    record = await house.database.calls.find("call-1")
    assert record is not None
    assert record.end_reason == "trouble"

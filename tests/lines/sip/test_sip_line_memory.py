"""What a call leaves behind once it is over: nothing, and nothing for the garbage collector to find either."""

from __future__ import annotations

import asyncio
import gc
import weakref

import psutil
import pytest
from desk import open_desk, outside

from ivr.lines.base import Answered, Ended, Leg
from ivr.lines.sip import SipLeg

pytestmark = pytest.mark.sip


async def test_a_leg_is_gone_with_the_last_who_knows_of_it() -> None:
    gone: list[weakref.ref[SipLeg]] = []

    def take(leg: Leg) -> None:
        assert isinstance(leg, SipLeg)
        gone.append(weakref.ref(leg))
        leg.attach(lambda _event: None)
        leg.answer()

    async with open_desk("sip") as desk, outside(desk) as caller:
        desk.took = take  # type: ignore[method-assign]
        await desk.line.stop()
        await desk.line.start(take)
        caller.server = ("127.0.0.1", desk.line.port)
        gc.collect()
        gc.disable()
        try:
            for _ in range(3):
                call = await caller.dial()
                await call.press("1")
                await call.hold()
                await call.resume()
                await call.hang_up()
            async with asyncio.timeout(2):
                while desk.line.active:
                    await asyncio.sleep(0.01)
            assert [leg() for leg in gone] == [None, None, None]
        finally:
            gc.enable()


async def test_two_hundred_calls_leave_no_port_and_no_socket() -> None:
    async with (
        open_desk("sip", most_calls=20, rtp_ports=800) as desk,
        outside(desk) as caller,
    ):
        desk.on_call = desk.answer
        before = open_sockets()
        for number in range(200):
            call = await caller.dial()
            reception = desk.calls[number]
            await reception.event(Answered)
            await call.hang_up()
            await reception.event(Ended)
        assert desk.line.active == 0
        assert open_sockets() <= before
        assert desk.line.figures.packets_dropped.get("fault", 0) == 0


def open_sockets() -> int:
    """How many UDP sockets this process holds."""
    return len(psutil.Process().net_connections("udp"))

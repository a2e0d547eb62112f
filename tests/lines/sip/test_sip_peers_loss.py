"""Calls over a network that loses, doubles and reorders a tenth of all SIP packets both ways: none is a ghost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from lossy_proxy import LossyProxy
from peer_desk import PeerDesk, Visit, open_peer_desk
from sip_caller import SipCaller
from sipp_process import INSTALLED, MISSING, Sipp

from ivr.lines.base import Answered, Ended, LegEvent

pytestmark = [pytest.mark.sip, pytest.mark.skipif(not INSTALLED, reason=MISSING)]
CALLS = 30


async def through_loss(desk: PeerDesk, scenario: str, folder: Path, seed: int) -> None:
    """SIPp's calls over the bad network; each must have gone as written, and have ended here."""
    async with LossyProxy(desk.address, seed=seed) as proxy:
        caller = Sipp(
            scenario,
            folder,
            target=proxy.front,
            calls=CALLS,
            rate=6,
            seconds=50,
            keys={"back": str(proxy.back[1])},
            options=("-default_behaviors", "all,-abortunexp"),
        )
        await caller.run()
        for visit in desk.visits:
            await visit.event(Ended, 35)
        await desk.idle(35)
    assert proxy.counts["lost"] > CALLS / 4
    assert proxy.counts["doubled"] > CALLS / 4
    assert len(desk.visits) == CALLS


async def test_every_call_that_callers_end_has_ended_here(tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        await through_loss(desk, "lossy", tmp_path, seed=1)
        await nothing_left(desk)
        assert [(await visit.event(Ended)).by for visit in desk.visits] == ["caller"] * CALLS


async def test_every_call_that_we_end_has_ended_there(tmp_path: Path) -> None:
    def soon(visit: Visit, event: LegEvent) -> None:
        if isinstance(event, Answered):
            asyncio.get_running_loop().call_later(0.3, visit.leg.hang_up)

    async with open_peer_desk() as desk:
        desk.then = soon
        await through_loss(desk, "lossy_line_ends", tmp_path, seed=2)
        await nothing_left(desk)
        assert [(await visit.event(Ended)).by for visit in desk.visits] == ["us"] * CALLS


async def test_a_caller_who_sends_nothing_again_leaves_no_ghost(tmp_path: Path) -> None:
    """The small outside telephone repeats no request: where one is lost, we must find out alone."""
    async with open_peer_desk() as desk, LossyProxy(desk.address, seed=3) as proxy:
        async with SipCaller(proxy.front) as caller:
            caller.address = proxy.back
            calls = [caller.begin(caller=str(number)) for number in range(20)]
            await asyncio.sleep(1.0)
            for call in calls:
                if call.responses and call.responses[-1].status == 200:
                    await call.answered()
        for visit in desk.visits:
            visit.leg.hang_up()
        for visit in desk.visits:
            await visit.event(Ended, 40)
        await nothing_left(desk)


async def nothing_left(desk: PeerDesk) -> None:
    """No call, session or transaction, once the longest timers of RFC 3261 have run (64*T1)."""
    await desk.idle(5)
    async with asyncio.timeout(40):
        while any(desk.left().values()):
            await asyncio.sleep(0.1)

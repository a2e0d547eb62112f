"""Calls through Kamailio, which stays in the path by Record-Route, from either end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import kamailio_proxy
import pytest
from kamailio_proxy import KamailioProxy
from peer_desk import PeerDesk, Visit, open_peer_desk
from sipp_process import INSTALLED, MISSING, Sipp, Wire, received

from ivr.lines.base import Answered, Ended, HoldChanged, LegEvent

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not INSTALLED, reason=MISSING),
    pytest.mark.skipif(not kamailio_proxy.INSTALLED, reason=kamailio_proxy.MISSING),
]

#: What SIPp speaks to Kamailio, and Kamailio to the line.
paths = pytest.mark.parametrize(
    ("outside", "inside"), [("u1", "udp"), ("t1", "tcp"), ("u1", "tcp"), ("t1", "udp")]
)


def holds_and_ends(visit: Visit, event: LegEvent) -> None:
    if isinstance(event, Answered):
        loop = asyncio.get_running_loop()
        loop.call_later(0.15, visit.leg.hold, True)
        loop.call_later(0.4, visit.leg.hold, False)
        loop.call_later(0.7, visit.leg.hang_up)


def by_the_proxy(wire: list[Wire], port: int, inside: str) -> bool:
    """Whether each request that came was passed on by Kamailio, which stands on top of its Vias, and was sent to
    it as the route set says: over the transport of its face to the line.
    """
    requests = [one for one in wire if not one.sent and not one.first.startswith("SIP/2.0")]
    return bool(requests) and all(
        f"127.0.0.1:{port}" in one.header("Via")[0] and f"SIP/2.0/{inside.upper()} " in one.header("Via")[1]
        for one in requests
    )


@paths
async def test_a_caller_behind_kamailio_holds_and_hangs_up(outside: str, inside: str, tmp_path: Path) -> None:
    async with (
        open_peer_desk() as desk,
        KamailioProxy(desk.address, tmp_path / "kamailio", transport=inside) as proxy,
    ):
        caller = Sipp("routed", tmp_path, target=("127.0.0.1", proxy.port), transport=outside, calls=3)
        wire = await caller.run()
        for visit in desk.visits:
            assert (await visit.event(Ended)).by == "caller"
            assert visit.all(HoldChanged) == [HoldChanged(True), HoldChanged(False)]
        await desk.idle()
    assert len(desk.visits) == 3
    answers = [one for one in received(wire, "SIP/2.0 200") if "INVITE" in one.header("CSeq")[0]]
    assert all(f"127.0.0.1:{proxy.port}" in one.header("Record-Route")[0] for one in answers)


@paths
async def test_a_caller_behind_kamailio_is_held_and_hung_up_on(
    outside: str, inside: str, tmp_path: Path
) -> None:
    async with (
        open_peer_desk() as desk,
        KamailioProxy(desk.address, tmp_path / "kamailio", transport=inside) as proxy,
    ):
        desk.then = holds_and_ends
        caller = Sipp("routed_line_holds", tmp_path, target=("127.0.0.1", proxy.port), transport=outside)
        wire = await caller.run()
        assert (await desk.visits[0].event(Ended)).by == "us"
        await desk.idle()
    assert len(received(wire, "INVITE")) == 2
    assert len(received(wire, "BYE")) == 1
    assert by_the_proxy(wire, proxy.port, inside)


@paths
async def test_somebody_behind_kamailio_is_called_holds_and_hangs_up(
    outside: str, inside: str, tmp_path: Path
) -> None:
    async with KamailioProxy(("127.0.0.1", 9), tmp_path / "kamailio", transport=inside) as proxy:
        way = ";transport=tcp" if inside == "tcp" else ""
        async with open_peer_desk(proxy=proxy.uri + way) as desk:
            callee = Sipp("called_holds", tmp_path, transport=outside)
            await callee.start()
            visit = await called(desk, callee, outside)
            wire = await callee.done()
            assert (await visit.event(Ended)).by == "caller"
            assert visit.all(HoldChanged) == [HoldChanged(True), HoldChanged(False)]
            await desk.idle()
    assert by_the_proxy(wire, proxy.port, inside)


@paths
async def test_somebody_behind_kamailio_is_called_and_hung_up_on(
    outside: str, inside: str, tmp_path: Path
) -> None:
    async with KamailioProxy(("127.0.0.1", 9), tmp_path / "kamailio", transport=inside) as proxy:
        way = ";transport=tcp" if inside == "tcp" else ""
        async with open_peer_desk(proxy=proxy.uri + way) as desk:
            callee = Sipp("called", tmp_path, transport=outside)
            await callee.start()
            visit = await called(desk, callee, outside)
            await asyncio.sleep(0.1)  # the proxy's processes may let a BYE overtake the ACK before it
            visit.leg.hang_up()
            wire = await callee.done()
            await desk.idle()
    assert len(received(wire, "ACK")) == len(received(wire, "BYE")) == 1
    assert by_the_proxy(wire, proxy.port, inside)


async def called(desk: PeerDesk, callee: Sipp, outside: str) -> Visit:
    await callee.listening()
    host, port = callee.address
    way = ";transport=tcp" if outside == "t1" else ""
    return await desk.dial(f"sip:somebody@{host}:{port}{way}")

"""SIPp, a SIP stack that we did not write, calling the line and called by it, over UDP and TCP."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from peer_desk import PeerDesk, Visit, open_peer_desk
from sipp_process import INSTALLED, MISSING, Sipp, received

from ivr.errors import LineError
from ivr.lines.base import Answered, Ended, HoldChanged, LegEvent

pytestmark = [pytest.mark.sip, pytest.mark.skipif(not INSTALLED, reason=MISSING)]

ways = pytest.mark.parametrize("transport", ["u1", "t1", "tn"])
called_ways = pytest.mark.parametrize("transport", ["u1", "t1"])


def hangs_up_when_answered(visit: Visit, event: LegEvent) -> None:
    if isinstance(event, Answered):
        visit.leg.hang_up()


def hold_then_end(visit: Visit, event: LegEvent) -> None:
    if isinstance(event, Answered):
        loop = asyncio.get_running_loop()
        loop.call_later(0.15, visit.leg.hold, True)
        loop.call_later(0.4, visit.leg.hold, False)
        loop.call_later(0.7, visit.leg.hang_up)


def suffix(transport: str) -> str:
    return ";transport=tcp" if transport.startswith("t") else ""


async def calling(desk: PeerDesk, scenario: str, folder: Path, transport: str, calls: int = 3) -> list[Visit]:
    await Sipp(scenario, folder, target=desk.address, transport=transport, calls=calls, rate=20).run()
    for visit in desk.visits:
        await visit.event(Ended)
    await desk.idle()
    return desk.visits


@ways
async def test_sipp_calls_and_hangs_up(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        visits = await calling(desk, "answer", tmp_path, transport)
    assert [(await visit.event(Ended)).by for visit in visits] == ["caller"] * 3


@ways
async def test_sipp_calls_holds_and_takes_back(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        visits = await calling(desk, "routed", tmp_path, transport)
    assert [visit.all(HoldChanged) for visit in visits] == [[HoldChanged(True), HoldChanged(False)]] * 3


@ways
async def test_sipp_calls_and_is_hung_up_on(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        desk.then = hangs_up_when_answered
        visits = await calling(desk, "hung_up_on", tmp_path, transport)
    assert [(await visit.event(Ended)).by for visit in visits] == ["us"] * 3


@ways
async def test_sipp_calls_and_is_put_on_hold(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        desk.then = hold_then_end
        run = Sipp("routed_line_holds", tmp_path, target=desk.address, transport=transport)
        wire = await run.run()
    held, back = received(wire, "INVITE")
    assert "a=sendonly" in held.text
    assert "a=sendrecv" in back.text


@ways
async def test_sipp_calls_and_gives_up(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        desk.greets = False
        visits = await calling(desk, "cancel", tmp_path, transport, calls=1)
    assert [((await visit.event(Ended)).by, (await visit.event(Ended)).status) for visit in visits] == [
        ("caller", 487)
    ]


@called_ways
async def test_sipp_is_called_and_hung_up_on(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        callee = Sipp("called", tmp_path, transport=transport)
        await callee.start()
        visit = await dial(desk, callee, transport)
        await visit.event(Answered)
        visit.leg.hang_up()
        wire = await callee.done()
        assert (await visit.event(Ended)).by == "us"
        await desk.idle()
    assert len(received(wire, "INVITE")) == len(received(wire, "ACK")) == len(received(wire, "BYE")) == 1


@called_ways
async def test_sipp_is_called_holds_and_hangs_up(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        callee = Sipp("called_holds", tmp_path, transport=transport)
        await callee.start()
        visit = await dial(desk, callee, transport)
        await callee.done()
        assert (await visit.event(Ended)).by == "caller"
        await desk.idle()
    assert visit.all(HoldChanged) == [HoldChanged(True), HoldChanged(False)]


@called_ways
async def test_sipp_is_called_and_is_busy(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        callee = Sipp("called_busy", tmp_path, transport=transport)
        await callee.start()
        with pytest.raises(LineError, match="486") as refused:
            await dial(desk, callee, transport)
        assert refused.value.code == "H210"
        await callee.done()
        await desk.idle()


@called_ways
async def test_sipp_is_called_and_given_up(transport: str, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        callee = Sipp("called_cancelled", tmp_path, transport=transport)
        await callee.start()
        with pytest.raises(LineError) as late:
            await dial(desk, callee, transport, timeout=0.5)
        assert late.value.code == "H211"
        wire = await callee.done()
        await desk.idle()
    assert len(received(wire, "CANCEL")) == 1


async def dial(desk: PeerDesk, callee: Sipp, transport: str, *, timeout: float = 5.0) -> Visit:
    """Call it as soon as it listens."""
    await callee.listening()
    host, port = callee.address
    return await desk.dial(f"sip:somebody@{host}:{port}{suffix(transport)}", timeout=timeout)

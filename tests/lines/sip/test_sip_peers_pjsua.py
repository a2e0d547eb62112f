"""pjsua2, an independent stack, in a process of its own: calling the line and called by it, directly or by Kamailio."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import kamailio_proxy
import pytest
from kamailio_proxy import KamailioProxy
from peer_desk import TONE, Visit, open_peer_desk
from sip_caller import dominant

from ivr.lines.base import Answered, Ended, KeyDown, LegEvent
from ivr.media.clip import Clip

HERE = Path(__file__).parent
ROOT = HERE.parents[2]

pytestmark = pytest.mark.sip
through = pytest.mark.parametrize(
    "proxied",
    [
        False,
        pytest.param(
            True,
            marks=pytest.mark.skipif(not kamailio_proxy.INSTALLED, reason=kamailio_proxy.MISSING),
        ),
    ],
)


async def program(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


async def output(process: asyncio.subprocess.Process) -> str:
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def phone(port: int, keys: str, save: Path) -> str:
    """The telephone of the command line, to its end."""
    script = HERE.parent / "pjsua" / "run_phone.py"
    return await output(await program(str(script), f"sip:4001@127.0.0.1:{port}", keys, str(save)))


@through
async def test_pjsua_calls_hears_presses_keys_and_hangs_up(proxied: bool, tmp_path: Path) -> None:
    async with open_peer_desk() as desk:
        if proxied:
            async with KamailioProxy(desk.address, tmp_path / "kamailio") as proxy:
                said = await phone(proxy.port, "wait:0.5 86# wait:0.3 hangup", tmp_path / "heard.wav")
        else:
            said = await phone(desk.line.port, "wait:0.5 86# wait:0.3 hangup", tmp_path / "heard.wav")
        visit = desk.visits[0]
        assert (await visit.event(Ended)).by == "caller"
        await desk.idle()
    assert "answered" in said
    assert visit.keys == "86#"
    assert [event.source for event in visit.all(KeyDown)] == ["rfc4733"] * 3
    assert (visit.leg.info.caller, visit.leg.info.called) == ("13912345678", "4001")
    assert abs(dominant(Clip.from_wav(tmp_path / "heard.wav").samples()[2000:6000]) - TONE) < 10


@through
async def test_pjsua_calls_and_is_hung_up_on(proxied: bool, tmp_path: Path) -> None:
    def soon(visit: Visit, event: LegEvent) -> None:
        if isinstance(event, Answered):
            asyncio.get_running_loop().call_later(0.4, visit.leg.hang_up)

    async with open_peer_desk() as desk:
        desk.then = soon
        if proxied:
            async with KamailioProxy(desk.address, tmp_path / "kamailio") as proxy:
                said = await phone(proxy.port, "wait:8", tmp_path / "heard.wav")
        else:
            said = await phone(desk.line.port, "wait:8", tmp_path / "heard.wav")
        assert (await desk.visits[0].event(Ended)).by == "us"
        await desk.idle()
    assert "ended by the other side" in said


@through
@pytest.mark.parametrize("who", ["caller", "us"])
async def test_pjsua_is_called(who: str, proxied: bool, tmp_path: Path) -> None:
    other = await program(str(HERE / "run_called_phone.py"), who)
    assert other.stdout is not None
    port = int(await asyncio.wait_for(other.stdout.readline(), 10))
    if proxied:
        async with KamailioProxy(("127.0.0.1", 9), tmp_path / "kamailio") as proxy:
            visit = await one_call(port, who, proxy.uri)
    else:
        visit = await one_call(port, who, "")
    assert visit.keys == "7"
    assert (await output(other)).split()[-1] == "42"


async def one_call(port: int, who: str, proxy: str) -> Visit:
    async with open_peer_desk(proxy=proxy) as desk:
        visit = await desk.dial(f"sip:somebody@127.0.0.1:{port}")
        await visit.event(Answered)
        await asyncio.sleep(0.1)
        visit.leg.press("42")
        await visit.until(lambda: visit.keys == "7")
        if who == "caller":
            await asyncio.sleep(0.4)
            visit.leg.hang_up()
        assert (await visit.event(Ended)).by == ("us" if who == "caller" else "caller")
        await desk.idle()
    return visit

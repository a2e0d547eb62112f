"""baresip, an independent telephone, calling the pjsua2 line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from baresip_phone import INSTALLED, BaresipPhone
from desk import TONE, Desk
from sip_caller import dominant, sine

from ivr.lines.base import Ended, RecordEnded, RecordRequest
from ivr.media.clip import Clip

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not INSTALLED, reason="baresip is not installed (apt-get install baresip)"),
]


async def test_baresip_hears_is_recorded_and_presses_keys(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "phone").mkdir()
    async with BaresipPhone(tmp_path / "phone", say=sine(900, 10.0)) as phone:
        await phone.dial(f"sip:4001@127.0.0.1:{desk.line.port}")
        reception = await desk.answered()
        reception.leg.record(RecordRequest("r", tmp_path / "r.wav", 10.0, 10.0, beep=False))
        await asyncio.sleep(0.5)
        await phone.press("86*#")
        await reception.until(lambda: len(reception.keys) == 4)
        reception.leg.stop_playing()
        await phone.hang_up()
        assert (await reception.event(Ended)).by == "caller"
    assert reception.keys == "86*#"
    assert reception.leg.info.caller == "13700001111"
    recorded = await reception.event(RecordEnded)
    assert abs(dominant(Clip.from_wav(recorded.path).samples()) - 900) < 10
    assert abs(dominant(phone.heard()) - TONE) < 10


async def test_baresip_is_hung_up_on(desk: Desk, tmp_path: Path) -> None:
    async with BaresipPhone(tmp_path) as phone:
        await phone.dial(f"sip:4001@127.0.0.1:{desk.line.port}")
        reception = await desk.answered()
        await asyncio.sleep(0.1)
        reception.leg.hang_up()
        assert (await reception.event(Ended)).by == "us"
        await asyncio.sleep(0.1)
    assert "terminated" in phone.output or "session closed" in phone.output

"""What callers hear on the wire, heard by a recogniser: by our own caller, by SIPp, by baresip."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import baresip_phone
import listener
import pytest
import sipp_caller
from hotline_process import HotlineProcess
from sip_caller import SipCaller
from wire_kit import hears, premium_due, type_in

pytestmark = [pytest.mark.sip, pytest.mark.skipif(not listener.INSTALLED, reason=listener.MISSING)]


def due_day() -> str:
    return listener.spoken_day(datetime.now(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=10))


async def test_a_recogniser_reads_3200_yuan_and_the_right_date_from_the_wire(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline()
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        await type_in(call, "2" + "86001234" + "011234" + "246810")
        await hears(call, premium_due())
        await asyncio.sleep(1.0)
        await call.hang_up()
        heard = listener.figures_in(call.pcm())
    assert "三千二百元" in heard
    assert due_day() in heard


@pytest.mark.skipif(not baresip_phone.INSTALLED, reason="baresip is not installed (apt-get install baresip)")
async def test_baresip_presses_its_way_to_the_same_figures(start_hotline, tmp_path: Path) -> None:
    hotline: HotlineProcess = start_hotline()
    folder = tmp_path / "phone"
    folder.mkdir()
    async with baresip_phone.BaresipPhone(folder) as phone:
        await phone.dial(f"sip:4000001234@127.0.0.1:{hotline.sip_port}")
        await asyncio.sleep(1.5)
        await phone.press("2" + "86001234" + "011234" + "246810")
        await asyncio.sleep(16.0)
        await phone.hang_up()
        await asyncio.sleep(0.5)
    heard = listener.figures_in(phone.heard())
    assert "三千二百元" in heard
    assert due_day() in heard


@pytest.mark.skipif(not sipp_caller.INSTALLED, reason=sipp_caller.MISSING)
async def test_sipp_presses_its_way_to_the_same_figures(start_hotline, tmp_path: Path) -> None:
    hotline: HotlineProcess = start_hotline()
    keys = "2" + "86001234" + "011234" + "246810"
    heard = listener.figures_in(await sipp_caller.press_and_listen(hotline.sip_port, keys, 14.0, tmp_path))
    assert "三千二百元" in heard
    assert due_day() in heard

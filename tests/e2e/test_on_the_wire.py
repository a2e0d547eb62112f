"""A caller with a telephone of its own presses through the default hotline; what is heard is what was meant."""

from __future__ import annotations

import asyncio
import json

import pytest
from hotline_process import HotlineProcess, until
from sip_caller import SipCaller, sine
from wire_kit import hears, loud_seconds, premium_due, recording_begins, type_in

pytestmark = pytest.mark.sip


async def test_a_caller_hears_the_premium_that_is_due_and_its_date(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline()
    due = premium_due()
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        await type_in(call, "2")
        await type_in(call, "86001234" + "011234" + "246810")
        await hears(call, due)
        await call.hang_up()
    until(
        lambda: hotline.rows("select 1 from calls where state = 'finished' and level = 2"),
        5,
        "the record of the call",
    )
    ((mos, loss, jitter_ms),) = hotline.rows("select mos, loss, jitter_ms from calls where level = 2")
    assert mos > 3.5
    assert loss < 0.05
    assert 0 <= jitter_ms < 40
    (data,) = [
        json.loads(row[0]) for row in hotline.rows("select data from call_events where kind = 'media'")
    ]
    assert data["packets_sent"] > 100
    until(lambda: measured(hotline, "hotline_rtp_packets_total") > 100, 5, "the packets in the metrics")
    assert measured(hotline, "hotline_media_late_seconds_count") > 100
    assert measured(hotline, "hotline_sip_messages_total") >= 4


def measured(hotline: HotlineProcess, name: str) -> float:
    """A metric, summed over its labels."""
    lines = hotline.get("/metrics")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


async def test_a_message_is_kept_when_the_caller_hangs_up_while_speaking(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline()
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.until_sound()
        await type_in(call, "71")
        await recording_begins(hotline)
        await asyncio.sleep(0.5)
        call.say(sine(700, 3.0))
        await asyncio.sleep(3.0)
        await call.hang_up()
    kept = until(
        lambda: hotline.rows("select file, seconds, mailbox from recordings where state = 'kept'"),
        5,
        "the message",
    )
    (file, seconds, mailbox) = kept[0]
    assert mailbox == "service"
    assert 2.0 < seconds < 5.0
    assert loud_seconds(hotline.data_dir / "recordings" / file) > 2.0
    until(lambda: not list(hotline.data_dir.rglob("recordings/**/*.json")), 5, "the end of the note")

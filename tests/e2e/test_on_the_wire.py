"""A caller with a telephone of its own presses through the default hotline; what is heard is what was meant."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hotline_process import HotlineProcess, until
from sip_caller import OutsideCall, Pcm, SipCaller, sine

from ivr.flow.instructions import Phrase
from ivr.flow.values import Money
from ivr.media.g711 import Law, decode
from ivr.resources import bundled
from ivr.speech import PromptCatalogue, Speaker

pytestmark = pytest.mark.sip

#: How alike two sounds are (1 is the same) when the one is the other after a telephone line.
SAME = 0.95


def spoken(prompt: str, **values: object) -> Pcm:
    """What the hotline would say, as samples."""
    speaker = Speaker(PromptCatalogue.load(bundled("prompts")), bundled("prompts"))
    rendered = speaker.render([Phrase(prompt, "zh-CN", values)])
    return np.concatenate([decode(clip.frames(Law.MU), Law.MU) for clip in rendered.clips])


def likeness(heard: Pcm, wanted: Pcm) -> float:
    """The best correlation of `wanted` with a stretch of `heard` that long, from 0 to 1."""
    if len(heard) < len(wanted):
        return 0.0
    size = 1 << (len(heard) + len(wanted)).bit_length()
    sound, part = heard.astype(np.float64), wanted.astype(np.float64)
    cross = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(part, size)), size)
    cross = cross[: len(heard) - len(wanted) + 1]
    energy = np.cumsum(np.concatenate([[0.0], sound**2]))
    windows = np.maximum(energy[len(wanted) :] - energy[: -len(wanted)], 1.0)
    return float(np.max(cross / np.sqrt(windows * np.sum(part**2))))


def premium_due() -> Pcm:
    """What the demonstration's policy 86001234 is told."""
    day = datetime.now(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=10)
    return spoken("premium_due", amount=Money(Decimal("3200.00")), due_on=day, days_until_due=10)


async def type_in(call: OutsideCall, keys: str) -> None:
    for key in keys:
        await call.press(key)


async def hears(call: OutsideCall, wanted: Pcm, seconds: float = 30.0) -> None:
    """Wait until the call has heard it."""
    for _ in range(int(seconds / 0.5)):
        if likeness(call.pcm(), wanted) > SAME:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"not heard; the nearest was {likeness(call.pcm(), wanted):.2f} alike")


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


async def recording_begins(hotline: HotlineProcess) -> None:
    for _ in range(600):
        if hotline.rows("select 1 from recordings where state = 'recording'"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no recording began within 30 s")


def loud_seconds(path: Path) -> float:
    """How much of a recording can be heard."""
    from ivr.media.clip import Clip

    samples = decode(Clip.from_wav(path).frames(Law.MU), Law.MU)
    return float(np.sum(np.abs(samples.astype(int)) > 300)) / 8000

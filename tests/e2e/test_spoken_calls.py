"""Callers speak: recordings of real people, played into calls on the whole hotline."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hotline_process import HotlineProcess, until
from listener import INSTALLED, MISSING, MODELS
from sip_caller import OutsideCall, Pcm, SipCaller

PEOPLE = Path(__file__).parents[3] / "shared" / "speech" / "human"

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not INSTALLED, reason=MISSING),
    pytest.mark.skipif(
        not PEOPLE.is_dir(), reason="the recordings of real people are not beside the checkout"
    ),
]


def recording(name: str) -> Pcm:
    """A person's recording as a telephone would send it."""
    samples, rate = soundfile.read(PEOPLE / name, dtype="float32")
    telephone = soxr.resample(samples, rate, 8000)
    return (telephone / np.abs(telephone).max() * 9000).astype(np.int16)


def cough() -> Pcm:
    """Two bursts of breath through a throat."""
    chance = np.random.default_rng(5)
    burst = chance.standard_normal(2000) * np.exp(-np.arange(2000) / 700)
    throat = np.convolve(burst, np.sin(np.arange(24) * 2 * np.pi * 900 / 8000) * np.hanning(24), "same")
    one = throat / np.abs(throat).max() * 9000
    return np.concatenate([one, np.zeros(1200), one]).astype(np.int16)


def timeline(hotline: HotlineProcess) -> list[dict[str, object]]:
    rows = hotline.rows("select kind, data from call_events order by call_id, seq")
    return [{"kind": kind, **json.loads(data)} for kind, data in rows]


def steps(hotline: HotlineProcess) -> list[str]:
    return [str(one.get("step")) for one in timeline(hotline) if one["kind"] == "step"]


async def until_step(hotline: HotlineProcess, flow: str, step: str = "") -> None:
    """Wait until the call is at a step of a flow."""

    def there() -> bool:
        return any(one.get("flow") == flow and step in ("", one.get("step")) for one in timeline(hotline))

    await asyncio.to_thread(until, there, 40, f"{flow}.{step}")


async def say(call: OutsideCall, *parts: Pcm) -> None:
    """Speak, with quiet after it."""
    for part in parts:
        call.say(part)
    call.say(np.zeros(8000, np.int16))
    while call.rtp.saying:
        await asyncio.sleep(0.05)


async def test_a_caller_says_where_to_go_over_the_prompt_and_a_cough_stops_nothing(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline(speech_models=MODELS, speech_processes=1)
    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await until_step(hotline, "main", "menu")
        await say(call, cough())
        assert not [one for one in timeline(hotline) if one["kind"].startswith("speech")]
        await say(call, recording("zh_word/cmn_019.wav"))  # 人工
        await until_step(hotline, "person")
        await call.hang_up()

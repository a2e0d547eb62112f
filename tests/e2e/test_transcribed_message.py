"""A caller's message in writing: a person's recording played into a call, on the whole hotline."""

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
from sip_caller import Pcm, SipCaller

PEOPLE = Path(__file__).parents[3] / "shared" / "speech" / "human" / "zh_word"

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not INSTALLED, reason=MISSING),
    pytest.mark.skipif(
        not PEOPLE.is_dir(), reason="the recordings of real people are not beside the checkout"
    ),
]


def spoken(*names: str) -> Pcm:
    """A person's words as a telephone would send them, with pauses between."""
    parts: list[Pcm] = []
    for name in names:
        samples, rate = soundfile.read(PEOPLE / name, dtype="float32")
        telephone = soxr.resample(samples, rate, 8000)
        parts += [(telephone / np.abs(telephone).max() * 9000).astype(np.int16), np.zeros(3200, np.int16)]
    return np.concatenate(parts)


async def test_a_message_is_written_down_after_the_call_and_marked_for_what_was_said(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline(speech_models=MODELS, speech_processes=1)

    def recordings() -> list[tuple[object, ...]]:
        return hotline.rows("select id from recordings where state = 'recording'")

    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.press("7")
        await call.press("1")
        await asyncio.to_thread(until, recordings, 40, "the beep")
        await asyncio.sleep(0.5)  # the beep's own length
        call.say(spoken("cmn_075.wav", "cmn_023.wav", "cmn_073.wav"))  # 汽车 住院 死亡
        while call.rtp.saying:
            await asyncio.sleep(0.05)
        await call.hang_up()

    def done() -> list[tuple[object, ...]]:
        return hotline.rows("select text, urgency, reasons from transcripts")

    ((text, urgency, reasons),) = await asyncio.to_thread(until, done, 60, "the transcript")
    assert "住院" in str(text)
    assert urgency in ("high", "urgent")
    assert "住院" in [reason[0] for reason in json.loads(str(reasons))]
    message = hotline.rows("select urgency, state, changed_by from messages")
    assert message == [(urgency, "new", "system")]

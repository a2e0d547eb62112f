"""What tests share whose callers press keys and listen: what the hotline would say, and whether it was heard."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from hotline_process import HotlineProcess
from sip_caller import OutsideCall, Pcm

from ivr.flow.instructions import Phrase
from ivr.flow.values import Money
from ivr.media.clip import Clip
from ivr.media.g711 import Law, decode
from ivr.resources import bundled
from ivr.speech import PromptCatalogue, Speaker

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


async def recording_begins(hotline: HotlineProcess) -> None:
    for _ in range(600):
        if hotline.rows("select 1 from recordings where state = 'recording'"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no recording began within 30 s")


def loud_seconds(path: Path) -> float:
    """How much of a recording can be heard."""
    samples = decode(Clip.from_wav(path).frames(Law.MU), Law.MU)
    return float(np.sum(np.abs(samples.astype(int)) > 300)) / 8000

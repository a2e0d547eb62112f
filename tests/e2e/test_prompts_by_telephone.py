"""A person of the company records a prompt by telephone, and the next caller hears it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hotline_process import ROOT, HotlineProcess, until
from numpy.typing import NDArray
from sip_caller import SipCaller
from wire_kit import SAME, likeness, recording_begins, type_in

from ivr.media.clip import Clip
from ivr.speech import PromptCatalogue, Speaker
from ivr.speech.own import OwnRecordings
from ivr.speech.units import Units
from policy_db import Keys, PolicyDatabase
from policy_db.prompt_pins import PromptPin

pytestmark = pytest.mark.sip

PROMPTS = ROOT / "prompts"
LANGUAGE = "zh-CN"


async def pin_of_an_administrator(data_dir: Path) -> PromptPin:
    keys = Keys.from_file(data_dir / "database.key")
    async with await PolicyDatabase.open(f"sqlite:///{data_dir / 'hotline.db'}", keys=keys) as database:
        if await database.users.find("recorder") is None:
            await database.users.add("recorder", roles=("administrator",), display="林海涛")
        return await database.prompt_pins.issue("recorder")


def speech() -> NDArray[np.int16]:
    """Somebody says something about as long as the greeting: another prompt, as it was rendered."""
    speaker = Speaker(PromptCatalogue.load(PROMPTS), PROMPTS)
    return Clip.joined(speaker.heard_now(LANGUAGE, "goodbye")).samples()


async def heard_at_first(caller: SipCaller) -> NDArray[np.int16]:
    """The first seconds of a call."""
    call = await caller.dial("4000001234")
    await call.until_sound()
    await asyncio.sleep(4.0)
    await call.hang_up()
    return call.pcm()


async def test_the_next_caller_hears_what_was_recorded_by_telephone(start_hotline) -> None:
    hotline: HotlineProcess = start_hotline(free_text="off", speech="off")
    own = OwnRecordings(hotline.data_dir / "prompts")
    unit = Units(PromptCatalogue.load(PROMPTS)).find(LANGUAGE, "welcome")
    assert unit is not None
    pin = await pin_of_an_administrator(hotline.data_dir)
    said = speech()
    part = said[2000:14_000]
    async with SipCaller(hotline.address) as caller:
        assert likeness(await heard_at_first(caller), part) < SAME
        call = await caller.dial("4000001234")
        await call.until_sound()
        await type_in(call, "97" + pin.number + pin.pin + "1" + unit.number + "1")
        await recording_begins(hotline)
        await asyncio.sleep(0.5)
        call.say(said)
        await asyncio.sleep(len(said) / 8000 + 0.3)
        await call.press("#")
        until(lambda: list((hotline.data_dir / "prompts" / "takes").glob("*.wav")), 10, "the take")
        await call.press("1")
        until(lambda: own.current(LANGUAGE), 15, "the recording in place")
        assert not list((hotline.data_dir / "prompts" / "takes").glob("*.wav"))
        await call.hang_up()
        until(
            lambda: hotline.rows("select 1 from recordings where state = 'discarded'"), 10, "the take's end"
        )
        async with asyncio.timeout(30):
            while likeness(await heard_at_first(caller), part) < SAME:
                pass
    assert hotline.rows("select actor from audit where action = 'recorded_prompt'") == [("staff:recorder",)]
    assert not list((hotline.data_dir / "recordings").rglob("*.wav"))
    assert own.restore(LANGUAGE, "welcome", "", now=datetime.now(UTC)) is False

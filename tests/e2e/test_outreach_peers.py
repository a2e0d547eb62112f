"""A campaign rings telephones that are none of ours: SIPp and baresip, each as another kind of person called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import baresip_phone
import listener
import numpy as np
import pytest
import sipp_process
from baresip_phone import BaresipPhone
from hotline_process import HotlineProcess, until
from sipp_process import Sipp
from test_outreach import NOON, campaign, due, greeting, outcomes
from wire_kit import SAME, likeness

pytestmark = [
    pytest.mark.sip,
    pytest.mark.skipif(not sipp_process.INSTALLED, reason=sipp_process.MISSING),
    pytest.mark.skipif(
        not baresip_phone.INSTALLED, reason="baresip is not installed (apt-get install baresip)"
    ),
]
#: What each scenario of SIPp makes of the call.
SIPP = {
    "called_busy": "busy",
    "called_declines": "declined",
    "called_cancelled": "no_answer",
    "called_silent": "silent",
}


async def at_step(hotline: HotlineProcess, number: str, step: str) -> None:
    """Until the call to a number has come to a step of the reminder."""
    query = "select step from calls where state = 'running' and caller = ?"
    await asyncio.to_thread(
        until, lambda: ("premium_reminder." + step,) in hotline.rows(query, number), 40, f"step {step}"
    )


async def promise(hotline: HotlineProcess, phone: BaresipPhone) -> None:
    """Confirm, listen to what is due, and promise to pay within a week."""
    steps = {"greet": "1", "confirm": "19860801#", "choose": "2", "which_day": "3", "send_too": "2"}
    for step, keys in steps.items():
        await at_step(hotline, phone.uri, step)
        await phone.press(keys)


async def hang_up_soon(hotline: HotlineProcess, phone: BaresipPhone) -> None:
    """Hang up in the midst of the greeting."""
    await at_step(hotline, phone.uri, "greet")
    await asyncio.sleep(1.5)
    await phone.hang_up()


def phones(folder: Path) -> Iterator[BaresipPhone]:
    """One who will promise, a machine, and one who says a word and hangs up."""
    sounds = {
        "promising": None,
        "machine": greeting(),
        "curt": np.concatenate([greeting()[:16000], np.zeros(240_000)]),
    }
    for name, sound in sounds.items():
        own = folder / name
        own.mkdir()
        say = None if sound is None else sound.astype(np.int16)
        yield BaresipPhone(own, user=name, answers=True, say=say)


async def test_sipp_and_baresip_are_called_and_each_is_told_apart_and_one_promises(
    start_hotline, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        callees = {name: Sipp(name, tmp_path, seconds=120.0) for name in SIPP}
        for callee in callees.values():
            await callee.start()
            stack.push_async_callback(callee.kill)
        promising, machine, curt = [await stack.enter_async_context(one) for one in phones(tmp_path)]
        hotline: HotlineProcess = await asyncio.to_thread(lambda: start_hotline(zone=NOON, call_rests=""))
        for callee in callees.values():
            await callee.listening()
        people = {f"sip:{name}@127.0.0.1:{one.address[1]}": "86001234" for name, one in callees.items()}
        people |= dict.fromkeys((promising.uri, machine.uri, curt.uri), "86001234")
        made = await asyncio.to_thread(campaign, hotline, tmp_path, people)
        await asyncio.gather(promise(hotline, promising), hang_up_soon(hotline, curt))
        found = await outcomes(hotline, made, len(people))
        for callee in callees.values():
            await callee.done()
        heard = promising.heard()
    by_name = {number.removeprefix("sip:").partition("@")[0]: how for number, how in found.items()}
    assert by_name == {**SIPP, "promising": "promised", "machine": "machine", "curt": "hung_up"}
    assert hotline.rows("select policy, state from promises") == [("86001234", "open")]
    assert likeness(heard, due()) > SAME
    assert likeness(machine.heard(), due()) < SAME
    if listener.INSTALLED:
        assert "三千二百元" in listener.figures_in(heard)

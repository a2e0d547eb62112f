"""A caller leaves a salesperson a message by staff number, and the salesperson hears it, on the whole hotline."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hotline_process import HotlineProcess, until
from sip_caller import OutsideCall, SipCaller

pytestmark = pytest.mark.sip

RATE = 8000
TONE = 1000


def tone(seconds: float) -> np.ndarray:
    """A tone that no prompt has."""
    at = np.arange(int(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * TONE * at) * 12_000).astype(np.int16)


def hears_tone(call: OutsideCall) -> bool:
    """Whether the tone is most of what was heard in some half second."""
    heard = call.pcm().astype(np.float64)
    for start in range(0, len(heard) - RATE // 2, RATE // 4):
        part = heard[start : start + RATE // 2]
        power = np.abs(np.fft.rfft(part)) ** 2
        around = TONE // 2  # bins are 2 Hz wide
        if power.sum() > 1e12 and power[around - 10 : around + 10].sum() > 0.6 * power.sum():
            return True
    return False


async def test_a_message_that_a_caller_leaves_by_staff_number_is_heard_by_its_salesperson(
    start_hotline,
) -> None:
    hotline: HotlineProcess = start_hotline()

    def step_is(step: str) -> bool:
        return hotline.rows("select id from calls where step = ? and state = 'running'", step) != []

    async def at(step: str) -> None:
        await asyncio.to_thread(until, lambda: step_is(step), 40, step)

    async with SipCaller(hotline.address) as caller:
        call = await caller.dial("4000001234")
        await call.press("96")
        await at("find_salesperson.number")
        await call.press("1001#")
        await at("find_salesperson.which")
        await call.press("2")
        await at("find_salesperson.message")
        await call.press("1")  # past the prompt
        recording = "select id from recordings where state = 'recording' and mailbox = 'salesperson-1001'"
        await asyncio.to_thread(until, lambda: hotline.rows(recording), 40, "the beep")
        await asyncio.sleep(0.6)  # the beep's own length
        call.say(tone(3.0))
        while call.rtp.saying:
            await asyncio.sleep(0.05)
        await call.hang_up()

    desk = "select recording_id from messages where mailbox = 'salesperson-1001'"
    ((message,),) = await asyncio.to_thread(until, lambda: hotline.rows(desk), 40, "the message on its desk")

    async with SipCaller(hotline.address) as seller:
        call = await seller.dial("4000001234")
        await call.press("99")
        await at("salespeople.number")
        await call.press("1001#")
        await at("salespeople.pin")
        await call.press("112233")
        await at("salespeople.menu")
        await call.press("5")
        await at("sales_mailbox.which")
        await call.press("1")
        await at("sales_mailbox.what")
        await asyncio.to_thread(until, lambda: hears_tone(call), 40, "the message to be heard")
        await call.hang_up()

    assert hotline.rows("select state from messages where recording_id = ?", message) == [("open",)]
    rang = hotline.rows("select rang, apologised from calls where outbound = 0")
    assert len(rang) == 2
    assert all(seconds is not None and seconds < 12 and not sorry for seconds, sorry in rang)
    notice = "select kind, key from outbox where kind = 'sales_message'"
    ((_, key),) = await asyncio.to_thread(until, lambda: hotline.rows(notice), 40, "the notice")
    assert key == f"sales_message:1001:{message}"

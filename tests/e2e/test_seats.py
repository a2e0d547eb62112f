"""A caller asks for a person; a seat's telephone rings, hears why, and the two hear each other."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from hotline_process import HotlineProcess, until
from people_kit import add_seat, ask_for_a_person, seats, state_of, until_came, until_tone
from sip_caller import OutsideCall, SipCaller, sine
from wire_kit import hears, spoken

pytestmark = pytest.mark.sip


async def test_a_caller_and_a_seat_hear_each_other_and_the_caller_is_back_when_the_seat_hangs_up(
    start_hotline, always_open: Path
) -> None:
    hotline: HotlineProcess = start_hotline(flows_dir=always_open)
    async with SipCaller(hotline.address) as desk, SipCaller(hotline.address) as caller:
        await asyncio.to_thread(add_seat, hotline, "desk1", desk)
        call, _ = await ask_for_a_person(caller)
        at_desk = await until_came(desk)  # how soon, `python -m tests.bench seats` measures
        assert "13800138000" in at_desk.requests[0].get("from")
        assert state_of(hotline, "desk1") in ("ringing", "talking")

        await hears(at_desk, spoken("seat_reason.claim"))
        await until_silence_of_whisper(at_desk)
        began = time.time()
        call.say(sine(500, 5.0))
        at_desk.say(sine(900, 5.0))
        await asyncio.gather(at_desk.until_sound(after=began), call.until_sound(after=began))
        await asyncio.gather(until_tone(at_desk, 500), until_tone(call, 900))
        assert state_of(hotline, "desk1") == "talking"
        await call.press("9#")  # for the person; the flow must not act on it

        await at_desk.hang_up()
        await hears(call, spoken("after_message_menu"))
        until(lambda: state_of(hotline, "desk1") == "wrap_up", 5, "the wrap-up")
        ended = "select state, outcome, seat_id from waiting_calls"
        assert hotline.rows(ended) == [("ended", "served", "desk1")]
        await asyncio.sleep(1.0)
        assert not call.ended.is_set(), "the keys pressed while they talked drove the flow"
        await call.hang_up()
    (row,) = hotline.rows("select count(*) from call_events where kind = 'transfer_ended'")
    assert row == (1,)


async def until_silence_of_whisper(call: OutsideCall) -> None:
    """The whisper is over, and the two are joined."""
    await call.until_silence(quiet=0.3, seconds=15.0)


async def test_a_busy_seat_is_followed_by_the_next_and_a_caller_who_hangs_up_frees_it(
    start_hotline, always_open: Path
) -> None:
    hotline: HotlineProcess = start_hotline(flows_dir=always_open)
    async with (
        SipCaller(hotline.address) as busy,
        SipCaller(hotline.address) as desk,
        SipCaller(hotline.address) as caller,
    ):
        busy.answers = False
        await asyncio.to_thread(add_seat, hotline, "desk1", busy)
        await asyncio.to_thread(add_seat, hotline, "desk2", desk)
        call, _ = await ask_for_a_person(caller)
        at_desk = await until_came(desk)
        await hears(at_desk, spoken("seat_reason.claim"))
        await call.hang_up()
        async with asyncio.timeout(5):
            await at_desk.ended.wait()
        until(lambda: state_of(hotline, "desk2") == "wrap_up", 5, "the wrap-up")
        assert state_of(hotline, "desk1") == "ready"
        seats(hotline, "resume", "desk2")
        assert state_of(hotline, "desk2") == "ready"

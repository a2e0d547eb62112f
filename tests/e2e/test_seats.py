"""A caller asks for a person; a seat's telephone rings, hears why, and the two hear each other."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hotline_process import HotlineProcess, run_command, until
from sip_caller import OutsideCall, SipCaller, dominant, sine
from test_on_the_wire import hears, spoken

from ivr.resources import bundled

pytestmark = pytest.mark.sip


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def always_open(tmp_path: Path) -> Path:
    """The default flows, in which people are there at any time, and a caller who has talked has a menu."""
    folder = tmp_path / "flows"
    shutil.copytree(bundled("flows"), folder)
    change(folder / "person.yaml", "over: {hangup: transferred}", "over: {say: one_moment, next: after}")
    change(folder / "hotline.yaml", "    holidays: CN", "    #")
    for day in ("mon", "tue", "wed", "thu", "fri"):
        change(folder / "hotline.yaml", f'{day}: "08:30-17:30"', f'{day}: "00:00-24:00"')
    change(folder / "hotline.yaml", "week: {", 'week: {sat: "00:00-24:00", sun: "00:00-24:00", ')
    return folder


def seats(hotline: HotlineProcess, *words: str) -> str:
    return run_command("seats", *words, environment=hotline.environment)


def add_seat(hotline: HotlineProcess, name: str, phone: SipCaller) -> None:
    host, port = phone.address
    seats(hotline, "add", name, "--address", f"sip:{name}@{host}:{port}", "--language", "zh-CN")
    seats(hotline, "sign-in", name)


async def ask_for_a_person(caller: SipCaller) -> tuple[OutsideCall, float]:
    """Dial, press 0 and a reason, and a key that cuts "we are connecting you"; the call, and when that was."""
    call = await caller.dial("4000001234")
    await call.until_sound()
    await call.press("0")
    await hears(call, spoken("person_why")[:16000])
    chosen = await call.press("25")
    return call, chosen


async def until_came(phone: SipCaller, number: int = 1, seconds: float = 15.0) -> OutsideCall:
    """The telephone rings."""
    async with asyncio.timeout(seconds):
        while len(phone.came) < number:
            await asyncio.sleep(0.01)
    return phone.came[number - 1]


async def until_tone(call: OutsideCall, hertz: float, seconds: float = 5.0) -> float:
    """Wait until the latest 0.2 s that the call heard are a tone; when they came."""
    async with asyncio.timeout(seconds):
        while True:
            await asyncio.sleep(0.02)
            latest = call.heard[-10:]
            part = np.concatenate([packet.pcm for packet in latest])
            if np.abs(part).max() > 2000 and abs(dominant(part) - hertz) < 15:
                return latest[0].at


def state_of(hotline: HotlineProcess, seat: str) -> str:
    ((state,),) = hotline.rows("select state from seats where id = ?", seat)
    return str(state)


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

"""Talks with seats on real sockets, recorded: who is on which channel, what is announced, and what a crash leaves."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hotline_process import HotlineProcess, until
from people_kit import add_seat, ask_for_a_person, until_came, until_tone
from sip_caller import OutsideCall, SipCaller, dominant, sine
from wire_kit import hears, spoken

pytestmark = pytest.mark.sip


async def talk(
    hotline: HotlineProcess, desk: SipCaller, caller: SipCaller
) -> tuple[OutsideCall, OutsideCall]:
    """A caller at a seat, each with a tone of their own in the other's ear."""
    await asyncio.to_thread(add_seat, hotline, "desk1", desk)
    call, _ = await ask_for_a_person(caller)
    at_desk = await until_came(desk)
    await hears(call, spoken("talk_recorded.announced"))
    call.say(sine(500, 20.0))
    at_desk.say(sine(900, 20.0))
    await asyncio.gather(until_tone(at_desk, 500, 20.0), until_tone(call, 900, 20.0))
    return call, at_desk


def channels(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate == 8000
    assert samples.shape[1] == 2
    return samples


def check_tones(samples: np.ndarray) -> None:
    """The caller's tone is on the left alone, the seat's on the right alone, while both could be heard."""
    middle = samples[len(samples) // 2 : len(samples) // 2 + 4000]
    assert np.abs(middle).max(axis=0).min() > 2000
    assert abs(dominant(middle[:, 0]) - 500) < 15
    assert abs(dominant(middle[:, 1]) - 900) < 15


async def test_each_side_of_a_talk_is_on_its_own_channel(start_hotline, always_open: Path) -> None:
    hotline: HotlineProcess = start_hotline(flows_dir=always_open)
    async with SipCaller(hotline.address) as desk, SipCaller(hotline.address) as caller:
        call, at_desk = await talk(hotline, desk, caller)
        await asyncio.sleep(2.0)
        await at_desk.hang_up()
        await call.hang_up()
    talked = "select consent, recording, ended_at is not null, seconds > 2 from talks"
    until(lambda: hotline.rows(talked)[0][2] == 1, 5, "the end of the talk")
    ((consent, recording, _, long),) = hotline.rows(talked)
    assert (consent, long) == ("announced", 1)
    ((file, state, seconds),) = hotline.rows(
        "select file, state, seconds from recordings where id = ?", recording
    )
    samples = channels(hotline.data_dir / "recordings" / file)
    assert state == "kept"
    assert abs(len(samples) / 8000 - seconds) < 0.05
    check_tones(samples)
    assert hotline.rows("select seat_id from talk_seats") == [("desk1",)]


async def test_a_worker_killed_in_mid_talk_leaves_a_recording_that_is_brought_in(
    start_hotline, always_open: Path
) -> None:
    hotline: HotlineProcess = start_hotline(flows_dir=always_open)
    async with SipCaller(hotline.address) as desk, SipCaller(hotline.address) as caller:
        await talk(hotline, desk, caller)
        await asyncio.sleep(2.0)
        os.kill(hotline.workers()[0]["pid"], signal.SIGKILL)
        recorded = "select file, state, seconds, why from recordings where purpose = 'talk'"
        until(lambda: hotline.rows(recorded)[0][1] == "kept", 15, "the recording")
    ((file, _, seconds, why),) = hotline.rows(recorded)
    samples = channels(hotline.data_dir / "recordings" / file)
    assert why == "broken_off"
    assert len(samples) / 8000 == pytest.approx(seconds, abs=0.05)
    assert seconds > 1.5
    check_tones(samples)
    assert hotline.rows("select ended_at is not null, seconds > 1.5 from talks") == [(1, 1)]

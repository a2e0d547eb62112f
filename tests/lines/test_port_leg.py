"""What the contract cannot reach in the common half of legs: merged keys, disks that hang, other laws."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.clock import VirtualClock
from ivr.lines.base import Ended, KeyDown, LegEvent, LegInfo, RecordEnded, RecordRequest
from ivr.lines.port_leg import LONGEST_CLOSE, EventDesk, KeyMerger, PortLeg
from ivr.media import g711, tones, wav
from ivr.media.g711 import Law
from ivr.media.port import AudioPort
from ivr.media.writer import RecordingWriter

INFO = LegInfo("1", "test", "13800138000", "95500")


class Leg(PortLeg):
    """A leg without signalling, its protected reports made public."""

    def __init__(self, writer: RecordingWriter, *, inband_keys: bool = False) -> None:
        self.virtual = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        loop = asyncio.get_running_loop()
        super().__init__(
            INFO,
            clock=self.virtual,
            port=AudioPort(Law.MU, post=loop.call_soon),
            writer=writer,
            post=loop.call_soon_threadsafe,
            inband_keys=inband_keys,
        )
        self.events: list[LegEvent] = []
        self.attach(self.events.append)

    key = PortLeg._key_down
    gone = PortLeg._gone
    renegotiated = PortLeg._renegotiated

    async def said(self, audio: bytes) -> None:
        for at in range(0, len(audio), 160):
            self.port.frame_received(audio[at : at + 160])
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def keys(self) -> str:
        return "".join(event.key for event in self.events if isinstance(event, KeyDown))


@pytest.fixture
def writer():
    writer = RecordingWriter(period=0.005)
    yield writer
    assert writer.close()


async def test_a_press_that_comes_three_ways_counts_once(writer: RecordingWriter) -> None:
    leg = Leg(writer)
    for key in "557":
        for source in ("inband", "info", "rfc4733", "info", "inband"):
            leg.key(key, source)
        leg.virtual._time += 0.2
    assert leg.keys() == "557"


def test_once_a_better_source_has_spoken_lesser_ones_are_echoes_until_the_media_change() -> None:
    merger = KeyMerger()
    assert merger.accept("1", "inband", 0.0)
    assert not merger.accept("1", "rfc4733", 0.1)
    assert merger.accept("1", "rfc4733", 0.4)
    assert not merger.accept("2", "inband", 9.0)
    merger.forget()
    assert merger.accept("2", "inband", 10.0)
    assert merger.accept("3", "info", 10.1)


async def test_keys_are_made_out_in_the_sound_where_a_setting_says_so(writer: RecordingWriter) -> None:
    leg, deaf = Leg(writer, inband_keys=True), Leg(writer)
    for one in (leg, deaf):
        await one.said(tones.keys("86#").frames(Law.MU))
    assert (leg.keys(), deaf.keys()) == ("86#", "")
    leg.renegotiated(Law.A)
    await leg.said(tones.keys("4").frames(Law.A))
    assert leg.keys() == "86#4"


async def test_a_recording_goes_on_in_its_law_when_the_leg_changes_its_own(
    writer: RecordingWriter, tmp_path: Path
) -> None:
    leg = Leg(writer)
    leg.record(RecordRequest("r", tmp_path / "a.wav", 60.0, 20.0, beep=False))
    sound = g711.encode(tones.comfort_noise(0.4, -20).samples(), Law.MU)
    await leg.said(sound)
    leg.renegotiated(Law.A)
    await leg.said(g711.convert(sound, Law.MU, Law.A))
    leg.stop_recording("r")
    await until(lambda: bool(leg.events))
    kept = wav.read_g711(tmp_path / "a.wav")
    assert kept is not None
    assert kept.law is Law.MU
    assert kept.audio[3200:] == g711.convert(g711.convert(sound, Law.MU, Law.A), Law.A, Law.MU)


async def test_a_recording_that_waits_for_its_beep_is_told_of_when_the_caller_hangs_up(
    writer: RecordingWriter, tmp_path: Path
) -> None:
    leg = Leg(writer)
    leg.record(RecordRequest("r", tmp_path / "a.wav", 60.0, 20.0, beep=True))
    leg.gone("caller")
    leg.gone("us")
    await until(lambda: len(leg.events) == 2)
    assert leg.events == [RecordEnded("r", 0.0, "hang_up", tmp_path / "a.wav"), Ended("caller")]
    assert (tmp_path / "a.wav").exists()


async def test_a_beep_cut_off_begins_the_recording(writer: RecordingWriter, tmp_path: Path) -> None:
    leg = Leg(writer)
    leg.record(RecordRequest("r", tmp_path / "a.wav", 0.1, 20.0, beep=True))
    leg.stop_playing()
    await leg.said(g711.encode(tones.comfort_noise(0.2, -20).samples(), Law.MU))
    await until(lambda: bool(leg.events))
    assert leg.events == [RecordEnded("r", 0.1, "longest", tmp_path / "a.wav")]


async def test_a_call_does_not_wait_for_a_disk_that_hangs(tmp_path: Path) -> None:
    free = threading.Event()

    class HangingWriter(RecordingWriter):
        def _write_all(self) -> None:
            free.wait(10)
            super()._write_all()

    writer = HangingWriter()
    leg = Leg(writer)
    leg.record(RecordRequest("r", tmp_path / "a.wav", 60.0, 20.0, beep=False))
    leg.gone("caller")
    assert leg.events == []
    assert leg.virtual.advance_to_next()
    assert leg.virtual.time() == LONGEST_CLOSE
    assert leg.events == [RecordEnded("r", 0.0, "storage", tmp_path / "a.wav"), Ended("caller")]
    free.set()
    assert await asyncio.to_thread(writer.close)
    await asyncio.sleep(0.01)
    assert len(leg.events) == 2


def test_events_are_delivered_in_order_also_while_somebody_attaches() -> None:
    desk, seen = EventDesk(), []
    desk.emit(KeyDown("1"))
    desk.emit(KeyDown("2"))

    def sink(event: LegEvent) -> None:
        if event == KeyDown("1"):
            desk.emit(Ended("us"))
            desk.emit(KeyDown("9"))
        seen.append(event)

    desk.attach(sink)
    assert seen == [KeyDown("1"), KeyDown("2"), Ended("us")]


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)

"""A talk on two channels: each side on its own, at its time, and nothing of what must not be kept."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.clock import VirtualClock
from ivr.media import g711, wav
from ivr.media.clock import MediaClock
from ivr.media.g711 import FRAME, SILENCE, Law
from ivr.media.growing import RecordingFile
from ivr.media.port import AudioPort
from ivr.media.recorder import Recorded
from ivr.media.stereo import LEFT, MOST_LATE, RIGHT, SLOT, StereoRecording, StereoTape, pack
from ivr.media.writer import RecordingWriter, Tap

_WAVE = np.tile(np.repeat([1, -1], 4), FRAME // 8)


def loud(level: int, law: Law = Law.MU) -> bytes:
    """A frame that swings by `level`."""
    return g711.encode((_WAVE * level).astype(np.int16), law)


class Stage:
    """Two parties on a virtual clock, and a tape that is written as the writer's thread would."""

    def __init__(self, path: Path, law: Law = Law.MU, *, writes: bool = True) -> None:
        self.time = VirtualClock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
        self.hushed = False
        self.recording = StereoRecording(path, law)
        self.tap = Tap(self.recording, self._told, lambda: None)
        self.told: list[Recorded] = []
        self.clock = MediaClock(self.time)
        self.tape = StereoTape(law, clock=self.time, media_clock=self.clock, hushed=lambda: self.hushed)
        self.caller = AudioPort(law, post=lambda callback: callback())
        self.seat = AudioPort(Law.A, post=lambda callback: callback())
        self.tape.hear(self.caller, LEFT)
        self.tape.hear(self.seat, RIGHT)
        if writes:
            self.tape.start(self.tap)

    def _told(self, recorded: Recorded) -> None:
        self.told.append(recorded)

    def pass_time(self, until: float) -> None:
        while (due := self.time.next_timer()) is not None and due <= until + 1e-9:
            self.time.advance_to_next()

    def say(self, seconds: float, caller: int = 0, seat: int = 0) -> None:
        """Both speak in step with the clock; 0 sends nothing."""
        begin = round(self.time.time() / 0.02)
        for slot in range(begin, begin + round(seconds / 0.02)):
            self.pass_time(slot * 0.02 + 0.01)
            for port, level in ((self.caller, caller), (self.seat, seat)):
                if level:
                    port.frame_received(loud(level, port.law))
        self.pass_time((begin + round(seconds / 0.02)) * 0.02)

    def end(self) -> np.ndarray:
        """Stop, close the file, and read it: a level for each slot and channel."""
        self.tape.stop()
        assert self.tap.write()
        return levels(self.recording.path)


def levels(path: Path) -> np.ndarray:
    """The loudest sample of each slot, by channel."""
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate == 8000
    assert samples.shape[1] == 2
    whole = samples[: len(samples) // FRAME * FRAME]
    return np.abs(whole.astype(np.int32)).reshape(-1, FRAME, 2).max(axis=1)


def near(level: int) -> object:
    return pytest.approx(level, rel=0.05, abs=16)


def test_the_caller_is_on_the_left_and_the_seat_on_the_right_in_either_law(tmp_path: Path) -> None:
    for law in Law:
        stage = Stage(tmp_path / f"{law}.wav", law)
        stage.say(0.5, caller=4000)
        stage.say(0.5, seat=8000)
        stage.say(0.2)
        heard = stage.end()
        assert len(heard) == 60
        assert [heard[10, 0], heard[10, 1], heard[40, 0], heard[40, 1]] == [
            near(4000),
            near(0),
            near(0),
            near(8000),
        ]
        assert heard[52:].max() == near(0)
        assert stage.told[0].seconds == 1.2
        assert wav.own_format(stage.recording.path) == wav.G711Format(law, 2)


def test_what_is_hushed_is_silence_on_both_channels_and_takes_its_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "talk.wav")
    stage.say(0.2, caller=4000, seat=4000)
    stage.hushed = True
    stage.say(1.0, caller=4000, seat=4000)
    stage.hushed = False
    stage.say(0.2, caller=4000, seat=4000)
    heard = stage.end()
    assert len(heard) == 70
    assert heard[10:60].max() == near(0)
    assert heard[:10].min() == heard[60:].min() == near(4000)


def test_several_on_one_channel_are_mixed_and_who_leaves_is_not_heard(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "talk.wav")
    third = AudioPort(Law.MU, post=lambda callback: callback())
    stage.tape.hear(third, RIGHT)
    third.frame_received(loud(1000))
    stage.say(0.02, seat=2000)
    stage.tape.ignore(stage.seat)
    stage.tape.ignore(stage.seat)
    stage.say(0.1, seat=2000)
    heard = stage.end()
    assert heard[0, 1] == near(3000)
    assert heard[1:].max() == near(0)


def test_frames_that_come_late_and_in_a_burst_stand_where_they_belong(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "talk.wav")
    stage.say(0.2, caller=1000)
    stage.pass_time(0.3)  # five frames are on the way
    for _ in range(5):
        stage.caller.frame_received(loud(2000))
    stage.say(0.1, caller=3000)
    heard = stage.end()[:, 0]
    assert list(heard) == [near(1000)] * 10 + [near(2000)] * 5 + [near(3000)] * 5


def test_after_a_gap_a_side_goes_on_at_its_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "talk.wav")
    stage.say(0.1, caller=1000)
    stage.say(3.0)
    stage.say(0.1, caller=1000)
    heard = stage.end()[:, 0]
    assert list(np.flatnonzero(heard > 500)) == [*range(5), *range(155, 160)]


def test_a_flood_of_frames_does_not_run_ahead_of_the_clock(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "talk.wav")
    for _ in range(1000):
        stage.caller.frame_received(loud(1000))
    stage.say(1.0)
    assert len(stage.end()) == 50


class Disc:
    """What a tap is given, put together as the file would be, without a thread or a disk."""

    def __init__(self) -> None:
        self.audio = bytearray()

    def __call__(self, packed: bytes) -> None:
        at = int.from_bytes(packed[:4], "big") * SLOT
        assert at <= len(self.audio)
        self.audio[at : at + SLOT] = packed[4:]

    def end(self, why: str) -> None:
        """Nothing to close."""


def test_after_an_hour_of_clocks_that_drift_and_packets_that_jitter_both_sides_stand_at_their_time(
    tmp_path: Path,
) -> None:
    stage, disc, random = Stage(tmp_path / "none.wav", writes=False), Disc(), np.random.default_rng(3)
    stage.tape.start(disc)  # type: ignore[arg-type]
    hour, every = 3600.0, 1500  # a word each 30 s, by clocks that are 0.02 % fast and slow
    ports, numbers = (stage.caller, stage.seat), np.arange(round(hour / 0.02))
    times = [
        0.01 + numbers * 0.02 * drift + random.uniform(0, 0.03, numbers.size) for drift in (0.9998, 1.0002)
    ]
    said = [sorted(sent)[::every] for sent in times]
    order = np.argsort(np.concatenate([np.sort(sent) for sent in times]), kind="stable")
    frames = [(loud(8000, port.law), SILENCE[port.law]) for port in ports]
    merged = np.sort(np.concatenate(times))
    for when, index in zip(merged, order, strict=True):
        if when > hour:
            break
        side, number = divmod(int(index), numbers.size)
        stage.pass_time(when)
        stage.time._time = when  # between two beats
        ports[side].frame_received(frames[side][number % every != 0])
    stage.tape.stop()
    slots = np.frombuffer(bytes(disc.audio), np.uint8).reshape(-1, FRAME, 2)
    assert abs(len(slots) - hour / 0.02) <= 1
    for channel in (LEFT, RIGHT):
        found = np.flatnonzero(g711.decode(slots[:, 0, channel].tobytes(), Law.MU) > 4000) * 0.02
        assert len(found) >= len(said[channel]) - 3  # a word may fall where a clock is set right
        off = [np.abs(np.array(said[channel]) - when).min() for when in found]
        assert max(off) <= 0.02 * MOST_LATE + 0.03


class FullDisk:
    """Takes so many bytes and no more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.content = bytearray()

    def write_at(self, content: bytes, offset: int) -> int:
        if offset + len(content) > self.room:
            raise OSError(errno.ENOSPC, "no space left")
        self.content[offset : offset + len(content)] = content
        return len(content)

    def truncate(self, size: int) -> None:
        del self.content[size:]

    def sync(self) -> None:
        """It is in memory."""

    def close(self) -> None:
        """Nothing to give back."""


def test_a_full_disk_ends_the_recording_with_what_it_took(tmp_path: Path) -> None:
    disk = FullDisk(wav.HEADER_SIZE + 100 * SLOT)

    def opened(path: Path) -> RecordingFile:
        return disk

    recording = StereoRecording(tmp_path / "x.wav", Law.MU, open_file=opened)
    for slot in range(400):
        recording.feed(pack(slot, loud(1000) * 2))
        if recording.why is not None:
            break
    assert recording.why == "storage"
    recorded = recording.finish("hang_up")
    assert recorded.why == "storage"
    assert recorded.seconds == pytest.approx(2.0, abs=0.02)


def test_slots_that_a_hanging_disk_cost_are_silence_and_shift_nothing(tmp_path: Path) -> None:
    recording = StereoRecording(tmp_path / "x.wav", Law.MU)
    recording.feed(pack(0, loud(1000) * 2))
    recording.feed(pack(5, loud(2000) * 2))
    recording.finish("hang_up")
    assert list(levels(recording.path)[:, 0]) == [near(1000), *[near(0)] * 4, near(2000)]


def test_the_writers_thread_writes_it_and_tells(tmp_path: Path) -> None:
    writer, told = RecordingWriter(), threading.Event()
    tap = writer.begin(StereoRecording(tmp_path / "x.wav", Law.A), lambda recorded: told.set())
    for slot in range(50):
        tap(pack(slot, loud(1000, Law.A) * 2))
    assert writer.flush()
    assert len(levels(tmp_path / "x.wav")) == 50
    tap.end("hang_up")
    assert told.wait(5)
    assert writer.close()


_KILLED = """
import sys, time
from pathlib import Path
from ivr.media.g711 import Law
from ivr.media.stereo import StereoRecording, pack
from ivr.media.writer import RecordingWriter
tap = RecordingWriter().begin(StereoRecording(Path(sys.argv[1]), Law.MU), lambda recorded: None)
begin = time.monotonic()
for slot in range(1000):
    time.sleep(max(0, begin + slot * 0.02 - time.monotonic()))
    tap(pack(slot, bytes(320)))
    print(slot, flush=True)
"""


def test_a_killed_process_loses_a_few_frames_and_the_file_is_made_right(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    child = subprocess.Popen([sys.executable, "-c", _KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    last = 0
    while last < 40:
        last = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    last += len(child.stdout.readlines())
    child.stdout.close()
    child.wait()
    before = levels(path)  # a player would open it as it is
    assert len(before) > last - 15
    assert wav.repair(path) >= (last - 4) * 0.02
    assert len(levels(path)) >= last - 4


def test_a_port_stays_heard_when_it_is_asked_for_twice(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "x.wav")
    stage.tape.hear(stage.caller, LEFT)
    stage.say(0.1, caller=1000)
    assert stage.end()[:, 0].max() == near(1000)
    stage.tape.stop()


def test_a_tape_that_fails_closes_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path / "x.wav")
    stage.say(0.1, caller=1000)

    def broken(slot: int) -> bytes:
        raise RuntimeError("no audio")

    monkeypatch.setattr(stage.tape, "_audio", broken)
    stage.say(0.1)
    assert stage.tap.write()
    assert stage.told[0].why == "storage"
    assert not stage.clock.active

"""Recordings: right at every moment, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media import g711, tones, wav
from ivr.media.clip import Clip
from ivr.media.errors import AudioFileError
from ivr.media.g711 import Law
from ivr.media.growing import DiskFile, RecordingFile
from ivr.media.recorder import Recorded, Recording
from ivr.media.writer import RecordingWriter


def voice(seconds: float, seed: int = 5) -> bytes:
    """Noise that swells as speech does, in whole frames of µ-law."""
    size = round(seconds * 50) * 160
    noise = np.random.default_rng(seed).standard_normal(size) * 3000
    return g711.encode((noise * (0.2 + np.abs(np.sin(np.arange(size) / 600)))).astype(np.int16), Law.MU)


def quiet(seconds: float) -> bytes:
    return g711.SILENCE[Law.MU] * round(seconds * 50)


def line_noise(seconds: float, level: float) -> bytes:
    return tones.comfort_noise(seconds, level).frames(Law.MU)


def recording(path: Path, **more: object) -> Recording:
    arguments = {"longest": 60.0, "silence": 2.0} | more
    return Recording(path, Law.MU, **arguments)  # type: ignore[arg-type]


def by_frames(target: Recording, audio: bytes, at_once: int = 2) -> None:
    for at in range(0, len(audio), at_once * 160):
        target.feed(audio[at : at + at_once * 160])


class MoodyDisk:
    """A disk that can be full or fail; what it holds is in memory."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.room = 10**9
        self.error: int | None = None
        self.opened = self.closed = 0

    def open(self, path: Path) -> RecordingFile:
        self._check()
        self.opened += 1
        return self

    def write_at(self, content: bytes, offset: int) -> int:
        self._check()
        end = min(offset + len(content), self.room)
        if end <= offset:
            raise OSError(errno.ENOSPC, "no space left")
        if len(self.content) < end:
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = content[: end - offset]
        return end - offset

    def truncate(self, size: int) -> None:
        self._check()
        del self.content[size:]

    def sync(self) -> None:
        self._check()

    def close(self) -> None:
        self.closed += 1

    def _check(self) -> None:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))


# What is kept.


def test_the_file_holds_what_was_said_and_others_can_read_it(tmp_path: Path) -> None:
    target = recording(tmp_path / "deep" / "a.wav")
    by_frames(target, voice(1.0))
    assert target.finish("hang_up") == Recorded(tmp_path / "deep" / "a.wav", 1.0, "hang_up")
    assert wav.read_g711(target.path).audio == voice(1.0)  # type: ignore[union-attr]
    info = soundfile.info(target.path)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (8000, 1, "ULAW", 8000)
    assert target.path.stat().st_mode & 0o777 == 0o600


def test_trailing_silence_is_trimmed_but_for_a_breath(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav", silence=30.0)
    by_frames(target, quiet(0.5) + voice(1.0) + quiet(3.0))
    kept = target.finish("hang_up").seconds
    assert kept == pytest.approx(1.9, abs=0.05)
    assert target.path.stat().st_size == 58 + round(kept * 8000)


def test_line_noise_is_not_a_voice_and_a_voice_above_it_is(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav", silence=2.0)
    by_frames(target, line_noise(1.0, -52) + voice(1.0) + line_noise(3.0, -52))
    assert target.why == "silence"
    assert target.finish("hang_up").seconds == pytest.approx(2.4, abs=0.1)


def test_it_ends_at_the_silence_after_the_voice(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav", silence=1.0)
    by_frames(target, voice(0.6) + quiet(0.9))
    assert target.why is None
    by_frames(target, quiet(0.3))
    assert target.why == "silence"


def test_a_caller_who_was_not_heard_is_given_twice_as_long(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav", silence=1.0)
    by_frames(target, quiet(1.8))
    assert target.why is None
    by_frames(target, quiet(0.4))
    assert target.finish("hang_up") == Recorded(target.path, 0.0, "silence")
    assert soundfile.info(target.path).frames == 0


def test_it_ends_at_its_longest_to_the_frame(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav", longest=0.5)
    by_frames(target, voice(0.9), at_once=3)
    assert target.finish("hang_up") == Recorded(target.path, 0.5, "longest")


@pytest.mark.parametrize("keys", ["#", "5"])
def test_the_tone_of_the_key_that_ended_it_is_trimmed(tmp_path: Path, keys: str) -> None:
    target = recording(tmp_path / "a.wav")
    by_frames(target, voice(1.0) + quiet(0.1) + tones.keys(keys, on=0.2, off=0.0).frames(Law.MU))
    assert target.finish("key").seconds == pytest.approx(1.1, abs=0.03)


def test_a_busy_tone_is_silence_and_is_trimmed(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav", silence=3.0)
    by_frames(target, voice(1.0) + quiet(0.2) + tones.busy(6).frames(Law.MU))
    assert target.why == "silence"
    assert target.finish("hang_up").seconds == pytest.approx(1.2, abs=0.05)


def test_a_single_click_is_not_a_voice(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav", silence=0.5)
    by_frames(target, quiet(0.2) + b"\x00\x80" * 80 + quiet(1.0))
    assert target.finish("hang_up").seconds == 0.0


# Crashes.


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 58 + 4000), torn=st.booleans())
def test_a_file_cut_at_any_byte_is_repaired_and_keeps_what_the_disk_had(
    tmp_path_factory: pytest.TempPathFactory, cut: int, torn: bool
) -> None:
    path = tmp_path_factory.mktemp("crash") / "a.wav"
    said = voice(0.5)
    target = recording(path)
    by_frames(target, said)
    if not torn:
        target.finish("hang_up")
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    held = max(0, min(cut, len(whole)) - 58) // 2 * 2
    assert wav.repair(path) == held / 8000
    assert path.read_bytes()[58:] == said[:held]
    assert soundfile.info(path).frames == held
    before = path.stat().st_mtime_ns
    wav.repair(path)
    assert path.stat().st_mtime_ns == before
    target.close()


def test_the_file_is_valid_at_every_moment_and_repair_misses_nothing(tmp_path: Path) -> None:
    said = voice(1.0)
    target = recording(tmp_path / "a.wav")
    for at in range(0, len(said), 320):
        target.feed(said[at : at + 320])
        copy = tmp_path / "copy.wav"
        copy.write_bytes(target.path.read_bytes())
        assert at + 320 - 1600 < soundfile.info(copy).frames <= at + 320
        assert wav.repair(copy) == (at + 320) / 8000
    target.finish("hang_up")


@pytest.mark.parametrize(
    "content", [b"not a recording at all, but long enough to look like one, surely", b"OggS"]
)
def test_repair_leaves_foreign_files_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match="not a recording"):
        wav.repair(path)
    assert path.read_bytes() == content


_RECORDS_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from ivr.media.g711 import Law
from ivr.media.recorder import Recording
from ivr.media.writer import RecordingWriter
tap = RecordingWriter().begin(Recording(Path(sys.argv[1]), Law.MU, longest=60, silence=60), lambda done: None)
began = time.monotonic()
for count in range(1, 500):
    tap(bytes([count % 256]) * 160)
    print(count, flush=True)
    time.sleep(max(0, began + count * 0.02 - time.monotonic()))
"""


def test_a_killed_process_loses_no_more_than_the_last_few_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    process = subprocess.Popen(
        [sys.executable, "-c", _RECORDS_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        said = next(int(line) for line in process.stdout if int(line) >= 30)
        process.send_signal(signal.SIGKILL)
        said = max([said, *map(int, process.stdout.read().split())])
    process.wait()
    kept = wav.repair(path) * 50
    assert said - 6 <= kept <= said + 1  # two frames by design; the rest for a busy machine
    assert wav.read_g711(path).audio[:320] == b"\x01" * 160 + b"\x02" * 160  # type: ignore[union-attr]


# Disks.


def test_a_full_disk_that_takes_again_in_time_costs_nothing() -> None:
    disk = MoodyDisk()
    target = recording(Path("a.wav"), open_file=disk.open)
    said = voice(3.0)
    by_frames(target, said[:8000])
    disk.room = len(disk.content) + 100  # half a frame more, then full
    by_frames(target, said[8000:16000])
    assert target.why is None
    assert target.unwritten > 0
    disk.room = 10**9
    by_frames(target, said[16000:])
    assert target.finish("key").why == "key"
    assert disk.content[58:] == said
    assert (disk.opened, disk.closed) == (1, 1)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_stays_bad_ends_the_recording_and_what_was_said_waits_for_it(error: int) -> None:
    disk = MoodyDisk()
    target = recording(Path("a.wav"), open_file=disk.open)
    said = voice(5.0)
    by_frames(target, said[:8000])
    disk.error = error
    by_frames(target, said[8000:])
    assert target.why == "storage"
    assert target.finish("hang_up") == Recorded(Path("a.wav"), 1.0, "storage")
    kept = len(disk.content) - 58 + target.unwritten
    assert kept == pytest.approx(24000, abs=640)  # one second before, two of patience
    assert not target.settle()
    disk.error = None
    assert target.settle()
    assert disk.content == wav.header(Law.MU, kept) + said[:kept]
    assert disk.closed == 1


def test_a_disk_that_is_full_from_the_start_is_tried_again() -> None:
    disk = MoodyDisk()
    disk.error = errno.ENOSPC
    target = recording(Path("a.wav"), open_file=disk.open)
    by_frames(target, voice(1.0))
    disk.error = None
    by_frames(target, voice(1.0))
    assert target.finish("key") == Recorded(Path("a.wav"), 2.0, "key")
    assert disk.content[58:] == voice(1.0) * 2


def test_the_kernel_s_own_full_device_ends_a_recording_for_want_of_storage() -> None:
    target = recording(Path("/dev/full"))
    by_frames(target, voice(4.0))
    assert target.why == "storage"
    assert target.finish("hang_up") == Recorded(Path("/dev/full"), 0.0, "storage")
    target.close()


# The writer's thread.


class Results:
    """Collects what the writer tells."""

    def __init__(self) -> None:
        self.all: list[Recorded] = []
        self._more = threading.Condition()

    def __call__(self, recorded: Recorded) -> None:
        with self._more:
            self.all.append(recorded)
            self._more.notify_all()

    def wait(self, count: int = 1) -> list[Recorded]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.all) >= count, timeout=5)
            return self.all


def feed(tap: Callable[[bytes], None], audio: bytes) -> None:
    for at in range(0, len(audio), 160):
        tap(audio[at : at + 160])


def test_many_recordings_at_once_are_written_each_to_its_file(tmp_path: Path) -> None:
    writer, results = RecordingWriter(), Results()
    taps = [writer.begin(recording(tmp_path / f"{at}.wav"), results) for at in range(20)]
    for at, tap in enumerate(taps):
        feed(tap, voice(0.5, seed=at))
    assert writer.active == 20
    for tap in taps:
        tap.end("key")
        tap.end("hang_up")
    assert {recorded.why for recorded in results.wait(20)} == {"key"}
    assert writer.close()
    assert len(results.all) == 20
    for at in range(20):
        assert wav.read_g711(tmp_path / f"{at}.wav").audio == voice(0.5, seed=at)  # type: ignore[union-attr]


def test_a_recording_that_ends_by_itself_is_told_once(tmp_path: Path) -> None:
    writer, results = RecordingWriter(), Results()
    tap = writer.begin(recording(tmp_path / "a.wav", longest=0.2), results)
    feed(tap, voice(1.0))
    results.wait()
    tap.end("key")
    assert writer.close()
    assert results.all == [Recorded(tmp_path / "a.wav", 0.2, "longest")]


def test_closing_ends_what_goes_on_and_leaves_no_thread_or_file(tmp_path: Path) -> None:
    threads, files = threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))
    writer, results = RecordingWriter(), Results()
    feed(writer.begin(recording(tmp_path / "a.wav"), results), voice(0.4))
    assert writer.close()
    assert results.all == [Recorded(tmp_path / "a.wav", 0.4, "hang_up")]
    assert threading.active_count() == threads
    assert len(list(Path("/proc/self/fd").iterdir())) == files
    with pytest.raises(RuntimeError, match="closed"):
        writer.begin(recording(tmp_path / "b.wav"), results)


def test_a_writer_that_was_never_used_closes_at_once() -> None:
    assert RecordingWriter().close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert condition()


@pytest.mark.parametrize("closing", [False, True])
def test_words_that_a_full_disk_would_not_take_are_written_when_it_does(
    tmp_path: Path, closing: bool
) -> None:
    class FullFor(DiskFile):
        full = True

        def write_at(self, content: bytes, offset: int) -> int:
            if FullFor.full:
                raise OSError(errno.ENOSPC, "no space left")
            return super().write_at(content, offset)

    writer, results = RecordingWriter(), Results()
    tap = writer.begin(recording(tmp_path / "a.wav", open_file=FullFor), results)
    feed(tap, voice(3.0))
    assert results.wait() == [Recorded(tmp_path / "a.wav", 0.0, "storage")]
    until(lambda: writer.stranded == (tmp_path / "a.wav",))
    FullFor.full = False
    if not closing:
        until(lambda: not writer.stranded)
    assert writer.close()
    assert wav.read_g711(tmp_path / "a.wav").audio == voice(3.0)  # type: ignore[union-attr]


def test_a_recording_with_a_fault_of_its_own_does_not_end_the_others(tmp_path: Path) -> None:
    def faulty(path: Path) -> RecordingFile:
        raise ValueError("a fault in the program")

    writer, results = RecordingWriter(), Results()
    bad = writer.begin(recording(tmp_path / "bad.wav", open_file=faulty), results)
    good = writer.begin(recording(tmp_path / "good.wav"), results)
    feed(bad, voice(0.2))
    assert results.wait() == [Recorded(tmp_path / "bad.wav", 0.0, "storage")]
    feed(good, voice(0.2))
    good.end("key")
    assert results.wait(2)[1].seconds == 0.2
    assert writer.close()


def test_a_leg_is_never_made_to_wait_for_a_disk_that_hangs(tmp_path: Path) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    class Hanging(DiskFile):
        def write_at(self, content: bytes, offset: int) -> int:
            hangs.set()
            goes_on.wait(10)
            return super().write_at(content, offset)

    writer, results = RecordingWriter(), Results()
    tap = writer.begin(recording(tmp_path / "a.wav", open_file=Hanging), results)
    assert hangs.wait(5)
    began = time.perf_counter()
    feed(tap, voice(10.0))
    assert time.perf_counter() - began < 0.1
    goes_on.set()
    tap.end("key")
    assert results.wait()[0].seconds == pytest.approx(10.0)
    assert writer.close()


def test_what_waits_for_a_disk_that_hangs_is_bounded_and_the_loss_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on = threading.Event()

    class Hanging(DiskFile):
        def write_at(self, content: bytes, offset: int) -> int:
            goes_on.wait(10)
            return super().write_at(content, offset)

    writer, results = RecordingWriter(), Results()
    tap = writer.begin(recording(tmp_path / "a.wav", open_file=Hanging, longest=600.0), results)
    feed(tap, voice(90.0))
    goes_on.set()
    tap.end("key")
    assert results.wait()[0].seconds == pytest.approx(60.0, abs=0.5)
    assert writer.close()
    assert "frames of" in caplog.text


def test_clips_sound_the_same_after_a_recording(tmp_path: Path) -> None:
    target = recording(tmp_path / "a.wav")
    by_frames(target, voice(0.5))
    target.finish("key")
    assert Clip.from_wav(target.path) == Clip(voice(0.5))

"""The thread that writes recordings, one for a process.

Why a thread: a write into the page cache takes microseconds, until the disk is busy; then it takes as long as
it likes, and a media clock that waits with it falls silent in every call. So a leg only appends its frame to
a list, and this thread looks at every list each 40 ms, writes, listens for the voice and closes files. It
looks at a quarter of them at a time, so that the clock never waits for all of them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ivr.media.g711 import FRAME, RATE
from ivr.media.recorder import Recorded, RecordingEnd

#: Seconds between two looks at the waiting frames: a killed process loses at most these two frames.
PERIOD = 0.04
#: In how many parts a period's work is done.
PARTS = 4
#: Frames that may wait for a disk that hangs (60 s); what comes beyond is lost and counted.
MOST_WAITING = 3000
#: Seconds between two tries to write what a full disk would not take.
RETRY = 1.0
#: Bytes of such audio kept in memory for the whole process; beyond, the oldest is given up.
MOST_STRANDED = 16_000_000

_log = logging.getLogger(__name__)


class Written(Protocol):
    """A recording that the thread writes: `Recording`, or one of two channels (`StereoRecording`).

    What it is fed with is its own: frames, or whatever its tap was called with, joined.
    """

    path: Path
    #: Why it has ended, or None while it goes on.
    why: RecordingEnd | None

    @property
    def unwritten(self) -> int:
        """Bytes of audio that the disk has not taken yet."""

    def feed(self, frames: bytes) -> None:
        """Take what has come and write it."""

    def finish(self, why: RecordingEnd) -> Recorded:
        """End it and make the file right."""

    def settle(self) -> bool:
        """Whether all of it is on disk; if not, try again."""

    def close(self) -> None:
        """Give the file back."""


class Tap:
    """A recording that goes on: call it with each frame, from any thread; end it from any thread."""

    __slots__ = ("_done", "_end", "_frames", "_recording", "_wake", "lost", "part")

    def __init__(
        self,
        recording: Written,
        done: Callable[[Recorded], None],
        wake: Callable[[], None],
        part: int = 0,
    ) -> None:
        #: In which part of a period it is written.
        self.part = part
        self._recording = recording
        self._done = done
        self._wake = wake
        self._frames: deque[bytes] = deque()
        self._end: RecordingEnd | None = None
        #: Frames thrown away because the disk hung for longer than MOST_WAITING frames.
        self.lost = 0

    def __call__(self, frame: bytes) -> None:
        """Record a 160-byte frame; after the end it is not taken."""
        if self._end is not None:
            return
        if len(self._frames) < MOST_WAITING:
            self._frames.append(frame)
        else:
            self.lost += 1

    @property
    def ending(self) -> bool:
        """Whether it shall be closed."""
        return self._end is not None

    def end(self, why: RecordingEnd) -> None:
        """End it; `done` follows from the writer's thread, once, also if it had ended by itself."""
        if self._end is None:
            self._end = why
            self._wake()

    def write(self) -> bool:
        """Write what has come, in the writer's thread; whether the recording has ended and was told so."""
        end = self._end  # read before the frames are taken, so that none of them comes after it
        frames = b"".join(self._frames.popleft() for _ in range(len(self._frames)))
        self._recording.feed(frames)
        why = end or self._recording.why
        if why is None:
            return False
        self._end = why
        self._done(self._recording.finish(why))
        return True

    def give_up(self) -> None:
        """End it for a fault that is not the disk's."""
        self._end = "storage"
        self._recording.close()
        self._done(Recorded(self._recording.path, 0.0, "storage"))

    @property
    def recording(self) -> Written:
        """What is written."""
        return self._recording


class RecordingWriter:
    """Writes every recording of the process, in a thread that starts with the first one."""

    def __init__(self, period: float = PERIOD) -> None:
        self._period = period
        self._taps: list[Tap] = []
        self._stranded: list[Written] = []
        self._retry_at = 0.0
        self._waiting: list[threading.Event] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._begun = 0
        self._turn = 0
        self._thread: threading.Thread | None = None

    @property
    def active(self) -> int:
        """How many recordings go on."""
        return len(self._taps)

    @property
    def stranded(self) -> tuple[Path, ...]:
        """Files of ended recordings whose last words wait in memory for a disk that takes them."""
        return tuple(recording.path for recording in self._stranded)

    def begin(self, recording: Written, done: Callable[[Recorded], None]) -> Tap:
        """Start writing; `done` runs in the writer's thread when the file is closed. From any thread."""
        with self._lock:
            if self._closing:
                raise RuntimeError("the recording writer is closed")
            tap = Tap(recording, done, self._wake.set, self._begun % PARTS)
            self._begun += 1
            self._taps.append(tap)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
                self._thread.start()
        self._wake.set()
        return tap

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all that was given so far is written and told of; False if the disk hangs."""
        with self._lock:
            if self._closing or not self._taps:
                return True
            written = threading.Event()
            self._waiting.append(written)
        self._wake.set()
        return written.wait(timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """End every recording as if the caller had hung up, and the thread; False if the disk hangs.

        What still could not be written is tried once more and then lost.
        """
        with self._lock:
            self._closing = True
            thread = self._thread
            for tap in self._taps:
                tap.end("hang_up")
        self._wake.set()
        if thread is not None:
            thread.join(timeout)
            return not thread.is_alive()
        return True

    def _run(self) -> None:
        while not self._closing or self._taps:
            self._wake.wait(self._pause())
            self._wake.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, []
            self._write_due(all_of_them=bool(waiting) or self._closing)
            for written in waiting:
                written.set()
            if self._stranded and time.monotonic() >= self._retry_at:
                self._settle_stranded()
                self._retry_at = time.monotonic() + RETRY
        self._settle_stranded()
        for recording in self._stranded:
            recording.close()
        for written in self._waiting:
            written.set()

    def _pause(self) -> float | None:
        if self._taps:
            return self._period / PARTS
        return RETRY if self._stranded else None

    def _write_due(self, *, all_of_them: bool) -> None:
        """Write the part whose turn it is, and whatever shall be closed."""
        self._turn = (self._turn + 1) % PARTS
        for tap in tuple(self._taps):
            if not (all_of_them or tap.part == self._turn or tap.ending) or not self._write(tap):
                continue
            with self._lock:
                self._taps.remove(tap)
            if tap.lost:
                _log.error("%d frames of %s are lost: the disk hung", tap.lost, tap.recording.path)
            if not tap.recording.settle():
                self._strand(tap.recording)

    def _write(self, tap: Tap) -> bool:
        """One recording's fault must not silence the others: it is logged, and that one ends."""
        try:
            return tap.write()
        except Exception:
            _log.exception("a recording failed and was given up: %s", tap.recording.path)
            with suppress(Exception):  # what failed may have been `done` itself
                tap.give_up()
            return True

    def _strand(self, recording: Written) -> None:
        self._stranded.append(recording)
        _log.error(
            "the disk takes no more: %.1f s of %s wait in memory; free some space",
            recording.unwritten // FRAME * FRAME / RATE,
            recording.path,
        )
        while sum(one.unwritten for one in self._stranded) > MOST_STRANDED:
            self._stranded.pop(0).close()

    def _settle_stranded(self) -> None:
        self._stranded = [recording for recording in self._stranded if not recording.settle()]

"""A recording: a G.711 WAV file written as it comes, right at every moment.

Audio is appended first and the header's sizes follow, so a header never promises what is not there; after a
crash `wav.repair` brings in what the last header update had not counted. A disk that takes no more does not
end a recording at once: what came is kept in memory and tried again, up to a bound.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ivr.media import wav
from ivr.media.g711 import FRAME, RATE, Law
from ivr.media.voice import VoiceDetector

RecordingEnd = Literal["key", "silence", "longest", "hang_up", "storage"]

#: Seconds of unwritten audio after which a disk that takes no more ends the recording.
STORAGE_PATIENCE = 2.0
#: Seconds kept after the last sound of the voice.
TAIL = 0.4
_BLOCK = 10 * FRAME
_MOST_UNHEARD = 100 * FRAME


class RecordingFile(Protocol):
    """The few things a recording does with its file. Each may raise OSError."""

    def write_at(self, content: bytes, offset: int) -> int:
        """Write, and return how many bytes were taken."""

    def truncate(self, size: int) -> None:
        """Cut the file to `size` bytes."""

    def sync(self) -> None:
        """Bring its content to the disk."""

    def close(self) -> None:
        """Give it back."""


class DiskFile:
    """A new file on disk, unbuffered, readable by its owner alone; its folder is made if it is missing."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def write_at(self, content: bytes, offset: int) -> int:
        """See RecordingFile."""
        return os.pwrite(self._fd, content, offset)

    def truncate(self, size: int) -> None:
        """See RecordingFile."""
        os.ftruncate(self._fd, size)

    def sync(self) -> None:
        """See RecordingFile."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """See RecordingFile."""
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a recording: `seconds` are in the file, trailing silence and tones trimmed off."""

    path: Path
    seconds: float
    why: RecordingEnd


class Recording:
    """One recording, fed with frames; not thread-safe (the writer's thread owns it).

    It ends by itself after `longest` seconds, after `silence` seconds of quiet once a voice was heard (twice
    that if none was), or when the disk has taken nothing for STORAGE_PATIENCE seconds of audio: then `why`
    says so and what follows is not taken.
    """

    def __init__(
        self,
        path: Path,
        law: Law,
        *,
        longest: float,
        silence: float,
        open_file: Callable[[Path], RecordingFile] = DiskFile,
    ) -> None:
        self.path = path
        self.law = law
        #: Why it has ended, or None while it goes on.
        self.why: RecordingEnd | None = None
        self._longest = round(longest * RATE / FRAME) * FRAME
        self._silence = round(silence * RATE / FRAME)
        self._open_file = open_file
        self._file: RecordingFile | None = None
        self._voice = VoiceDetector(law)
        self._unheard = b""
        self._taken = 0
        self._unwritten = bytearray()
        self._written = 0
        self._headed = -1
        self._closed = False

    @property
    def unwritten(self) -> int:
        """Bytes of audio that the disk has not taken yet."""
        return len(self._unwritten)

    def feed(self, frames: bytes) -> None:
        """Take whole frames and write them. What comes after the end is not taken."""
        if self.why is None:
            self._take(frames[: self._longest - self._taken])
        self.flush()
        if self.why is None and self.unwritten > STORAGE_PATIENCE * RATE:
            self.why = "storage"

    def _take(self, frames: bytes) -> None:
        self._taken += len(frames)
        self._unwritten += frames
        self._unheard += frames
        if self._taken >= self._longest:
            self.why = "longest"
        if self._is_time_to_hear():
            self._hear()

    def _is_time_to_hear(self) -> bool:
        """Listening costs little by the second and much by the frame: wait until it could decide something."""
        waiting = len(self._unheard)
        may_end = self._taken // FRAME - self._voice.voice_end >= self._silence
        return waiting >= _MOST_UNHEARD or (waiting >= _BLOCK and may_end) or self.why is not None

    def _hear(self) -> None:
        """Look for the voice in what has come, and end after enough silence."""
        if not self._unheard:
            return
        self._voice.feed(self._unheard)
        self._unheard = b""
        heard = self._voice.voice_end
        patience = self._silence if heard else 2 * self._silence
        if self._taken // FRAME - heard >= patience and self.why is None:
            self.why = "silence"

    def flush(self) -> bool:
        """Try to write what is unwritten, and bring the header up to date; False if the disk would not.

        The header is rewritten every ten frames: less often than audio, which `wav.repair` can count.
        """
        try:
            if self._file is None:
                self._file = self._open_file(self.path)
            if self._headed < 0:
                self._write_header()
            while self._unwritten:
                taken = self._file.write_at(bytes(self._unwritten), wav.HEADER_SIZE + self._written)
                del self._unwritten[:taken]
                self._written += taken
            if self._written - self._headed >= _BLOCK:
                self._write_header()
        except OSError:
            return False
        return True

    def _write_header(self) -> None:
        assert self._file is not None  # noqa: S101  # flush and finish open it first
        whole = self._written // FRAME * FRAME
        content = wav.header(self.law, whole)
        if self._file.write_at(content, 0) < len(content):
            raise OSError("the disk took only a part of a header")
        self._headed = whole

    def finish(self, why: RecordingEnd) -> Recorded:
        """End it, trim it, and make the file right. `why` counts unless it had ended by itself.

        If the disk is still in trouble the file holds what it took, `why` is `storage`, and `unwritten`
        says that `settle` should be tried later.
        """
        self._hear()
        self.why = self.why or why
        keep = self._kept()
        if keep < self._written + self.unwritten:
            del self._unwritten[max(0, keep - self._written) :]
        self._written = min(self._written, keep)
        if not self.settle():
            self.why = "storage"
        return Recorded(self.path, self._written // FRAME * FRAME / RATE, self.why)

    def _kept(self) -> int:
        """How many bytes of what came are worth keeping."""
        end = self._voice.voice_end
        if end == 0:
            return 0
        kept = end + round(TAIL * RATE / FRAME)
        if self._voice.tone_start is not None:
            kept = min(kept, self._voice.tone_start)
        return min(kept * FRAME, self._taken)

    def settle(self) -> bool:
        """After `finish`: whether all that was kept is on disk; if not, try again."""
        if self._closed:
            return True
        done = self.flush()
        if self._file is None:
            return False
        try:
            self._write_header()
            self._file.truncate(wav.HEADER_SIZE + self._written)
            self._file.sync()
        except OSError:
            return False
        if done:
            self.close()
        return done

    def close(self) -> None:
        """Give the file back; what is unwritten is lost. Harmless if it is closed."""
        self._closed = True
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):  # everything is synced by now, or the disk had its chances
                file.close()

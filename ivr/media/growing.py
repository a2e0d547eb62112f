"""A G.711 WAV file that grows: audio is appended first, and the header's sizes follow.

So a header never promises what is not there; after a crash `wav.repair` brings in what the last header had not
counted. What the disk does not take is kept in memory and tried again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ivr.media import wav
from ivr.media.g711 import FRAME, RATE, Law

#: Frames between two headers.
_FRAMES_A_HEADER = 10


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


OpenFile = Callable[[Path], RecordingFile]


class GrowingWav:
    """The file of one recording; not thread-safe. Sizes are in bytes of audio."""

    def __init__(self, path: Path, law: Law, channels: int = 1, *, open_file: OpenFile = DiskFile) -> None:
        self._path = path
        self._law = law
        self._channels = channels
        self._frame = FRAME * channels
        self._open_file = open_file
        self._file: RecordingFile | None = None
        self._waiting = bytearray()
        self._written = 0
        self._headed = -1
        self._closed = False

    @property
    def unwritten(self) -> int:
        """What the disk has not taken yet."""
        return len(self._waiting)

    @property
    def written(self) -> int:
        """What the disk has taken."""
        return self._written

    @property
    def size(self) -> int:
        """All that came."""
        return self._written + len(self._waiting)

    @property
    def seconds(self) -> float:
        """How much of it is whole frames on disk."""
        return self._written // self._frame * self._frame / (RATE * self._channels)

    def append(self, audio: bytes) -> None:
        """Take more; `flush` writes it."""
        self._waiting += audio

    def replace(self, audio: bytes, at: int) -> None:
        """Put other audio in the place of what came before, from byte `at` on.

        A disk that does not take it now keeps what it has.
        """
        waits = max(at - self._written, 0)
        late = audio[: max(0, self._written - at)]
        rest = audio[len(late) :]
        self._waiting[waits : waits + len(rest)] = rest
        if late and self._file is not None:
            with suppress(OSError):
                self._file.write_at(late, wav.HEADER_SIZE + at)

    def cut(self, size: int) -> None:
        """Let go of all beyond `size`."""
        del self._waiting[max(0, size - self._written) :]
        self._written = min(self._written, size)

    def flush(self) -> bool:
        """Try to write what waits, and bring the header up to date; False if the disk would not."""
        try:
            if self._file is None:
                self._file = self._open_file(self._path)
            if self._headed < 0:
                self._write_header()
            while self._waiting:
                taken = self._file.write_at(bytes(self._waiting), wav.HEADER_SIZE + self._written)
                del self._waiting[:taken]
                self._written += taken
            if self._written - self._headed >= _FRAMES_A_HEADER * self._frame:
                self._write_header()
        except OSError:
            return False
        return True

    def _write_header(self) -> None:
        assert self._file is not None  # noqa: S101  # flush and settle open it first
        whole = self._written // self._frame * self._frame
        content = wav.header(self._law, whole, self._channels)
        if self._file.write_at(content, 0) < len(content):
            raise OSError("the disk took only a part of a header")
        self._headed = whole

    def settle(self) -> bool:
        """Make the file right and close it; whether all of it is on disk. If not, try again."""
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

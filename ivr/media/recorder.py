"""A recording: a G.711 WAV file written as it comes, right at every moment.

A disk that takes no more does not end a recording at once: what came is kept in memory and tried again, up to a
bound (`growing` is the file).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ivr.media.g711 import FRAME, RATE, Law
from ivr.media.growing import DiskFile, GrowingWav, OpenFile
from ivr.media.voice import VoiceDetector

RecordingEnd = Literal["key", "silence", "longest", "hang_up", "storage"]

#: Seconds of unwritten audio after which a disk that takes no more ends the recording.
STORAGE_PATIENCE = 2.0
#: Seconds kept after the last sound of the voice.
TAIL = 0.4
_BLOCK = 10 * FRAME
_MOST_UNHEARD = 100 * FRAME


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
        open_file: OpenFile = DiskFile,
    ) -> None:
        self.path = path
        self.law = law
        #: Why it has ended, or None while it goes on.
        self.why: RecordingEnd | None = None
        self._longest = round(longest * RATE / FRAME) * FRAME
        self._silence = round(silence * RATE / FRAME)
        self._file = GrowingWav(path, law, open_file=open_file)
        self._voice = VoiceDetector(law)
        self._unheard = b""
        self._taken = 0

    @property
    def unwritten(self) -> int:
        """Bytes of audio that the disk has not taken yet."""
        return self._file.unwritten

    def feed(self, frames: bytes) -> None:
        """Take whole frames and write them. What comes after the end is not taken."""
        if self.why is None:
            self._take(frames[: self._longest - self._taken])
        self.flush()
        if self.why is None and self.unwritten > STORAGE_PATIENCE * RATE:
            self.why = "storage"

    def _take(self, frames: bytes) -> None:
        self._taken += len(frames)
        self._file.append(frames)
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
        return self._file.flush()

    def finish(self, why: RecordingEnd) -> Recorded:
        """End it, trim it, and make the file right. `why` counts unless it had ended by itself.

        If the disk is still in trouble the file holds what it took, `why` is `storage`, and `unwritten`
        says that `settle` should be tried later.
        """
        self._hear()
        self.why = self.why or why
        self._file.cut(self._kept())
        if not self.settle():
            self.why = "storage"
        return Recorded(self.path, self._file.seconds, self.why)

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
        return self._file.settle()

    def close(self) -> None:
        """Give the file back; what is unwritten is lost. Harmless if it is closed."""
        self._file.close()

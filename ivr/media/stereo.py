"""A talk on two channels: the caller on the left, whoever talks with them on the right, in one file.

Every 20 ms of the talk has its slot, by the clock and not by what comes: a side that sends nothing leaves silence, and
after an hour both sides still stand where they were said. A frame that comes a little late is put where it belongs; so
the file is never more than a few frames behind the talk, and no jitter buffer stands before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ivr.clock import Clock
from ivr.media import g711
from ivr.media.clock import Beat, MediaClock
from ivr.media.g711 import FRAME, FRAME_SECONDS, RATE, Law
from ivr.media.growing import DiskFile, GrowingWav, OpenFile
from ivr.media.port import AudioPort, Listener
from ivr.media.recorder import STORAGE_PATIENCE, Recorded, RecordingEnd
from ivr.media.writer import Tap

#: Slots by which a frame may come late, and early (a burst after it): 120 and 60 ms.
MOST_LATE: Final = 6
MOST_EARLY: Final = 3
#: Bytes of a slot: a frame of each channel, sample by sample in turn.
SLOT: Final = 2 * FRAME
_NUMBER: Final = 4

Channel = Literal[0, 1]
LEFT: Final[Channel] = 0
RIGHT: Final[Channel] = 1


def pack(slot: int, audio: bytes) -> bytes:
    """A slot with its number, as `StereoRecording` is fed."""
    return slot.to_bytes(_NUMBER, "big") + audio


class StereoRecording:
    """The file, fed with packed slots; not thread-safe (the writer's thread owns it).

    It ends by itself only when the disk has taken nothing for STORAGE_PATIENCE seconds of audio.
    """

    def __init__(self, path: Path, law: Law, *, open_file: OpenFile = DiskFile) -> None:
        self.path = path
        self.law = law
        #: Why it has ended, or None while it goes on.
        self.why: RecordingEnd | None = None
        self._silence = g711.SILENCE[law] * 2
        self._file = GrowingWav(path, law, 2, open_file=open_file)

    @property
    def unwritten(self) -> int:
        """Bytes of audio that the disk has not taken yet."""
        return self._file.unwritten

    def feed(self, slots: bytes) -> None:
        """Take packed slots and write them: new ones, and others for slots that came before."""
        if self.why is None:
            for at in range(0, len(slots), _NUMBER + SLOT):
                self._take(int.from_bytes(slots[at : at + _NUMBER], "big"), slots[at + _NUMBER :][:SLOT])
        self._file.flush()
        if self.why is None and self.unwritten > STORAGE_PATIENCE * RATE * 2:
            self.why = "storage"

    def _take(self, slot: int, audio: bytes) -> None:
        at = slot * SLOT
        if at < self._file.size:
            self._file.replace(audio, at)
            return
        while self._file.size < at:  # the tap lost some while the disk hung
            self._file.append(self._silence)
        self._file.append(audio)

    def finish(self, why: RecordingEnd) -> Recorded:
        """End it and make the file right; nothing is trimmed. `storage` if the disk is still in trouble."""
        self.why = self.why or why
        if not self.settle():
            self.why = "storage"
        return Recorded(self.path, self._file.seconds, self.why)

    def settle(self) -> bool:
        """After `finish`: whether all of it is on disk; if not, try again."""
        return self._file.settle()

    def close(self) -> None:
        """Give the file back; what is unwritten is lost."""
        self._file.close()


@dataclass(slots=True)
class _Voice:
    """One port on a channel: its ear, and the slot in which its next frame belongs."""

    port: AudioPort
    channel: Channel
    ear: Listener
    next: int = 0


class StereoTape:
    """Takes down what ports say, on two channels, from `start` until `stop`. Used in the loop's thread.

    While `hushed` says so, silence is taken down instead, on both channels. It is asked at every frame and every beat.
    """

    def __init__(
        self, law: Law, *, clock: Clock, media_clock: MediaClock, hushed: Callable[[], bool] = lambda: False
    ) -> None:
        self._law = law
        self._clock = clock
        self._media_clock = media_clock
        self._hushed = hushed
        self._silence = g711.SILENCE[law]
        self._voices: dict[AudioPort, _Voice] = {}
        #: What was said in the latest slots, by channel; several voices on one channel are mixed.
        self._said: tuple[dict[int, list[bytes]], dict[int, list[bytes]]] = ({}, {})
        self._changed: set[int] = set()
        self._tap: Tap | None = None
        self._beat: Beat | None = None
        self._origin = 0.0
        self._slot = 0

    @property
    def seconds(self) -> float:
        """How far it has come."""
        return self._slot * FRAME_SECONDS

    def start(self, tap: Tap) -> None:
        """Give every slot to `tap` from now on."""
        self._tap = tap
        self._origin = self._clock.time()
        self._beat = self._media_clock.add(self._advance, self._failed)

    def hear(self, port: AudioPort, channel: Channel) -> None:
        """Take down what a port says. Harmless if it is heard on that channel already."""
        there = self._voices.get(port)
        if there is not None and there.channel == channel:
            return
        self.ignore(port)
        voice = _Voice(port, channel, ear=_deaf)
        voice.ear = partial(self._take, voice)
        self._voices[port] = voice
        port.listen(voice.ear)

    def ignore(self, port: AudioPort) -> None:
        """Take it down no more; harmless if it is not heard."""
        voice = self._voices.pop(port, None)
        if voice is not None:
            port.stop_listening(voice.ear)

    def stop(self, why: RecordingEnd = "hang_up") -> None:
        """It is over; the tap tells when the file is closed. Harmless if it has not begun, or is over."""
        for port in tuple(self._voices):
            self.ignore(port)
        if self._beat is not None:
            self._advance()
            self._media_clock.remove(self._beat)
            self._beat = None
        if self._tap is not None:
            self._tap.end(why)
            self._tap = None

    # Inside

    @property
    def _now(self) -> int:
        """The slot that this moment is in."""
        return int((self._clock.time() - self._origin) / FRAME_SECONDS + 1e-6)

    def _take(self, voice: _Voice, frame: bytes) -> None:
        """Put a frame into the slot it belongs in: the one after the last, unless that is too far from now."""
        now = self._now
        if voice.next > now + MOST_EARLY:
            return  # its clock runs ahead of ours, or somebody floods us
        slot = voice.next if voice.next >= now - MOST_LATE else now
        voice.next = slot + 1
        if self._beat is None or self._hushed():
            return
        said = g711.convert(frame, voice.port.law, self._law)
        self._said[voice.channel].setdefault(slot, []).append(said)
        if slot < self._slot:
            self._changed.add(slot)

    def _advance(self) -> None:
        """Give on the slots that are over, and those to which something has come late."""
        tap, now = self._tap, self._now
        if tap is None:
            return
        self._hushed()
        for slot in sorted(self._changed):
            tap(pack(slot, self._audio(slot)))
        self._changed.clear()
        for slot in range(self._slot, now):
            tap(pack(slot, self._audio(slot)))
        self._slot = max(self._slot, now)
        for said in self._said:
            for slot in [slot for slot in said if slot < now - MOST_LATE - 1]:
                del said[slot]

    def _audio(self, slot: int) -> bytes:
        audio = bytearray(SLOT)
        for channel, said in enumerate(self._said):
            audio[channel::2] = self._mixed(said.get(slot, []))
        return bytes(audio)

    def _mixed(self, frames: list[bytes]) -> bytes:
        if len(frames) <= 1:
            return frames[0] if frames else self._silence
        total = np.sum([g711.decode(frame, self._law).astype(np.int32) for frame in frames], axis=0)
        return g711.encode(np.clip(total, -32768, 32767).astype(np.int16), self._law)

    def _failed(self, error: Exception) -> None:
        """The media clock has stopped us: the file is closed with what there is."""
        self._beat = None
        self.stop("storage")


def _deaf(frame: bytes) -> None:
    """The ear of a voice that has none yet."""

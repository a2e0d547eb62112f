"""A clip: a piece of sound ready to be sent, in G.711, shared by every call that plays it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.errors import AudioFileError
from ivr.media.g711 import FRAME, RATE, Law, Samples
from ivr.media.wav import read_g711, write_g711


class Clip:
    """Immutable sound at 8 kHz, padded with silence to whole 20 ms frames.

    It keeps one law, and makes the other when a leg first asks for it. Two clips are equal when they sound
    the same in the law they were made in.
    """

    __slots__ = ("_audio", "_law", "name")

    def __init__(self, audio: bytes, law: Law = Law.MU, *, name: str = "") -> None:
        padded = g711.pad(audio, law)
        self._law = law
        self._audio: dict[Law, bytes] = {law: padded}
        #: What it is called in logs: a prompt's name or a content hash.
        self.name = name

    @classmethod
    def from_wav(cls, path: Path, *, name: str = "") -> Clip:
        """Read a WAV file: G.711 at 8 kHz as it is; any other rate, width or channel count converted.

        Raises AudioFileError when it is no sound, OSError when it cannot be read.
        """
        name = name or path.stem
        found = read_g711(path)
        if found is not None:
            return cls(found.audio, found.law, name=name)
        try:
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioFileError(f"{path}: cannot be read as sound ({error}); write it as WAV") from error
        return cls.from_samples(to_telephone(samples.mean(axis=1), rate), name=name)

    @classmethod
    def from_samples(cls, samples: Samples, law: Law = Law.MU, *, name: str = "") -> Clip:
        """A clip of linear 16-bit samples at 8 kHz."""
        return cls(g711.encode(samples, law), law, name=name)

    @classmethod
    def silence(cls, seconds: float) -> Clip:
        """Nothing to hear, for `seconds`, rounded up to whole frames."""
        return cls(g711.SILENCE[Law.MU] * -int(-seconds * RATE // FRAME), Law.MU, name="silence")

    @classmethod
    def joined(cls, clips: Iterable[Clip], law: Law = Law.MU, *, name: str = "") -> Clip:
        """One clip of several, end to end."""
        return cls(b"".join(clip.frames(law) for clip in clips), law, name=name)

    @property
    def seconds(self) -> float:
        """How long it plays, its padding included."""
        return len(self._audio[self._law]) / RATE

    def frames(self, law: Law) -> bytes:
        """The whole sound in a law: a multiple of 160 bytes."""
        audio = self._audio.get(law)
        if audio is None:
            audio = self._audio[law] = g711.convert(self._audio[self._law], self._law, law)
        return audio

    def samples(self) -> Samples:
        """The sound as linear 16-bit samples at 8 kHz."""
        return g711.decode(self._audio[self._law], self._law)

    def to_wav(self, path: Path) -> None:
        """Write it as a G.711 WAV file in the law it was made in. Raises OSError."""
        write_g711(path, self._audio[self._law], self._law)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clip) and self.frames(self._law) == other.frames(self._law)

    def __hash__(self) -> int:
        return hash(self.frames(Law.MU))

    def __repr__(self) -> str:
        return f"Clip({self.name!r}, {self.seconds:.2f} s)"


def to_telephone(samples: NDArray[np.float32], rate: int) -> Samples:
    """Samples in -1…1 at any rate, one channel, as 16-bit samples at 8 kHz; what is too loud is clipped."""
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    return (np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)

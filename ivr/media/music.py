"""What a caller hears while waiting: a clip that goes round and round, and a quiet tune for who has none."""

from __future__ import annotations

from functools import cache

import numpy as np

from ivr.media.clip import Clip
from ivr.media.g711 import FRAME, RATE, SILENCE, Law

#: The tune: pentatonic notes (Hz), one each 0.6 s; 0 is a rest.
_NOTES = (
    *(392.0, 440.0, 523.25, 587.33, 523.25, 440.0, 392.0, 0.0),
    *(329.63, 392.0, 440.0, 392.0, 329.63, 293.66, 261.63, 0.0),
)
_NOTE_SECONDS = 0.6
_LEVEL = 0.08


class Loop:
    """A source that plays a clip over and over, from its beginning. Each hearer needs one of its own."""

    __slots__ = ("_clip", "_offset")

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._offset = 0

    def next_frame(self, law: Law) -> bytes:
        """The next 160 bytes; silence when the clip is empty."""
        audio = self._clip.frames(law)
        if not audio:
            return SILENCE[law]
        frame = audio[self._offset : self._offset + FRAME]
        self._offset = (self._offset + FRAME) % len(audio)
        return frame


@cache
def hold_music() -> Clip:
    """A quiet tune of 9.6 s, made here, so that it is anybody's to play; a company puts its own in its place."""
    time = np.arange(round(_NOTE_SECONDS * RATE)) / RATE
    fade = np.minimum(1.0, time / 0.03) * np.exp(-3.0 * time)
    notes = [
        fade * (np.sin(2 * np.pi * note * time) + 0.3 * np.sin(4 * np.pi * note * time)) for note in _NOTES
    ]
    return Clip.from_samples((np.concatenate(notes) * _LEVEL * 32767).astype(np.int16), name="hold music")

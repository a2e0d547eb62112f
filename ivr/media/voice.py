"""Which frames hold a person's voice: louder than the line's own noise, and not a signalling tone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import FRAME, RATE, Law

#: A frame quieter than this (dB below full scale) is never taken for a voice.
QUIETEST_VOICE = -54.0
#: How far above the line's noise a voice must be, in dB.
ABOVE_NOISE = 8.0
#: However noisy the line, a frame this loud may be a voice.
LOUD = -28.0
#: The noise is never taken to be quieter than this.
QUIETEST_NOISE = -62.0
#: How fast the noise estimate may rise: dB a frame (3 dB a second). It falls at once.
NOISE_RISE = 0.06
#: How much of a frame's energy lies in its two strongest tones before it counts as a signal, not a voice.
TONE_SHARE = 0.96

_WINDOW = np.hanning(FRAME + 1)[:FRAME]
_BIN = RATE / FRAME
#: Centres of dial, ringing and busy tones by country, and of telephone keys (ITU-T E.180 Suppl. 2, Q.23).
_PROGRESS = (350.0, 400.0, 425.0, 440.0, 450.0, 480.0, 620.0)
_KEYS_LOW = (697.0, 770.0, 852.0, 941.0)
_KEYS_HIGH = (1209.0, 1336.0, 1477.0, 1633.0)


def _bins_near(tones: tuple[float, ...]) -> NDArray[np.bool_]:
    bins = np.arange(FRAME // 2 + 1) * _BIN
    return np.asarray(np.min(np.abs(bins[:, None] - np.array(tones)), axis=1) <= _BIN / 2)


_IS_PROGRESS, _IS_LOW, _IS_HIGH = _bins_near(_PROGRESS), _bins_near(_KEYS_LOW), _bins_near(_KEYS_HIGH)


def levels(frames: bytes, law: Law) -> NDArray[np.float64]:
    """The level of each 20 ms frame in dB below full scale; -96 for digital silence."""
    samples = g711.decode(frames, law).reshape(-1, FRAME).astype(np.float64)
    power = np.einsum("ij,ij->i", samples, samples) / (FRAME * 32768.0**2)
    return np.asarray(10 * np.log10(np.maximum(power, 10**-9.6)))


def are_tones(frames: bytes, law: Law) -> NDArray[np.bool_]:
    """For each 20 ms frame, whether it is a call-progress tone or a telephone key's pair of tones."""
    samples = g711.decode(frames, law).reshape(-1, FRAME).astype(np.float64)
    power = np.abs(np.fft.rfft(samples * _WINDOW, axis=1)) ** 2
    power[:, 0] = 0.0
    total = power.sum(axis=1) + 1e-9
    rows = np.arange(len(power))
    first, first_power = _take_peak(power, rows)
    second, second_power = _take_peak(power, rows)
    alone = first_power / total >= TONE_SHARE
    pair = (first_power + second_power) / total >= TONE_SHARE
    low, high = np.minimum(first, second), np.maximum(first, second)
    progress = _IS_PROGRESS[first] & (alone | (pair & _IS_PROGRESS[second]))
    key = pair & ~alone & _IS_LOW[low] & _IS_HIGH[high]
    return np.asarray(progress | key)


def _take_peak(
    power: NDArray[np.float64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The strongest bin of each row and the power of its lobe, which is then taken out of `power`."""
    peak = power.argmax(axis=1)
    taken = np.zeros(len(power))
    for step in (-2, -1, 0, 1, 2):
        at = np.clip(peak + step, 0, power.shape[1] - 1)
        taken += power[rows, at]
        power[rows, at] = 0.0
    return peak, taken


class VoiceDetector:
    """Tells, frame by frame, where a voice was last heard; keeps its own estimate of the line's noise."""

    def __init__(self, law: Law) -> None:
        self._law = law
        self._noise = 0.0
        self._frame = 0
        self._run = 0
        #: Index after the last frame that held a voice; 0 if none did.
        self.voice_end = 0
        #: Index of the first tone after that voice, or None.
        self.tone_start: int | None = None

    def feed(self, frames: bytes) -> None:
        """Take a whole number of frames."""
        level = levels(frames, self._law)
        tone = np.zeros(len(level), dtype=bool)
        audible = level > QUIETEST_VOICE
        if audible.any():
            tone = audible & are_tones(frames, self._law)
        for loudness, is_tone in zip(level.tolist(), tone.tolist(), strict=True):
            self._step(loudness, is_tone)

    def _step(self, level: float, is_tone: bool) -> None:
        self._frame += 1
        if is_tone:
            self._run = 0
            if self.tone_start is None:
                self.tone_start = self._frame - 1
            return
        self._noise = max(QUIETEST_NOISE, min(level, self._noise + NOISE_RISE))
        threshold = min(max(QUIETEST_VOICE, self._noise + ABOVE_NOISE), LOUD)
        self._run = self._run + 1 if level > threshold else 0
        if self._run >= 2:  # one loud frame alone is a click
            self.voice_end = self._frame
            self.tone_start = None

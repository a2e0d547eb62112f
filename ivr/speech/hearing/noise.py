"""Takes a line's steady noise out of a caller's sound before it is recognised.

The recogniser's models are small and were made for quiet rooms: consonants that a street drowns cost them a third of
the digits (docs/speech-figures.md). The noise of each frequency is the least of the last 1.3 s (minimum statistics:
Martin, IEEE Trans. Speech Audio Proc. 9(5), 2001), and each frequency is weakened as a Wiener filter would, by what
the last moment and this one say of the voice in it (decision-directed: Ephraim and Malah, IEEE Trans. ASSP 32(6),
1984). What is left over keeps a floor, because silence without any noise is strange to the models too.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.media.g711 import FRAME

#: Samples of a step (10 ms), of a window, and of its spectrum. What comes out is a step late.
HOP: Final = FRAME // 2
WINDOW: Final = FRAME
_POINTS: Final = 256
#: What is noise alone is weakened by so many dB.
FLOOR_DB: Final = -16.0
#: How much of what was made out in the last step counts in this one.
_TRUST: Final = 0.96
#: The least of so many parts of so many steps is the noise, which lies so many times below the mean.
_PARTS: Final = 16
_PART_STEPS: Final = 8
_BIAS: Final = 1.7
#: No voice is taken to be further below the noise than this (power).
_LEAST: Final = 10.0**-2.5

Pcm = NDArray[np.int16]
_Spectrum = NDArray[np.float64]
_SHAPE = np.sqrt(np.hanning(WINDOW + 1)[:-1])
_GAIN: Final = 10.0 ** (FLOOR_DB / 20)


class NoiseReducer:
    """Follows one caller's line at 8 kHz; to be fed all of it, silence too, for silence tells what the noise is."""

    def __init__(self) -> None:
        self._window = np.zeros(WINDOW)
        self._out = np.zeros(WINDOW)
        self._even: _Spectrum | None = None
        self._noise: _Spectrum | None = None
        self._parts: deque[_Spectrum] = deque(maxlen=_PARTS - 1)
        #: The least of the parts that are over, and of the one under way.
        self._before = np.full(_POINTS // 2 + 1, np.inf)
        self._part = self._before
        self._voice: _Spectrum | None = None
        self._steps = 0

    def feed(self, samples: Pcm) -> Pcm:
        """As many samples as are given (whole steps of 80), 10 ms late."""
        steps = [self._step(samples[start : start + HOP]) for start in range(0, len(samples), HOP)]
        whole = np.concatenate(steps) if steps else np.zeros(0)
        return np.asarray(np.clip(np.rint(whole), -32768, 32767), dtype=np.int16)

    def _step(self, samples: Pcm) -> NDArray[np.float64]:
        self._window = np.concatenate((self._window[HOP:], samples))
        spectrum = np.fft.rfft(self._window * _SHAPE, _POINTS)
        power = np.abs(spectrum) ** 2 + 1e-9
        noise = self._noise_in(power)
        gain = self._gain(power, noise)
        sound = np.fft.irfft(spectrum * gain, _POINTS)[:WINDOW] * _SHAPE
        self._out = np.concatenate((self._out[HOP:], np.zeros(HOP))) + sound
        return np.asarray(self._out[:HOP])

    def _noise_in(self, power: _Spectrum) -> _Spectrum:
        """The noise of each frequency, this step taken in."""
        self._even = power if self._even is None else 0.8 * self._even + 0.2 * power
        self._part = np.minimum(self._part, self._even)
        least = np.minimum(self._before, self._part) * _BIAS
        self._steps += 1
        if self._steps % _PART_STEPS == 0:
            self._parts.append(self._part)
            self._before = np.minimum.reduce(self._parts)
            self._part = self._even
        smooth = least.copy()
        smooth[2:-2] = (least[:-4] + least[1:-3] + least[2:-2] + least[3:-1] + least[4:]) / 5
        self._noise = smooth if self._noise is None else 0.9 * self._noise + 0.1 * smooth
        return self._noise

    def _gain(self, power: _Spectrum, noise: _Spectrum) -> _Spectrum:
        """What each frequency is multiplied by."""
        above = np.maximum(power / noise - 1, 0)
        likely = above if self._voice is None else _TRUST * self._voice / noise + (1 - _TRUST) * above
        likely = np.maximum(likely, _LEAST)
        gain = np.maximum(likely / (1 + likely), _GAIN)
        self._voice = gain**2 * power
        return np.asarray(gain)

"""Where in a call's sound a person speaks: frame by frame, on a line that may hiss, hum and echo our own prompt.

A frame counts as a voice when the bands of telephone speech stand out above the line's own noise, which is followed
band by band (the least of the last second, as in minimum statistics: Martin, IEEE Trans. Speech Audio Proc. 9(5), 2001),
and it is `voiced` when there is a pitch in it: a cough, a door and a crackle have none, a syllable always has.
What we play ourselves comes back on many lines; so while something is played, a frame must also be louder than its echo,
whose level below what is played is learnt as the call goes on.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import FRAME, RATE, Law

#: Edges of the bands that are followed, in Hz.
EDGES: Final = (200, 350, 550, 800, 1100, 1500, 2000, 2600, 3400)
#: Nobody's voice is quieter than this in a band, in dB below full scale.
QUIETEST: Final = -66.0
#: How far above the noise a frame must stand, in dB: on average over the bands, or on average over its best three.
ABOVE: Final = 3.5
ABOVE_BEST: Final = 6.0
#: The least level of a band over so many parts of so many frames is its noise (1.2 s); that least lies so many dB
#: below the mean.
PARTS: Final = 5
PART_FRAMES: Final = 12
BIAS: Final = 2.5
#: The pitch of a voice in Hz, and how alike a period and the next must be.
PITCH: Final = (70.0, 400.0)
PERIODIC: Final = 0.55
#: The first formant's range, in Hz: there a vowel stands furthest above the noise.
FORMANT: Final = (100.0, 1000.0)
#: dB by which a voice must be louder than the echo of what we play; the echo is taken to be this far below what is
#: played before it has been heard, and never further.
OVER_ECHO: Final = 6.0
FIRST_ECHO: Final = -14.0
FAINTEST_ECHO: Final = -45.0
#: Frames within which an echo comes back (240 ms there and back).
ECHO_FRAMES: Final = 12
#: A frame of what is played that is louder than this (dB) is worth learning the echo from.
LOUD: Final = -40.0

_WINDOW = np.hanning(FRAME)
_FREQUENCIES = np.fft.rfftfreq(FRAME, 1 / RATE)
_BANDS = np.array(
    [(low <= _FREQUENCIES) & (high > _FREQUENCIES) for low, high in pairwise(EDGES)],
    dtype=np.float64,
)
_SCALE = 1.0 / (32768.0**2 * float((_WINDOW**2).sum()) * FRAME / 2)
_FORMANT = np.array([FORMANT[0] <= at <= FORMANT[1] for at in np.fft.rfftfreq(4 * FRAME, 1 / RATE)])
_SHORTEST, _LONGEST = int(RATE / PITCH[1]), int(RATE / PITCH[0])
_SILENT: Final = -96.0
_DECODED: Final = {law: g711.decode(bytes(range(256)), law).astype(np.float64) for law in Law}


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of 20 ms: whether somebody speaks, and whether with a pitch."""

    voice: bool
    voiced: bool


class VoiceActivity:
    """Follows one listener's frames."""

    def __init__(self, law: Law) -> None:
        self._law = law
        self._tail = np.zeros(FRAME)
        #: The bands evened out over some frames, and over few.
        self._slow: NDArray[np.float64] | None = None
        self._quick = np.zeros(len(_BANDS))
        self._part: NDArray[np.float64] | None = None
        self._parts: deque[NDArray[np.float64]] = deque(maxlen=PARTS)
        self._frames = 0
        self._played: deque[float] = deque([_SILENT] * ECHO_FRAMES, maxlen=ECHO_FRAMES)
        self._echo = FIRST_ECHO
        self._echoes: deque[float] = deque(maxlen=ECHO_FRAMES * 10)

    def feed(self, frame: bytes, played: bytes = b"") -> Frame:
        """Take 160 bytes; `played` is the frame that was sent to the caller meanwhile, empty for silence."""
        self._frames += 1
        samples = _DECODED[self._law][np.frombuffer(frame, np.uint8)]
        self._played.append(
            _level(_DECODED[self._law][np.frombuffer(played, np.uint8)]) if played else _SILENT
        )
        noise = self._noise(_bands(samples))
        above = np.maximum(self._quick, QUIETEST) - np.maximum(noise, QUIETEST)
        voice = bool(above.mean() > ABOVE or np.sort(above)[-3:].mean() > ABOVE_BEST)
        if max(self._played) > LOUD:
            voice = self._over_echo(samples, voice)
        voiced = voice and self._periodic(samples)
        self._tail = samples
        return Frame(voice, voiced)

    def _noise(self, bands: NDArray[np.float64]) -> NDArray[np.float64]:
        """The line's noise in each band, this frame taken in."""
        if self._slow is None:
            self._slow = self._quick = bands
        self._slow = 0.75 * self._slow + 0.25 * bands
        self._quick = 0.5 * self._quick + 0.5 * bands
        self._part = self._slow if self._part is None else np.minimum(self._part, self._slow)
        least = np.minimum.reduce([*self._parts, self._part])
        if self._frames % PART_FRAMES == 0:
            self._parts.append(self._part)
            self._part = None
        return np.asarray(least + BIAS)

    def _over_echo(self, samples: NDArray[np.float64], voice: bool) -> bool:
        """Whether a frame that came while something is played is more than that coming back."""
        level, played = _level(samples), max(self._played)
        below = level - played
        loud_enough = below > self._echo + OVER_ECHO
        self._echoes.append(below)
        if self._frames % ECHO_FRAMES == 0 and len(self._echoes) >= ECHO_FRAMES * 2:
            # An echo is there in most of its frames, a caller who speaks over it in few.
            self._echo = max(FAINTEST_ECHO, float(np.percentile(self._echoes, 75)))
        return voice and loud_enough

    def _periodic(self, samples: NDArray[np.float64]) -> bool:
        """Whether this frame and the one before have a pitch."""
        both = np.concatenate([self._tail, samples])
        both -= both.mean()
        power = np.abs(np.fft.rfft(both, 4 * FRAME)) ** 2 * _FORMANT
        same = np.fft.irfft(power)[: _LONGEST + 1]
        if same[0] <= 0:
            return False
        lags = np.arange(_SHORTEST, _LONGEST + 1)
        likeness = same[lags] / same[0] * (2 * FRAME / (2 * FRAME - lags))
        return bool(likeness.max() > PERIODIC)


def _bands(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.abs(np.fft.rfft(samples * _WINDOW)) ** 2
    return np.asarray(10 * np.log10(_BANDS @ power * _SCALE + 1e-10))


def _level(samples: NDArray[np.float64]) -> float:
    """dB below full scale."""
    return 10 * math.log10(max(float(samples @ samples) / (len(samples) * 32768.0**2), 10**-9.6))

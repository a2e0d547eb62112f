"""Speaking slower without a deeper voice: WSOLA (Verhelst and Roelands, ICASSP 1993), on clips.

The sound is cut into windows that overlap by half. Each is taken from where it continues the one before best, within
some milliseconds of where the pace asks for it; so waves meet waves and the pitch stays.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ivr.media.clip import Clip
from ivr.media.g711 import Law

#: Samples at 8 kHz: 32 ms windows that overlap by half, looked for within 10 ms.
WINDOW: Final = 256
HOP: Final = WINDOW // 2
SEARCH: Final = 80
#: Paces that are still speech.
SLOWEST: Final = 0.5
FASTEST: Final = 2.0
#: Octets of stretched sound that are kept.
_KEPT: Final = 16_000_000

Wave = NDArray[np.float32]
_FADE: Final = np.asarray(np.hanning(WINDOW + 1)[:WINDOW], dtype=np.float32)


def stretched(samples: Wave, pace: float) -> Wave:
    """The same speech at `pace` (0.8 takes 1.25 times as long), mono at 8 kHz; ValueError for no pace of speech."""
    if not SLOWEST <= pace <= FASTEST:
        raise ValueError(f"a pace lies between {SLOWEST} and {FASTEST}")
    if pace == 1.0 or len(samples) <= 2 * WINDOW:
        return samples
    count = max(2, round(len(samples) / pace / HOP))
    padded = np.concatenate(
        [np.zeros(SEARCH, np.float32), samples, np.zeros(2 * WINDOW + SEARCH, np.float32)]
    )
    out = np.zeros((count + 1) * HOP, dtype=np.float32)
    place = SEARCH
    for number in range(count):
        if number:
            wanted = min(SEARCH + round(number * HOP * pace), len(padded) - WINDOW - SEARCH)
            place = _best(padded, wanted, place + HOP)
        out[number * HOP : number * HOP + WINDOW] += padded[place : place + WINDOW] * _FADE
    out[:HOP] += padded[SEARCH : SEARCH + HOP] * (1 - _FADE[:HOP])
    return out[: round(len(samples) / pace)]


def _best(sound: Wave, wanted: int, natural: int) -> int:
    """Where, around `wanted`, the sound is most like its own continuation at `natural`."""
    if abs(natural - wanted) <= SEARCH // 8:
        return natural
    natural = min(natural, len(sound) - WINDOW)
    target = sound[natural : natural + WINDOW]
    region = sound[wanted - SEARCH : wanted + SEARCH + WINDOW]
    likeness = np.correlate(region, target)
    squares = np.concatenate([[0.0], np.cumsum(region.astype(np.float64) ** 2)])
    energy = squares[WINDOW:] - squares[:-WINDOW]
    return wanted - SEARCH + int(np.argmax(likeness / np.sqrt(energy + 1e-6)))


class Stretcher:
    """Clips at another pace, the latest kept. Called from several threads it may do some work twice."""

    def __init__(self, most: int = _KEPT) -> None:
        self._most = most
        self._held = 0
        self._clips: OrderedDict[tuple[bytes, float], Clip] = OrderedDict()

    def ready(self, clip: Clip, pace: float) -> Clip | None:
        """The clip at that pace, if it has been made."""
        return clip if pace == 1.0 else self._clips.get(_key(clip, pace))

    def clip(self, clip: Clip, pace: float) -> Clip:
        """The clip at that pace."""
        found = self.ready(clip, pace)
        if found is None:
            wave = np.asarray(clip.samples() / 32768, dtype=np.float32)
            slow = np.clip(stretched(wave, pace) * 32768, -32768, 32767).astype(np.int16)
            found = Clip.from_samples(slow, name=clip.name)
            self._keep(_key(clip, pace), found)
        return found

    def _keep(self, key: tuple[bytes, float], clip: Clip) -> None:
        self._clips[key] = clip
        self._held += round(clip.seconds * 8000)
        while self._held > self._most and len(self._clips) > 1:
            _, gone = self._clips.popitem(last=False)
            self._held -= round(gone.seconds * 8000)


def _key(clip: Clip, pace: float) -> tuple[bytes, float]:
    return blake2b(clip.frames(Law.MU), digest_size=16).digest(), pace

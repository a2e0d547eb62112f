"""Tones as clips: beep, ringing, busy, telephone keys, comfort noise.

Call-progress tones are mainland China's (GF002-9002; ITU-T E.180 Supplement 2): 450 Hz, ringing 1 s on and
4 s off, busy 0.35 s on and 0.35 s off. Keys follow ITU-T Q.23.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ivr.media.clip import Clip
from ivr.media.g711 import RATE, Law

#: The row and column frequency (Hz) of each key.
KEY_TONES: dict[str, tuple[float, float]] = {
    key: (row, column)
    for row, keys in zip((697.0, 770.0, 852.0, 941.0), ("123A", "456B", "789C", "*0#D"), strict=True)
    for key, column in zip(keys, (1209.0, 1336.0, 1477.0, 1633.0), strict=True)
}

_FADE = 0.004


def tone(seconds: float, *frequencies: float, level: float = -13.0) -> NDArray[np.float64]:
    """The sum of sine waves, each at `level` dB below full scale, as samples in -1…1 with soft edges."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = np.sum([np.sin(2 * np.pi * frequency * time) for frequency in frequencies], axis=0)
    edge = np.minimum(1.0, np.minimum(time, seconds - time) / _FADE)
    return np.asarray(10 ** (level / 20) * wave * edge)


def _clip(samples: NDArray[np.float64], name: str) -> Clip:
    return Clip.from_samples((samples * 32767).astype(np.int16), Law.MU, name=name)


def _pause(seconds: float) -> NDArray[np.float64]:
    return np.zeros(round(seconds * RATE))


@cache
def beep() -> Clip:
    """The short tone after which a caller speaks: 0.24 s."""
    return _clip(tone(0.24, 1000.0), "beep")


@cache
def entering() -> Clip:
    """Two short notes, the second higher: somebody comes, or something is free again."""
    return _clip(np.concatenate([tone(0.09, 520.0, level=-20.0), tone(0.13, 780.0, level=-20.0)]), "entering")


@cache
def leaving() -> Clip:
    """Two short notes, the second lower: somebody goes, or something is shut."""
    return _clip(np.concatenate([tone(0.09, 780.0, level=-20.0), tone(0.13, 520.0, level=-20.0)]), "leaving")


@cache
def ringback() -> Clip:
    """One round of ringing: 5 s."""
    return _clip(np.concatenate([tone(1.0, 450.0), _pause(4.0)]), "ringback")


@cache
def busy(rounds: int = 3) -> Clip:
    """The busy tone, 0.7 s a round."""
    return _clip(np.tile(np.concatenate([tone(0.35, 450.0), _pause(0.35)]), rounds), "busy")


@cache
def comfort_noise(seconds: float = 1.0, level: float = -60.0, seed: int = 1) -> Clip:
    """Faint noise at `level` dB below full scale, so that a line does not sound dead; always the same."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return _clip(np.clip(noise * 10 ** (level / 20), -1.0, 1.0), "comfort noise")


def keys(pressed: str, *, on: float = 0.1, off: float = 0.1, level: float = -9.0) -> Clip:
    """The sound of telephone keys, each `on` seconds with `off` seconds of silence after it.

    Raises KeyError for what is no key.
    """
    parts = [part for key in pressed for part in (tone(on, *KEY_TONES[key], level=level), _pause(off))]
    return _clip(np.concatenate([np.zeros(0), *parts]), f"{len(pressed)} keys")

"""Telephone keys heard in the sound, for trunks that send neither RFC 4733 nor INFO (ITU-T Q.23, Q.24).

Every 10 ms the last 20 ms are compared with the eight tones, each also a little too low and too high, since
Q.24 wants keys accepted that are 1.5 % off. Two looks that agree make a key: 40 ms of tone always gives
them, 25 ms never does. A voice seldom puts nine tenths of its energy into one row and one column tone, and
never holds it: see the talk-off test.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import FRAME, RATE, Law

#: Share of the energy that must lie in the two tones.
LEAST_SHARE = 0.89
#: The weaker tone must be at least this loud: dB below full scale.
LEAST_LEVEL = -38.0
#: How much stronger the row tone may be than the column tone, and the other way round, in dB (Q.24: 8 and 4;
#: a little more is allowed for).
TWIST_ROW, TWIST_COLUMN = 10.0, 6.0
#: How far below the best row (column) the other rows (columns) must lie, in dB.
LEAST_LEAD = 6.0
#: Looks that must agree, and looks without the key after which it counts as released.
LOOKS, MISSES = 2, 2

_KEYS = ("123A", "456B", "789C", "*0#D")
_ROWS = (697.0, 770.0, 852.0, 941.0)
_COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
_DETUNED = (0.988, 1.0, 1.012)
_HOP = FRAME // 2


def _bank() -> NDArray[np.float64]:
    """Cosines and sines of every tone in every tuning: shape (2, 8, 3, 160), scaled to give energy."""
    tones = np.outer((*_ROWS, *_COLUMNS), _DETUNED)
    phase = 2 * np.pi * tones[..., None] * np.arange(FRAME) / RATE
    return np.asarray(np.stack([np.cos(phase), np.sin(phase)]) * np.sqrt(2 / FRAME))


_BANK = _bank().reshape(48, FRAME)
_LEAST_ENERGY = FRAME * (32768.0 * 10 ** (LEAST_LEVEL / 20)) ** 2
_LEAD, _BY_ROW, _BY_COLUMN = (10 ** (db / 10) for db in (LEAST_LEAD, TWIST_ROW, TWIST_COLUMN))


class KeyDetector:
    """Hears keys in G.711 frames: each once, when it has sounded for about 40 ms."""

    def __init__(self, law: Law) -> None:
        self._law = law
        self._before = np.zeros(_HOP)
        self._candidate: str | None = None
        self._looks = 0
        self._held: str | None = None
        self._misses = 0

    def feed(self, frame: bytes) -> str | None:
        """The key that was made out with this 160-byte frame, or None."""
        samples = g711.decode(frame, self._law).astype(np.float64)
        heard = np.concatenate([self._before, samples])
        self._before = samples[_HOP:]
        keys = [self._look(window) for window in (heard[:FRAME], heard[_HOP:])]
        found = [self._follow(key) for key in keys]
        return found[0] or found[1]

    def _look(self, window: NDArray[np.float64]) -> str | None:
        """The key that these 20 ms sound like."""
        total = float(window @ window)
        if total < 2 * _LEAST_ENERGY:
            return None
        parts = (_BANK @ window).reshape(2, 8, 3)
        tones = (parts * parts).sum(axis=0).max(axis=1).tolist()
        row, row_energy, row_next = _best(tones[:4])
        column, column_energy, column_next = _best(tones[4:])
        clear = (
            row_energy + column_energy >= LEAST_SHARE * total
            and min(row_energy, column_energy) >= _LEAST_ENERGY
            and row_energy <= column_energy * _BY_ROW
            and column_energy <= row_energy * _BY_COLUMN
            and row_energy >= row_next * _LEAD
            and column_energy >= column_next * _LEAD
        )
        return _KEYS[row][column] if clear else None

    def _follow(self, key: str | None) -> str | None:
        """Wait for looks that agree; give a key once until it is released."""
        if key is not None and key == self._held:
            self._misses = 0
            return None
        self._misses += 1
        if self._misses >= MISSES:
            self._held = None
        self._looks = self._looks + 1 if key is not None and key == self._candidate else int(key is not None)
        self._candidate = key
        if self._looks < LOOKS:
            return None
        self._held, self._misses, self._looks = key, 0, 0
        return key


def _best(energies: list[float]) -> tuple[int, float, float]:
    """Where the largest is, its value, and the next largest value."""
    ordered = sorted(energies)
    return energies.index(ordered[-1]), ordered[-1], ordered[-2]

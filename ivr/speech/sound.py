"""Shaping rendered or recorded speech for the telephone: cut, trim, level, 8 kHz.

Everything here is float32 mono, full scale ±1.0. Levels are dBFS of the active speech (frames within 30 dB of
the loudest), which is what an ear compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ivr.speech.errors import ClipError

Samples = NDArray[np.float32]

TELEPHONE_RATE: Final = 8000
#: Where clips are levelled to, in dBFS; a telephone network expects speech about here.
LEVEL: Final = -20.0
#: No sample passes this, so that µ-law never clips.
PEAK: Final = 0.89
_FRAME_SECONDS: Final = 0.01
_ACTIVE_DB: Final = 30.0


def frame_levels(samples: Samples, rate: int) -> NDArray[np.float64]:
    """dBFS of each 10 ms frame."""
    size = max(1, round(rate * _FRAME_SECONDS))
    count = max(1, -(-len(samples) // size))
    padded = np.zeros(count * size)
    padded[: len(samples)] = samples
    power = np.mean(padded.reshape(count, size) ** 2, axis=1)
    return np.asarray(10 * np.log10(power + 1e-12))


def active_level(samples: Samples, rate: int) -> float:
    """dBFS over the frames that hold speech; about -120 for silence."""
    levels = frame_levels(samples, rate)
    active = levels[levels > levels.max() - _ACTIVE_DB]
    return float(10 * np.log10(np.mean(10 ** (active / 10))))


def levelled(samples: Samples, rate: int, target: float = LEVEL) -> Samples:
    """The same speech at `target` dBFS, its peaks kept below `PEAK`. Silence stays as it is."""
    present = active_level(samples, rate)
    if present < -90:
        return samples
    gain = 10 ** ((target - present) / 20)
    peak = float(np.max(np.abs(samples))) * gain
    return np.asarray(samples * (gain * min(1.0, PEAK / max(peak, 1e-9))), dtype=np.float32)


def trimmed(samples: Samples, rate: int, before: float = 0.02, after: float = 0.04) -> Samples:
    """Silence cut off both ends, but for `before` and `after` seconds, with short fades."""
    levels = frame_levels(samples, rate)
    loud = np.flatnonzero(levels > max(levels.max() - 38.0, -60.0))
    if loud.size == 0:
        return samples[:0]
    size = round(rate * _FRAME_SECONDS)
    start = max(0, loud[0] * size - round(before * rate))
    end = min(len(samples), (loud[-1] + 1) * size + round(after * rate))
    return faded(samples[start:end], rate)


def faded(samples: Samples, rate: int, seconds: float = 0.004) -> Samples:
    """The same with its first and last milliseconds brought to zero, so that no join clicks."""
    out = samples.astype(np.float32, copy=True)
    size = min(round(rate * seconds), len(out) // 2)
    if size:
        ramp = np.linspace(0.0, 1.0, size, dtype=np.float32)
        out[:size] *= ramp
        out[-size:] *= ramp[::-1]
    return out


def quietest(samples: Samples, rate: int, near: int, reach: float) -> int:
    """The sample index of the quietest 10 ms within `reach` seconds of `near`: where a cut is heard least."""
    size = round(rate * _FRAME_SECONDS)
    step = size // 2
    spots = range(max(0, near - round(reach * rate)), min(len(samples), near + round(reach * rate)) + 1, step)
    energy = {spot: float(np.mean(samples[max(0, spot - step) : spot + step] ** 2)) for spot in spots}
    return min(
        energy, key=lambda spot: energy[spot] * (1 + abs(spot - near) / (reach * rate + 1)), default=near
    )


def to_telephone(samples: Samples, rate: int) -> Samples:
    """Resampled to 8 kHz."""
    if rate == TELEPHONE_RATE:
        return samples
    return np.asarray(soxr.resample(samples, rate, TELEPHONE_RATE, quality="VHQ"), dtype=np.float32)


def to_samples(samples: Samples) -> NDArray[np.int16]:
    """The same as 16-bit samples; what is too loud is clipped."""
    return np.asarray(np.clip(samples, -1.0, 1.0) * 32767, dtype=np.int16)


def read_sound(path: Path) -> tuple[Samples, int]:
    """Mono samples and rate of any file libsndfile reads; ClipError P301 names the file otherwise."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise ClipError(
            f"{path} is not a sound file that can be read; use WAV, FLAC, OGG or MP3", code="P301"
        ) from error
    return np.asarray(samples.mean(axis=1), dtype=np.float32), int(rate)

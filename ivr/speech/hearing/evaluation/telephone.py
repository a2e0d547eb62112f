"""What a telephone makes of a voice: 300 to 3400 Hz, 8 kHz, µ-law, and noise from where the caller stands."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from ivr.media.g711 import RATE, Law, encode
from ivr.speech.hearing.evaluation.recordings import WIDE, Wave

LAW: Final = Law.MU
_LOW, _HIGH = 300.0, 3400.0
#: Speech is brought to this level (dB below full scale) before it goes on the line, as a telephone does.
_LEVEL: Final = -26.0
#: A quiet room and the line's own hiss, in dB below full scale.
_HISS: Final = -65.0


def through_telephone(voice: Wave, *, snr: float | None, lead: float, tail: float, seed: int) -> bytes:
    """G.711 of a voice at `WIDE`, with `lead` and `tail` seconds in which nobody speaks.

    `snr` in dB is how much louder the voice is than the noise behind it, measured where somebody speaks and in the
    band of a telephone; None for a quiet room.
    """
    narrow = np.asarray(soxr.resample(voice, WIDE, RATE), dtype=np.float32)
    spoken = _band(narrow)
    level = active_level(spoken)
    spoken = spoken * 10 ** ((_LEVEL - level) / 20)
    whole: Wave = np.concatenate((np.zeros(round(lead * RATE)), spoken, np.zeros(round(tail * RATE)))).astype(
        np.float32
    )
    rng = np.random.default_rng(seed)
    noise: Wave = (rng.standard_normal(len(whole)) * 10 ** (_HISS / 20)).astype(np.float32)
    if snr is not None:
        noise += _street(rng, len(whole)) * np.float32(10 ** ((_LEVEL - snr) / 20))
    mixed = np.clip((whole + noise) * 32768, -32768, 32767).astype(np.int16)
    return encode(mixed, LAW)


def active_level(sound: Wave) -> float:
    """Level in dB of the frames in which somebody speaks: those within 20 dB of the loud ones."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160) if len(sound) >= 160 else sound[None, :]
    powers = (frames.astype(np.float64) ** 2).mean(axis=1) + 1e-12
    loud = np.percentile(powers, 95)
    return float(10 * np.log10(powers[powers > loud / 100].mean()))


def _street(rng: np.random.Generator, length: int) -> Wave:
    """Noise as of a street: its power falls with the frequency, and it swells and fades; level 0 dB in the band."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequencies = np.fft.rfftfreq(length, 1 / RATE)
    spectrum[1:] /= np.sqrt(frequencies[1:])
    noise = _band(np.fft.irfft(spectrum, length).astype(np.float32))
    swell = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(length) / RATE * 0.7 + rng.random()))
    swelling = noise * swell
    return np.asarray(swelling / np.sqrt((swelling**2).mean() + 1e-12), dtype=np.float32)


def _band(sound: Wave) -> Wave:
    """Only what a telephone lets through, with edges of 100 Hz."""
    spectrum = np.fft.rfft(sound)
    frequencies = np.fft.rfftfreq(len(sound), 1 / RATE)
    below = np.clip((frequencies - _LOW + 100) / 100, 0, 1)
    above = np.clip((_HIGH + 100 - frequencies) / 100, 0, 1)
    return np.fft.irfft(spectrum * below * above, len(sound)).astype(np.float32)

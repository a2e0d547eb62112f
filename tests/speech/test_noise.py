"""The noise of a line is taken out before recognition, and the voice stays."""

from __future__ import annotations

import numpy as np
import pytest

from ivr.media.g711 import RATE
from ivr.speech.hearing.noise import HOP, NoiseReducer
from ivr.speech.hearing.writing import quieter


def noise(seconds: float, level: float, seed: int = 3) -> np.ndarray:
    """Pink enough: white noise, evened out a little."""
    white = np.random.default_rng(seed).standard_normal(round(seconds * RATE) + 8)
    return np.convolve(white, np.ones(4) / 2, "valid")[: round(seconds * RATE)] * level


def voice(seconds: float, level: float = 5000) -> np.ndarray:
    """Syllables: harmonics of 150 Hz, 0.2 s on and 0.2 s off."""
    at = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * 150 * n * at) / n for n in range(1, 16))
    return tone * level / 2 * (np.sin(2 * np.pi * 2.5 * at) > 0)


def heard(sound: np.ndarray) -> np.ndarray:
    """What the recogniser is given of it, frame by frame, with the delay taken off."""
    reducer, samples = NoiseReducer(), sound.astype(np.int16)
    frames = [reducer.feed(samples[start : start + 160]) for start in range(0, len(samples), 160)]
    return np.concatenate(frames).astype(float)[HOP:]


def decibels(sound: np.ndarray) -> float:
    return float(10 * np.log10((sound.astype(float) ** 2).mean() + 1e-9))


def test_steady_noise_is_weakened_by_more_than_ten_decibels() -> None:
    line = noise(4.0, 300)
    assert decibels(heard(line)[RATE:]) < decibels(line) - 10


def test_a_voice_on_a_quiet_line_stays_as_it_is() -> None:
    said = voice(4.0) + noise(4.0, 3)
    got = heard(said)[RATE:]
    assert abs(decibels(got) - decibels(said[RATE:])) < 0.5
    assert np.corrcoef(got, said[RATE : RATE + len(got)])[0, 1] > 0.995


@pytest.mark.parametrize("level", [60, 200, 600])
def test_between_the_syllables_noise_is_weakened_and_the_syllables_stay(level: int) -> None:
    said, line = voice(6.0), noise(6.0, level)
    got = heard(said + line)[2 * RATE :]
    clean, dirty = (one[2 * RATE : 2 * RATE + len(got)] for one in (said, said + line))
    pauses = np.flatnonzero(np.convolve(np.abs(clean), np.ones(801), "same") == 0)
    assert decibels(got[pauses]) < decibels(dirty[pauses]) - 6
    assert np.corrcoef(got[clean != 0], clean[clean != 0])[0, 1] > 0.97


def test_silence_stays_silence_and_nothing_is_lost_of_a_message() -> None:
    assert not heard(np.zeros(1600)).any()
    for length in (0, 1, 79, 80, 161, 8000):
        assert len(quieter(np.zeros(length, np.int16))) == length


def test_a_line_that_falls_silent_and_begins_again_is_followed() -> None:
    line = np.concatenate((noise(2.0, 300), np.zeros(RATE), noise(4.0, 300, seed=4)))
    assert decibels(heard(line)[-2 * RATE :]) < decibels(line[-2 * RATE :]) - 8

"""Slower speech: longer by what was asked for, as high and as loud as before, and still speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ivr.media.clip import Clip
from ivr.speech import PromptCatalogue, Speaker
from ivr.speech.stretch import Stretcher, stretched

PROMPTS = Path(__file__).parents[2] / "prompts"


def tone(hertz: float, seconds: float = 2.0) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(8000 * seconds)) / 8000)).astype(np.float32)


def spectrum(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    """The long-term spectrum in decibels, 64 bands to 4 kHz."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, 256)[::64] * np.hanning(256)
    power = np.mean(np.abs(np.fft.rfft(frames, axis=1)[:, :128]) ** 2, axis=0).reshape(64, 2).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-9))


@pytest.mark.parametrize("pace", [0.6, 0.8, 1.25])
@pytest.mark.parametrize("hertz", [110.0, 220.0, 440.0])
def test_a_tone_keeps_its_pitch_and_its_level(pace: float, hertz: float) -> None:
    slow = stretched(tone(hertz), pace)
    assert len(slow) == pytest.approx(16_000 / pace, abs=1)
    middle = slow[800:-800]
    strength = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(strength) * 8000 / len(middle) == pytest.approx(hertz, abs=1.5)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)
    assert np.max(np.abs(slow)) < 0.31


def test_speech_keeps_its_colour() -> None:
    speaker = Speaker(PromptCatalogue.load(PROMPTS, ["zh-CN", "en"]), PROMPTS)
    for language in ("zh-CN", "en"):
        wave = (Clip.joined(speaker.heard_now(language, "goodbye")).samples() / 32768).astype(np.float32)
        loud = spectrum(wave) > np.max(spectrum(wave)) - 40
        apart = np.abs(spectrum(stretched(wave, 0.8)) - spectrum(wave))[loud]
        assert np.mean(apart) < 1.0


def test_sound_that_is_no_longer_than_a_window_and_silence_stay_as_they_are() -> None:
    short = tone(200, 0.02)
    assert stretched(short, 0.8) is short
    assert not stretched(np.zeros(8000, np.float32), 0.8).any()


@pytest.mark.parametrize("pace", [0.1, 3.0])
def test_a_pace_that_is_no_speech_is_refused(pace: float) -> None:
    with pytest.raises(ValueError, match="pace"):
        stretched(tone(200), pace)


def test_a_clip_is_stretched_once_and_forgotten_when_there_are_too_many() -> None:
    stretcher = Stretcher(most=20_000)
    first, second = (Clip.from_samples((tone(hertz) * 32767).astype(np.int16)) for hertz in (200, 300))
    assert stretcher.ready(first, 0.8) is None
    slow = stretcher.clip(first, 0.8)
    assert slow.seconds == pytest.approx(first.seconds / 0.8, abs=0.03)
    assert stretcher.ready(first, 0.8) is slow
    assert stretcher.ready(first, 1.0) is first
    stretcher.clip(second, 0.8)
    assert stretcher.ready(first, 0.8) is None

"""Where somebody speaks: on lines with noise, hum and the echo of our own prompt."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import FRAME, RATE, Law
from ivr.speech.hearing.voice_activity import Frame, VoiceActivity

Sound = NDArray[np.float64]


def noise(seconds: float, level: float, seed: int = 1) -> Sound:
    """White noise of `level` dB below full scale."""
    return np.random.default_rng(seed).standard_normal(int(seconds * RATE)) * 10 ** (level / 20)


def vowel(seconds: float, level: float, pitch: float = 120.0) -> Sound:
    """A voice's harmonics under three formants."""
    moments = np.arange(int(seconds * RATE)) / RATE
    sound = np.zeros(len(moments))
    for harmonic in np.arange(pitch, 3400, pitch):
        strength = sum(1 / (1 + ((harmonic - formant) / 120) ** 2) for formant in (600, 1200, 2500))
        sound += strength * np.sin(2 * np.pi * harmonic * moments)
    return sound / np.sqrt(np.mean(sound**2)) * 10 ** (level / 20)


def syllables(count: int, level: float) -> Sound:
    """Vowels with short pauses, as words are spoken."""
    one = np.concatenate([vowel(0.16, level), np.zeros(int(0.08 * RATE))])
    return np.tile(one, count)


def frames(sound: Sound, law: Law = Law.MU) -> list[bytes]:
    audio = g711.encode(np.clip(sound * 32767, -32767, 32767).astype(np.int16), law)
    return [audio[at : at + FRAME] for at in range(0, len(audio) - FRAME + 1, FRAME)]


def follow(sound: Sound, played: Sound | None = None, law: Law = Law.MU) -> list[Frame]:
    activity = VoiceActivity(law)
    said = frames(sound, law)
    out = [b""] * len(said) if played is None else frames(played, law)
    return [activity.feed(frame, other) for frame, other in zip(said, out, strict=True)]


@pytest.mark.parametrize("law", list(Law))
@pytest.mark.parametrize("level", [-70.0, -55.0, -45.0, -35.0])
def test_noise_of_any_level_is_nobody_speaking(level: float, law: Law) -> None:
    assert not any(frame.voiced for frame in follow(noise(4.0, level), law=law))


@pytest.mark.parametrize("level", [-70.0, -55.0, -45.0, -38.0])
def test_a_voice_is_found_above_noise_of_any_level(level: float) -> None:
    quiet = np.zeros(RATE)
    sound = np.concatenate([quiet, syllables(6, -22.0), quiet])
    found = follow(sound + noise(len(sound) / RATE, level))
    spoken = found[50:-50]
    assert sum(frame.voice for frame in spoken) > 0.6 * len(spoken) * 2 / 3
    assert sum(frame.voiced for frame in spoken) > 0.4 * len(spoken) * 2 / 3
    assert not any(frame.voiced for frame in (*found[:48], *found[-38:]))


def test_noise_that_begins_in_mid_call_is_taken_for_a_line_noise_after_a_moment() -> None:
    found = follow(np.concatenate([noise(2.0, -60.0), noise(6.0, -38.0)]))
    assert sum(frame.voice for frame in found[190:]) <= 0.02 * len(found)
    assert not any(frame.voiced for frame in found)


def test_a_burst_of_breath_has_no_pitch() -> None:
    burst = noise(0.3, -15.0) * np.exp(-np.arange(int(0.3 * RATE)) / 900)
    found = follow(np.concatenate([noise(1.0, -60.0), burst, noise(1.0, -60.0, seed=2)]))
    assert any(frame.voice for frame in found)
    assert sum(frame.voiced for frame in found) <= 3


@pytest.mark.parametrize("below", [14.0, 20.0, 30.0])
@pytest.mark.parametrize("delay", [0.02, 0.06, 0.18])
def test_the_echo_of_our_own_prompt_is_nobody_speaking(below: float, delay: float) -> None:
    prompt = syllables(24, -20.0)
    echo = np.concatenate([np.zeros(int(delay * RATE)), prompt])[: len(prompt)] * 10 ** (-below / 20)
    found = follow(echo + noise(len(prompt) / RATE, -65.0), prompt)
    assert sum(frame.voice for frame in found) <= 0.02 * len(found)


def test_a_caller_who_speaks_over_the_prompt_is_heard_through_its_echo() -> None:
    prompt = syllables(24, -20.0)
    echo = np.concatenate([np.zeros(400), prompt])[: len(prompt)] * 10 ** (-22.0 / 20)
    said = np.zeros(len(prompt))
    said[3 * RATE : 3 * RATE + len(syllables(6, -24.0))] = syllables(6, -24.0)
    found = follow(echo + said + noise(len(prompt) / RATE, -65.0), prompt)
    assert sum(frame.voice for frame in found[150:222]) > 25

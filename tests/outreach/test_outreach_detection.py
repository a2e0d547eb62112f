"""Who answered is told from the sound alone; the flow's own talking is no part of it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import FRAME, RATE, Law
from ivr.outreach.detection import AnswerDetector, Heard

Samples = NDArray[np.float64]
_RNG = np.random.default_rng(3)


def silence(seconds: float) -> Samples:
    """A line's own faint noise."""
    return _RNG.normal(0, 12, round(seconds * RATE))


def tone(seconds: float, *hertz: float, level: float = 6000) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return level * np.sum([np.sin(2 * np.pi * one * time) for one in hertz], axis=0) / len(hertz)


def speech(seconds: float) -> Samples:
    """Syllables: harmonics of a voice with pauses between them, never a clean tone."""
    parts = []
    while sum(map(len, parts)) < seconds * RATE:
        pitch = _RNG.uniform(110, 220)
        time = np.arange(round(0.17 * RATE)) / RATE
        voice = sum(
            np.sin(2 * np.pi * pitch * n * time + _RNG.uniform(0, 6)) * _RNG.uniform(0.2, 1)
            for n in range(1, 14)
        )
        parts += [1500 * voice + _RNG.normal(0, 400, len(time)), silence(0.05)]
    return np.concatenate(parts)[: round(seconds * RATE)]


def heard(*parts: Samples, law: Law = Law.A) -> list[Heard]:
    samples = np.clip(np.concatenate(parts), -32000, 32000).astype(np.int16)
    coded = g711.encode(samples[: len(samples) // FRAME * FRAME], law)
    detector = AnswerDetector(law)
    found = [detector.feed(coded[start : start + FRAME]) for start in range(0, len(coded), FRAME)]
    return [one for one in found if one is not None]


@pytest.mark.parametrize("law", [Law.A, Law.MU])
def test_a_word_and_a_pause_is_a_person(law: Law) -> None:
    assert heard(silence(0.8), speech(0.6), silence(2.0), law=law) == [Heard("person")]


def test_a_greeting_is_likely_a_machine_then_surely_and_its_tone_says_when_to_speak() -> None:
    found = heard(silence(0.5), speech(7.0), silence(0.4), tone(0.4, 1000), silence(1.0))
    assert found == [Heard("machine"), Heard("machine", sure=True), Heard("machine", sure=True, tone=True)]


def test_a_person_who_talks_for_three_seconds_is_never_surely_a_machine() -> None:
    assert Heard("machine", sure=True) not in heard(
        silence(0.5), speech(3.2), silence(3.0), speech(3.0), silence(1)
    )


@pytest.mark.parametrize("hertz", [1100, 2100])
def test_a_fax_is_known_by_its_tone(hertz: float) -> None:
    assert heard(silence(0.3), tone(0.6, hertz), silence(1.0))[0] == Heard("fax", sure=True)


def test_three_notes_are_an_announcement_of_the_network() -> None:
    notes = [tone(0.33, one) for one in (950, 1429, 1777)]
    assert heard(silence(0.2), *notes, speech(1.0))[0] == Heard("announcement", sure=True)


def test_silence_and_ringing_tones_are_nobody() -> None:
    assert heard(silence(3.0), tone(1.0, 450), silence(4.0)) == []

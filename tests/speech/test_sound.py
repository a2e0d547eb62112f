"""Shaping speech for the telephone: trim, level, resample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sounds import tone, write_tone

from ivr.speech.errors import ClipError
from ivr.speech.sound import (
    LEVEL,
    PEAK,
    active_level,
    faded,
    levelled,
    quietest,
    read_sound,
    to_samples,
    to_telephone,
    trimmed,
)


def test_speech_is_levelled_to_the_telephone_level() -> None:
    assert active_level(levelled(tone(1, level=0.01), 8000), 8000) == pytest.approx(LEVEL, abs=0.1)


def test_silence_around_speech_does_not_change_its_level() -> None:
    padded = np.concatenate([np.zeros(8000, np.float32), tone(1), np.zeros(8000, np.float32)])
    assert active_level(padded, 8000) == pytest.approx(active_level(tone(1), 8000), abs=0.2)


def test_a_peak_never_passes_the_limit() -> None:
    click = tone(1, level=0.01)
    click[4000] = 0.9
    assert np.max(np.abs(levelled(click, 8000, -10.0))) <= PEAK + 1e-6


def test_silence_stays_silence() -> None:
    assert not levelled(np.zeros(800, np.float32), 8000).any()
    assert len(trimmed(np.zeros(0, np.float32), 8000)) == 0


def test_trimming_keeps_the_speech_and_a_breath_of_its_edges() -> None:
    padded = np.concatenate([np.zeros(4000, np.float32), tone(0.5), np.zeros(6000, np.float32)])
    assert len(trimmed(padded, 8000)) / 8000 == pytest.approx(0.5 + 0.06, abs=0.011)


def test_edges_are_faded_so_that_joins_do_not_click() -> None:
    out = faded(np.ones(800, np.float32), 8000)
    assert out[0] == 0
    assert out[-1] == 0
    assert out[400] == 1


def test_the_quietest_place_near_a_cut_is_found() -> None:
    sound = tone(1)
    sound[3900:4000] = 0
    assert 3880 <= quietest(sound, 8000, 4100, 0.04) <= 4020


def test_resampling_keeps_the_length_and_the_tone() -> None:
    out = to_telephone(tone(1, rate=24000), 24000)
    assert len(out) == pytest.approx(8000, abs=2)
    assert active_level(out, 8000) == pytest.approx(active_level(tone(1), 8000), abs=0.2)


def test_what_is_too_loud_is_clipped_not_wrapped() -> None:
    assert to_samples(np.array([2.0, -2.0], np.float32)).tolist() == [32767, -32767]


def test_a_file_that_is_no_sound_is_named(tmp_path: Path) -> None:
    path = tmp_path / "welcome.wav"
    path.write_text("not a sound")
    with pytest.raises(ClipError, match=r"P301 .*welcome\.wav"):
        read_sound(path)


def test_a_recording_of_two_channels_becomes_one(tmp_path: Path) -> None:
    import soundfile

    path = tmp_path / "two.wav"
    soundfile.write(path, np.column_stack([tone(0.1), tone(0.1)]), 8000)
    samples, rate = read_sound(path)
    assert (samples.ndim, rate) == (1, 8000)
    write_tone(tmp_path / "one.wav", rate=44100)
    assert read_sound(tmp_path / "one.wav")[1] == 44100

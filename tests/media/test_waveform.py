"""Recordings for a browser: the waveform, and PCM of which any part can be had."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.media import g711, wav
from ivr.media.errors import AudioFileError
from ivr.media.g711 import Law
from ivr.media.waveform import PCM_HEADER, BrowserWav, peaks


def recorded(path: Path, *channels: np.ndarray, law: Law = Law.MU) -> Path:
    """A recording of these samples."""
    audio = g711.encode(np.stack(channels, axis=1).reshape(-1).astype(np.int16), law)
    path.write_bytes(wav.header(law, len(audio), len(channels)) + audio)
    return path


def swing(seconds: float, level: int) -> np.ndarray:
    return np.tile([level, -level], round(seconds * 4000))


@pytest.mark.parametrize("law", list(Law))
def test_a_waveform_tells_how_loud_each_channel_is_when(tmp_path: Path, law: Law) -> None:
    quiet = np.zeros(8000)
    left = np.concatenate([swing(1, 16384), quiet])
    right = np.concatenate([quiet, swing(1, 8192)])
    one, other = peaks(recorded(tmp_path / "x.wav", left, right, law=law), 10)
    assert one.high[:5] == pytest.approx([50] * 5, abs=2)
    assert one.low[:5] == pytest.approx([-50] * 5, abs=2)
    assert set(one.high[5:]) == set(other.high[:5]) == {0}
    assert other.high[5:] == pytest.approx([25] * 5, abs=2)


def test_a_short_recording_has_no_more_parts_than_samples_and_an_empty_one_is_flat(tmp_path: Path) -> None:
    (short,) = peaks(recorded(tmp_path / "x.wav", np.array([0, 16000, 0])), 800)
    (empty,) = peaks(recorded(tmp_path / "y.wav", np.array([])), 800)
    assert len(short.high) == 3
    assert (empty.low, empty.high) == ((0,), (0,))


def test_a_long_waveform_is_the_same_as_one_made_at_once(tmp_path: Path) -> None:
    samples = (np.random.default_rng(1).standard_normal(3_000_000) * 5000).astype(np.int16)
    (found,) = peaks(recorded(tmp_path / "x.wav", samples), 7)
    decoded = g711.decode(g711.encode(samples, Law.MU), Law.MU)
    edges = [number * len(samples) // 7 for number in range(8)]
    wanted = [decoded[start:end].max() for start, end in pairwise(edges)]
    assert list(found.high) == [round(int(one) * 100 / 32768) for one in wanted]


@pytest.mark.parametrize("channels", [1, 2])
def test_the_browser_gets_the_same_sound_as_pcm(tmp_path: Path, channels: int) -> None:
    sides = [swing(1, 8000 // (one + 1)) for one in range(channels)]
    file = BrowserWav(recorded(tmp_path / "x.wav", *sides, law=Law.A))
    whole = b"".join(file.read(0, file.size))
    samples, rate = soundfile.read(io.BytesIO(whole), dtype="int16", always_2d=True)
    decoded = [g711.decode(g711.encode(side.astype(np.int16), Law.A), Law.A) for side in sides]
    assert (len(whole), rate, file.seconds, file.channels) == (file.size, 8000, 1.0, channels)
    assert (samples == np.stack(decoded, axis=1)).all()


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_part_is_as_in_the_whole(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "part.wav"
    if not path.exists():
        recorded(path, *np.random.default_rng(2).integers(-9000, 9000, (2, 501)))
    file = BrowserWav(path)
    start = data.draw(st.integers(0, file.size))
    end = data.draw(st.integers(start, file.size + 10))
    assert b"".join(file.read(start, end)) == b"".join(file.read(0, file.size))[start:end]


def test_a_recording_that_still_grows_is_heard_as_far_as_it_is(tmp_path: Path) -> None:
    path = recorded(tmp_path / "x.wav", swing(1, 8000), swing(1, 8000))
    with path.open("ab") as more:
        more.write(bytes(801))
    assert BrowserWav(path).size == PCM_HEADER + 2 * (16000 + 800)
    assert len(peaks(path, 4)) == 2


def test_no_other_file_is_taken_for_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF" + bytes(200))
    with pytest.raises(AudioFileError):
        BrowserWav(path)
    with pytest.raises(AudioFileError):
        peaks(path, 10)

"""Clips: read from any WAV, whole frames in both laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.media import g711, tones
from ivr.media.clip import Clip
from ivr.media.errors import AudioFileError
from ivr.media.g711 import Law


def tone(seconds: float, frequency: float = 440.0, rate: int = 8000) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def test_a_clip_is_whole_frames_in_both_laws() -> None:
    clip = Clip(b"\x10" * 170)
    assert clip.seconds == 0.04
    assert clip.frames(Law.MU) == b"\x10" * 170 + b"\xff" * 150
    assert clip.frames(Law.A) == g711.convert(clip.frames(Law.MU), Law.MU, Law.A)
    assert clip.frames(Law.A) is clip.frames(Law.A)


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW"])
def test_g711_wav_written_by_another_program_is_read_byte_for_byte(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.1), 8000, subtype=subtype)
    law = Law.MU if subtype == "ULAW" else Law.A
    clip = Clip.from_wav(path)
    assert clip.frames(law) == path.read_bytes()[-800:]
    assert clip.name == "a"


@pytest.mark.parametrize(
    ("rate", "subtype", "channels"), [(8000, "PCM_16", 1), (24000, "FLOAT", 2), (16000, "PCM_24", 1)]
)
def test_other_wav_files_are_converted(tmp_path: Path, rate: int, subtype: str, channels: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone(0.5, rate=rate)] * channels, axis=1), rate, subtype=subtype)
    clip = Clip.from_wav(path)
    assert clip.seconds == pytest.approx(0.5, abs=0.021)
    spectrum = np.abs(np.fft.rfft(clip.samples()[:4000]))
    assert spectrum.argmax() * 2 == pytest.approx(440, abs=4)
    assert np.abs(clip.samples()).max() == pytest.approx(0.3 * 32767, rel=0.1)


def test_a_g711_wav_at_another_rate_is_resampled(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(0.5, rate=16000), 16000, subtype="ULAW")
    assert Clip.from_wav(path).seconds == pytest.approx(0.5, abs=0.021)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0abcd",
        b"RIFF\0\0\0\0WAVEdata\x02\0\0\0ab",
    ],
)
def test_what_is_no_sound_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"H320 .*broken\.wav"):
        Clip.from_wav(path)


def test_a_clip_written_is_a_wav_that_others_read(tmp_path: Path) -> None:
    clip = Clip.from_samples((tone(0.2) * 32767).astype(np.int16))
    clip.to_wav(tmp_path / "b.wav")
    samples, rate = soundfile.read(tmp_path / "b.wav", dtype="int16")
    assert rate == 8000
    assert (samples == clip.samples()).all()
    assert soundfile.info(tmp_path / "b.wav").subtype == "ULAW"


def test_clips_are_joined_end_to_end() -> None:
    one, other = Clip(b"\x01" * 160), Clip(b"\x02" * 160, Law.A)
    joined = Clip.joined([one, other], Law.A)
    assert joined.frames(Law.A) == one.frames(Law.A) + other.frames(Law.A)
    assert joined.seconds == 0.04


def test_equal_sounds_are_equal_clips() -> None:
    assert Clip(b"\x01" * 160) == Clip(b"\x01" * 160, name="other")
    assert Clip(b"\x01" * 160) != Clip(b"\x02" * 160)
    assert len({Clip(b"\x01" * 160), Clip(b"\x01" * 160)}) == 1


def test_silence_is_rounded_up_to_frames() -> None:
    assert Clip.silence(0.03).seconds == 0.04
    assert not Clip.silence(0.03).samples().any()


def test_tones_are_at_their_frequencies_and_in_their_cadence() -> None:
    busy = tones.busy(2).samples()
    assert len(busy) == 1.4 * 8000
    assert not busy[2880:5600].any()
    assert np.abs(np.fft.rfft(busy[:1600])).argmax() * 5 == 450
    ring = tones.ringback().samples()
    assert ring[:8000].any()
    assert not ring[8000:].any()
    assert tones.comfort_noise().samples().std() == pytest.approx(32.8, rel=0.2)

"""Keys made out in the sound (ITU-T Q.24), and speech that must not be taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ivr.media import g711, tones
from ivr.media.clip import Clip
from ivr.media.dtmf import KeyDetector
from ivr.media.g711 import Law
from ivr.media.recorder import Recording
from ivr.media.voice import levels

SPEECH = Path(__file__).resolve().parents[3] / "shared" / "speech"


def heard(audio: bytes, law: Law = Law.MU) -> str:
    detector = KeyDetector(law)
    return "".join(key for at in range(0, len(audio), 160) if (key := detector.feed(audio[at : at + 160])))


def sound(
    key: str,
    seconds: float,
    *,
    before: float = 0.1,
    level: float = -12.0,
    detuned: float = 1.0,
    twist: float = 0.0,
) -> np.ndarray:
    """A key's tones with rests around them and noise 20 dB below; `twist`: dB the column is louder."""
    row, column = tones.KEY_TONES[key]
    pair = tones.tone(seconds, row * detuned, level=level) + tones.tone(
        seconds, column * detuned, level=level + twist
    )
    samples = np.concatenate([np.zeros(round(before * 8000)), pair, np.zeros(800)])
    noise = np.random.default_rng(round(before * 8000)).standard_normal(len(samples))
    return samples + noise * 10 ** ((level - 20) / 20)


def g711_of(samples: np.ndarray, law: Law = Law.MU) -> bytes:
    return g711.pad(g711.encode((np.clip(samples, -1, 1) * 32767).astype(np.int16), law), law)


@pytest.mark.parametrize("law", list(Law))
@pytest.mark.parametrize("key", list(tones.KEY_TONES))
def test_forty_milliseconds_of_any_key_are_heard_once_wherever_they_begin(key: str, law: Law) -> None:
    for before in np.arange(0.1, 0.12, 0.0025):
        assert heard(g711_of(sound(key, 0.04, before=before), law), law) == key


@pytest.mark.parametrize("detuned", [0.985, 1.015])
@pytest.mark.parametrize("level", [-30.0, -6.0])
def test_keys_a_little_off_and_faint_or_loud_ones_are_heard(detuned: float, level: float) -> None:
    for key in tones.KEY_TONES:
        assert heard(g711_of(sound(key, 0.05, level=level, detuned=detuned))) == key


@pytest.mark.parametrize("twist", [-8.0, 4.0])
def test_lines_that_favour_one_tone_are_heard(twist: float) -> None:
    assert heard(g711_of(sound("6", 0.05, twist=twist))) == "6"


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0.023},
        {"detuned": 0.965},
        {"detuned": 1.035},
        {"twist": 12.0},
        {"twist": -14.0},
        {"level": -45.0},
    ],
)
def test_what_is_too_short_too_far_off_or_too_faint_is_no_key(wrong: dict[str, float]) -> None:
    for key in tones.KEY_TONES:
        assert heard(g711_of(sound(key, **({"seconds": 0.1} | wrong)))) == ""  # type: ignore[arg-type]


def test_a_string_of_keys_is_heard_in_order_each_once() -> None:
    assert heard(tones.keys("147*2580369#", on=0.05, off=0.05).frames(Law.MU)) == "147*2580369#"
    assert heard(tones.keys("1199", on=0.05, off=0.035).frames(Law.MU)) == "1199"
    assert heard(tones.keys("5", on=2.0).frames(Law.MU)) == "5"


def test_busy_ringing_and_single_tones_are_no_keys() -> None:
    for clip in (tones.busy(), tones.ringback(), tones.beep(), tones.comfort_noise()):
        assert heard(clip.frames(Law.MU)) == ""


def speech() -> list[Path]:
    files = sorted(SPEECH.glob("human/**/*.wav"))
    if not files:
        pytest.skip(f"the recorded speech is not at {SPEECH}")
    return files


@pytest.mark.shared
def test_people_speaking_press_no_keys() -> None:
    assert {path.name: keys for path in speech() if (keys := heard(Clip.from_wav(path).frames(Law.MU)))} == {}


@pytest.mark.shared
def test_no_word_of_people_speaking_is_trimmed_off(tmp_path: Path) -> None:
    for path in speech():
        said = Clip.from_wav(path)
        recording = Recording(tmp_path / "a.wav", Law.MU, longest=600, silence=600)
        recording.feed(said.frames(Law.MU))
        kept = round(recording.finish("hang_up").seconds * 50)
        loudness = levels(said.frames(Law.MU), Law.MU)
        last_word = np.nonzero(loudness > loudness.max() - 12)[0][-1]  # some rooms are 13 dB below the voice
        assert kept > last_word, path.name

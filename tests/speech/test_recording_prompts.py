"""A company's own recordings: numbers that stay, what is refused and why, takes that are kept and rolled back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from ivr.flow.instructions import Phrase
from ivr.speech import ClipError, PromptCatalogue, Speaker
from ivr.speech.clips import PLACEHOLDER, ClipKey, write_index
from ivr.speech.own import OwnRecordings
from ivr.speech.sound import LEVEL, active_level, read_sound
from ivr.speech.studio import Studio
from ivr.speech.taking import FASTEST, SLOWEST, SPARE, spoken_seconds, telephone_recording
from ivr.speech.units import numbered

NOW = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
TEXTS = """\
welcome: 您好，欢迎致电。请按一。
due: 您的保单{number:digits}，应交保费{amount:money}。
"""


def voice(seconds: float, level: float = 0.2, rate: int = 8000) -> NDArray[np.float32]:
    """A fake of speech: a hum that comes and goes four times a second, silence round it."""
    time = np.arange(int(seconds * rate)) / rate
    hum = np.sin(2 * np.pi * 180 * time) * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)) * level
    silence = np.zeros(rate // 2)
    return np.concatenate([silence, hum, silence]).astype(np.float32)


def write(path: Path, sound: NDArray[np.float32], rate: int = 8000) -> Path:
    soundfile.write(path, sound, rate)
    return path


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    folder = tmp_path / "prompts"
    (folder / "zh-CN").mkdir(parents=True)
    (folder / "zh-CN" / "texts.yaml").write_text(TEXTS, "utf-8")
    catalogue = PromptCatalogue.load(folder)
    return Studio(catalogue, folder, OwnRecordings(tmp_path / "own"))


def test_a_number_stays_when_other_prompts_come_and_go() -> None:
    names = [("zh-CN", name) for name in ("welcome", "goodbye", "due.1")]
    before = numbered(names)
    after = numbered([*names[1:], ("en", "welcome"), ("zh-CN", "new")])
    assert {name: after[name] for name in names[1:]} == {name: before[name] for name in names[1:]}
    assert all(len(number) == 6 and number.isdigit() for number in before.values())


def test_no_two_of_many_names_have_one_number() -> None:
    numbers = numbered(("zh-CN", f"name_{index}") for index in range(20_000))
    assert len(set(numbers.values())) == 20_000


def test_there_is_a_number_for_a_whole_prompt_each_of_its_parts_and_every_value(studio: Studio) -> None:
    names = {unit.name: unit for unit in studio.units.of("zh-CN")}
    assert {"welcome", "welcome.1", "due.1", "due.2", "pieces/三"} <= set(names)
    assert names["welcome"].text == "您好，欢迎致电。请按一。"
    assert studio.units.by_number(names["due.2"].number) is names["due.2"]


def test_what_is_missing_comes_in_order_and_begins_again_when_it_is_through(studio: Studio) -> None:
    first = studio.next_wanting("zh-CN", "0", NOW)
    assert first is not None
    assert first.name == "welcome"
    second = studio.next_wanting("zh-CN", first.number, NOW)
    assert second is not None
    assert second.name == "due.1"
    last = list(studio.units.of("zh-CN"))[-1]
    assert studio.next_wanting("zh-CN", last.number, NOW) == first
    assert studio.next_wanting("fr", "0", NOW) is None


def test_a_take_is_put_in_place_heard_at_once_and_rolled_back(studio: Studio, tmp_path: Path) -> None:
    speaker = Speaker(studio.catalogue, studio.prompts, lambda *_: None, own=studio.own.folder)
    welcome = studio.units.find("zh-CN", "welcome")
    assert welcome is not None
    lengths = []
    for seconds in (2.0, 3.0):
        before = speaker.render([Phrase("welcome", "zh-CN")]).clips
        studio.take("call-1", welcome, write(tmp_path / "said.wav", voice(seconds)), NOW)
        speaker.look_again()
        assert speaker.render([Phrase("welcome", "zh-CN")]).clips == before
        assert studio.keep("call-1", welcome, NOW) is not None
        speaker.look_again()
        lengths.append(speaker.render([Phrase("welcome", "zh-CN")]).seconds)
    assert lengths == pytest.approx([2.0, 3.0], abs=0.15)
    assert studio.look("zh-CN", NOW).state(welcome) == "own"
    assert studio.keep("call-1", welcome, NOW) is None
    earlier = studio.own.earlier("zh-CN", "welcome")
    assert studio.own.restore("zh-CN", "welcome", earlier[0].id, now=NOW)
    speaker.look_again()
    assert speaker.render([Phrase("welcome", "zh-CN")]).seconds == pytest.approx(2.0, abs=0.15)


def test_a_take_that_nobody_wanted_is_gone(studio: Studio, tmp_path: Path) -> None:
    welcome = studio.units.find("zh-CN", "welcome")
    assert welcome is not None
    studio.take("call-1", welcome, write(tmp_path / "said.wav", voice(2.0)), NOW)
    studio.drop("call-1")
    assert not studio.take_path("call-1").exists()
    assert studio.take_path("../../etc/x").parent == studio.own.folder / "takes"


def test_a_stand_in_is_told_from_a_clip_and_from_nothing(studio: Studio) -> None:
    due = studio.units.find("zh-CN", "due.1")
    assert due is not None
    assert studio.look("zh-CN", NOW).state(due) == "missing"
    folder = studio.own.folder / "zh-CN"
    keys: dict[ClipKey, str] = dict.fromkeys(due.keys, "stand")
    write_index(folder, keys, PLACEHOLDER)
    write(folder / PLACEHOLDER / "stand.wav", voice(1.0))
    assert studio.look("zh-CN", NOW).state(due) == "placeholder"


def test_a_recording_of_any_rate_is_trimmed_levelled_and_brought_to_8_khz(tmp_path: Path) -> None:
    stereo = np.stack([voice(2.0, rate=44_100)] * 2, axis=1)
    clip = telephone_recording(write(tmp_path / "a.flac", stereo, 44_100), "您好，欢迎致电。")
    clip.to_wav(tmp_path / "out.wav")
    samples, rate = read_sound(tmp_path / "out.wav")
    assert (rate, clip.seconds) == (8000, pytest.approx(2.06, abs=0.1))
    assert active_level(samples, rate) == pytest.approx(LEVEL, abs=0.5)
    assert np.max(np.abs(samples)) < 0.98


@pytest.mark.parametrize(
    ("sound", "text", "code", "says"),
    [
        (voice(2.0, 0.004), "您好，欢迎致电。", "P305", "closer to the microphone"),
        (np.clip(voice(2.0, 6.0), -1, 1), "您好，欢迎致电。", "P306", "overdriven"),
        (voice(0.4), "您好，欢迎致电安和保险，请按一。", "P307", "too short for its text"),
        (voice(20.0), "您好。", "P308", "too long for its text"),
        (np.zeros(8000, np.float32), "您好。", "P304", "microphone on"),
        (voice(181.0), "您好。", "P304", "at most"),
    ],
    ids=["quiet", "overdriven", "short", "long", "silent", "endless"],
)
def test_a_bad_recording_is_refused_with_what_to_do(
    tmp_path: Path, sound: NDArray[np.float32], text: str, code: str, says: str
) -> None:
    with pytest.raises(ClipError, match=says) as caught:
        telephone_recording(write(tmp_path / "said.wav", sound), text)
    assert caught.value.code == code


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "said.wav").write_bytes(b"RIFFnothing")
    with pytest.raises(ClipError, match=r"P301 .*use WAV"):
        telephone_recording(tmp_path / "said.wav")


def test_the_rendered_clips_of_every_prompt_pass_for_their_texts(tmp_path: Path) -> None:
    root = Path(__file__).parents[2] / "prompts"
    catalogue = PromptCatalogue.load(root, ["zh-CN", "en"])
    speaker = Speaker(catalogue, root, lambda *_: None)
    studio = Studio(catalogue, root, OwnRecordings(tmp_path))
    rendered = 0
    for language in ("zh-CN", "en"):
        look = studio.look(language, NOW)
        for unit in studio.units.of(language):
            if unit.name.startswith("pieces/") or look.state(unit) != "rendered":
                continue
            seconds = sum(clip.seconds for clip in speaker.heard_now(language, unit.name))
            expected = spoken_seconds(unit.text)
            assert FASTEST * expected <= seconds <= SLOWEST * expected + SPARE, unit.name
            rendered += 1
    assert rendered > 500

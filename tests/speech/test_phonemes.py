"""Text to phonetic symbols. Skipped where the voice extra is not installed."""

from __future__ import annotations

import shutil

import pytest

from ivr.speech.errors import VoiceError
from ivr.speech.phonemes import english, mandarin, phonemiser, spell_numbers

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="apt-get install espeak-ng")


@pytest.fixture(scope="module", autouse=True)
def _voice_extra() -> None:
    for module in ("jieba", "pypinyin", "misaki.transcription"):
        pytest.importorskip(module, reason="pip install insurance-hotline[voice]", exc_type=ImportError)


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("请按1", "请按一"),
        ("24小时", "二十四小时"),
        ("95500", "九五五零零"),
        ("3%", "百分之三"),
        ("120", "幺二零"),
        ("05", "零五"),
    ],
)
def test_numerals_in_a_text_are_read_as_people_read_them(text: str, spoken: str) -> None:
    assert spell_numbers(text) == spoken


def test_mandarin_is_pinyin_with_tones() -> None:
    assert mandarin("三千元。", {}) == "sa→nʨʰjɛ→nɥɛ↗n."


def test_the_lexicon_settles_how_a_word_is_said() -> None:
    assert mandarin("重听", {"重听": "zhong4 ting1"}) != mandarin("重听", {"重听": "chong2 ting1"})


@needs_espeak
def test_latin_words_in_mandarin_are_read_as_english() -> None:
    assert "ˈɪ" in mandarin("您的VIP卡", {})


@needs_espeak
def test_english_keeps_its_marks_and_follows_the_lexicon() -> None:
    assert english("Two hundred yuan, please.", {"yuan": "you-ahn"}) == "tˈu hˈʌndɹɪd juˈɑn, plˈiz."
    assert english("nine a.m.", {}) == "nˈIn ˈA ˈɛm"


def test_a_language_without_a_voice_is_refused() -> None:
    with pytest.raises(VoiceError, match=r"P402 no voice reads fr"):
        phonemiser("fr", {})

"""Real people's recordings through G.711, a model of Vosk and the understanding: what a step makes of them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from ivr.media import g711
from ivr.media.g711 import Law
from ivr.speech.hearing.grammar import phrases_for
from ivr.speech.hearing.loaded import LoadedModel, Utterance
from ivr.speech.hearing.sureness import SURE, UNSURE
from ivr.speech.hearing.types import Expectation, Understood
from ivr.speech.hearing.understanding import understand

ROOT = Path(__file__).parents[2]
MODELS = Path(os.environ.get("HOTLINE_TEST_MODELS", ROOT / ".venv" / "models"))
SPEECH = ROOT.parent / "shared" / "speech" / "human"
MENU = {
    "银行": "1", "贷款": "2", "住院": "3", "变更": "4", "返回": "@back", "人工": "@person", "普通话": "7", "取消": "8",
}  # fmt: skip

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SPEECH.is_dir(), reason="the recordings beside the checkout are not here"),
    pytest.mark.skipif(not (MODELS / "zh").is_dir(), reason="the recognisers' models are not here"),
]


@cache
def model(language: str) -> LoadedModel:
    return LoadedModel.load(language, MODELS / language.partition("-")[0])


def telephone(name: str) -> NDArray[np.int16]:
    """A recording at 8 kHz through µ-law, with silence around it."""
    sound, rate = soundfile.read(SPEECH / name, dtype="int16")
    narrow = soxr.resample(sound, rate, g711.RATE)
    quiet = np.zeros(g711.RATE // 3, np.int16)
    return g711.decode(g711.encode(np.concatenate([quiet, narrow, quiet]), Law.MU), Law.MU)


def understood(expectation: Expectation, *names: str) -> Understood:
    recogniser = model(expectation.language)
    utterance = Utterance(recogniser, phrases_for(expectation, recogniser.vocabulary))
    utterance.take(np.concatenate([telephone(name) for name in names]))
    best = utterance.end()
    others = utterance.readings() if expectation.expect == "digits" else []
    return understand(expectation, [best, *(one for one in others if one.text != best.text)])


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("cmn_103", "1"),
        ("cmn_092", "2"),
        ("cmn_023", "3"),
        ("cmn_097", "@back"),
        ("cmn_019", "@person"),
        ("cmn_070", "7"),
        ("cmn_039", "8"),
    ],
)
def test_a_word_of_the_menu_is_sure(name: str, meaning: str) -> None:
    found = understood(Expectation("zh-CN", MENU), f"zh_word/{name}.wav")
    assert found.meaning == meaning
    assert found.confidence >= SURE


@pytest.mark.parametrize("name", ["cmn_075", "cmn_080", "cmn_096", "cmn_064"])
def test_a_word_that_is_not_in_the_menu_is_not_taken(name: str) -> None:
    assert understood(Expectation("zh-CN", MENU), f"zh_word/{name}.wav").confidence < SURE


@pytest.mark.parametrize(("name", "meaning"), [("cmn_008", "2"), ("cmn_009", "2"), ("cmn_045", "1")])
def test_yes_and_no_are_told_apart(name: str, meaning: str) -> None:
    expectation = Expectation("zh-CN", {"是的": "1", "不是": "2"}, "yes_no")
    assert understood(expectation, f"zh_word/{name}.wav").meaning == meaning


def test_digits_in_english_are_read_and_always_asked_back() -> None:
    names = ["fsdd_3_george_27", "fsdd_5_george_41", "fsdd_8_george_12", "fsdd_9_george_19"]
    found = understood(
        Expectation("en", expect="digits", least=4, most=4), *(f"en_digit/{name}.wav" for name in names)
    )
    assert found.meaning == "3589"
    assert UNSURE <= found.confidence < SURE


def test_digits_in_mandarin_are_read_and_always_asked_back() -> None:
    names = ["cmn_004", "cmn_031", "cmn_017", "cmn_047"]
    found = understood(
        Expectation("zh-CN", expect="digits", least=4, most=4), *(f"zh_word/{name}.wav" for name in names)
    )
    assert found.meaning == "3654"
    assert UNSURE <= found.confidence < SURE


def test_a_known_number_is_taken_without_a_question() -> None:
    names = ["fsdd_3_george_27", "fsdd_5_george_41", "fsdd_8_george_12", "fsdd_9_george_19"]
    expectation = Expectation("en", expect="digits", least=4, most=4, likely=("3589", "1234"))
    assert understood(expectation, *(f"en_digit/{name}.wav" for name in names)).confidence >= SURE

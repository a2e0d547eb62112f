"""Which language is heard: what lacks falls back whole, in a stated order; what has no sound is not offered."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sounds import OneVoice, ToneVoice

from ivr.flow.instructions import Phrase
from ivr.flow.values import Money
from ivr.speech.build import build
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.check import check
from ivr.speech.clips import PLACEHOLDER
from ivr.speech.errors import PromptErrors
from ivr.speech.speaker import Rendered, Speaker

SHIPPED = Path(__file__).parents[2] / "prompts"
DUE = {"amount": Money(Decimal(3200)), "on": date(2026, 3, 5)}
TEXTS = {
    "zh-CN": "welcome: 您好。\ndue: 应交{amount:money}。\nonly_mandarin: 只有中文。\nstate: '{word:code(words)}。'\n"
    "words: {good: 好, bad: 坏}\noffer: 中文请按1。\noffers: '{languages:each(offer)}返回请按星号键。'\n",
    "en": "welcome: Hello.\ndue: You owe {amount:money}.\nstate: It is {word:code(words)}.\n"
    "words: {good: good, bad: bad}\n"
    "offer: For English, press 2.\noffers: '{languages:each(offer)} To go back, press star.'\n",
    "zh-HK": "welcome: 你好。\ndue: 應交{amount:money}。\nstate: 係{word:code(words)}。\nwords: {good: 好}\n"
    "offer: 廣東話請按3。\n",
}


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three languages; Mandarin and English have their clips, Cantonese has none."""
    root = tmp_path_factory.mktemp("prompts")
    for language, texts in TEXTS.items():
        (root / language).mkdir()
        (root / language / "texts.yaml").write_text(texts, "utf-8")
    for name in ("language.yaml", "values.yaml"):
        (root / "zh-HK" / name).write_text((SHIPPED / "zh-HK" / name).read_text("utf-8"), "utf-8")
    build(root, PromptCatalogue.load(root), OneVoice(ToneVoice()), languages=["zh-CN", "en"])
    return root


@pytest.fixture
def catalogue(prompts: Path) -> PromptCatalogue:
    return PromptCatalogue.load(prompts)


def heard(root: Path, phrase: Phrase, **more: object) -> tuple[Rendered, list[str]]:
    faults: list[str] = []
    speaker = Speaker(PromptCatalogue.load(root), root, lambda code, _: faults.append(code), **more)  # type: ignore[arg-type]
    return speaker.render([phrase]), faults


def test_the_order_is_the_languages_own_then_the_default_then_the_others(catalogue: PromptCatalogue) -> None:
    assert catalogue.order("zh-HK") == ("zh-HK", "zh-CN", "en")
    assert catalogue.order("en") == ("en", "zh-CN", "zh-HK")
    assert catalogue.order("fr") == ("zh-CN", "en", "zh-HK")


def test_a_text_that_lacks_is_told_in_the_next_language(catalogue: PromptCatalogue) -> None:
    assert catalogue.text(Phrase("only_mandarin", "zh-HK")) == "只有中文。"
    assert catalogue.text(Phrase("only_mandarin", "en")) == "只有中文。"


def test_a_word_that_lacks_takes_its_whole_sentence_along(catalogue: PromptCatalogue) -> None:
    assert catalogue.text(Phrase("state", "zh-HK", {"word": "good"})) == "係好。"
    assert catalogue.text(Phrase("state", "zh-HK", {"word": "bad"})) == "坏。"


def test_the_values_of_a_phrase_are_spoken_in_the_language_of_the_phrase(catalogue: PromptCatalogue) -> None:
    for language, words in (
        ("zh-HK", "三千二百元"),
        ("zh-CN", "三千二百元"),
        ("en", "three thousandtwo hundredyuan"),
    ):
        pieces = catalogue.pieces(Phrase("due", language, DUE))
        assert {piece.language for piece in pieces} == {language}
        assert "".join(piece.text for piece in pieces if piece.kind == "value") == words


def test_without_sounds_a_sentence_is_heard_whole_in_the_next_language(prompts: Path) -> None:
    rendered, faults = heard(prompts, Phrase("due", "zh-HK", DUE))
    assert rendered.missing == ()
    assert rendered.text == "应交3,200.00元。"
    assert faults == ["P505"]


def test_the_same_prompt_is_said_in_each_of_several_languages(prompts: Path) -> None:
    rendered, _ = heard(prompts, Phrase("offers", "zh-CN", {"languages": ["zh-CN", "en"]}))
    assert rendered.text == "中文请按1。 For English, press 2.返回请按星号键。"
    assert rendered.missing == ()


def test_a_language_without_sounds_is_not_offered(prompts: Path, catalogue: PromptCatalogue) -> None:
    assert Speaker(catalogue, prompts).offered(["zh-CN", "zh-HK", "en"]) == ["zh-CN", "en"]


def test_with_the_placeholder_voice_it_is_offered_where_the_setting_takes_it(
    prompts: Path, catalogue: PromptCatalogue, tmp_path: Path
) -> None:
    build(tmp_path, catalogue, OneVoice(ToneVoice()), languages=["zh-HK"], clips=PLACEHOLDER)
    plain = Speaker(catalogue, prompts, own=tmp_path)
    taken = Speaker(catalogue, prompts, own=tmp_path, placeholder=["zh-HK"])
    assert "zh-HK" not in plain.offered(["zh-CN", "zh-HK"])
    assert "zh-HK" in taken.offered(["zh-CN", "zh-HK"])
    rendered, faults = heard(prompts, Phrase("due", "zh-HK", DUE), own=tmp_path, placeholder=["zh-HK"])
    assert (rendered.text, rendered.missing, faults) == ("應交3,200.00元。", (), [])
    problems = check(
        prompts,
        catalogue,
        used=catalogue.signatures(),
        languages=["zh-HK"],
        own=tmp_path,
        placeholder=["zh-HK"],
    )
    assert [problem.code for problem in problems] == ["P208"]


def test_recordings_that_come_make_a_language_offered_without_a_restart(
    prompts: Path, catalogue: PromptCatalogue, tmp_path: Path
) -> None:
    speaker = Speaker(catalogue, prompts, own=tmp_path)
    assert speaker.offered(["zh-CN", "zh-HK"]) == ["zh-CN"]
    sound = next((prompts / "zh-CN" / "clips").glob("*.wav")).read_bytes()
    recordings = tmp_path / "zh-HK" / "recordings"
    names = ["welcome", "due", "state", "words.good", "offer"]
    for name in [*names, *(f"pieces/{piece}" for piece in catalogue.values("zh-HK").inventory())]:
        (recordings / f"{name}.wav").parent.mkdir(parents=True, exist_ok=True)
        (recordings / f"{name}.wav").write_bytes(sound)
    speaker.look_again()
    assert speaker.offered(["zh-CN", "zh-HK"]) == ["zh-CN", "zh-HK"]


def test_check_refuses_a_missing_text_and_tells_what_is_not_offered(
    prompts: Path, catalogue: PromptCatalogue
) -> None:
    problems = check(prompts, catalogue, used=catalogue.signatures(), languages=["zh-CN", "zh-HK"])
    assert [(problem.code, problem.severity) for problem in problems if problem.code in {"P201", "P207"}] == [
        ("P201", "error"),
        ("P201", "error"),
        ("P201", "error"),
        ("P207", "warning"),
    ]


@pytest.mark.parametrize(
    ("file", "text", "code", "why"),
    [
        ("values.yaml", "rules: {a: '0: =b='}", "P113", "there are no rules 'b'"),
        ("values.yaml", "say: {integer: '{nummer:a}'}", "P113", "nummer"),
        ("values.yaml", "sya: {}", "P114", "did you mean 'say'"),
        ("language.yaml", "falls_back: zh-CN", "P114", "list"),
        ("language.yaml", "nmae: x", "P114", "did you mean 'name'"),
    ],
)
def test_a_folder_that_cannot_be_read_says_where(
    tmp_path: Path, file: str, text: str, code: str, why: str
) -> None:
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "texts.yaml").write_text("welcome: Bonjour.", "utf-8")
    (tmp_path / "fr" / file).write_text(text, "utf-8")
    with pytest.raises(PromptErrors) as caught:
        PromptCatalogue.load(tmp_path)
    assert any(problem.code == code and why in problem.message for problem in caught.value.problems)

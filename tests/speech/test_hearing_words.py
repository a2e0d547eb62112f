"""The words that a model knows, the grammar that is made of them, and what cannot be heard."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.speech.hearing.grammar import UNKNOWN, nobodys_words, phrases_for
from ivr.speech.hearing.phonetic import likeness
from ivr.speech.hearing.types import Expectation
from ivr.speech.hearing.values import VALUES
from ivr.speech.hearing.vocabulary import ANY_WORD, Vocabulary, model_words, spoken_words

KNOWN = Vocabulary.of([
    "保单", "查询", "保", "单", "人工", "服务", "我", "要", "三", "千", "三千", "五", "premium", "pay", "my", "the", "i",
    "want",
])  # fmt: skip


def graph(folder: Path, words: list[str]) -> Path:
    """A model's folder with the head of a graph: a header, and the table of its words as OpenFst writes it."""
    table = (
        struct.pack("<i", 2125658996)
        + struct.pack("<i", 9)
        + b"words.txt"
        + struct.pack("<qq", len(words), len(words))
    )
    for key, word in enumerate(words):
        table += struct.pack("<i", len(word.encode())) + word.encode() + struct.pack("<q", key)
    (folder / "graph").mkdir()
    (folder / "graph" / "Gr.fst").write_bytes(b"\xd6\xfd\xb2~ngram" + bytes(50) + table + b"\x00" * 99)
    return folder


def test_the_words_of_a_model_are_read_from_its_graph(tmp_path: Path) -> None:
    assert model_words(graph(tmp_path, ["<eps>", "[unk]", "保单"])) == ["<eps>", "[unk]", "保单"]
    assert "保单" in Vocabulary.read(tmp_path)


def test_a_list_of_words_beside_the_graph_will_do(tmp_path: Path) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / "words.txt").write_text("<eps> 0\n保单 1\n", "utf-8")
    assert model_words(tmp_path) == ["<eps>", "保单"]


@pytest.mark.parametrize("data", [b"", b"nothing of the kind", struct.pack("<i", 2125658996) + b"\xff" * 40])
def test_a_graph_without_words_is_an_error_and_no_crash(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / "Gr.fst").write_bytes(data)
    with pytest.raises(ValueError, match="table of words"):
        model_words(tmp_path)


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("保单查询", ("保单", "查询")),
        ("我要人工服务", ("我", "要", "人工", "服务")),
        ("三千五", ("三千", "五")),
        ("Pay my PREMIUM!", ("pay", "my", "premium")),
    ],
)
def test_a_phrase_is_split_into_as_few_known_words_as_there_are(phrase: str, words: tuple[str, ...]) -> None:
    assert spoken_words(phrase, KNOWN).words == words


def test_what_cannot_be_heard_is_told() -> None:
    assert spoken_words("保单 复效", KNOWN).unheard == ("复效",)
    assert spoken_words("my hotline", KNOWN).unheard == ("hotline",)


@given(st.text(max_size=30))
def test_every_text_can_be_split(text: str) -> None:
    split = spoken_words(text, KNOWN)
    assert all(word in KNOWN for word in split.words)


# The grammar


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("expect", [*sorted(VALUES), "yes_no", ""])
def test_a_grammar_has_the_steps_words_and_the_unknown_and_no_unknown_word(
    language: str, expect: str
) -> None:
    words = {"保单 查询": "1"} if language == "zh-CN" else {"my premium": "1"}
    phrases = phrases_for(Expectation(language, words, expect), ANY_WORD)
    assert phrases.count(UNKNOWN) == 1
    assert set(words) <= set(phrases)
    assert all(phrase == phrase.strip() and phrase for phrase in phrases)


def test_a_phrase_that_the_model_knows_in_part_only_is_left_out() -> None:
    assert "复效 保单" not in phrases_for(Expectation("zh-CN", {"复效 保单": "1"}), KNOWN)


def test_numbers_in_a_grammar_have_the_lengths_that_the_step_takes() -> None:
    phrases = phrases_for(Expectation("zh-CN", expect="digits", least=8, most=8), ANY_WORD)
    numbers = [
        phrase.split()
        for phrase in phrases
        if set(phrase) <= set("零一二三四五六七八九幺 ") and " " in phrase
    ]
    assert {len(words) for words in numbers} == {8}
    assert len({word for words in numbers for word in words}) == 11


def test_common_words_take_up_what_is_none_of_a_menus_own_and_share_no_sound_with_it() -> None:
    expectation = Expectation("zh-CN", {"保单 查询": "1"})
    strange = nobodys_words(expectation)
    assert len(strange) > 200
    assert strange <= set(phrases_for(expectation, ANY_WORD))
    assert not any(character in "保单查询" for word in strange for character in word)
    assert nobodys_words(Expectation("zh-CN", expect="digits")) == frozenset()


def test_the_same_step_always_has_the_same_grammar() -> None:
    expectation = Expectation("en", {"agent": "0"}, "money")
    assert phrases_for(expectation, ANY_WORD) == phrases_for(expectation, ANY_WORD)


# Sounds


@pytest.mark.parametrize(
    ("one", "other"),
    [("保单", "宝蛋"), ("理赔", "你赔"), ("人工", "仁公"), ("咨询", "知寻"), ("续期", "虚期")],
)
def test_mandarin_that_sounds_alike_is_alike(one: str, other: str) -> None:
    assert likeness(one, other, chinese=True) > 0.8


@pytest.mark.parametrize(("one", "other"), [("保单", "人工"), ("报案", "退保")])
def test_mandarin_that_sounds_different_is_not(one: str, other: str) -> None:
    assert likeness(one, other, chinese=True) < 0.7


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("premium", "premiums", True), ("claim", "clame", True), ("policy", "agent", False)],
)
def test_english_likeness_goes_by_sound(one: str, other: str, alike: bool) -> None:
    assert (likeness(one, other, chinese=False) > 0.75) == alike


@given(st.text(max_size=12), st.text(max_size=12), st.booleans())
def test_likeness_is_symmetric_and_bounded(one: str, other: str, chinese: bool) -> None:
    found = likeness(one, other, chinese)
    assert 0 <= found <= 1
    assert found == pytest.approx(likeness(other, one, chinese))

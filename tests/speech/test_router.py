"""“How can I help you?”: free words sent where the menus' own words point."""

from __future__ import annotations

import pytest

from ivr.speech.hearing.sureness import SURE, UNSURE
from ivr.speech.hearing.types import Expectation, Hypothesis, Understood, Word
from ivr.speech.hearing.understanding import understand

ZH = {
    "保单 查询": "1", "现金 价值": "13", "保费 查询": "2", "缴费": "21", "报案": "3", "理赔 进度": "4", "产品 介绍": "5",
    "贷款": "62", "变更 地址": "63", "退保": "64", "留言": "7", "投诉": "8", "人工 服务": "@person",
}  # fmt: skip
EN = {
    "policy status": "1", "cash value": "13", "premium due": "2", "pay my premium": "21", "report a claim": "3",
    "claim progress": "4", "product information": "5", "policy loan": "62", "change address": "63",
    "surrender my policy": "64", "leave a message": "7", "make a complaint": "8", "speak to an agent": "@person",
}  # fmt: skip


def asked(text: str, language: str, words: dict[str, str]) -> Understood:
    hypothesis = Hypothesis(tuple(Word(word, 0.95) for word in text.split()))
    return understand(Expectation(language, words, "anything"), [hypothesis])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("我 想 问 一下 我 的 保费 查询", "2"),
        ("我 要 报案 车 被 撞 了", "3"),
        ("我 的 理赔 进度 怎么样 了", "4"),
        ("我 搬家 了 想 变更 一下 地址", "63"),
        ("帮我 看看 现金 价值 是 多少", "13"),
        ("你们 态度 太 差 我 要 投诉", "8"),
        ("我 要 找 人工", "@person"),
    ],
)
def test_mandarin_in_a_callers_own_words_finds_its_menu(text: str, meaning: str) -> None:
    understood = asked(text, "zh-CN", ZH)
    assert understood.meaning == meaning
    assert understood.confidence >= UNSURE


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("hello i would like to report a claim please", "3"),
        ("how is my claim progressing", "4"),
        ("what is the cash value of my policy", "13"),
        ("i moved and need to change my address", "63"),
        ("i want to complain make a complaint", "8"),
        ("can i speak to an agent", "@person"),
    ],
)
def test_english_in_a_callers_own_words_finds_its_menu(text: str, meaning: str) -> None:
    understood = asked(text, "en", EN)
    assert understood.meaning == meaning
    assert understood.confidence >= UNSURE


@pytest.mark.parametrize("text", ["今天 天气 怎么样", "喂 喂 听得到 吗", "我 儿子 在 上 小学", ""])
def test_mandarin_that_is_like_nothing_in_the_menus_is_not_guessed_at(text: str) -> None:
    assert asked(text, "zh-CN", ZH).confidence < UNSURE


@pytest.mark.parametrize(
    "text", ["what a lovely day", "hello hello can you hear me", "the train was late again"]
)
def test_english_that_is_like_nothing_in_the_menus_is_not_guessed_at(text: str) -> None:
    assert asked(text, "en", EN).confidence < UNSURE


def test_where_two_menus_are_as_near_the_caller_is_asked_and_the_other_kept() -> None:
    understood = asked("保单 还是 保费 那个 查询", "zh-CN", ZH)
    assert UNSURE <= understood.confidence < SURE
    assert {"1", "2"} <= {understood.meaning, *understood.others}


def test_a_word_heard_as_another_of_the_same_sound_still_counts() -> None:
    assert asked("我 想 办 代款", "zh-CN", ZH).meaning == "62"


@pytest.mark.parametrize(
    ("language", "text", "meaning"),
    [
        ("zh-CN", "我 想 查 一下 我 的 缴费", "21"),
        ("zh-CN", "请问 什么 是 现金 价值", "13"),
        ("en", "i want to ask about my policy loan", "62"),
        ("en", "what is a cash value", "13"),
    ],
)
def test_a_choice_among_words_that_only_lead_to_it_is_sure(language: str, text: str, meaning: str) -> None:
    understood = asked(text, language, ZH if language == "zh-CN" else EN)
    assert understood.meaning == meaning
    assert understood.confidence >= SURE


@pytest.mark.parametrize(
    ("language", "text"), [("zh-CN", "我 不 想 退保"), ("en", "i do not want to speak to an agent")]
)
def test_what_is_denied_is_not_taken(language: str, text: str) -> None:
    assert asked(text, language, ZH if language == "zh-CN" else EN).confidence < SURE


@pytest.mark.parametrize(
    ("language", "whole", "part"),
    [("zh-CN", "什么", "什么 是 等待期"), ("en", "what", "what is the weather")],
)
def test_what_is_pardon_alone_is_part_of_a_question_in_a_sentence(
    language: str, whole: str, part: str
) -> None:
    words = {
        **(ZH if language == "zh-CN" else EN),
        "再说 一遍" if language == "zh-CN" else "say that again": "@pardon",
    }
    assert asked(whole, language, words).meaning == "@pardon"
    assert asked(part, language, words).meaning != "@pardon"

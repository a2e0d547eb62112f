"""What makes a message urgent when it is said: phrases, unless they are denied or mean something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.errors import SettingError
from ivr.speech.hearing.urgency import UrgentPhrases, urgency_of
from policy_db.message_facts import Segment, SpokenWord

PHRASES = UrgentPhrases.load()


def segment(words: list[str], confidence: float = 1.0) -> Segment:
    return Segment(
        tuple(SpokenWord(word, confidence, at * 0.5, at * 0.5 + 0.4) for at, word in enumerate(words))
    )


def found(text: str, language: str) -> dict[str, str]:
    segments = [segment(part.split()) for part in text.split("|")]
    return {reason.phrase: reason.urgency for reason in PHRASES.reasons(segments, language)}


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("有 人 受伤", {"人受伤": "urgent"}),
        ("厨房 着火 了", {"着火": "urgent"}),
        ("我 被 追尾 了", {"追尾": "high"}),
        ("没有 人 受伤", {}),
        ("人 没 受伤", {}),
        ("没有 任何 人员 受伤", {}),
        ("没有 着火 也 没有 人 受伤", {}),
        ("没有 起火 或 冒烟", {}),
        ("没有 人 受伤 车 撞了", {"撞了": "high"}),
        ("家里 没有 着火 但是 有 人 昏迷", {"昏迷": "urgent"}),
        ("没想到 着火 了", {"着火": "urgent"}),
        ("已经 没有 呼吸 了", {"没有呼吸": "urgent"}),
        ("不小心 撞到 人 了", {"撞到人": "urgent"}),
        ("我 想 问 一下 火灾险 和 意外伤害 保险", {}),
        ("没有 人 受伤|后来 有 人 昏迷", {"昏迷": "urgent"}),
    ],
)
def test_mandarin_is_compared_wherever_the_words_are_parted(text: str, phrases: dict[str, str]) -> None:
    assert found(text, "zh-CN") == phrases


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("my wife is injured", {"injured": "urgent"}),
        ("there was a fire in the kitchen", {"fire": "urgent"}),
        ("i had an accident", {"accident": "high"}),
        ("nobody was injured", {}),
        ("no one was injured or killed", {}),
        ("there is no fire", {}),
        ("no my wife is hurt", {"hurt": "urgent"}),
        ("it was not my fault but my wife is hurt", {"hurt": "urgent"}),
        ("he is not breathing", {"not breathing": "urgent"}),
        ("i want accident insurance and fire insurance", {}),
        ("the fireman is my neighbour", {}),
    ],
)
def test_english_is_compared_by_whole_words(text: str, phrases: dict[str, str]) -> None:
    assert found(text, "en") == phrases


def test_a_reason_says_when_it_was_said_and_how_surely() -> None:
    words = (
        SpokenWord("有人", 1.0, 0.0, 0.4),
        SpokenWord("受", 0.8, 0.5, 0.7),
        SpokenWord("伤", 0.6, 0.7, 0.9),
    )
    (reason,) = PHRASES.reasons([Segment(words)], "zh-CN")
    assert (reason.phrase, reason.at, reason.confidence) == ("人受伤", 0.0, 0.6)


def test_what_the_recogniser_hardly_believes_does_not_count() -> None:
    assert PHRASES.reasons([segment(["着火"], 0.2)], "zh-CN") == ()


def test_the_highest_counts_and_a_language_without_phrases_has_none() -> None:
    segments = [segment(["住院", "着火", "住院"])]
    reasons = PHRASES.reasons(segments, "zh-CN")
    assert [reason.phrase for reason in reasons] == ["住院", "着火"]
    assert urgency_of(reasons) == "urgent"
    assert urgency_of(PHRASES.reasons(segments, "fr")) == "normal"


def test_a_company_has_phrases_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("en: {urgent: [kaboom]}\n", encoding="utf-8")
    assert [one.phrase for one in UrgentPhrases.load(own).reasons([segment(["kaboom"])], "en")] == ["kaboom"]
    for wrong in ("en: {urgnt: [kaboom]}\n", "- a list\n", "en: [\n"):
        own.write_text(wrong, encoding="utf-8")
        with pytest.raises(SettingError, match="H107"):
            UrgentPhrases.load(own)

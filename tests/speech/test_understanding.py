"""What was said as what would have been typed: phrases, values, doubts and known numbers."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spellers import heard, spelled

from ivr.errors import HotlineError
from ivr.speech.hearing.sureness import SURE, UNSURE, confidence, sureness
from ivr.speech.hearing.types import Expectation, Hypothesis, Understood, Word
from ivr.speech.hearing.understanding import understand
from ivr.speech.hearing.values import VALUES

FRIDAY = date(2026, 11, 27)
MENU = {"保单": "1", "查询 保单": "1", "保费": "2", "报案": "3", "人工": "@person", "再说 一遍": "@pardon"}
OFFICE = {"policy": "1", "premium": "2", "report a claim": "3", "agent": "@person"}
CHINESE = "".join("零一二三四五六七八九十百千万亿两点块毛角分元年月日号上下个周星期天前后半刻差不是的嗯再说")
ENGLISH = [
    "one", "two", "oh", "double", "hundred", "thousand", "and", "point", "yuan", "fen", "past", "to", "quarter", "half",
    "the", "of", "march", "fifth", "last", "next", "week", "monday", "a", "m", "p", "no", "yes", "x", "ago", "in", "day",
    "[unk]",
]  # fmt: skip


def said(text: str, language: str = "zh-CN", **expected: object) -> Understood:
    """What is understood of words that the recogniser is sure of."""
    expectation = Expectation(language, today=FRIDAY, **expected)  # type: ignore[arg-type]
    words = text.split()
    return understand(
        expectation, [Hypothesis(tuple(Word(word, 1.0, at, at + 1) for at, word in enumerate(words)))]
    )


@pytest.mark.parametrize("text", ["保单", "嗯 保单", "我 想 查询 保单", "请 帮我 查询 保单 谢谢"])
def test_a_choice_is_sure_with_the_small_words_around_it(text: str) -> None:
    understood = said(text, words=MENU)
    assert (understood.meaning, sureness(understood.confidence)) == ("1", "sure")


@pytest.mark.parametrize(("text", "meaning"), [("包单", "1"), ("宝蛋", "1"), ("抱案", "3")])
def test_a_word_that_sounds_like_a_choice_is_asked_back(text: str, meaning: str) -> None:
    understood = said(text, words=MENU)
    assert (understood.meaning, sureness(understood.confidence)) == (meaning, "unsure")


def test_two_choices_in_one_breath_are_asked_back_with_the_other_kept() -> None:
    understood = said("保单 保费", words=MENU)
    assert sureness(understood.confidence) == "unsure"
    assert {understood.meaning, *understood.others} == {"1", "2"}


@pytest.mark.parametrize(("text", "language"), [("不要 人工", "zh-CN"), ("not an agent", "en")])
def test_what_a_caller_does_not_want_is_not_chosen(text: str, language: str) -> None:
    words = MENU if language == "zh-CN" else OFFICE
    assert said(text, language, words=words).meaning != "@person"


@pytest.mark.parametrize("text", ["今天 天气", "谢谢", "[unk]", ""])
def test_what_is_like_no_choice_means_nothing(text: str) -> None:
    understood = said(text, words=MENU)
    assert sureness(understood.confidence) == "no"


def test_sounds_that_are_no_words_beside_a_choice_make_it_less_sure() -> None:
    assert said("[unk] [unk] 保单", words=MENU).confidence < said("保单", words=MENU).confidence


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("是", "1"),
        ("对的", "1"),
        ("好", "1"),
        ("可以", "1"),
        ("不 是", "2"),
        ("不 对", "2"),
        ("错 了", "2"),
        ("不 用", "2"),
    ],
)
def test_yes_and_no_are_understood_in_many_words(text: str, meaning: str) -> None:
    assert said(text, expect="yes_no", words={"是的": "1", "不是": "2"}).meaning == meaning


@pytest.mark.parametrize("text", ["yes please", "that's right", "yeah", "correct"])
def test_yes_takes_the_key_that_the_step_gave_it(text: str) -> None:
    assert said(text, "en", expect="yes_no", words={"yes": "9", "no": "6"}).meaning == "9"


def test_other_words_for_what_is_understood_everywhere_need_one_of_them_in_the_step() -> None:
    assert said("客服 人员", words=MENU).meaning == "@person"
    assert said("客服 人员", words={"保单": "1"}).meaning == ""


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("八六 零零 一二 三四", "86001234"),
        ("幺 三 八 零零", "13800"),
        ("两 个 八 三 个 零", "88000"),
        ("三十五 四十六", "3546"),
        ("我的 保单号 是 八 六", "86"),
        ("八 六 不对 八 七", "87"),
    ],
)
def test_mandarin_digits_are_read_in_every_way_people_say_them(text: str, meaning: str) -> None:
    assert said(text, expect="digits").meaning == meaning


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("eight six oh oh", ("8600",)),
        ("double three triple zero", ("33000",)),
        ("eighty six twelve", ("8612", "80612")),
        ("my policy number is one two three", ("123",)),
    ],
)
def test_english_digits_are_read_in_every_way_people_say_them(text: str, meanings: tuple[str, ...]) -> None:
    understood = said(text, "en", expect="digits")
    assert (understood.meaning, *understood.others) == meanings


def test_the_length_a_step_takes_settles_between_readings() -> None:
    assert said("eighty six twelve", "en", expect="digits", least=5, most=5).meaning == "80612"


@pytest.mark.parametrize("least_most", [(9, 9), (1, 7), (9, 0)])
def test_a_number_that_does_not_fit_is_not_understood_and_never_cut(least_most: tuple[int, int]) -> None:
    least, most = least_most
    assert said("八六 零零 一二 三四", expect="digits", least=least, most=most).meaning == ""


@pytest.mark.parametrize(
    ("text", "future", "day"),
    [
        ("下周三", False, "20261202"), ("上周三", False, "20261118"), ("周三", False, "20261125"),
        ("周三", True, "20261202"), ("周五", False, "20261127"), ("上个月 二十号", False, "20261020"),
        ("大后天", False, "20261130"), ("昨天 晚上 八点", False, "20261126"), ("三月 五号", False, "20260305"),
        ("三月 五号", True, "20270305"), ("二十号", False, "20261120"), ("二十号", True, "20261220"),
        ("去年 十二月 三十一 号", False, "20251231"), ("九八年 五月 一号", False, "19980501"),
        ("两 个 星期 以后", True, "20261211"), ("三 天 前", False, "20261124"), ("二零二六零三零五", False, "20260305"),
        ("二零二七 年 二月 最后 一天", True, "20270228"), ("下下周一", True, "20261207"),
    ],
)  # fmt: skip
def test_mandarin_days_are_counted_as_people_mean_them(text: str, future: bool, day: str) -> None:
    assert said(text, expect="date", future=future).meaning == day


@pytest.mark.parametrize(
    ("text", "future", "day"),
    [
        ("the twentieth of last month", False, "20261020"), ("march fifth", False, "20260305"),
        ("the fifth of march", True, "20270305"), ("yesterday at eight", False, "20261126"),
        ("the day after tomorrow", True, "20261129"), ("friday", False, "20261127"), ("last friday", False, "20261120"),
        ("three weeks ago", False, "20261106"), ("december thirty first last year", False, "20251231"),
        ("monday next week", True, "20261130"), ("march five two thousand and six", False, "20060305"),
        ("in two months", True, "20270127"), ("tomorrow morning", True, "20261128"),
    ],
)  # fmt: skip
def test_english_days_are_counted_as_people_mean_them(text: str, future: bool, day: str) -> None:
    assert said(text, "en", expect="date", future=future).meaning == day


def test_next_wednesday_said_on_a_monday_is_asked_back_with_both_days() -> None:
    expectation = Expectation("en", expect="date", today=date(2026, 11, 23), future=True)
    understood = understand(expectation, [heard("next wednesday")])
    assert (understood.meaning, understood.others) == ("20261202", ("20261125",))
    assert sureness(understood.confidence) == "unsure"


@pytest.mark.parametrize(("text", "language"), [("二月 三十 号", "zh-CN"), ("february thirtieth", "en")])
def test_a_day_that_no_calendar_has_means_nothing(text: str, language: str) -> None:
    assert said(text, language, expect="date").meaning == ""


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("晚上 八点 半", "2030"), ("下午 三 点 一刻", "1515"), ("中午 十二点", "1200"), ("晚上 十二 点", "0000"),
        ("凌晨 两点", "0200"), ("二十 点 三十 分", "2030"), ("差 五 分 九 点", "0855"), ("今晚 八点", "2000"),
        ("上午 十 点 零 五 分", "1005"), ("零 点", "0000"), ("午夜", "0000"),
    ],
)  # fmt: skip
def test_mandarin_times_of_day(text: str, time: str) -> None:
    assert said(text, expect="time").meaning == time


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("quarter past eight p m", "2015"), ("ten to nine in the evening", "2050"), ("half past seven", "0730"),
        ("twelve fifteen a m", "0015"), ("noon", "1200"), ("eight o'clock in the morning", "0800"),
        ("eight oh five pm", "2005"), ("ten at night", "2200"), ("two at night", "0200"),
    ],
)  # fmt: skip
def test_english_times_of_day(text: str, time: str) -> None:
    assert said(text, "en", expect="time").meaning == time


@pytest.mark.parametrize(("text", "language"), [("八 点", "zh-CN"), ("eight", "en")])
def test_a_time_without_its_half_of_the_day_is_asked_back(text: str, language: str) -> None:
    understood = said(text, language, expect="time")
    assert (understood.meaning, understood.others) == ("0800", ("2000",))
    assert sureness(understood.confidence) == "unsure"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("三千 五百 块 两 毛", "3500*2"), ("一万二", "12000"), ("三 块 五", "3*5"), ("五 块 零 五 分", "5*05"),
        ("三 点 五 万", "35000"), ("两千 零 五十 元 整", "2050"), ("两 毛", "0*2"), ("人民币 三百 块 钱", "300"),
    ],
)  # fmt: skip
def test_mandarin_amounts(text: str, keys: str) -> None:
    assert said(text, expect="money").meaning == keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("three thousand five hundred", "3500"), ("three hundred yuan and fifty fen", "300*5"), ("two yuan five", "2*05"),
        ("a thousand and five dollars", "1005"), ("twelve point five", "12*5"), ("fifty cents", "0*5"),
    ],
)  # fmt: skip
def test_english_amounts(text: str, keys: str) -> None:
    assert said(text, "en", expect="money").meaning == keys


def test_twelve_fifty_may_be_either_amount_and_is_asked_back() -> None:
    understood = said("twelve fifty", "en", expect="money")
    assert (understood.meaning, understood.others) == ("1250", ("12*5",))
    assert sureness(understood.confidence) == "unsure"


def test_a_long_number_is_never_taken_without_a_question() -> None:
    assert said("八六 零零 一二 三四", expect="digits").confidence < SURE


# Numbers that are known to fit

KNOWN = ("86001234", "86005678")


def test_a_known_number_heard_as_it_is_is_sure() -> None:
    understood = said("八六 零零 一二 三四", expect="digits", least=8, most=8, likely=KNOWN)
    assert (understood.meaning, sureness(understood.confidence)) == ("86001234", "sure")


@pytest.mark.parametrize("text", ["八六 零零 七二 三四", "八六 零零 一二 三"])
def test_a_known_number_that_may_have_been_said_goes_first_and_is_asked_back(text: str) -> None:
    understood = said(text, expect="digits", least=8, most=8, likely=KNOWN)
    assert "86001234" in (understood.meaning, *understood.others)
    assert sureness(understood.confidence) != "sure"


def test_a_clearly_different_number_is_not_turned_into_a_known_one() -> None:
    understood = said("八六 零零 八二 八四", expect="digits", least=8, most=8, likely=KNOWN)
    assert understood.meaning == "86008284"
    assert not set(understood.others) & set(KNOWN)


def test_readings_behind_the_best_are_kept_as_others() -> None:
    best, other = heard("八六零零", 0.9), heard("八七零零", 0.4)
    understood = understand(Expectation("zh-CN", expect="digits"), [best, other])
    assert (understood.meaning, understood.others) == ("8600", ("8700",))


def test_where_the_best_reading_does_not_fit_the_next_one_that_does_is_taken() -> None:
    expectation = Expectation("zh-CN", expect="digits", least=4, most=4)
    understood = understand(expectation, [heard("八六零"), heard("八六零零", 0.6)])
    assert understood.meaning == "8600"


# Everything at once


def test_values_as_independent_spellers_say_them_are_understood_as_themselves() -> None:
    wrong = [
        one for one in spelled(500) if understand(one.expectation(), [heard(one.said)]).meaning != one.keys
    ]
    assert wrong == []


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(
        st.tuples(st.just("zh-CN"), st.lists(st.text(CHINESE, min_size=1, max_size=4), max_size=8)),
        st.tuples(st.just("en"), st.lists(st.sampled_from(ENGLISH), max_size=10)),
        st.tuples(st.sampled_from(["zh-CN", "en"]), st.lists(st.text(min_size=1, max_size=6), max_size=4)),
    ),
    st.sampled_from([*sorted(VALUES), "yes_no", "anything", ""]),
    st.booleans(),
    st.dates(),
)
def test_no_words_make_it_fail_and_no_value_has_keys_that_cannot_be_typed(
    words: tuple[str, list[str]], expect: str, future: bool, today: date
) -> None:
    language, each = words
    expectation = Expectation(language, MENU, expect, future=future, today=today, likely=KNOWN)
    understood = understand(expectation, [Hypothesis(tuple(Word(word, 0.9) for word in each))])
    assert 0 <= understood.confidence <= 1
    if understood.meaning not in MENU.values():
        assert set(understood.meaning) <= set("0123456789*")


def test_what_was_heard_stays_out_of_sight() -> None:
    assert "8600" not in repr(said("八六 零零", expect="secret"))


def test_a_language_that_is_not_heard_is_refused() -> None:
    with pytest.raises(HotlineError, match="fr"):
        said("oui", "fr")


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_evidence_is_never_less_sure(one: float, other: float) -> None:
    low, high = sorted((one, other))
    for kind in ("phrase", "figures", "value", "known"):
        assert confidence(kind, low) <= confidence(kind, high)  # type: ignore[arg-type]


def test_the_marks_divide_sure_from_unsure_from_no() -> None:
    assert [sureness(value) for value in (SURE, SURE - 0.01, UNSURE, UNSURE - 0.01)] == [
        "sure",
        "unsure",
        "unsure",
        "no",
    ]


@pytest.mark.parametrize(
    ("language", "digits"), [("zh-CN", "二 四 六 八 一 零"), ("en", "two four six eight one zero")]
)
def test_a_secret_that_was_heard_clearly_is_taken_for_nobody_may_hear_it_read_back(
    language: str, digits: str
) -> None:
    expectation = Expectation(language, expect="secret", least=6, most=6)
    assert understand(expectation, [heard(digits, 0.95)]).confidence >= SURE
    assert understand(expectation, [heard(digits, 0.7)]).confidence < SURE
    other = heard(digits.replace(digits.split()[0], digits.split()[1]), 0.6)
    assert understand(expectation, [heard(digits, 0.95), other]).confidence < SURE
    assert understand(expectation, [heard(" ".join(digits.split()[:5]), 0.95)]).meaning == ""

"""Mandarin values: spoken by rule, read back by an independent reader, from a closed set of pieces."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.values import Money
from ivr.speech.values import PAUSES, NotSpeakableError
from ivr.speech.values_zh import Mandarin

ZH = Mandarin()
AMOUNTS = st.decimals(min_value=0, max_value=10**10, places=2)


def said(kind: str, value: object, unit: str = "") -> str:
    return "".join(ZH.say(kind, value, unit))


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (100, "一百"),
        (105, "一百零五"),
        (110, "一百一十"),
        (115, "一百一十五"),
        (200, "二百"),
        (1001, "一千零一"),
        (1010, "一千零一十"),
        (2000, "两千"),
        (2222, "两千二百二十二"),
        (10_000, "一万"),
        (20_000, "两万"),
        (22_000, "两万二千"),
        (100_045, "十万零四十五"),
        (100_205, "十万零二百零五"),
        (1_010_000, "一百零一万"),
        (10_000_000, "一千万"),
        (200_000_000, "两亿"),
        (100_010_000, "一亿零一万"),
        (100_000_007, "一亿零七"),
        (-15, "负十五"),
    ],
)
def test_a_whole_number_is_said_as_a_reader_says_it(number: int, spoken: str) -> None:
    assert said("integer", number) == spoken


@pytest.mark.parametrize(
    ("amount", "spoken"),
    [
        ("3200", "三千二百元"),
        ("3200.00", "三千二百元"),
        ("2", "两元"),
        ("0", "零元"),
        ("0.50", "五角"),
        ("0.05", "五分"),
        ("12.05", "十二元零五分"),
        ("3200.50", "三千二百元五角"),
        ("20000.56", "两万元五角六分"),
        ("500000", "五十万元"),
        ("1000000", "一百万元"),
        ("99.999", "一百元"),
        ("-1.50", "负一元五角"),
    ],
)
def test_an_amount_is_said_in_yuan_jiao_and_fen(amount: str, spoken: str) -> None:
    assert said("money", Money(Decimal(amount))) == spoken


def test_other_currencies_have_their_names_and_unknown_ones_are_refused() -> None:
    assert said("money", Money(Decimal("12.5"), "HKD")) == "十二点五港元"
    with pytest.raises(NotSpeakableError, match="XAU"):
        ZH.say("money", Money(Decimal(1), "XAU"))


def test_one_is_yao_and_zero_is_ling_in_a_digit_string() -> None:
    assert said("digits", "86001234") == "八六零零-幺二三四"
    assert said("digits", "13800138000") == "幺三八-零零幺三-八零零零"
    assert said("digits", "12 34*") == "幺二三-四星号"


def test_two_becomes_liang_before_a_measure_word_and_not_elsewhere() -> None:
    assert said("integer", 2, "天") == "两天"
    assert said("integer", 2) == "二"
    assert said("integer", 12, "天") == "十二天"
    assert said("integer", 120, "天") == "一百二十天"
    assert said("integer", 105, "天") == "一百零五天"


def test_a_number_and_its_measure_word_are_one_clip() -> None:
    assert ZH.say("integer", 10, "天") == ["十天"]


def test_dates_say_the_year_by_digits() -> None:
    assert ZH.say("date", date(2026, 3, 5)) == ["二零二六年", "三月五日"]
    assert said("date", date(2000, 10, 31)) == "二零零零年十月三十一日"
    assert said("date", date(1912, 2, 29)) == "一九一二年二月二十九日"
    assert said("month", date(2026, 12, 1)) == "二零二六年十二月"


@pytest.mark.parametrize(
    ("at", "spoken"),
    [
        (time(0, 0), "凌晨零点"),
        (time(2, 5), "凌晨两点零五分"),
        (time(8, 30), "早上八点三十分"),
        (time(9, 30), "上午九点三十分"),
        (time(12, 0), "中午十二点"),
        (time(14, 59), "下午两点五十九分"),
        (time(18, 0), "晚上六点"),
    ],
)
def test_times_name_the_part_of_the_day(at: time, spoken: str) -> None:
    assert said("time", at) == spoken


def test_durations_leave_out_what_is_nought() -> None:
    assert said("duration", timedelta(days=2, hours=2, minutes=15)) == "两天两小时十五分钟"
    assert said("duration", timedelta(seconds=90)) == "一分钟三十秒"
    assert said("duration", timedelta(0)) == "零秒"


def test_decimals_and_percentages_say_the_fraction_by_digits() -> None:
    assert said("decimal", Decimal("3.140")) == "三点一四"
    assert said("decimal", Decimal("-0.5")) == "负零点五"
    assert said("percent", Decimal("2.5")) == "百分之二点五"
    assert said("percent", 10) == "百分之十"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("money", 3.2),
        ("money", True),
        ("money", "80"),
        ("decimal", Decimal("NaN")),
        ("integer", Decimal(3)),
        ("date", "2026-03-05"),
        ("time", 930),
        ("datetime", date(2026, 3, 5)),
        ("duration", 60),
        ("digits", 86001234),
    ],
)
def test_a_value_of_another_type_is_refused_not_guessed(kind: str, value: object) -> None:
    with pytest.raises(NotSpeakableError):
        ZH.say(kind, value)


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("money", Money(Decimal(3200)), "3,200.00元"),
        ("date", date(2026, 3, 5), "2026年3月5日"),
        ("month", date(2026, 3, 5), "2026年3月"),
        ("time", time(9, 5), "09:05"),
        ("datetime", datetime(2026, 3, 5, 9, 5, tzinfo=UTC), "2026年3月5日09:05"),
        ("duration", timedelta(hours=25), "1天1小时"),
        ("duration", timedelta(0), "0秒"),
        ("percent", Decimal("2.5"), "2.5%"),
        ("decimal", Decimal("1E+2"), "100"),
        ("digits", "8600 1234", "86001234"),
        ("integer", 7, "7"),
    ],
)
def test_values_are_written_as_a_person_reads_them(kind: str, value: object, written: str) -> None:
    assert ZH.write(kind, value) == written


@given(st.integers(-(10**12) + 1, 10**12 - 1))
def test_every_whole_number_is_read_back_as_itself(number: int) -> None:
    assert cn2an.cn2an(said("integer", number), "smart") == number


@given(AMOUNTS)
def test_every_amount_is_read_back_to_the_fen(amount: Decimal) -> None:
    assert _read_amount(said("money", Money(amount))) == amount


def _read_amount(text: str) -> Decimal:
    yuan, _, rest = text.rpartition("元")
    rest = rest.replace("零", "")
    jiao, _, fen = rest.rpartition("角")
    parts = [(yuan, 100), (jiao, 10), (fen.removesuffix("分"), 1)]
    return Decimal(sum(int(cn2an.cn2an(part, "smart")) * size for part, size in parts if part)) / 100


@given(st.dates())
def test_every_date_is_read_back_as_itself(day: date) -> None:
    year, _, rest = said("date", day).partition("年")
    month, _, last = rest.partition("月")
    numbers = [cn2an.cn2an(month, "normal"), cn2an.cn2an(last.removesuffix("日"), "normal")]
    assert [int("".join(str("零一二三四五六七八九".index(digit)) for digit in year)), *numbers] == [
        day.year,
        day.month,
        day.day,
    ]


@given(st.text("0123456789", max_size=30))
def test_every_digit_string_is_read_back_as_itself(digits: str) -> None:
    spoken = said("digits", digits).replace("-", "")
    assert "".join(str("零幺二三四五六七八九".index(word)) for word in spoken) == digits


@given(
    st.one_of(
        st.tuples(st.just("integer"), st.integers()),
        st.tuples(st.just("money"), AMOUNTS.map(Money)),
        st.tuples(st.just("money"), AMOUNTS.map(lambda amount: Money(amount, "USD"))),
        st.tuples(st.just("decimal"), st.decimals(allow_nan=False, allow_infinity=False, places=4)),
        st.tuples(st.just("percent"), st.decimals(-100, 100, places=3)),
        st.tuples(st.just("digits"), st.text("0123456789*#", max_size=20)),
        st.tuples(st.sampled_from(["date", "month"]), st.dates()),
        st.tuples(st.sampled_from(["datetime", "time"]), st.datetimes()),
        st.tuples(st.just("duration"), st.timedeltas()),
    )
)
def test_every_value_is_said_from_the_inventory(spoken: tuple[str, object]) -> None:
    assert set(ZH.say(*spoken)) <= ZH.inventory().keys() | PAUSES.keys()


@given(st.integers(-5000, 5000), st.sampled_from(ZH.units))
def test_every_counted_number_is_said_from_the_inventory(number: int, unit: str) -> None:
    pieces = ZH.say("integer", number, unit)
    assert set(pieces) <= ZH.inventory().keys()
    assert "".join(pieces).endswith(unit)

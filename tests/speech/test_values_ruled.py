"""Values by the rules of a folder, Cantonese and Spanish: as spoken, against Unicode's spellings, from a closed set.

`spellings/*.tsv` were spelled by ICU 78.3 from its own rules (CLDR 48), which the hotline's do not come from.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.values import Money
from ivr.speech.catalogue import PromptCatalogue
from ivr.speech.values import PAUSES, NotSpeakableError, SpokenValues
from ivr.speech.values_zh import Mandarin

PROMPTS = Path(__file__).parents[2] / "prompts"
SPELLINGS = Path(__file__).parent / "spellings"
CATALOGUE = PromptCatalogue.load(PROMPTS, ["zh-HK", "es"])
ZH_HK, ES = CATALOGUE.values("zh-HK"), CATALOGUE.values("es")


def cantonese(kind: str, value: object, unit: str = "") -> str:
    return "".join(ZH_HK.say(kind, value, unit))


def spanish(kind: str, value: object) -> str:
    return " ".join(ES.say(kind, value)).replace(" , ", ", ")


def spellings(language: str) -> list[list[str]]:
    lines = (SPELLINGS / f"{language}.tsv").read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


# 廣東話


def test_cantonese_numbers_are_those_of_unicode_but_for_liang_nian_and_the_gap_behind_yi() -> None:
    different = 0
    for number, wanted in spellings("yue"):
        said = cantonese("integer", int(number)).replace("兩", "二")
        said = said if int(number) > 10**8 or "廿" not in wanted else said.replace("二十", "廿")
        if int(number) < 10**8:
            assert said == wanted, number
        elif said != wanted:  # Unicode leaves 零 out behind 億 here and there
            different += 1
            assert said.replace("億零", "億") == wanted.replace("億零", "億"), number
    assert different < 200


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_cantonese_numbers_are_those_of_mandarin_in_its_own_words(number: int) -> None:
    mandarin = "".join(Mandarin().say("integer", number)).replace("亿", "億").replace("万", "萬")
    assert cantonese("integer", number).replace("兩", "二") == mandarin.replace("两", "二")


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        (2, "二"),
        (12, "十二"),
        (200, "二百"),
        (2000, "兩千"),
        (22_000, "兩萬兩千"),
        (200_000_000, "兩億"),
        (-15, "負十五"),
    ],
)
def test_two_is_loeng_before_thousands_and_above(number: int, spoken: str) -> None:
    assert cantonese("integer", number) == spoken


def test_two_is_loeng_before_a_measure_word() -> None:
    assert ZH_HK.say("integer", 2, "日") == ["兩", "日"]
    assert cantonese("integer", 12, "日") == "十二日"


@pytest.mark.parametrize(
    ("amount", "currency", "spoken"),
    [
        ("3200", "CNY", "三千二百元"),
        ("2", "CNY", "兩元"),
        ("0", "CNY", "零元"),
        ("0.50", "CNY", "五角"),
        ("0.05", "CNY", "五分"),
        ("12.05", "CNY", "十二元零五分"),
        ("20000.56", "CNY", "兩萬元五角六分"),
        ("99.999", "CNY", "一百元"),
        ("-1.50", "CNY", "負一元五角"),
        ("12.5", "HKD", "港幣十二元五毫"),
        ("12.05", "HKD", "港幣十二元零五仙"),
        ("8.88", "MOP", "澳門幣八元八毫八仙"),
    ],
)
def test_an_amount_is_said_with_its_cents(amount: str, currency: str, spoken: str) -> None:
    assert cantonese("money", Money(Decimal(amount), currency)) == spoken


def test_a_currency_without_a_name_is_refused() -> None:
    with pytest.raises(NotSpeakableError, match="XAU"):
        ZH_HK.say("money", Money(Decimal(1), "XAU"))


def test_digits_are_said_one_by_one_in_groups() -> None:
    assert cantonese("digits", "86001234") == "八六零零-一二三四"
    assert cantonese("digits", "91234567") == "九一二三-四五六七"
    assert cantonese("digits", "12*") == "一二星字掣"


def test_a_day_is_a_hou() -> None:
    assert ZH_HK.say("date", date(2026, 3, 21)) == ["二零二六年", "三月", "二十一號"]
    assert cantonese("date", date(1968, 12, 31)) == "一九六八年十二月三十一號"
    assert cantonese("month", date(2026, 12, 1)) == "二零二六年十二月"


@pytest.mark.parametrize(
    ("at", "spoken"),
    [
        (time(0, 0), "凌晨十二點"),
        (time(2, 5), "凌晨兩點零五分"),
        (time(8, 30), "朝早八點半"),
        (time(9, 15), "上晝九點十五分"),
        (time(12, 0), "中午十二點"),
        (time(14, 59), "下晝兩點五十九分"),
        (time(23, 30), "夜晚十一點半"),
    ],
)
def test_half_past_is_bun(at: time, spoken: str) -> None:
    assert cantonese("time", at) == spoken


def test_lengths_and_shares() -> None:
    assert cantonese("duration", timedelta(days=2, hours=2, minutes=30)) == "兩日兩個鐘三十分鐘"
    assert cantonese("duration", timedelta(0)) == "零秒"
    assert cantonese("percent", Decimal("2.50")) == "百分之二點五"
    assert cantonese("decimal", Decimal("-0.05")) == "負零點零五"


# Español


def test_spanish_numbers_are_those_of_unicode_in_each_gender() -> None:
    for number, alone, masculine, feminine in spellings("es"):
        assert spanish("integer", int(number)) == alone
        assert " ".join(ES.rules.spell("masculine", int(number))) == masculine  # type: ignore[attr-defined]
        assert " ".join(ES.rules.spell("feminine", int(number))) == feminine  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("amount", "currency", "spoken"),
    [
        ("1", "CNY", "un yuan"),
        ("21", "CNY", "veintiún yuanes"),
        ("3200.50", "CNY", "tres mil doscientos yuanes con cincuenta fen"),
        ("1000000", "CNY", "un millón de yuanes"),
        ("1000001", "CNY", "un millón un yuanes"),
        ("0.01", "EUR", "un céntimo"),
        ("201.21", "MOP", "doscientas una patacas con veintiún avos"),
        ("-5", "USD", "menos cinco dólares"),
    ],
)
def test_amounts_agree_with_their_currency(amount: str, currency: str, spoken: str) -> None:
    assert spanish("money", Money(Decimal(amount), currency)) == spoken


def test_spanish_dates_and_times() -> None:
    assert spanish("date", date(2026, 3, 1)) == "primero de marzo de dos mil veintiséis"
    assert spanish("month", date(2026, 3, 1)) == "de marzo de dos mil veintiséis"
    at = datetime(2026, 3, 5, 21, 30, tzinfo=UTC)
    assert spanish("datetime", at) == "cinco de marzo de dos mil veintiséis, a las nueve y media de la noche"
    assert spanish("time", time(13, 15)) == "la una y cuarto de la tarde"
    assert spanish("duration", timedelta(days=1, hours=21)) == "un día veintiuna horas"
    assert spanish("percent", Decimal("2.5")) == "dos coma cinco por ciento"


# Both


VALUES = st.one_of(
    st.tuples(st.just("integer"), st.integers(-(10**13), 10**13)),
    st.tuples(st.just("decimal"), st.decimals(-(10**9), 10**9, places=3)),
    st.tuples(st.just("percent"), st.decimals(0, 100, places=2)),
    st.tuples(
        st.just("money"),
        st.builds(
            Money,
            st.decimals(-(10**10), 10**10, places=2),
            st.sampled_from(["CNY", "HKD", "USD", "EUR", "MOP"]),
        ),
    ),
    st.tuples(st.sampled_from(["date", "month"]), st.dates()),
    st.tuples(st.just("time"), st.times()),
    st.tuples(st.just("datetime"), st.datetimes()),
    st.tuples(st.just("duration"), st.timedeltas(timedelta(0), timedelta(days=4000))),
    st.tuples(st.just("digits"), st.text("0123456789*#", max_size=20)),
)


@pytest.mark.parametrize("spoken", [ZH_HK, ES], ids=lambda spoken: spoken.language)
@given(value=VALUES)
def test_every_value_is_said_from_the_closed_set(spoken: SpokenValues, value: tuple[str, object]) -> None:
    pieces = spoken.say(*value)
    assert pieces or value == ("digits", "")
    assert set(pieces) <= spoken.inventory().keys() | PAUSES.keys()
    assert spoken.write(*value) or value[0] == "digits"


def test_the_set_is_small_enough_to_be_recorded_by_a_person() -> None:
    assert len(ZH_HK.inventory()) < 340
    assert len(ES.inventory()) < 340


def test_values_are_written_as_the_language_writes_them() -> None:
    assert ZH_HK.write("money", Money(Decimal("3200.5"))) == "3,200.50元"
    assert ZH_HK.write("date", date(2026, 3, 5)) == "2026年3月5日"
    assert ES.write("money", Money(Decimal("3200.5"))) == "3.200,50 yuanes"
    assert ES.write("date", date(2026, 3, 5)) == "5 de marzo de 2026"
    assert ES.write("duration", timedelta(days=1, minutes=2)) == "1 día 2 minutos"

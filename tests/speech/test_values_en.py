"""English values: spoken by rule, read back by an independent reader, from a closed set of pieces."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow.values import Money
from ivr.speech.values import PAUSES, NotSpeakableError
from ivr.speech.values_en import English

EN = English()
AMOUNTS = st.decimals(min_value=0, max_value=10**10, places=2)
UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: E501, SIM905
TENS = "x ten twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905


def said(kind: str, value: object) -> str:
    return " ".join(EN.say(kind, value))


def read(text: str) -> int:
    """The number that English words name."""
    total = section = 0
    for word in text.removeprefix("minus ").split():
        if word in UNITS:
            section += UNITS.index(word)
        elif word in TENS:
            section += 10 * TENS.index(word)
        elif word == "hundred":
            section *= 100
        else:
            size = {"thousand": 10**3, "million": 10**6, "billion": 10**9}[word]
            total, section = total + section * size, 0
    return (total + section) * (-1 if text.startswith("minus") else 1)


@pytest.mark.parametrize(
    ("kind", "value", "spoken"),
    [
        ("integer", 0, "zero"),
        ("integer", 45, "forty five"),
        ("integer", 1_015, "one thousand fifteen"),
        ("integer", -2, "minus two"),
        ("money", Money(Decimal("3200.50")), "three thousand two hundred yuan fifty fen"),
        ("money", Money(Decimal("0.05")), "five fen"),
        ("money", Money(Decimal(0)), "zero yuan"),
        ("money", Money(Decimal("1.01"), "USD"), "one dollar one cent"),
        ("money", Money(Decimal("2.02"), "USD"), "two dollars two cents"),
        ("decimal", Decimal("3.140"), "three point one four"),
        ("percent", Decimal("2.5"), "two point five percent"),
        ("digits", "86001234", "eight six zero zero - one two three four"),
        ("date", date(2026, 3, 5), "March fifth twenty twenty six"),
        ("date", date(2005, 12, 31), "December thirty first two thousand five"),
        ("date", date(2000, 1, 30), "January thirtieth two thousand"),
        ("date", date(1950, 1, 20), "January twentieth nineteen fifty"),
        ("date", date(2001, 1, 1), "January first two thousand one"),
        ("month", date(2026, 3, 5), "March twenty twenty six"),
        ("time", time(0, 0), "twelve a.m."),
        ("time", time(9, 5), "nine oh five a.m."),
        ("time", time(21, 30), "nine thirty p.m."),
        ("datetime", datetime(2026, 3, 5, 12, 0, tzinfo=UTC), "March fifth twenty twenty six , twelve p.m."),
        ("duration", timedelta(days=1, hours=2), "one day two hours"),
        ("duration", timedelta(0), "zero seconds"),
    ],
)
def test_a_value_is_said_as_a_reader_says_it(kind: str, value: object, spoken: str) -> None:
    assert said(kind, value) == spoken


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("money", Money(Decimal(3200)), "3,200.00 yuan"),
        ("date", date(2026, 3, 5), "5 March 2026"),
        ("month", date(2026, 3, 5), "March 2026"),
        ("time", time(9, 5), "09:05"),
        ("datetime", datetime(2026, 3, 5, 9, 5, tzinfo=UTC), "5 March 2026, 09:05"),
        ("duration", timedelta(hours=25), "1 day 1 hour"),
        ("duration", timedelta(0), "0 seconds"),
        ("percent", Decimal("2.5"), "2.5%"),
        ("digits", "8600 1234", "86001234"),
        ("integer", 7, "7"),
        ("decimal", Decimal("1.5"), "1.5"),
    ],
)
def test_values_are_written_as_a_person_reads_them(kind: str, value: object, written: str) -> None:
    assert EN.write(kind, value) == written


def test_a_currency_without_a_name_is_refused() -> None:
    with pytest.raises(NotSpeakableError, match="XAU"):
        EN.say("money", Money(Decimal(1), "XAU"))


@given(st.integers(-(10**12) + 1, 10**12 - 1))
def test_every_whole_number_is_read_back_as_itself(number: int) -> None:
    assert read(said("integer", number)) == number


@given(AMOUNTS)
def test_every_amount_is_read_back_to_the_fen(amount: Decimal) -> None:
    words = said("money", Money(amount))
    yuan, _, fen = words.rpartition("yuan")
    assert Decimal(read(yuan) * 100 + read(fen.removesuffix("fen"))) / 100 == amount


@given(
    st.one_of(
        st.tuples(st.just("integer"), st.integers()),
        st.tuples(st.just("money"), AMOUNTS.map(Money)),
        st.tuples(st.just("money"), AMOUNTS.map(lambda amount: Money(amount, "EUR"))),
        st.tuples(st.just("decimal"), st.decimals(allow_nan=False, allow_infinity=False, places=4)),
        st.tuples(st.just("percent"), st.decimals(-100, 100, places=3)),
        st.tuples(st.just("digits"), st.text("0123456789*#", max_size=20)),
        st.tuples(st.sampled_from(["date", "month"]), st.dates()),
        st.tuples(st.sampled_from(["datetime", "time"]), st.datetimes()),
        st.tuples(st.just("duration"), st.timedeltas()),
    )
)
def test_every_value_is_said_from_the_inventory(spoken: tuple[str, object]) -> None:
    assert set(EN.say(*spoken)) <= EN.inventory().keys() | PAUSES.keys()

"""Independent spellers: values as cn2an and num2words say them, with what would have been typed for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import cn2an
from num2words import num2words

from ivr.speech.hearing.types import Expectation, Hypothesis, Word

TODAY = date(2026, 11, 27)
FIRST_DAY = date(1900, 1, 1)
#: The figures of a cheque, which cn2an writes for amounts, as they are said.
CHEQUE = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spelled:
    """`said` in a language stands for `keys` where a value of the kind `expect` is asked for."""

    language: str
    expect: str
    said: str
    keys: str

    def expectation(self) -> Expectation:
        return Expectation(
            self.language, expect=self.expect, today=TODAY, future=self.keys > f"{TODAY:%Y%m%d}"
        )


def heard(said: str, confidence: float = 1.0) -> Hypothesis:
    """Words as a recogniser reports them: Mandarin in words of up to two characters."""
    words = said.split() if said.isascii() else [said[at : at + 2] for at in range(0, len(said), 2)]
    return Hypothesis(tuple(Word(word, confidence, at / 3, (at + 1) / 3) for at, word in enumerate(words)))


def _plain(english: str) -> str:
    return " ".join(english.lower().replace("-", " ").replace(",", " ").split())


def _whole(pick: random.Random) -> int:
    return pick.randrange(10 ** pick.randint(1, 9))


def _cents(pick: random.Random) -> int:
    return pick.randrange(10 ** pick.randint(1, 9))


def _money_keys(cents: int) -> str:
    whole, rest = divmod(cents, 100)
    return f"{whole}*{rest:02d}".rstrip("0") if rest else str(whole)


def _day(pick: random.Random) -> date:
    return FIRST_DAY + timedelta(days=pick.randrange(80_000))


def integer_zh(pick: random.Random) -> Spelled:
    number = _whole(pick)
    return Spelled("zh-CN", "integer", cn2an.an2cn(number), str(number))


def money_zh(pick: random.Random) -> Spelled:
    cents = _cents(pick)
    amount = str(Decimal(cents) / 100)
    return Spelled("zh-CN", "money", cn2an.an2cn(amount, "rmb").translate(CHEQUE), _money_keys(cents))


def date_zh(pick: random.Random) -> Spelled:
    day = _day(pick)
    said = cn2an.transform(f"{day.year}年{day.month}月{day.day}{pick.choice('日号')}", "an2cn")
    return Spelled("zh-CN", "date", said.replace("号", "号"), f"{day:%Y%m%d}")


def time_zh(pick: random.Random) -> Spelled:
    hour, minute = pick.randrange(24), pick.randrange(60)
    part = (
        "凌晨"
        if hour < 6
        else "上午"
        if hour < 12
        else "下午"
        if 12 < hour < 18
        else "中午"
        if hour == 12
        else "晚上"
    )
    zero = "零" if 0 < minute < 10 else ""
    minutes = f"{zero}{cn2an.an2cn(minute)}分" if minute else "整"
    return Spelled(
        "zh-CN",
        "time",
        f"{part}{cn2an.an2cn(hour if hour < 13 else hour - 12)}点{minutes}",
        f"{hour:02d}{minute:02d}",
    )


def digits_zh(pick: random.Random) -> Spelled:
    keys = "".join(pick.choice("0123456789") for _ in range(pick.randint(1, 18)))
    said = "".join("零一二三四五六七八九"[int(key)] for key in keys)
    return Spelled("zh-CN", "digits", said.replace("一", "幺") if pick.random() < 0.5 else said, keys)


def integer_en(pick: random.Random) -> Spelled:
    number = _whole(pick)
    return Spelled("en", "integer", _plain(num2words(number)), str(number))


def money_en(pick: random.Random) -> Spelled:
    cents = _cents(pick)
    said = _plain(num2words(f"{cents / 100:.2f}", to="currency", currency="USD"))
    return Spelled("en", "money", said, _money_keys(cents))


def date_en(pick: random.Random) -> Spelled:
    day = _day(pick)
    month, ordinal = MONTHS[day.month - 1], num2words(day.day, to="ordinal")
    year = num2words(day.year, to="year")
    said = pick.choice(
        (f"{month} {ordinal} {year}", f"the {ordinal} of {month} {year}", f"{month} the {ordinal}, {year}")
    )
    return Spelled("en", "date", _plain(said), f"{day:%Y%m%d}")


def time_en(pick: random.Random) -> Spelled:
    hour, minute = pick.randrange(24), pick.randrange(60)
    name = num2words(hour % 12 or 12)
    minutes = "" if not minute else f"oh {num2words(minute)}" if minute < 10 else num2words(minute)
    return Spelled(
        "en", "time", _plain(f"{name} {minutes} {'p m' if hour >= 12 else 'a m'}"), f"{hour:02d}{minute:02d}"
    )


def digits_en(pick: random.Random) -> Spelled:
    keys = "".join(pick.choice("0123456789") for _ in range(pick.randint(1, 18)))
    return Spelled(
        "en",
        "digits",
        " ".join("oh" if key == "0" and pick.random() < 0.5 else num2words(int(key)) for key in keys),
        keys,
    )


KINDS: tuple[Callable[[random.Random], Spelled], ...] = (
    integer_zh, money_zh, date_zh, time_zh, digits_zh, integer_en, money_en, date_en, time_en, digits_en,
)  # fmt: skip


def spelled(count: int, seed: int = 1) -> Iterator[Spelled]:
    """So many values, all kinds in turn."""
    pick = random.Random(seed)
    for at in range(count):
        yield KINDS[at % len(KINDS)](pick)

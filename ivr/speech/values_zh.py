"""Mandarin values: 幺 for one in digit strings, 两 and 二, 零, 万 and 亿, 元角分, dates and times.

Numbers are spoken by large chunks (三千二百, 四十五, 三十二万), the last one of an amount together with its 元, and
a day of the year is one chunk: every join is a place where the ear, or a recogniser, may stumble.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

from ivr.flow.values import Money, Value
from ivr.speech.values import (
    GROUP_BREATH,
    Carrier,
    NotSpeakableError,
    as_date,
    as_datetime,
    as_decimal,
    as_digits,
    as_integer,
    as_money,
    as_seconds,
    as_time,
    digit_groups,
    duration_parts,
)

DIGITS: Final = "零一二三四五六七八九"
KEYS: Final[Mapping[str, str]] = {
    **dict(zip("0123456789", "零幺二三四五六七八九", strict=True)),
    "*": "星号",
    "#": "井号",
}
CURRENCIES: Final = {"CNY": "元", "HKD": "港元", "USD": "美元", "EUR": "欧元", "MOP": "澳门元"}
SUBUNITS: Final = {"CNY": ("角", "分")}
#: Measure words that are one clip with the number before them, and up to which number.
UNITS: Final[Mapping[str, int]] = {
    "周岁": 80, "个月": 0, "小时": 0, "分钟": 0, "岁": 0, "年": 30, "天": 31, "个": 0, "次": 0, "位": 10, "件": 10,
    "张": 10, "份": 0, "项": 10, "期": 0, "笔": 0, "秒": 0,
}  # fmt: skip
#: Each piece opens a sentence of its own, which gives it a clean start, and goes on, which keeps its tone level.
CARRIER: Final = Carrier("", "，谢谢您的来电。")
FIRST_YEAR, LAST_YEAR = 1995, 2060
LARGEST: Final = 10**12
#: The most days a month can have, by its number.
LONGEST_MONTHS: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DURATIONS: Final = ("天", "小时", "分钟", "秒")


def below_hundred(number: int) -> str:
    """四十五 of 45; 十五 of 15; 零 of 0."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return DIGITS[ones]
    return ("" if tens == 1 else DIGITS[tens]) + "十" + (DIGITS[ones] if ones else "")


def _section(number: int, leading: bool) -> list[str]:
    """One or two chunks of 1…9999: 三千二百 四十五, 三千 零五, 十五.

    `leading` says nothing stands before it, so that 2000 is 两千 and 15 is 十五.
    """
    thousands, hundreds, rest = number // 1000, number // 100 % 10, number % 100
    head = ""
    if thousands:
        head = ("两" if thousands == 2 and leading else DIGITS[thousands]) + "千"
    if hundreds:
        head += DIGITS[hundreds] + "百"
    return ([head] if head else []) + ([_tail(rest, bool(hundreds), head == "" and leading)] if rest else [])


def _tail(number: int, after_hundreds: bool, alone: bool) -> str:
    """The last two digits, 1…99, as they sound behind what went before."""
    if alone:
        return below_hundred(number)
    word = ("一" if 10 <= number <= 19 else "") + below_hundred(number)
    return word if after_hundreds and number >= 10 else "零" + word


def joined(chunks: list[str], unit: str) -> list[str]:
    """The unit in one with the last chunk where there is such a clip, else behind it."""
    together = chunks[-1] + unit
    return [*chunks[:-1], together] if together in _inventory() else [*chunks, unit]


def _apart(chunks: list[str]) -> list[str]:
    """Tails that stand without a unit lose their 零 to a clip of its own."""
    last = chunks[-1]
    return [*chunks[:-1], "零", last[1:]] if last[0] == "零" and len(last) > 1 else chunks


def whole(number: int) -> list[str]:
    """A number said by itself, as chunks of the inventory."""
    return _apart(integer(number))


def integer(number: int, counting: bool = False) -> list[str]:
    """Chunks of a whole number, the last one still open for a unit; `counting` makes a lone 2 两."""
    if number < 0:
        return ["负", *integer(-number, counting)]
    if number >= LARGEST:
        return [DIGITS[int(digit)] for digit in str(number)]
    if number == 0:
        return ["零"]
    if number == 2 and counting:
        return ["两"]
    yi, wan, rest = number // 10**8, number // 10**4 % 10**4, number % 10**4
    chunks: list[str] = []
    if yi:
        chunks += [*(["两"] if yi == 2 else _apart(_section(yi, leading=True))), "亿"]
    if wan:
        chunks += joined(["两"] if wan == 2 and not yi else _apart(_below(wan, after=bool(yi))), "万")
    return chunks + (_below(rest, after=bool(yi or wan), gap=bool(yi and not wan)) if rest else [])


def _below(number: int, after: bool, gap: bool = False) -> list[str]:
    """A section behind a higher one, with the 零 that a gap asks for."""
    chunks = _section(number, leading=not after)
    needs_zero = after and (number < 1000 or gap) and not chunks[0].startswith("零")
    return ["零", *chunks] if needs_zero else chunks


def counted(number: int, unit: str) -> list[str]:
    """两天, 一百 二十 天: a number before its measure word."""
    return joined(_apart(integer(number, counting=True)), unit)


def decimal(number: Decimal) -> list[str]:
    """三点一四: the part after the point is said digit by digit, trailing zeros left out."""
    sign, digits = ("负", -number) if number < 0 else ("", number)
    ahead, _, fraction = f"{digits:f}".partition(".")
    fraction = fraction.rstrip("0")
    chunks = ([sign] if sign and (int(ahead) or fraction) else []) + _apart(integer(int(ahead)))
    spoken = [DIGITS[int(digit)] for digit in fraction]
    return chunks + (["点" + spoken[0], *spoken[1:]] if spoken else [])


def money(amount: Money) -> list[str]:
    """三千 二百元 五角; amounts are rounded half up to the cent, as a bill is."""
    unit = CURRENCIES.get(amount.currency)
    if unit is None:
        raise NotSpeakableError(f"no Mandarin name for the currency {amount.currency}")
    cents = int((abs(amount.amount) * 100).to_integral_value(ROUND_HALF_UP))
    sign = ["负"] if amount.amount < 0 and cents else []
    if amount.currency not in SUBUNITS:
        return [*sign, *decimal(Decimal(cents) / 100), unit]
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    chunks = _yuan(integer(yuan, counting=True)) if yuan or not cents else []
    if jiao:
        chunks.append(DIGITS[jiao] + "角")
    if fen:
        chunks.append(("零" if yuan and not jiao else "") + DIGITS[fen] + "分")
    return sign + chunks


def _yuan(chunks: list[str]) -> list[str]:
    together = joined(chunks, "元")
    return together if together[-1] != "元" else [*_apart(chunks), "元"]


def digits(text: str) -> list[str]:
    """Pairs within groups: 八六 零零, a breath, 幺二 三四."""
    pieces: list[str] = []
    for group in digit_groups(text):
        if pieces:
            pieces.append(GROUP_BREATH)
        pieces += _pairs(group)
    return pieces


def _pairs(group: str) -> list[str]:
    if not group.isdigit():
        return [KEYS[char] for char in group]
    words = "".join(KEYS[digit] for digit in group)
    start = len(words) % 2
    return [words[:start]] * start + [words[at : at + 2] for at in range(start, len(words), 2)]


def year(number: int) -> list[str]:
    """二零二六年, one clip for the years people live in."""
    name = "".join(DIGITS[int(digit)] for digit in str(number)) + "年"
    return [name] if FIRST_YEAR <= number <= LAST_YEAR else list(name)


def clock(hour: int, minute: int) -> list[str]:
    """上午九点 三十分, by the twelve-hour clock with the part of the day."""
    name = "零点" if hour == 0 else ("两" if hour % 12 == 2 else below_hundred((hour - 1) % 12 + 1)) + "点"
    chunks = [_day_part(hour) + name]
    if minute:
        chunks.append(("零" if minute < 10 else "") + below_hundred(minute) + "分")
    return chunks


def _day_part(hour: int) -> str:
    starts = ((18, "晚上"), (13, "下午"), (12, "中午"), (9, "上午"), (6, "早上"), (0, "凌晨"))
    return next(name for start, name in starts if hour >= start)


def duration(seconds: int) -> list[str]:
    """两天 三小时 十五分钟; zero is 零秒."""
    chunks: list[str] = []
    for count, unit in zip(duration_parts(seconds), DURATIONS, strict=True):
        if count:
            chunks += counted(count, unit)
    return chunks or ["零", "秒"]


class Mandarin:
    """`SpokenValues` of zh-CN."""

    language = "zh-CN"
    units = tuple(UNITS)
    carrier = CARRIER
    short = 4

    def say(self, kind: str, value: Value, unit: str = "") -> list[str]:
        """See `SpokenValues.say`."""
        match kind:
            case "digits":
                return digits(as_digits(value))
            case "integer":
                return counted(as_integer(value), unit) if unit else whole(as_integer(value))
            case "decimal":
                return decimal(as_decimal(value))
            case "percent":
                return ["百分之", *decimal(as_decimal(value))]
            case "money":
                return money(as_money(value))
            case "duration":
                return duration(as_seconds(value))
            case _:
                return self._say_when(kind, value)

    def _say_when(self, kind: str, value: Value) -> list[str]:
        if kind == "time":
            moment = as_time(value)
            return clock(moment.hour, moment.minute)
        if kind == "datetime":
            at = as_datetime(value)
            return [*self._say_when("date", at), *clock(at.hour, at.minute)]
        day = as_date(value)
        month = below_hundred(day.month) + "月"
        return [*year(day.year), month if kind == "month" else f"{month}{below_hundred(day.day)}日"]

    def write(self, kind: str, value: Value) -> str:
        """See `SpokenValues.write`."""
        match kind:
            case "digits":
                return as_digits(value)
            case "integer":
                return str(as_integer(value))
            case "decimal":
                return f"{as_decimal(value):f}"
            case "percent":
                return f"{as_decimal(value):f}%"
            case "money":
                amount = as_money(value)
                return f"{amount.amount:,.2f}{CURRENCIES.get(amount.currency, amount.currency)}"
            case "time":
                return f"{as_time(value):%H:%M}"
            case "date":
                day = as_date(value)
                return f"{day.year}年{day.month}月{day.day}日"
            case "month":
                return f"{as_date(value).year}年{as_date(value).month}月"
            case "datetime":
                at = as_datetime(value)
                return f"{self.write('date', at)}{at:%H:%M}"
            case _:
                return _write_duration(as_seconds(value))

    def inventory(self) -> Mapping[str, Carrier]:
        """See `SpokenValues.inventory`."""
        return _inventory()


def _write_duration(seconds: int) -> str:
    parts = zip(duration_parts(seconds), DURATIONS, strict=True)
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0秒"


@cache
def _inventory() -> Mapping[str, Carrier]:
    words = [below_hundred(number) for number in range(100)]
    teens = ["一" + words[number] for number in range(10, 20)]
    hundreds = [digit + "百" for digit in DIGITS[1:]]
    thousands = [digit + "千" for digit in (*DIGITS[1:], "两")]
    heads = [*hundreds, *thousands, *(thousand + hundred for thousand in thousands for hundred in hundreds)]
    tails = {_tail(number, after, alone=False) for number in range(1, 100) for after in (True, False)}
    wan = [end + "万" for end in (*words[1:], "两", *hundreds)]
    names = [
        *words,
        *teens,
        *heads,
        *wan,
        "两",
        "万",
        "亿",
        "负",
        "百分之",
        *("点" + digit for digit in DIGITS),
    ]
    names += [end + "元" for end in (*words, "两", *heads, *sorted(tails), *wan)] + [*CURRENCIES.values()]
    names += [digit + "角" for digit in DIGITS[1:]] + [
        zero + digit + "分" for zero in ("", "零") for digit in DIGITS[1:]
    ]
    return dict.fromkeys([*names, *_digit_names(), *_time_names(words)], CARRIER)


def _digit_names() -> list[str]:
    keys = [KEYS[digit] for digit in "0123456789"]
    return [*keys, KEYS["*"], KEYS["#"], *(first + second for first in keys for second in keys)]


def _time_names(words: list[str]) -> list[str]:
    names = [year(number)[0] for number in range(FIRST_YEAR, LAST_YEAR + 1)]
    names += [words[month] + "月" for month in range(1, 13)]
    names += [
        f"{words[month]}月{words[day]}日"
        for month in range(1, 13)
        for day in range(1, LONGEST_MONTHS[month] + 1)
    ]
    names += [clock(hour, 0)[0] for hour in range(24)] + [clock(9, minute)[1] for minute in range(1, 60)]
    counts = ["两" if number == 2 else word for number, word in enumerate(words)]
    names += [counts[count] + unit for unit, most in UNITS.items() for count in range(1, most + 1)]
    return [*names, *UNITS]

"""Mandarin values as people say them, for the grammar: every word of a kind with the neighbours it has."""

from __future__ import annotations

import random
from typing import Final

from ivr.speech.hearing import dates_zh

#: How many random numbers stand for all of them.
SAMPLES: Final = 800
FIGURES: Final = "零一二三四五六七八九幺"
_ONES: Final = "一二三四五六七八九"


def _tens(number: int) -> str:
    tens, ones = divmod(number, 10)
    head = "" if not tens else "十" if tens == 1 else _ONES[tens - 1] + "十"
    return head + (_ONES[ones - 1] if ones else "")


def numbers(unit: str = "") -> list[str]:
    """Whole numbers to a hundred thousand, as they are said, each word of them with its neighbours."""
    pick = random.Random(7)  # noqa: S311
    found = [name + unit for name in (*map(_tens, range(1, 100)), "两", "零")]
    for size in ("百", "千", "万"):
        found += [digit + size + unit for digit in (*_ONES, "两")]
        found += [f"{digit}{size} {tail}{unit}" for digit in (*_ONES, "两") for tail in _ONES]
    for _ in range(SAMPLES):
        found.append(_number(pick.choice((999, 9999, 99_999, 999_999)), pick) + unit)
    return found


def _number(below: int, pick: random.Random) -> str:
    number = pick.randint(100, below)
    step = pick.choice((1, 10, 100, 100))
    number -= number % (step if number > step else 1)
    wan, rest = divmod(number, 10_000)
    head = (("两" if wan == 2 else _section(wan)) + "万") if wan else ""
    gap = "零" if wan and 0 < rest < 1000 else ""
    return " ".join(part for part in (head, gap, _section(rest) if rest or not wan else "") if part)


def _section(number: int) -> str:
    """Up to 9999 in words, blanks where people breathe."""
    parts: list[str] = []
    gap = False
    for size, name in ((1000, "千"), (100, "百")):
        digit, number = divmod(number, size)
        if digit:
            parts.append(("两" if digit == 2 and size == 1000 else _ONES[digit - 1]) + name)
        gap = bool(parts) and not digit
    if number:
        if parts and (gap or number < 10):
            parts.append("零")
        parts.append(("一" if parts and 10 <= number < 20 else "") + _tens(number))
    return " ".join(parts)


def amounts() -> list[str]:
    """Amounts of money, with their units and without."""
    found = numbers() + numbers("元")[: len(_ONES) * 40] + numbers("块")
    found += [f"{digit} {part}" for digit in _ONES for part in ("毛", "角", "分", "毛 钱", "分 钱")]
    found += [f"块 {digit} 毛" for digit in (*_ONES, "两")] + [f"元 {digit} 角" for digit in _ONES]
    found += [f"{digit} 角 {other} 分" for digit in _ONES for other in _ONES]
    found += [f"块 {digit}" for digit in _ONES] + ["块 钱", "元 整", "人民币"]
    return found + [f"点 {digit} 元" for digit in FIGURES[:10]] + [f"点 {digit} 万" for digit in _ONES]


def days() -> list[str]:
    """Days by the calendar, by the week and from today."""
    dates = [f"{day}{mark}" for day in map(_tens, range(1, 32)) for mark in ("号", "日")]
    months = [f"{name}月" for name in map(_tens, range(1, 13))]
    near = ["上个 月", "这个 月", "下个 月", "本月", "上月", "下月"]
    years = ["今年", "去年", "明年", "前年", "后年"]
    read = [f"{' '.join(FIGURES[int(digit)] for digit in str(year))} 年" for year in range(1930, 2050)]
    found = [f"{month} {day}" for month in months for day in dates]
    found += [f"{month} {day}" for month in near for day in dates] + dates * 2
    found += [f"{year} {month}" for year in (*years, *read) for month in months] + years
    return found + _near_days()


def _near_days() -> list[str]:
    relative = [name for name in dates_zh.RELATIVE_DAYS for _ in range(6)]
    weekdays = [f"{name}{day}" for name in ("周", "星期", "礼拜") for day in "一二三四五六日天"]
    weeks = [f"{week} {day}" for week in ("上", "下", "这", "本", "上个", "下个", "这个") for day in weekdays]
    ago = [
        f"{count} {unit} {way}"
        for count in ("一", "两", "三", "四", "五", "六", "七", "八", "九", "十")
        for unit in ("天", "周", "个 星期", "个 礼拜", "个 月", "年")
        for way in ("前", "以前", "后", "以后")
    ]
    return relative + (weekdays + [week.replace(" ", "") for week in weeks]) * 2 + ago


def times() -> list[str]:
    """Times of day."""
    parts = ["上午", "下午", "晚上", "早上", "中午", "凌晨", "傍晚", "夜里"]
    hours = [f"{name} 点" for name in ("零", "两", *map(_tens, range(1, 25)))]
    minutes = [f"{name} 分" for name in map(_tens, range(1, 60))]
    ends = ["半", "一刻", "三 刻", "钟", "整", *(f"零 {digit} 分" for digit in _ONES), *minutes]
    found = [f"{part} {hour}" for part in parts for hour in hours] + [
        f"{hour} {end}" for hour in hours for end in ends
    ]
    found += [f"{hour} {name}" for hour in hours for name in map(_tens, range(10, 60, 5))]
    found += [f"差 {minute} {hour}" for minute in ("五 分", "十 分", "一刻") for hour in hours]
    days = [f"{day} {part}" for day in ("今天", "明天", "昨天", "后天", "前天") for part in parts]
    return found + days + ["中午", "午夜", "半夜", "零 点", "今晚", "明早", "昨晚"]

"""Mandarin numbers as people say them: 一万二, 两千零五十, 三点五万, 幺三八, 三个八."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

DIGITS: Final = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2}
#: What stands for a digit where a number is read figure by figure.
FIGURES: Final = {character: str(value) for character, value in DIGITS.items()} | {
    "洞": "0",
    "拐": "7",
    "勾": "9",
}
#: Other ways to write or hear the same character.
_SAME: Final = str.maketrans({"〇": "零", "幺": "一", "妖": "一", "俩": "两", "圆": "元", "点": "点"})
_UNITS: Final = "十百千万亿"
_DIGIT: Final = "[一二三四五六七八九]"
_SECTION: Final = re.compile(
    f"(?:({_DIGIT}|两)千)?(零?)(?:({_DIGIT}|两)百)?(零?)(?:({_DIGIT}?)十)?(零?)({_DIGIT}|两)?"
)
_RUN: Final = re.compile(f"[{_UNITS}零一二三四五六七八九两]+")
_TIMES: Final = re.compile(r"([两二三四五六七八])个([零一二三四五六七八九])")
_ALL: Final = re.compile(r"(?:[零一二三四五六七八九两洞拐勾十百千万亿])+")


def same(text: str) -> str:
    """One character for each that means the same in a number: 幺 is 一, 〇 is 零. Blanks go."""
    return text.translate(_SAME).replace(" ", "")


def cardinal(text: str) -> int | None:
    """A whole number said as such, 一万二 being 12000; None if it is none."""
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        head, found, tail = text.rpartition(unit)
        if found:
            return _scaled(head, tail, size)
    return _section(text)


def _scaled(head: str, tail: str, size: int) -> int | None:
    count = cardinal(head)
    if not count:
        return None
    if not tail:
        return count * size
    if len(tail) == 1 and tail != "零":
        return count * size + DIGITS[tail] * size // 10 if tail in DIGITS else None
    rest = cardinal(tail)
    return None if not rest or rest >= size else count * size + rest


def _section(text: str) -> int | None:
    """0 to 9999; a last figure without its unit counts one unit lower: 三千五 is 3500."""
    if text == "零":
        return 0
    match = _SECTION.fullmatch(text)
    if match is None or not text or text.endswith("零"):
        return None
    thousands, _, hundreds, _, tens, gap, ones = match.groups()
    value = DIGITS.get(thousands, 0) * 1000 + DIGITS.get(hundreds, 0) * 100
    if tens is not None:
        value += (DIGITS[tens] if tens else 1) * 10
    return value + _ones(ones, gap, thousands, hundreds, tens, text)


def _ones(
    ones: str | None, gap: str, thousands: str | None, hundreds: str | None, tens: str | None, text: str
) -> int:
    value = DIGITS.get(ones or "", 0)
    if tens is not None or gap or text[-2:-1] == "零":
        return value
    return value * (10 if hundreds else 100 if thousands else 1)


def decimal(text: str) -> Decimal | None:
    """A number with 点, or without: 三点五万, 一百二十点零五; None if it is none."""
    size = Decimal(1)
    while "点" in text and text[-1:] in ("万", "亿"):
        size *= 10**4 if text[-1] == "万" else 10**8
        text = text[:-1]
    whole, point, fraction = text.partition("点")
    number = integer(whole)
    if number is None or (point and (not fraction or any(figure not in DIGITS for figure in fraction))):
        return None
    return size * Decimal(f"{number}.{''.join(str(DIGITS[figure]) for figure in fraction) or 0}")


def integer(text: str) -> int | None:
    """A whole number, said as one or figure by figure; None if it is none."""
    number = cardinal(text)
    if number is not None:
        return number
    return int("".join(FIGURES[c] for c in text)) if text and all(c in FIGURES for c in text) else None


def figures(text: str) -> str:
    """The digits of a number that is read figure by figure or in small numbers: 八六 三十五 is 8635; else empty.

    三个八 is 888. A run with a unit in it is one number.
    """
    text = _TIMES.sub(lambda match: match[2] * DIGITS[match[1]], text)
    if not text or not _ALL.fullmatch(text):
        return ""
    out = []
    for part in re.findall(f"[^{_UNITS}]+(?![{_UNITS}])|.+", text) if _has_unit(text) else [text]:
        if not _has_unit(part):
            out.append("".join(FIGURES[c] for c in part))
        elif (number := cardinal(part)) is not None:
            out.append(str(number))
        else:
            out.append(_pairs(part))
    return "".join(out) if all(out) else ""


def _has_unit(text: str) -> bool:
    return any(unit in text for unit in _UNITS)


_SMALL: Final = re.compile(
    f"{_DIGIT}?十{_DIGIT}?|{_DIGIT}百(?:零{_DIGIT}|{_DIGIT}?十{_DIGIT}?)?|[零洞拐勾]|{_DIGIT}|两"
)


def _pairs(text: str) -> str:
    """三十五四十六 as 35 46: small numbers one after another."""
    out, at = [], 0
    while at < len(text):
        match = _SMALL.match(text, at)
        if match is None:
            return ""
        number = cardinal(match[0])
        out.append(FIGURES.get(match[0]) or str(number))
        at = match.end()
    return "".join(out)

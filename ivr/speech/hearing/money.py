"""Amounts as people say them: 三千五百块两毛, 一万二, 三块五; three thousand five hundred yuan, twelve fifty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from ivr.speech.hearing import numbers_en, numbers_zh
from ivr.speech.hearing.readings import LIKELIER, OTHER, Reading, best_first, money_key

_FIGURE: Final = "[一二三四五六七八九两]"
_MANDARIN: Final = re.compile(
    "(?:人民币)?"
    "(?:(?P<yuan>[零一二三四五六七八九两十百千万亿点]+)(?P<unit>块钱|元钱|块|元)(?:人民币)?)?"
    f"(?:零?(?P<jiao>{_FIGURE})[毛角]钱?)?"
    f"(?:零?(?P<fen>{_FIGURE})分钱?)?"
    f"(?:(?P<gap>零)?(?P<loose>{_FIGURE}十{_FIGURE}?|{_FIGURE}))?"
    "(?:整|钱)?"
)
_MAIN: Final = frozenset({"yuan", "rmb", "renminbi", "dollar", "dollars", "buck", "bucks", "kuai"})
_PART: Final = {"fen": 1, "cent": 1, "cents": 1, "jiao": 10, "mao": 10}


def mandarin(text: str) -> tuple[Reading, ...]:
    """The amount a text (see `numbers_zh.same`) means, at most one."""
    bare = numbers_zh.decimal(text.removeprefix("人民币").removesuffix("整"))
    if bare is not None:
        return _keys(bare * 100)
    match = _MANDARIN.fullmatch(text)
    if match is None or not (match["yuan"] or match["jiao"] or match["fen"]):
        return ()
    whole = numbers_zh.decimal(match["yuan"]) if match["yuan"] else Decimal(0)
    loose = _loose(match)
    if whole is None or loose is None:
        return ()
    return _keys(whole * 100 + _figure(match["jiao"]) * 10 + _figure(match["fen"]) + loose)


def _figure(character: str | None) -> int:
    return numbers_zh.DIGITS[character] if character else 0


def _loose(match: re.Match[str]) -> int | None:
    """What a last figure without its unit adds, in fen: 三块五 and 三毛五; None where it makes no sense."""
    said = match["loose"]
    if not said:
        return 0
    number = numbers_zh.cardinal(said)
    if number is None or match["fen"] or (match["jiao"] and number > 9):
        return None
    return number if match["jiao"] or match["gap"] or number > 9 else number * 10


def _keys(cents: Decimal) -> tuple[Reading, ...]:
    """An amount in whole fen; more places than that are no amount."""
    return (Reading(money_key(int(cents))),) if cents == int(cents) and cents >= 0 else ()


def english(words: Sequence[str]) -> tuple[Reading, ...]:
    """The amounts that words may mean, likeliest first."""
    core = [word for word in words if word != "and" or not _MAIN & set(words)]
    for at, word in enumerate(core):
        if word in _MAIN:
            return _with_unit(core[:at], core[at + 1 :])
    if core and core[-1] in _PART:
        return _with_unit([], core)
    number = numbers_en.cardinal(core)
    if number is None:
        number_ = numbers_en.decimal(core) if "point" in core else None
        return _keys(number_ * 100) if number_ is not None else _without_unit(core)
    return _keys(Decimal(number * 100))


def _with_unit(whole: Sequence[str], rest: Sequence[str]) -> tuple[Reading, ...]:
    amount = numbers_en.decimal(whole) if whole else Decimal(0)
    cents = _cents(list(rest))
    return () if amount is None or cents is None else _keys(amount * 100 + cents)


def _cents(words: list[str]) -> int | None:
    """Fen behind the yuan: `fifty`, `fifty fen`, `two jiao five fen`; None if they are none."""
    if not words:
        return 0
    part: list[str] = []
    total = 0
    for word in words:
        if word in _PART:
            count = numbers_en.cardinal(part)
            if count is None:
                return None
            total, part = total + count * _PART[word], []
        else:
            part.append(word)
    last = numbers_en.cardinal(part) if part else 0
    return total + last if last is not None and total + last < 100 else None


def _without_unit(words: Sequence[str]) -> tuple[Reading, ...]:
    """`twelve fifty` is 1250, or 12.50: the caller is asked. Else a number read by figures."""
    found = [
        Reading(read, LIKELIER if len(words) < len(read) else 1.0) for read in numbers_en.figures(words)[:1]
    ]
    for at in range(1, len(words)):
        whole, cents = numbers_en.cardinal(words[:at]), numbers_en.cardinal(words[at:])
        if whole and cents is not None and 10 <= cents <= 99:
            found.append(Reading(money_key(whole * 100 + cents), OTHER))
    return best_first(found)

"""Values in what was said: the readings of a number, amount, day or time, in the language of the call."""

from __future__ import annotations

from datetime import date
from typing import Final

from ivr.speech.hearing import dates_en, dates_zh, money, numbers_en, numbers_zh
from ivr.speech.hearing.lexicon import Lexicon
from ivr.speech.hearing.readings import LIKELIER, LOOSE, OTHER, Reading, best_first

#: What is read figure by figure.
FIGURES: Final = frozenset({"digits", "code", "phone", "secret"})
#: Every kind of value.
VALUES: Final = FIGURES | {"integer", "money", "date", "time"}
#: The digits of the largest number that is anything.
_LONGEST: Final = 12


def values(
    said: str, expect: str, lexicon: Lexicon, today: date, future: bool = False
) -> tuple[Reading, ...]:
    """What the folded words `said` may mean as a value of the kind `expect`, best first."""
    text = lexicon.value(said)
    for correction in lexicon.corrections:
        head, found, tail = text.rpartition(correction)
        if found and head and tail and (after := values(tail, expect, lexicon, today, future)):
            return tuple(Reading(reading.meaning, reading.weight * LOOSE) for reading in after)
    reader = _mandarin if lexicon.chinese else _english
    return best_first(
        reading for part in dict.fromkeys((said, text)) for reading in reader(part, expect, today, future)
    )


def _mandarin(said: str, expect: str, today: date, future: bool) -> tuple[Reading, ...]:
    text = numbers_zh.same(said)
    match expect:
        case "date":
            return dates_zh.days(text, today, future)
        case "time":
            return dates_zh.times(text)
        case "money":
            return money.mandarin(text)
        case "integer":
            return _whole(numbers_zh.integer(text.rstrip("个岁年天人位件份元块")))
        case _:
            return _figures_zh(text, expect)


def _figures_zh(text: str, expect: str) -> tuple[Reading, ...]:
    star = expect == "secret" and text.endswith(("x", "叉"))
    digits = numbers_zh.figures(text[:-1] if star else text)
    return (Reading(digits + "*" * star),) if digits else ()


def _english(said: str, expect: str, today: date, future: bool) -> tuple[Reading, ...]:
    words = said.split()
    match expect:
        case "date":
            return dates_en.days(words, today, future)
        case "time":
            return dates_en.times(words)
        case "money":
            return money.english(words)
        case "integer":
            return _integers_en([word for word in words if word not in ("years", "year", "old", "days")])
        case _:
            return _figures_en(words, expect)


def _integers_en(words: list[str]) -> tuple[Reading, ...]:
    return _whole(numbers_en.integer(words))


def _figures_en(words: list[str], expect: str) -> tuple[Reading, ...]:
    star = expect == "secret" and words[-1:] == ["x"]
    found = numbers_en.figures(words[:-1] if star else words)
    if len(found) < 2:
        return tuple(Reading(digits + "*" * star) for digits in found)
    weights = (LIKELIER, *(OTHER for _ in found[1:]))
    return tuple(Reading(digits + "*" * star, weight) for digits, weight in zip(found, weights, strict=True))


def _whole(number: int | None) -> tuple[Reading, ...]:
    return () if number is None or len(str(number)) > _LONGEST else (Reading(str(number)),)


def fits(meaning: str, expect: str, least: int, most: int) -> bool:
    """Whether a value has as many keys as the step takes. Days and times have their own lengths."""
    if expect in ("date", "time"):
        return True
    return len(meaning) >= least and (not most or len(meaning) <= most)

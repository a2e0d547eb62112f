"""English numbers as people say them: twelve hundred, a thousand and five, double three, eighty six oh one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final

ONES: Final = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS: Final = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES: Final = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
#: One figure, where a number is read figure by figure.
FIGURES: Final = {word: str(value) for word, value in ONES.items() if value < 10} | {
    "oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0", "niner": "9", "fife": "5",
}  # fmt: skip
REPEATS: Final = {"double": 2, "triple": 3, "treble": 3}
_ARTICLES: Final = frozenset({"a", "one"})


def cardinal(words: Sequence[str]) -> int | None:
    """A whole number said as such; None if it is none. `a hundred and five`, `twenty five hundred`."""
    rest = [word for word in words if word != "and"]
    if not rest or rest == ["a"]:
        return None
    part: list[str] = []
    total, limit = 0, 10**12
    for word in rest:
        if word in SCALES:
            size = SCALES[word]
            count = _below_thousand(part)
            if not count or size >= limit:
                return None
            total, limit, part = total + count * size, size, []
        else:
            part.append(word)
    if not part:
        return total
    last = _below_thousand(part)
    return None if last is None or last >= limit or (total and not last) else total + last


def _below_thousand(words: Sequence[str]) -> int | None:
    """0 to 9999: `nine hundred five`, `twelve hundred`."""
    if "hundred" not in words:
        return _below_hundred(words)
    at = list(words).index("hundred")
    count = _below_hundred(["one"] if list(words[:at]) == ["a"] else words[:at])
    rest = words[at + 1 :]
    last = _below_hundred(rest) if rest else 0
    if not count or last is None or (rest and not last):
        return None
    return count * 100 + last


def _below_hundred(words: Sequence[str]) -> int | None:
    match tuple(words):
        case ("a",):
            return 1
        case (word,):
            return ONES.get(word, TENS.get(word))
        case (tens, ones) if tens in TENS and 0 < ONES.get(ones, 0) < 10:
            return TENS[tens] + ONES[ones]
        case _:
            return None


def decimal(words: Sequence[str]) -> Decimal | None:
    """A number with `point`, or without; None if it is none."""
    if "point" not in words:
        number = integer(words)
        return None if number is None else Decimal(number)
    at = list(words).index("point")
    whole = integer(words[:at]) if at else 0
    size, fraction = 1, list(words[at + 1 :])
    if fraction and fraction[-1] in SCALES:
        size = SCALES[fraction.pop()]
    if whole is None or not fraction or any(word not in FIGURES for word in fraction):
        return None
    return size * Decimal(f"{whole}.{''.join(FIGURES[word] for word in fraction)}")


def integer(words: Sequence[str]) -> int | None:
    """A whole number, said as one, by figures, or by pairs (`twelve fifty` is 1250); None if it is none."""
    number = cardinal(words)
    if number is not None:
        return number
    read = figures(words)
    return int(read[0]) if read and len(read[0]) <= 12 else None


def figures(words: Sequence[str]) -> tuple[str, ...]:
    """The digits of a number read by figures, pairs or small numbers, likeliest reading first; empty if none.

    `eighty six oh one` is 8601, and 80601 to those who pause after eighty.
    """
    return tuple(dict.fromkeys(_readings(tuple(word for word in words if word != "and"))))[:8]


@lru_cache(maxsize=4096)
def _readings(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        return ()
    out: list[str] = []
    for length in range(min(len(words), 4), 0, -1):
        heads = _token(words[:length])
        if not heads:
            continue
        tails = _readings(words[length:]) if len(words) > length else ("",)
        out += [head + tail for head in heads for tail in tails]
    return tuple(out[:8])


def _token(words: tuple[str, ...]) -> tuple[str, ...]:
    """What a few words at the head may stand for as one piece."""
    if len(words) == 1:
        if words[0] in FIGURES:
            return (FIGURES[words[0]],)
        number = _below_hundred(words)
        return () if number is None or words[0] == "a" else (str(number),)
    if words[0] in REPEATS:
        return (FIGURES[words[1]] * REPEATS[words[0]],) if len(words) == 2 and words[1] in FIGURES else ()
    if "hundred" in words or "thousand" in words:
        number = cardinal(words)
        return () if number is None else (str(number),)
    if len(words) == 2 and (number := _below_hundred(words)) is not None:
        return (str(number),)
    return ()

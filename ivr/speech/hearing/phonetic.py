"""How alike phrases sound: Mandarin by pinyin, English by a coarse spelling of its sounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from pypinyin import Style, lazy_pinyin

#: A syllable: initial, final, tone.
Syllable = tuple[str, str, str]
_Sound = TypeVar("_Sound")

_CHINESE: Final = re.compile(r"[\u3400-\u9fff]")
_RUNS: Final = re.compile(r"[\u3400-\u9fff]+|[^\u3400-\u9fff]+")
#: Initials and finals that speakers of many regions do not tell apart, or that a telephone does not.
_NEAR_INITIALS: Final = frozenset(
    frozenset(pair.split("/"))
    for pair in ["n/l", "zh/z", "ch/c", "sh/s", "f/h", "r/l", "b/p", "d/t", "g/k", "j/q"]
)
_NEAR_FINALS: Final = frozenset(
    frozenset(pair) for pair in (
        ("an", "ang"), ("en", "eng"), ("in", "ing"), ("ian", "iang"), ("uan", "uang"), ("uen", "ueng"), ("o", "uo"),
        ("e", "o"),
    )
)  # fmt: skip
_NEAR, _FAR, _TONE = 0.15, 0.5, 0.08
#: Letters to sounds, in this order; what is left of the vowels becomes one.
_SOUNDS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("^kn", "n"), ("^wr", "r"), ("^wh", "w"), ("ph", "f"), ("gh(?=t|$)", ""), ("ck", "k"), ("tch", "C"), ("ch", "C"),
        ("sh", "S"), ("th", "T"), ("tion", "San"), ("c(?=[eiy])", "s"), ("[cq]", "k"), ("g(?=[eiy])", "j"), ("x", "ks"),
        ("z", "s"), ("(.)\\1", "\\1"), ("e$", ""), ("[aeiouy]+", "a"), ("'", ""),
    )
)  # fmt: skip
_NEAR_SOUNDS: Final = frozenset(
    frozenset(pair) for pair in ("sT", "fT", "bp", "dt", "gk", "mn", "sS", "SC", "jC", "vf", "wr", "lr", "vb")
)


@lru_cache(maxsize=8192)
def syllables(text: str) -> tuple[Syllable, ...]:
    """The Mandarin syllables of Chinese text; other characters count as a syllable of their own."""
    found: list[Syllable] = []
    for run in _RUNS.findall(text):
        if not _CHINESE.match(run):
            found += [(character, "", "") for character in run]
            continue
        initials = lazy_pinyin(run, style=Style.INITIALS, strict=False)
        finals = lazy_pinyin(run, style=Style.FINALS_TONE3, strict=False, neutral_tone_with_five=True)
        found += [(head, tail[:-1], tail[-1:]) for head, tail in zip(initials, finals, strict=True)]
    return tuple(found)


@lru_cache(maxsize=8192)
def english_sounds(text: str) -> str:
    """A coarse spelling of how English words sound."""
    words = []
    for word in text.lower().split():
        for pattern, sound in _SOUNDS:
            word = pattern.sub(sound, word)
        words.append(word)
    return "".join(words)


def syllable_distance(one: Syllable, other: Syllable) -> float:
    """0 for the same, little for what many do not tell apart, at most 1."""
    if one == other:
        return 0.0
    return min(
        1.0,
        _part(one[0], other[0], _NEAR_INITIALS)
        + _part(one[1], other[1], _NEAR_FINALS)
        + (one[2] != other[2]) * _TONE,
    )


def _part(one: str, other: str, near: frozenset[frozenset[str]]) -> float:
    if one == other:
        return 0.0
    return _NEAR if frozenset((one, other)) in near else _FAR


def _sound_distance(one: str, other: str) -> float:
    if one == other:
        return 0.0
    return 0.3 if frozenset((one, other)) in _NEAR_SOUNDS else 0.5 if "a" in (one, other) else 1.0


def aligned(
    one: Sequence[_Sound], other: Sequence[_Sound], cost: Callable[[_Sound, _Sound], float], gap: float = 1.0
) -> float:
    """The least cost of turning one sequence into the other; leaving out or putting in one costs `gap`."""
    row = [gap * column for column in range(len(other) + 1)]
    for index, mine in enumerate(one, start=1):
        above, row[0] = row[0], gap * index
        for column, theirs in enumerate(other, start=1):
            above, row[column] = (
                row[column],
                min(row[column] + gap, row[column - 1] + gap, above + cost(mine, theirs)),
            )
    return row[-1]


def likeness(one: str, other: str, chinese: bool) -> float:
    """From 0 to 1, how alike two folded phrases sound."""
    if one == other:
        return 1.0
    if chinese:
        return _share(syllables(one), syllables(other), syllable_distance)
    return _share(english_sounds(one), english_sounds(other), _sound_distance)


def _share(one: Sequence[_Sound], other: Sequence[_Sound], cost: Callable[[_Sound, _Sound], float]) -> float:
    longest = max(len(one), len(other))
    return 1 - aligned(one, other, cost) / longest if longest else 0.0

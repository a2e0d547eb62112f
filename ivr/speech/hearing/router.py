"""“How can I help you?”: what a caller said in their own words, sent where the menus' own words point.

Every phrase of the menus is a small document of its words and sounds (pinyin of Mandarin, so that a word heard as
another of the same sound still counts). What was said is compared with each of them; parts that stand in many phrases
say little (inverse document frequency). There is nothing to train.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from ivr.speech.hearing.lexicon import Lexicon
from ivr.speech.hearing.phonetic import english_sounds, syllables
from ivr.speech.hearing.readings import Reading, best_first

#: Below this nothing that was said is like anything in the menus.
LEAST: Final = 0.35
#: How much a runner-up as good as the best takes from its weight.
DOUBT: Final = 0.5
_ENDINGS: Final = ("ings", "ing", "ies", "es", "ed", "s", "ment")
_LIGHT: Final = frozenset({
    "i", "my", "me", "the", "a", "an", "to", "of", "for", "is", "it", "in", "on", "and", "do", "can", "you", "want",
    "need", "have", "what", "how", "about", "with",
})  # fmt: skip


def routes(said: str, live: Mapping[str, str], words: Lexicon) -> tuple[Reading, ...]:
    """The meanings that the folded words `said` may stand for by the folded phrases `live`, best first."""
    menu = Menu.of(live, words.chinese)
    scores = menu.scores(words.stripped(said))
    if not scores:
        return ()
    ordered = sorted(scores.items(), key=lambda one: -one[1])
    best = ordered[0][1]
    second = ordered[1][1] if len(ordered) > 1 else 0.0
    first = Reading(ordered[0][0], min(best, 1.0) * (1 - DOUBT * (second / best) ** 4))
    return best_first([first, *(Reading(meaning, score * 0.6) for meaning, score in ordered[1:4])])


class Menu:
    """The phrases of a step as weighted parts."""

    def __init__(self, phrases: tuple[tuple[str, str], ...], chinese: bool) -> None:
        self._chinese = chinese
        self._parts = [(parts(phrase, chinese), meaning) for phrase, meaning in phrases]
        meanings: dict[str, set[str]] = {}
        for each, meaning in self._parts:
            for part in each:
                meanings.setdefault(part, set()).add(meaning)
        count = len({meaning for _, meaning in self._parts}) or 1
        self._rare = {part: math.log(1 + count / len(found)) for part, found in meanings.items()}

    @staticmethod
    def of(live: Mapping[str, str], chinese: bool) -> Menu:
        """The menu of these phrases; the same one is made once."""
        return _menu(tuple(live.items()), chinese)

    def scores(self, said: str) -> dict[str, float]:
        """How much of each meaning's best phrase was said, from 0 to 1, where it is anything."""
        heard = parts(said, self._chinese)
        found: dict[str, float] = {}
        for each, meaning in self._parts:
            score = self._overlap(heard, each)
            if score >= LEAST:
                found[meaning] = max(score, found.get(meaning, 0.0))
        return found

    def _overlap(self, heard: Counter[str], phrase: Counter[str]) -> float:
        """The share of a phrase that was said, a little less where it is a small part of a long speech."""
        whole = self._weight(phrase.keys())
        if not whole:
            return 0.0
        share = self._weight(heard.keys() & phrase.keys()) / whole
        return share * (0.75 + 0.25 * min(1.0, len(phrase) / max(len(heard), 1)))

    def _weight(self, found: Iterable[str]) -> float:
        return sum(self._rare.get(part, 0.0) * (1.5 if part[0] == "音" else 1.0) for part in found)


@lru_cache(maxsize=64)
def _menu(phrases: tuple[tuple[str, str], ...], chinese: bool) -> Menu:
    return Menu(phrases, chinese)


def parts(text: str, chinese: bool) -> Counter[str]:
    """What a phrase is made of: pairs of characters and of syllables, or words by their stem and sound."""
    if chinese:
        characters = [f"字{text[at : at + 2]}" for at in range(max(len(text) - 1, 1))] if text else []
        sounds = [initial + final for initial, final, _ in syllables(text)]
        return Counter(
            [
                *characters,
                *(f"音{''.join(sounds[at : at + 2])}" for at in range(max(len(sounds) - 1, 1)) if sounds),
            ]
        )
    stems = [_stem(word) for word in text.split() if word not in _LIGHT]
    return Counter([*(f"词{stem}" for stem in stems), *(f"音{english_sounds(stem)}" for stem in stems)])


def _stem(word: str) -> str:
    ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= 3), "")
    return word[: len(word) - len(ending)]

"""What a recogniser is told to expect: phrases in the words of its model.

Vosk makes a bigram of the phrases it is given (Kaldi's `LanguageModelEstimator`, order 2, discount 0.5). That has two
consequences, both measured (docs/speech-understanding.md). A list of single digits makes every further digit
unlikely, and loses digits; many random numbers of the right length make all of them equally likely and cost nothing.
And what stands once beside many is unlikely: the phrases of the step are therefore repeated.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from ivr.speech.hearing import samples_en, samples_zh
from ivr.speech.hearing.lexicon import Lexicon, base, lexicon, live_words
from ivr.speech.hearing.phonetic import english_sounds, syllables
from ivr.speech.hearing.types import Expectation
from ivr.speech.hearing.values import FIGURES, VALUES
from ivr.speech.hearing.vocabulary import Vocabulary, spoken_words

#: What the recogniser makes of sounds that are none of the words.
UNKNOWN: Final = "[unk]"
#: How many numbers stand for all of their kind, and how often a phrase of the step is repeated beside them.
SAMPLES: Final = 800
REPEATED: Final = 12
#: How many digits are usual where a step does not say.
_USUAL: Final[Mapping[str, tuple[int, int]]] = {
    "phone": (8, 11),
    "secret": (4, 6),
    "code": (3, 6),
    "digits": (4, 8),
}


def phrases_for(expectation: Expectation, vocabulary: Vocabulary) -> list[str]:
    """The grammar of a step: its phrases and the values it expects, in words of the vocabulary, and `[unk]`.

    Raises HotlineError for a language that is not heard.
    """
    words = lexicon(expectation.language)
    live = live_words(expectation.words, expectation.expect == "yes_no", words)
    own = _heard([*expectation.words, *live], vocabulary)
    values = value_phrases(
        base(expectation.language), expectation.expect, expectation.least, expectation.most, vocabulary
    )
    likely = _likely(expectation, vocabulary)
    # Beside digits no little words: `i` takes the place of five, 吧 that of 八.
    fillers = [] if expectation.expect in FIGURES else _heard(words.fillers, vocabulary)
    others = [] if values else _heard(unlike([*expectation.words, *live], words), vocabulary)
    times = REPEATED if values else 1
    return [*(phrase for phrase in own for _ in range(times)), *fillers, *values, *likely, *others, UNKNOWN]


def nobodys_words(expectation: Expectation) -> frozenset[str]:
    """The words of a step's grammar that stand for what is none of its own, as `[unk]` does."""
    if expectation.expect in VALUES:
        return frozenset()
    words = lexicon(expectation.language)
    live = live_words(expectation.words, expectation.expect == "yes_no", words)
    return frozenset(unlike([*expectation.words, *live], words))


def unlike(phrases: Iterable[str], words: Lexicon) -> list[str]:
    """The common words that share no sound with any of these phrases: what is none of them becomes one of those.

    Without them a step's grammar forces every other word into its own (docs/speech-understanding.md).
    """
    taken = {sound for phrase in phrases for sound in _sounds(words.fold(phrase), words.chinese)}
    return [word for word in words.others if taken.isdisjoint(_sounds(word, words.chinese))]


def _sounds(folded: str, chinese: bool) -> list[str]:
    """The syllables of Mandarin without their tones; the words of English, as they sound."""
    if chinese:
        return [initial + final for initial, final, _ in syllables(folded)]
    return [english_sounds(word) for word in folded.split()]


def _heard(phrases: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    """The phrases that can be heard whole, each once. English is folded by words: what is unknown is left out."""
    splits = (spoken_words(phrase, vocabulary) for phrase in phrases)
    return list(dict.fromkeys(split.text for split in splits if split.words and not split.unheard))


def _likely(expectation: Expectation, vocabulary: Vocabulary) -> list[str]:
    """Values that are known to fit, read figure by figure: a little likelier than any other."""
    if expectation.expect not in FIGURES:
        return []
    read = [_read(value, base(expectation.language)) for value in expectation.likely if value.isdecimal()]
    return [phrase for phrase in _heard(read, vocabulary) for _ in range(3)]


def _read(digits: str, language: str) -> str:
    names = samples_zh.FIGURES if language == "zh" else samples_en.FIGURES
    return " ".join(names[int(digit)] for digit in digits)


@lru_cache(maxsize=64)
def value_phrases(
    language: str, expect: str, least: int, most: int, vocabulary: Vocabulary
) -> tuple[str, ...]:
    """Phrases that stand for all values of a kind, in words of the vocabulary; none where no value is expected."""
    if expect in FIGURES:
        low, high = _USUAL[expect]
        return tuple(_figure_phrases(language, min(least or low, most or 99), most or max(high, least)))
    makers = _ZH if language == "zh" else _EN
    if expect not in makers:
        return ()
    return tuple(_heard(makers[expect](), vocabulary))


def _figure_phrases(language: str, least: int, most: int) -> Iterator[str]:
    """Random numbers of every length that fits; beside them, rarely, the other ways to say digits."""
    names = tuple(samples_zh.FIGURES) if language == "zh" else samples_en.FIGURES
    pick = random.Random(4)  # noqa: S311 (samples of a grammar: the same ones every time)
    longest = min(most, 24)
    lengths = range(min(max(1, least), longest), longest + 1)
    for _ in range(SAMPLES):
        yield " ".join(pick.choice(names) for _ in range(pick.choice(lengths)))
    if language == "en":
        yield from (f"{twice} {name}" for twice in ("double", "triple") for name in names)
    else:
        yield from (f"{times} 个 {name}" for times in "两三" for name in samples_zh.FIGURES[:10])


Maker = Callable[[], list[str]]
_ZH: Final[Mapping[str, Maker]] = {
    "integer": samples_zh.numbers,
    "money": samples_zh.amounts,
    "date": samples_zh.days,
    "time": samples_zh.times,
}
_EN: Final[Mapping[str, Maker]] = {
    "integer": samples_en.numbers,
    "money": samples_en.amounts,
    "date": samples_en.days,
    "time": samples_en.times,
}

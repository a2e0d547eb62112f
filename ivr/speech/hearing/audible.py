"""Which words of the flows the installed models cannot hear: said when flows are checked, not met by callers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivr.speech.hearing.lexicon import base
from ivr.speech.hearing.vocabulary import Vocabulary, spoken_words


@dataclass(frozen=True, slots=True)
class Unheard:
    """A phrase of a language, and the parts of it that its model does not know."""

    language: str
    phrase: str
    parts: tuple[str, ...]


def vocabularies(models: Mapping[str, Path]) -> dict[str, Vocabulary]:
    """The words of the installed models by language (`models.usable_models`), without loading one (0.3 s each)."""
    return {language: Vocabulary.read(folder) for language, folder in models.items()}


def unheard(phrases: Mapping[str, Iterable[str]], known: Mapping[str, Vocabulary]) -> Iterator[Unheard]:
    """The phrases, by language, that a model would drop or hear in part. Languages without a model are passed over."""
    by_base = {base(language): vocabulary for language, vocabulary in known.items()}
    for language, each in phrases.items():
        vocabulary = by_base.get(base(language))
        if vocabulary is None:
            continue
        for phrase in dict.fromkeys(each):
            split = spoken_words(phrase, vocabulary)
            if split.unheard or not split.words:
                yield Unheard(language, phrase, split.unheard or (phrase,))

"""The words of a language that stand in `words/*.yaml`: fillers, and other ways to say what a step listens for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ruamel.yaml import YAML

from ivr.errors import HotlineError
from ivr.speech.hearing.vocabulary import plain

#: Languages with words of their own; others have no recogniser.
LANGUAGES: Final = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language's words, folded, longer ones first."""

    chinese: bool
    fillers: tuple[str, ...]
    corrections: tuple[str, ...]
    before_no: tuple[str, ...]
    yes: tuple[str, ...]
    no: tuple[str, ...]
    everywhere: Mapping[str, tuple[str, ...]]
    #: Words that nobody means here: they take up what is none of a step's.
    others: tuple[str, ...]
    #: What is meant only where it is all that is said: 什么, `what`.
    alone: frozenset[str]
    #: Fillers at the beginning, those and what introduces a value, and fillers at the end.
    filler_heads: re.Pattern[str]
    lead_heads: re.Pattern[str]
    filler_tails: re.Pattern[str]
    #: Fillers, and words that only lead to what is meant, wherever they stand.
    carriers: re.Pattern[str]

    def fold(self, phrase: str) -> str:
        """`phrase` as it is compared: Chinese without blanks, English in small letters with single blanks."""
        return _fold(phrase, self.chinese)

    @property
    def gap(self) -> str:
        """What stands between two words of a folded phrase."""
        return "" if self.chinese else " "

    def holds(self, text: str, phrase: str) -> int:
        """Where a folded phrase begins in a folded text, at the boundary of a word; -1 if it is not in it."""
        if self.chinese:
            return text.find(phrase)
        return f" {text} ".find(f" {phrase} ")

    def denies(self, text: str) -> bool:
        """Whether a folded text says no to something."""
        return any(self.holds(text, word) >= 0 for word in self.before_no)

    def stripped(self, folded: str) -> str:
        """Without fillers at the beginning and the end; the whole if there is nothing else."""
        return self._peel(folded, self.filler_heads) or folded

    def core(self, folded: str) -> str:
        """What is left without fillers and without words that only lead to what is meant; empty if nothing is."""
        return self.carriers.sub("", folded).strip()

    def value(self, folded: str) -> str:
        """Without fillers and without what introduces a number or a day; the whole if there is nothing else."""
        return self._peel(folded, self.lead_heads) or folded

    def _peel(self, text: str, heads: re.Pattern[str]) -> str:
        return self.filler_tails.sub("", heads.sub("", text))


def base(language: str) -> str:
    """`zh` of zh-CN: which recogniser's language it is."""
    return language.split("-")[0].lower()


@cache
def lexicon(language: str) -> Lexicon:
    """The words of a language such as zh-CN. Raises HotlineError for one that is not heard."""
    short = base(language)
    if short not in LANGUAGES:
        raise HotlineError(f"no speech is understood in {language}")
    text = (files(__package__) / "words" / f"{short}.yaml").read_text("utf-8")
    return _built(YAML(typ="safe").load(text), short == "zh")


def _built(data: Mapping[str, Any], chinese: bool) -> Lexicon:
    def words(phrases: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted((_fold(phrase, chinese) for phrase in phrases), key=len, reverse=True))

    fillers, leads = words(data["fillers"]), words(data["leads"])
    end, gap, edge = ("", "", "") if chinese else ("(?: |$)", "(?:^| )", r"\b")
    everywhere = {meaning: words(phrases) for meaning, phrases in data["everywhere"].items()}
    return Lexicon(
        chinese=chinese,
        fillers=fillers,
        corrections=words(data["corrections"]),
        before_no=words(data["before_no"]),
        yes=words(data["yes"]),
        no=words(data["no"]),
        everywhere=everywhere,
        others=words(data["others"]),
        alone=frozenset(words(data["alone"])),
        filler_heads=re.compile(f"^(?:(?:{_any(fillers)}){end})+"),
        lead_heads=re.compile(f"^(?:(?:{_any((*fillers, *leads))}){end})+"),
        filler_tails=re.compile(f"(?:{gap}(?:{_any(fillers)}))+$"),
        carriers=re.compile(f"{edge}(?:{_any((*fillers, *words(data['carriers'])))}){edge}"),
    )


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _fold(phrase: str, chinese: bool) -> str:
    return plain(phrase).replace(" ", "") if chinese else plain(phrase)


def live_words(words: Mapping[str, str], yes_no: bool, lexicon: Lexicon) -> dict[str, str]:
    """The folded phrases of a step with their meanings, and other ways to say the same.

    Phrases that are understood everywhere bring theirs wherever the step knows their meaning; yes and no where they
    are asked for, or where a step has two of them with one meaning. What the step says itself goes first.
    """
    live: dict[str, str] = {}
    for phrase, meaning in words.items():
        if folded := lexicon.fold(phrase):
            live.setdefault(folded, meaning)
    own, meanings = dict(live), set(live.values())
    for meaning, phrases in lexicon.everywhere.items():
        if meaning in meanings:
            live = dict.fromkeys(phrases, meaning) | live
    for answers in (lexicon.yes, lexicon.no):
        meaning = _meaning_of(answers, own, 1 if yes_no else 2)
        if meaning:
            live = dict.fromkeys(answers, meaning) | live
    return live


def _meaning_of(answers: tuple[str, ...], own: Mapping[str, str], least: int) -> str:
    """What most of these answers mean in a step; empty where fewer than `least` stand for it."""
    found = [own[answer] for answer in answers if answer in own]
    best = max(set(found), key=found.count, default="")
    return best if found.count(best) >= least else ""

"""How urgent a message is by what was said in it: phrases of a data file (`urgent.yaml`), unless they were denied."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ivr.errors import SettingError
from policy_db.message_facts import Segment, SpokenWord, Urgency, UrgencyReason, more_urgent

#: A phrase whose words the recogniser hardly believes itself does not count.
LEAST_CONFIDENCE: Final = 0.3
_LEVELS: Final = ("urgent", "high")
_LISTS: Final = (*_LEVELS, "never", "not", "near", "and", "though", "but")
#: Takes the place of what is not to be looked at.
_HIDDEN: Final = "\0"


@dataclass(frozen=True, slots=True)
class _Words:
    """One language's phrases. Chinese is compared by characters, others by whole words."""

    chinese: bool
    levels: Mapping[str, str]
    phrases: re.Pattern[str]
    hidden: re.Pattern[str]
    #: What denies, with how far it reaches: characters or words.
    denials: tuple[tuple[re.Pattern[str], int], ...]
    links: frozenset[str]
    turns: re.Pattern[str]


class UrgentPhrases:
    """The phrases of every language of a file."""

    def __init__(self, languages: Mapping[str, _Words]) -> None:
        self._languages = languages

    @classmethod
    def load(cls, path: Path | None = None) -> UrgentPhrases:
        """Those of a company's own file, or those that come with the hotline. Raises SettingError (H107)."""
        try:
            text = (path or files(__package__).joinpath("urgent.yaml")).read_text(encoding="utf-8")
            content = YAML(typ="safe").load(text)
            return cls({language: _words(language, lists) for language, lists in content.items()})
        except (OSError, YAMLError, AttributeError, TypeError, KeyError, ValueError) as error:
            raise SettingError(
                f"the urgent phrases in {path} cannot be read ({error}); write them like"
                " ivr/speech/hearing/urgent.yaml",
                code="H107",
            ) from None

    def reasons(self, segments: Iterable[Segment], language: str) -> tuple[UrgencyReason, ...]:
        """What was said that makes it urgent, in order; each phrase once."""
        words = self._languages.get(language.partition("-")[0])
        found: dict[str, UrgencyReason] = {}
        for segment in segments if words is not None else ():
            for reason in _reasons(cast("_Words", words), segment.words):
                found.setdefault(reason.phrase, reason)
        return tuple(found.values())


def urgency_of(reasons: Iterable[UrgencyReason]) -> Urgency:
    """The highest of them."""
    highest: Urgency = "normal"
    for reason in reasons:
        if more_urgent(reason.urgency, highest):
            highest = reason.urgency
    return highest


def _words(language: str, lists: Mapping[str, Any]) -> _Words:
    unknown = set(lists) - {*_LISTS, "reach"}
    if unknown:
        raise ValueError(f"{language} has {', '.join(sorted(unknown))}, which means nothing")
    chinese = language == "zh"
    levels = {str(phrase).lower(): level for level in reversed(_LEVELS) for phrase in lists.get(level, ())}
    return _Words(
        chinese,
        levels,
        _any(levels, chinese),
        _any((*lists.get("never", ()), *lists.get("though", ())), chinese),
        tuple(
            (_any(lists.get(name, ()), chinese), int(lists.get("reach", {}).get(name, 2)))
            for name in ("not", "near")
        ),
        frozenset(str(word) for word in lists.get("and", ())),
        _any(lists.get("but", ()), chinese),
    )


def _any(phrases: Iterable[Any], chinese: bool) -> re.Pattern[str]:
    """Any of the phrases, the longest first; one that is never found where there are none."""
    alternatives = "|".join(
        re.escape(phrase) for phrase in sorted((str(one).lower() for one in phrases), key=len, reverse=True)
    )
    if not alternatives:
        return re.compile(r"(?!)")
    return re.compile(alternatives if chinese else rf"(?<![\w'])(?:{alternatives})(?![\w'])")


def _reasons(words: _Words, said: Sequence[SpokenWord]) -> Iterator[UrgencyReason]:
    gap = "" if words.chinese else " "
    text = gap.join(word.text.lower() for word in said)
    open_text = _masked(words, text)
    before, denied = 0, False
    for match in words.phrases.finditer(open_text):
        between = open_text[before : match.start()]
        denied = _denied(words, between) or (denied and between.strip() in words.links)
        before = match.end()
        if denied:
            continue
        spoken = _spoken(said, match.start(), match.end(), len(gap))
        confidence = min(word.confidence for word in spoken)
        if confidence >= LEAST_CONFIDENCE:
            level = cast("Urgency", words.levels[match.group()])
            yield UrgencyReason(match.group(), level, spoken[0].start, confidence)


def _masked(words: _Words, text: str) -> str:
    """The text without what only looks urgent, or only looks like a denial; what it stands for may itself be a phrase."""

    def hide(match: re.Match[str]) -> str:
        whole = match.group()
        return whole if whole in words.levels else _HIDDEN * len(whole)

    return words.hidden.sub(hide, text)


def _denied(words: _Words, before: str) -> bool:
    """Whether what stands between the phrase before and a phrase denies it: near enough, and nothing turns it."""
    turns = [match.end() for match in words.turns.finditer(before)]
    rest = before[turns[-1] :] if turns else before
    for denials, reach in words.denials:
        ends = [match.end() for match in denials.finditer(rest)]
        if ends:
            between = rest[ends[-1] :]
            if (len(between) if words.chinese else len(between.split())) <= reach:
                return True
    return False


def _spoken(said: Sequence[SpokenWord], start: int, end: int, gap: int) -> list[SpokenWord]:
    """The words that characters `start` to `end` of the joined text belong to."""
    found, at = [], 0
    for word in said:
        if at < end and at + len(word.text) > start:
            found.append(word)
        at += len(word.text) + gap
    return found

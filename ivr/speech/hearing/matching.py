"""Phrases of a step in what was said: whole, among other words, or something that sounds much like one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ivr.speech.hearing.lexicon import Lexicon
from ivr.speech.hearing.phonetic import likeness
from ivr.speech.hearing.readings import Reading, best_first

#: Below this, phrases are not alike.
ALIKE: Final = 0.75
#: For what is understood everywhere: it is in every step, and mostly not meant.
ALIKE_EVERYWHERE: Final = 0.85
#: A phrase among other words weighs at least so much; so much where those say nothing; and one that only sounds alike
#: at most so much.
AMONG, CARRIED, SOUNDS = 0.6, 0.97, 0.85


def matches(said: str, live: Mapping[str, str], lexicon: Lexicon) -> tuple[Reading, ...]:
    """What the folded words `said` mean by the folded phrases `live`, best first."""
    for text in dict.fromkeys((said, lexicon.stripped(said))):
        if text in live:
            return (Reading(live[text]),)
    core = lexicon.stripped(said)
    return best_first([*_among(core, live, lexicon), *_alike(core, live, lexicon)])


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    phrase: str = field(repr=False)

    @property
    def end(self) -> int:
        return self.start + len(self.phrase)


def _among(text: str, live: Mapping[str, str], lexicon: Lexicon) -> list[Reading]:
    """Phrases within what was said. One inside another does not count; one that is denied does not either."""
    found: list[_Found] = []
    for phrase in sorted(live.keys() - lexicon.alone, key=lambda one: (-len(one), one)):
        start = lexicon.holds(text, phrase)
        here = _Found(start, phrase)
        if start >= 0 and not any(one.start < here.end and here.start < one.end for one in found):
            found.append(here)
    meant = [one for one in found if not _denied(text[: one.start], lexicon)]
    alone = len({live[one.phrase] for one in meant}) == 1
    if alone and not lexicon.core(_rest(text, meant)):
        return [Reading(live[meant[0].phrase], CARRIED)]
    return [Reading(live[one.phrase], _weight(one, text, alone)) for one in meant]


def _rest(text: str, found: Sequence[_Found]) -> str:
    """What was said beside these phrases."""
    for one in sorted(found, key=lambda one: -one.start):
        text = f"{text[: one.start]} {text[one.end :]}"
    return text


def _weight(found: _Found, text: str, alone: bool) -> float:
    """More of what was said weighs more; where two different phrases were, each of them halves the other."""
    covered = AMONG + (1 - AMONG) * len(found.phrase) / len(text)
    return covered if alone else covered * 0.75


def _denied(before: str, lexicon: Lexicon) -> bool:
    """Whether a phrase is what the caller does not want: 不要人工, `not an agent`."""
    before = lexicon.core(before)
    return any(before == word or before.endswith(lexicon.gap + word) for word in lexicon.before_no)


def _alike(text: str, live: Mapping[str, str], lexicon: Lexicon) -> list[Reading]:
    if not text:
        return []
    scores = ((meaning, likeness(text, phrase, lexicon.chinese)) for phrase, meaning in live.items())
    return [Reading(meaning, SOUNDS * score) for meaning, score in scores if score >= _least(meaning)]


def _least(meaning: str) -> float:
    return ALIKE_EVERYWHERE if meaning.startswith("@") else ALIKE

"""Numbers that are known to fit (the caller's own policies), against what was heard of one.

A known number that was heard as it is needs no question. One that differs by figures that are often taken for each
other, or by one that was swallowed, is offered first, but asked back. A number that was heard clearly and differs is
never turned into a known one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ivr.speech.hearing.lexicon import Lexicon
from ivr.speech.hearing.phonetic import aligned
from ivr.speech.hearing.readings import Reading
from ivr.speech.hearing.types import Expectation, Hypothesis
from ivr.speech.hearing.values import values

#: Numbers shorter than this are too easily alike.
SHORTEST: Final = 4
#: What a wrong figure costs: one that is often taken for the other, any other, one left out or put in.
CONFUSED, WRONG, MISSING = 0.4, 1.0, 0.6
#: The most a known number may differ by, for each four figures.
MOST: Final = 0.45
#: Weight of a known number heard as it is, and of one that differs.
AS_IT_IS, DIFFERENT = 1.0, 0.4
#: Figures that are taken for each other on a telephone (docs/speech-understanding.md).
_ALIKE: Final[Mapping[bool, frozenset[frozenset[str]]]] = {
    True: frozenset(frozenset(pair) for pair in ("17", "06", "69", "16", "59", "25", "15", "36", "24")),
    False: frozenset(
        frozenset(pair) for pair in ("04", "68", "38", "02", "27", "14", "26", "59", "19", "15")
    ),
}


def best_known(expectation: Expectation, hypotheses: Sequence[Hypothesis], words: Lexicon) -> Reading | None:
    """The known number that was heard, or most nearly so; None where none is near, or two are as near.

    Its weight is evidence: that of the words where it was said as it is.
    """
    heard = list(_numbers(expectation, hypotheses, words))
    if not heard:
        return None
    known = [number for number in expectation.likely if len(number) >= SHORTEST]
    first, weight = heard[0]
    if first in known:
        return Reading(first, weight * AS_IT_IS)
    scored = sorted((_distance(first, number, words.chinese), number) for number in known)
    if not scored or scored[0][0] > MOST * max(len(scored[0][1]), 4) / 4:
        return next((Reading(number, DIFFERENT) for number, _ in heard[1:] if number in known), None)
    if len(scored) > 1 and scored[1][0] - scored[0][0] < 0.2:
        return None
    return Reading(scored[0][1], DIFFERENT)


def _numbers(
    expectation: Expectation, hypotheses: Sequence[Hypothesis], words: Lexicon
) -> Sequence[tuple[str, float]]:
    """What each hypothesis reads as, whatever its length, with how sure its words are."""
    found = []
    for hypothesis in hypotheses:
        known = [word for word in hypothesis.words if word.text != "[unk]"]
        said = words.fold(" ".join(word.text for word in known))
        sure = min((word.confidence for word in known), default=0.0)
        found += [
            (one.meaning, sure * one.weight)
            for one in values(said, expectation.expect, words, expectation.today)
        ]
    return found


def _distance(one: str, other: str, chinese: bool) -> float:
    alike = _ALIKE[chinese]

    def cost(mine: str, theirs: str) -> float:
        if mine == theirs:
            return 0.0
        return CONFUSED if frozenset((mine, theirs)) in alike else WRONG

    return aligned(one, other, cost, MISSING)

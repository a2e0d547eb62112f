"""What was meant by what was heard: keys as they would have been typed, with how sure one may be.

The first hypothesis is the recogniser's best with the confidence of each word; those behind it are other readings of
the same sound, each word with the reading's share of the likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ivr.speech.hearing.lexicon import Lexicon, lexicon, live_words
from ivr.speech.hearing.likely import best_known
from ivr.speech.hearing.matching import matches
from ivr.speech.hearing.readings import Reading
from ivr.speech.hearing.router import routes
from ivr.speech.hearing.sureness import SURE, UNSURE, Kind, confidence
from ivr.speech.hearing.types import Expectation, Hypothesis, Understood, Word
from ivr.speech.hearing.values import FIGURES, VALUES, fits, values

UNKNOWN: Final = "[unk]"
#: Further readings that are worth telling.
MOST_OTHERS: Final = 4
#: A further reading with less than this is none.
LEAST: Final = 0.05
#: What is left of free words' weight where there is a no among them.
DENIED: Final = 0.75


@dataclass(frozen=True, slots=True)
class _Meant:
    """One meaning, what speaks for it, and of which kind it is."""

    meaning: str = field(repr=False)
    evidence: float
    kind: Kind

    @property
    def confidence(self) -> float:
        return confidence(self.kind, self.evidence)


def understand(expectation: Expectation, hypotheses: Sequence[Hypothesis]) -> Understood:
    """The meaning of what was heard in a step. Never raises for words, however odd; HotlineError for a language."""
    words = lexicon(expectation.language)
    text = _known(hypotheses[0]) if hypotheses else ""
    found = _together([_meanings(expectation, hypothesis, words) for hypothesis in hypotheses])
    if expectation.likely and expectation.expect in FIGURES:
        found = _with_known(expectation, hypotheses, words, found)
    found = sorted(found, key=_order, reverse=True)
    if not found:
        return Understood(text, "", 0.0)
    others = tuple(one.meaning for one in found[1:] if one.evidence >= LEAST)[:MOST_OTHERS]
    return Understood(text, found[0].meaning, round(found[0].confidence, 3), others)


def _order(meant: _Meant) -> tuple[bool, float]:
    """What is understood everywhere goes behind what the step asks for, unless it is sure."""
    everywhere = meant.meaning.startswith("@")
    certain = meant.confidence
    return certain >= SURE or (certain >= UNSURE and not everywhere), certain


def _known(hypothesis: Hypothesis) -> str:
    return " ".join(word.text for word in hypothesis.words if word.text != UNKNOWN)


def _meanings(expectation: Expectation, hypothesis: Hypothesis, words: Lexicon) -> list[_Meant]:
    """The readings of one hypothesis that fit the step; each meaning once."""
    said = words.fold(_known(hypothesis))
    if not said:
        return []
    heard = evidence(hypothesis.words)
    live = live_words(expectation.words, expectation.expect == "yes_no", words)
    found: dict[str, _Meant] = {}
    for kind, reading in _readings(expectation, said, live, words):
        meant = _Meant(reading.meaning, heard * reading.weight, kind)
        known = found.get(reading.meaning)
        if known is None or known.evidence < meant.evidence:
            found[reading.meaning] = meant
    return list(found.values())


def _readings(
    expectation: Expectation, said: str, live: dict[str, str], words: Lexicon
) -> list[tuple[Kind, Reading]]:
    phrases: list[tuple[Kind, Reading]] = [("phrase", one) for one in matches(said, live, words)]
    expect = expectation.expect
    if expect == "anything":
        doubt = DENIED if words.denies(said) else 1.0
        open_words = {phrase: meaning for phrase, meaning in live.items() if phrase not in words.alone}
        routed = (Reading(one.meaning, one.weight * doubt) for one in routes(said, open_words, words))
        return [*phrases, *(("route", one) for one in routed)]
    if expect not in VALUES:
        return phrases
    kind: Kind = "secret" if expect == "secret" else "figures" if expect in FIGURES else "value"
    found = values(said, expect, words, expectation.today, expectation.future)
    fitting = [one for one in found if fits(one.meaning, expect, expectation.least, expectation.most)]
    whole = [one for one in phrases if one[1].weight == 1 or not fitting]
    return [*whole, *((kind, one) for one in fitting)]


def evidence(words: Sequence[Word]) -> float:
    """How much the sound speaks for the words: their confidence, the weakest counting most, less what is no word."""
    known = [word.confidence for word in words if word.text != UNKNOWN]
    if not known:
        return 0.0
    return (0.5 * min(known) + 0.5 * sum(known) / len(known)) * _covered(words)


def _covered(words: Sequence[Word]) -> float:
    """The share of what was said that is words, by time, or by number where there is no time."""
    lengths = [(max(word.end - word.start, 0.0), word.text != UNKNOWN) for word in words]
    if not sum(length for length, _ in lengths):
        lengths = [(1.0, known) for _, known in lengths]
    total = sum(length for length, _ in lengths)
    return 0.4 + 0.6 * sum(length for length, known in lengths if known) / total


def _together(readings: Sequence[Sequence[_Meant]]) -> list[_Meant]:
    """Meanings of all hypotheses: the best one's evidence, less the share of those that mean something else."""
    if not readings:
        return []
    best, others = readings[0], readings[1:]
    found = {one.meaning: one for one in best}
    for each in others:
        for one in each:
            if one.meaning not in found:
                found[one.meaning] = _Meant(one.meaning, min(one.evidence, 0.5), one.kind)
    if not best:
        return list(found.values())
    against = sum(
        max((one.evidence for one in each), default=0.0)
        for each in others
        if each and best[0].meaning not in {one.meaning for one in each}
    )
    first = best[0]
    found[first.meaning] = _Meant(first.meaning, first.evidence * (1 - min(against, 1.0) / 2), first.kind)
    return list(found.values())


def _with_known(
    expectation: Expectation, hypotheses: Sequence[Hypothesis], words: Lexicon, found: list[_Meant]
) -> list[_Meant]:
    """A value that is known to fit goes first where what was heard is that, or may well have been."""
    best = best_known(expectation, hypotheses, words)
    if best is None:
        return found
    rest = [
        _Meant(one.meaning, one.evidence, one.kind) if one.confidence < SURE else one
        for one in found
        if one.meaning != best.meaning
    ]
    return [_Meant(best.meaning, best.weight, "known"), *rest]

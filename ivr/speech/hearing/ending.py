"""When a caller has said all: the pause that ends an answer is short after a complete one, long within a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ivr.speech.hearing.types import Expectation, Hypothesis, Word
from ivr.speech.hearing.understanding import understand

#: Seconds of quiet after an answer that cannot go on: a choice, a yes, the last digit of a number.
COMPLETE: Final = 0.36
#: After a phrase with which a longer one begins (变更 … 变更地址).
BEGUN: Final = 0.5
#: After a value that means something but might go on (三千 … 五百).
MEANINGFUL: Final = 0.6
#: How much longer than the step's own silence people pause among the digits of a number, and in free speech.
AMONG_DIGITS: Final = 2.0
IN_FREE_SPEECH: Final = 1.25
#: On a line so noisy that no quiet is found, this much longer without a new word will do.
NOISY: Final = 0.8
#: What is a row of digits, whose number says whether more are to come.
_ROWS: Final = frozenset({"digits", "code", "phone", "secret"})


class Ending:
    """Tells, for one step, whether what was said so far is all."""

    def __init__(self, expectation: Expectation) -> None:
        self._expectation = expectation
        self._phrases = tuple(
            (phrase.replace(" ", ""), meaning) for phrase, meaning in expectation.words.items()
        )
        self._told: tuple[tuple[str, ...], float] = ((), expectation.silence)

    def reached(self, words: Sequence[str], quiet: float, still: float) -> bool:
        """Whether it is over: `quiet` seconds without a voice, `still` seconds without a new word."""
        if quiet < COMPLETE and still < COMPLETE + NOISY:
            return False
        pause = self.pause(words)
        return quiet >= pause or (bool(words) and still >= pause + NOISY)

    def pause(self, words: Sequence[str]) -> float:
        """Seconds of quiet that end an answer which is `words` so far."""
        said = tuple(words)
        if said != self._told[0]:
            self._told = (said, self._pause(said))
        return self._told[1]

    def _pause(self, words: tuple[str, ...]) -> float:
        wanted = self._expectation
        if wanted.expect == "anything" and not wanted.words:
            return wanted.silence * IN_FREE_SPEECH
        if not words:
            return wanted.silence
        meaning = understand(wanted, [Hypothesis(tuple(Word(word, 1.0) for word in words))]).meaning
        if wanted.expect in _ROWS and (not meaning or meaning.isdigit()):
            return self._among_digits(len(meaning))
        if not meaning:
            return wanted.silence
        phrase = wanted.expect in ("", "yes_no", "anything") or meaning.startswith("@")
        if self._goes_on("".join(words), meaning):
            return min(BEGUN, wanted.silence) if phrase else wanted.silence
        return min(COMPLETE if phrase else MEANINGFUL, wanted.silence)

    def _among_digits(self, count: int) -> float:
        wanted = self._expectation
        if count < wanted.least or not count:
            return wanted.silence * AMONG_DIGITS
        if 0 < wanted.most <= count:
            return min(COMPLETE, wanted.silence)
        return wanted.silence

    def _goes_on(self, said: str, meaning: str) -> bool:
        """Whether a longer phrase of the step, of another meaning, begins with what was said."""
        return any(
            phrase != said and phrase.startswith(said) and other != meaning for phrase, other in self._phrases
        )

"""What is listened for, and what was heard: the words that the parts of recognition share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

#: How sure one must be: `sure` is taken at once, `unsure` is confirmed, `no` counts as not understood.
Sureness = Literal["sure", "unsure", "no"]


#: What `expect` may be.
EXPECTS: Final = (
    "", "yes_no", "anything", "digits", "code", "integer", "money", "date", "time", "phone", "secret",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a step listens for; the fields of `ivr.flow.instructions.Listen` with the day of the call.

    `words` maps phrases (as the flow writes them, spaces between words) to meanings.
    """

    language: str
    words: Mapping[str, str] = field(default_factory=dict)
    expect: str = ""
    least: int = 0
    most: int = 0
    future: bool = False
    likely: tuple[str, ...] = field(default=(), repr=False)
    today: date = date(2000, 1, 1)
    silence: float = 0.8
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a hypothesis: `start` and `end` in seconds of the audio, `confidence` from 0 to 1."""

    text: str = field(repr=False)
    confidence: float
    start: float = 0.0
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of what was said, by the recogniser."""

    words: tuple[Word, ...] = field(repr=False)
    #: The recogniser's own score; only the order within one utterance means something.
    score: float = 0.0

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Understood:
    """What was meant: `meaning` as in `ivr.flow.events.SpeechHeard`, empty if nothing fits."""

    text: str = field(repr=False)
    meaning: str = field(repr=False)
    confidence: float
    others: tuple[str, ...] = field(default=(), repr=False)

"""What a listening reports: that a caller began to speak, what they said, or that it was nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.speech.hearing.types import Understood


@dataclass(frozen=True, slots=True)
class Began:
    """The caller is speaking, surely enough to fall silent for. `at`: seconds of the sound that was fed."""

    at: float


@dataclass(frozen=True, slots=True)
class Heard:
    """The caller has said something: between `began` and `ended`, seconds of the sound that was fed.

    Without text it was nothing after all (it had `Began`), or speech of which no word is known.
    """

    understood: Understood
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A sound that was no answer: a cough, a door, the echo of a prompt, people in the background."""

    began: float
    ended: float


Report = Began | Heard | Dismissed

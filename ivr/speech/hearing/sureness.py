"""From what a recogniser claims to how sure one may be: two fixed marks, the same for every language and step.

What Vosk calls confidence says little (a word it was forced into often has 1.0), so it is not passed on. `evidence`
is put together in `understanding`; `confidence` maps it so that at `SURE` and above less than one in a hundred was
wrong on real people's recordings through a telephone, and below `UNSURE` most were. docs/speech-understanding.md has
the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ivr.speech.hearing.types import Sureness

#: From here on a meaning is taken without a question.
SURE: Final = 0.8
#: From here up to `SURE` it is asked back; below, it counts as not understood.
UNSURE: Final = 0.45

#: What is judged: a phrase of the step, free words that point to one, a number read figure by figure, one that must not
#: be read back, another value, a value that is known to fit.
Kind = Literal["phrase", "route", "figures", "secret", "value", "known"]
#: Evidence at which each kind is worth asking, and at which it is sure; above 1 it never is.
MARKS: Final[Mapping[Kind, tuple[float, float]]] = {
    "phrase": (0.45, 0.90),
    "route": (0.25, 0.85),
    "figures": (0.08, 1.01),
    # Nobody may hear it read back, and a wrong one only fails the check that it is for.
    "secret": (0.08, 0.80),
    "value": (0.35, 1.01),
    "known": (0.20, 0.45),
}


def confidence(kind: Kind, evidence: float) -> float:
    """Evidence from 0 to 1 on the scale of `SURE` and `UNSURE`, straight lines between the marks."""
    ask, sure = MARKS[kind]
    evidence = min(max(evidence, 0.0), 1.0)
    if evidence < ask:
        return UNSURE * evidence / ask
    if evidence < sure:
        return UNSURE + (SURE - UNSURE) * (evidence - ask) / (sure - ask)
    return SURE + (1 - SURE) * (evidence - sure) / max(1 - sure, 0.01)


def sureness(confident: float) -> Sureness:
    """Which of the three bands a confidence is in."""
    return "sure" if confident >= SURE else "unsure" if confident >= UNSURE else "no"
